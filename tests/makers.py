"""Small plays, rows, videos and clips for the tests, and season folders that a test may edit."""

import dataclasses
import shutil
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from player_contact.competition.constants import FIELD_WIDTH, GROUND, VIEWS
from player_contact.config import VisionConfig
from player_contact.play import CHANNELS, Play, Rows, View, build_play
from player_contact.video.crops import Crops
from player_contact.vision.clips import MAX_PLAYERS, OpenRows, open_rows
from player_contact.vision.token_rows import GEOMETRY, TokenRows, token_rows

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"
REAL, FAULTS = SHARED / "real", SHARED / "faults"
FRAME_RATE = Fraction(60_000, 1_001)


def table_schemas(split: str) -> dict:
    """File -> schema of the tracking, helmets and videos of a split, the labels and the ids."""
    from player_contact.competition import schemas

    return {
        f"{split}_player_tracking.csv": schemas.TRACKING,
        f"{split}_baseline_helmets.csv": schemas.HELMETS,
        f"{split}_video_metadata.csv": schemas.VIDEOS,
        "train_labels.csv": schemas.LABELS,
        "sample_submission.csv": schemas.SUBMISSION,
    }


@dataclasses.dataclass(frozen=True)
class TinySeason:
    """A season's folder that belongs to one test. Values are text, line 1 is the header."""

    folder: Path

    def table(self, file: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / file, dtype=str, keep_default_na=False)

    def write(self, file: str, table: pd.DataFrame) -> None:
        table.to_csv(self.folder / file, index=False)

    def drop_column(self, file: str, column: str) -> None:
        self.write(file, self.table(file).drop(columns=column))

    def set_value(self, file: str, line: int, column: str, value: str) -> None:
        table = self.table(file)
        table.loc[line - 2, column] = value
        self.write(file, table)

    def duplicate_line(self, file: str, line: int) -> None:
        table = self.table(file)
        self.write(file, pd.concat([table, table.iloc[[line - 2]]]))

    def shuffle(self, file: str, seed: int = 1) -> None:
        """Reorders rows and columns, and adds a column."""
        table = self.table(file).sample(frac=1, random_state=seed)
        self.write(file, table[table.columns[::-1]].assign(comment="nothing"))


def split_files(split: str) -> list[str]:
    ids = "train_labels.csv" if split == "train" else "sample_submission.csv"
    tables = ("player_tracking", "baseline_helmets", "video_metadata")
    return [ids, *(f"{split}_{table}.csv" for table in tables)]


def copy_season(season: Path, folder: Path) -> TinySeason:
    """Copies the tables; videos become hard links."""
    folder.mkdir()
    for table in season.glob("*.csv"):
        shutil.copyfile(table, folder / table.name)
    for split in ("train", "test"):
        (folder / split).mkdir()
        for video in (season / split).glob("*.mp4"):
            (folder / split / video.name).hardlink_to(video)
    return TinySeason(folder)


def make_play(
    seed: int = 0,
    players: int = 6,
    steps: int = 25,
    missing: float = 0.0,
    folder: Path = Path("nowhere"),
) -> Play:
    """A play of players who wander about near each other; a third of the boxes are missing, and a
    share of the tracking."""
    random = np.random.default_rng(seed)
    step = np.arange(steps, dtype=np.int32) - steps // 3
    channels = {name: random.uniform(0, 8, (steps, players)) for name in CHANNELS}
    for name in ("direction", "orientation"):
        channels[name] = random.uniform(0, 360, (steps, players))
    channels["sa"] -= 4
    start = np.array([60.0, 25.0]) + random.normal(0, 2, (players, 2))
    position = start + np.cumsum(random.normal(0, 0.3, (steps, players, 2)), axis=0)
    gone = random.random((steps, players)) < missing
    for values in (position, *channels.values()):
        values[gone] = np.nan
    times = np.datetime64("2020-09-11T03:01:48.100", "ms") + step * np.timedelta64(100, "ms")
    start_time, views = times[0] - np.timedelta64(37, "ms"), {}
    for name in VIEWS:
        boxes = _boxes(random, 6 * steps + 4, players)
        views[name] = View(start_time, boxes, folder / f"{name}.mp4")
    roles = np.array(["QB", "C", "WR", "CB", "DE", "SS", "LS"], dtype="U5")
    return Play(
        game_play="58168_003392",
        steps=step,
        times=times,
        players=np.sort(random.choice(50_000, players, replace=False)).astype(np.int64),
        home=np.arange(players) % 2 == 0,
        role=roles[np.arange(players) % 7],
        position=position.astype(np.float32),
        views=views,
        **{name: values.astype(np.float32) for name, values in channels.items()},
    )


def _boxes(random: np.random.Generator, frames: int, players: int) -> np.ndarray:
    corner, size = random.uniform(100, 600, (players, 2)), random.uniform(12, 25, (players, 2))
    drift = np.cumsum(random.normal(0, [2, 2, 0.1, 0.1], (frames, players, 4)), axis=0)
    boxes = np.concatenate([corner, size], axis=-1) + drift
    boxes[random.random((frames, players)) < 1 / 3] = np.nan
    return boxes.astype(np.float32)


def all_rows(play: Play) -> Rows:
    """Every pair and every player with the ground, at every step."""
    first, second = np.triu_indices(len(play.players), 1)
    first = np.append(first, np.arange(len(play.players)))
    second = np.append(second, np.full(len(play.players), GROUND))
    steps = len(play.steps)
    step = np.repeat(np.arange(steps), len(first))
    return Rows(np.arange(len(step)), step, np.tile(first, steps), np.tile(second, steps))


def mirrored(play: Play) -> Play:
    """The same play in a mirror along the field."""
    flip = {name: (180 - getattr(play, name)) % 360 for name in ("direction", "orientation")}
    position = play.position.copy()
    position[..., 1] = FIELD_WIDTH - position[..., 1]
    return dataclasses.replace(play, position=position, **flip)


def swapped(rows: Rows) -> Rows:
    """The players of every pair in the other order."""
    first = np.where(rows.is_ground, rows.first, rows.second)
    second = np.where(rows.is_ground, rows.second, rows.first)
    return Rows(rows.row, rows.step, first, second)


def plays() -> st.SearchStrategy[Play]:
    return st.builds(
        make_play,
        seed=st.integers(0, 2**32 - 1),
        players=st.integers(2, 7),
        steps=st.integers(1, 24),
        missing=st.sampled_from([0.0, 0.2]),
    )


def first_play(season) -> tuple[Play, Rows]:
    """The first play of a Season that was read."""
    return build_play(next(iter(season.plays())))


def write_video(
    path: Path,
    images: Iterable[np.ndarray],
    options: dict[str, str] | None = None,
    rate: Fraction | int = FRAME_RATE,
    without: Iterable[int] = (),
) -> None:
    """Gray images [H, W] as H.264, by default lossless; images `without` leave a gap in time."""
    import av

    options = options or {"qp": "0", "preset": "ultrafast", "threads": "1"}
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(images):
            if number in without:
                continue
            if not stream.codec_context.is_open:
                stream.height, stream.width = image.shape
            planes = np.full((len(image) * 3 // 2, image.shape[1]), 128, dtype=np.uint8)
            planes[: len(image)] = image
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def numbered_image(number: int, height: int = 64, width: int = 96) -> np.ndarray:
    """An image that carries its number: eight upright bars, bright where the binary digit is 1."""
    bars = np.where(number >> np.arange(8) & 1, 210, 40).astype(np.uint8)
    return np.tile(np.repeat(bars, width // 8), (height, 1))


def read_number(image: np.ndarray) -> int:
    """The number that `numbered_image` drew."""
    bars = image.reshape(image.shape[0], 8, -1).mean(axis=(0, 2)) > 125
    return int((bars << np.arange(8)).sum())


TINY_VISION = VisionConfig(
    encoder="resnet10t",
    image_size=32,
    clip_length=4,
    tabular=("distance", "screen"),
    tabular_dim=4,
    embed_dim=8,
    batch_size=4,
    image_batch_size=16,
    image_epochs=0,
    clip_epochs=2,
    clips_per_epoch=8,
    dropout=0,
    precision="fp32",
)


def make_open_rows(
    seed: int = 0, tracks: int = 6, steps: int = 8, size: int = 36, others: int = 1
) -> tuple[OpenRows, np.ndarray]:
    """Rows of two plays and their labels; images of lying stripes where there is contact, of
    standing ones where not."""
    random = np.random.default_rng(seed)
    n = tracks * steps
    label = np.repeat(random.permutation(tracks) < tracks // 2, steps)
    lying = (np.arange(size)[:, None] + random.integers(0, 6, (n, 2, 3, 1, 1))) // 3 % 2
    lying = np.broadcast_to(lying, (n, 2, 3, size, size))
    stripes = np.where(label[:, None, None, None, None], lying, lying.swapaxes(-1, -2))
    images = (random.integers(0, 60, stripes.shape) + 150 * stripes).astype(np.uint8)
    corner = random.uniform(2, size / 2, (n, 2, 2 + others, 2))
    boxes = np.concatenate([corner, corner + random.uniform(4, 10, corner.shape)], axis=-1)
    visible = random.random((n, 2)) < 0.8
    visible[~visible.any(1), 0] = True
    arrays = images, boxes.astype(np.float32), ~np.isnan(boxes[..., 0]), visible
    half = n // 2
    margin = (size - TINY_VISION.image_size) // 2
    crops = [Crops(*(values[part] for values in arrays), margin) for part in np.s_[:half, half:]]
    rows = OpenRows(
        track=np.repeat(np.arange(tracks), steps),
        step=np.tile(np.arange(steps), tracks),
        tabular=random.normal(size=(n, 2)).astype(np.float32),
        crops=crops,
        play_index=np.repeat([0, 1], half),
        crop_index=np.tile(np.arange(half), 2),
    )
    return rows, label


def make_token_rows(
    seed: int = 0, players: int = 4, steps: int = 8
) -> tuple[TokenRows, np.ndarray]:
    """All pairs and players of two plays: players with lying stripes touch the ground, and each
    other."""
    random = np.random.default_rng(seed)
    images, lies = make_open_rows(seed, 2 * players, steps)
    play, player = np.divmod(np.repeat(np.arange(2 * players), steps), players)
    track = play * MAX_PLAYERS**2 + player * MAX_PLAYERS
    of_players = dataclasses.replace(images, track=track)
    pairs = [(a, b) for a in range(players) for b in range(-1, players) if b < 0 or a < b]
    first, second = np.tile(np.repeat(pairs, steps, axis=0), (2, 1)).T
    step = np.tile(np.arange(steps), 2 * len(pairs))
    play = np.repeat([0, 1], len(step) // 2)
    lies = lies.reshape(2, players, steps)
    label = lies[play, first, step] & lies[play, np.where(second < 0, first, second), step]
    tabular = random.normal(size=(len(step), 2)).astype(np.float32)
    row = np.arange(len(step))
    rows = open_rows(Rows(row, step, first, second), tabular, [], row, play)
    geometry = random.normal(size=(len(track), len(GEOMETRY))).astype(np.float32)
    return token_rows(rows, of_players, geometry), label


def camera(seed: int) -> np.ndarray:
    """[3, 3] homography of a camera beside the field."""
    turn = np.random.default_rng(seed).uniform(-0.3, 0.3)
    pose = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), 0.25, 0], [0, 0, 1.0]])
    view = np.array([[30, 0, -900], [0, -40, 900], [0, 0.004, 1]]) @ pose
    return view / view[2, 2]


def positions(seed: int, players: int = 14) -> np.ndarray:
    """[1, P, 2] yd, players in the middle of the field."""
    return np.random.default_rng(seed).uniform([35, 10], [65, 45], (1, players, 2))
