"""Small real things for the tests: plays, rows, videos, stretches, and a season's folder that a test may edit."""

import dataclasses
import shutil
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from player_contact.competition.names import FIELD_WIDTH, GROUND, VIEWS
from player_contact.config import VisionConfig
from player_contact.play import CHANNELS, Play, Rows, View, build_play
from player_contact.video.crops import Crops
from player_contact.vision.tracks import OpenRows

REAL = Path(__file__).resolve().parents[1] / ".." / "shared" / "real"
FRAME_RATE = Fraction(60_000, 1_001)


@dataclasses.dataclass(frozen=True)
class TinySeason:
    """A season's folder that belongs to one test."""

    folder: Path

    def table(self, file: str) -> pd.DataFrame:
        """Every value as text, as it stands in the file."""
        return pd.read_csv(self.folder / file, dtype=str, keep_default_na=False)

    def write(self, file: str, table: pd.DataFrame) -> None:
        table.to_csv(self.folder / file, index=False)

    def drop_column(self, file: str, column: str) -> None:
        self.write(file, self.table(file).drop(columns=column))

    def set_value(self, file: str, line: int, column: str, value: str) -> None:
        """Line 1 is the header, as in an editor."""
        table = self.table(file)
        table.loc[line - 2, column] = value
        self.write(file, table)

    def duplicate_line(self, file: str, line: int) -> None:
        table = self.table(file)
        self.write(file, pd.concat([table, table.iloc[[line - 2]]]))

    def shuffle(self, file: str, seed: int = 1) -> None:
        """Rows in another order, columns in another order, and a column more."""
        table = self.table(file).sample(frac=1, random_state=seed)
        self.write(file, table[table.columns[::-1]].assign(comment="nothing"))

    def keep_plays(self, plays: list[str], split: str) -> None:
        """Leaves the rows of some plays alone."""
        for file in split_files(split):
            table = self.table(file)
            name = "contact_id" if file == "sample_submission.csv" else "game_play"
            self.write(file, table[table[name].str.slice(0, 12).isin(plays)])


def split_files(split: str) -> list[str]:
    ids = "train_labels.csv" if split == "train" else "sample_submission.csv"
    return [ids, f"{split}_player_tracking.csv", f"{split}_baseline_helmets.csv", f"{split}_video_metadata.csv"]


def copy_season(season: Path, folder: Path) -> TinySeason:
    """The tables as copies, the videos as hard links: files of this folder that take no space."""
    folder.mkdir()
    for table in season.glob("*.csv"):
        shutil.copyfile(table, folder / table.name)
    for split in ("train", "test"):
        (folder / split).mkdir()
        for video in (season / split).glob("*.mp4"):
            (folder / split / video.name).hardlink_to(video)
    return TinySeason(folder)


def make_play(seed: int = 0, players: int = 6, steps: int = 25, missing: float = 0.0, folder: Path = Path("nowhere")) -> Play:
    """A play of players who wander about near each other; a share of the sensor values is missing, and a third of the boxes."""
    random = np.random.default_rng(seed)
    zero = np.datetime64("2020-09-11T03:01:48.100", "ms")
    number = np.arange(steps, dtype=np.int32) - steps // 3
    channels = {name: random.uniform(0, 8, (steps, players)) for name in CHANNELS}
    channels |= {name: random.uniform(0, 360, (steps, players)) for name in ("direction", "orientation")}
    channels["sa"] -= 4
    position = np.array([60.0, 25.0]) + random.normal(0, 2, (players, 2)) + np.cumsum(random.normal(0, 0.3, (steps, players, 2)), axis=0)
    gone = random.random((steps, players)) < missing
    position[gone] = np.nan
    for values in channels.values():
        values[gone] = np.nan
    times = zero + number * np.timedelta64(100, "ms")
    views = {name: View(times[0] - np.timedelta64(37, "ms"), _boxes(random, 6 * steps + 4, players), folder / f"{name}.mp4") for name in VIEWS}
    return Play(
        game_play="58168_003392",
        steps=number,
        times=times,
        players=np.sort(random.choice(50_000, players, replace=False)).astype(np.int64),
        home=np.arange(players) % 2 == 0,
        role=np.array(["QB", "C", "WR", "CB", "DE", "SS", "LS"])[np.arange(players) % 7].astype("U5"),
        position=position.astype(np.float32),
        views=views,
        **{name: values.astype(np.float32) for name, values in channels.items()},
    )


def _boxes(random: np.random.Generator, frames: int, players: int) -> np.ndarray:
    start = np.concatenate([random.uniform(100, 600, (players, 2)), random.uniform(12, 25, (players, 2))], axis=-1)
    boxes = start + np.cumsum(random.normal(0, [2, 2, 0.1, 0.1], (frames, players, 4)), axis=0)
    boxes[random.random((frames, players)) < 1 / 3] = np.nan
    return boxes.astype(np.float32)


def all_rows(play: Play) -> Rows:
    """Every pair and every player with the ground, at every step."""
    first, second = np.triu_indices(len(play.players), 1)
    first, second = np.append(first, np.arange(len(play.players))), np.append(second, np.full(len(play.players), GROUND))
    steps = len(play.steps)
    step = np.repeat(np.arange(steps), len(first))
    return Rows(np.arange(len(step)), step, np.tile(first, steps), np.tile(second, steps))


def mirrored(play: Play) -> Play:
    """The same play seen in a mirror along the field."""
    flip = {name: (180 - getattr(play, name)) % 360 for name in ("direction", "orientation")}
    position = play.position.copy()
    position[..., 1] = FIELD_WIDTH - position[..., 1]
    return dataclasses.replace(play, position=position, **flip)


def swapped(rows: Rows) -> Rows:
    """The players of every pair the other way round."""
    pair = ~rows.is_ground
    return Rows(rows.row, rows.step, np.where(pair, rows.second, rows.first), np.where(pair, rows.first, rows.second))


def plays(**fixed) -> st.SearchStrategy[Play]:
    sizes = {"players": st.integers(2, 7), "steps": st.integers(1, 24), "missing": st.sampled_from([0.0, 0.2])}
    return st.builds(make_play, seed=st.integers(0, 2**32 - 1), **(sizes | {name: st.just(value) for name, value in fixed.items()}))


def first_play(season) -> tuple[Play, Rows]:
    """The first play of a Season that was read."""
    return build_play(next(iter(season.plays())))


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray],
    options: dict[str, str] | None = None,
    rate: Fraction | int = FRAME_RATE,
    without: Iterable[int] = (),
    codec: str = "libx264",
) -> None:
    """Grey pictures [H, W] as a video of 59.94 frames a second, by default lossless H.264. Pictures `without` are left out, in time too."""
    import av

    options = options or ({"qp": "0", "preset": "ultrafast", "threads": "1"} if codec == "libx264" else {"q": "3"})
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = None
        for number, picture in enumerate(pictures):
            if number in without:
                continue
            if stream is None:
                stream = container.add_stream(codec, rate=rate, options=options)
                stream.height, stream.width = picture.shape
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if codec == "libx264":
                planes = np.full((picture.shape[0] * 3 // 2, picture.shape[1]), 128, dtype=np.uint8)
                planes[: picture.shape[0]] = picture
                frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            else:
                frame = av.VideoFrame.from_ndarray(picture, format="gray")
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def numbered_picture(number: int, height: int = 64, width: int = 96) -> np.ndarray:
    """A picture that carries its number: eight upright bars, bright where the binary digit is 1."""
    bars = np.where(number >> np.arange(8) & 1, 210, 40).astype(np.uint8)
    return np.tile(np.repeat(bars, width // 8), (height, 1))


def read_number(picture: np.ndarray) -> int:
    """The number that `numbered_picture` drew."""
    bars = picture.reshape(picture.shape[0], 8, -1).mean(axis=(0, 2)) > 125
    return int((bars << np.arange(8)).sum())


TINY_VISION = VisionConfig(
    encoder="resnet10t", image_size=32, steps=4, tabular=("distance", "screen"), sensor_width=4, track_width=8, batch=4,
    picture_batch=4, picture_epochs=0, epochs=2, stretches=8, dropout=0, precision="fp32",
)  # fmt: skip


def make_open_rows(seed: int = 0, tracks: int = 6, steps: int = 8, size: int = 36, others: int = 1) -> tuple[OpenRows, np.ndarray]:
    """Rows of two plays and their labels; pictures of lying stripes where there is contact, of standing ones where not."""
    random = np.random.default_rng(seed)
    n = tracks * steps
    label = np.repeat(random.permutation(tracks) < tracks // 2, steps)
    lying = np.broadcast_to((np.arange(size)[:, None] + random.integers(0, 6, (n, 2, 3, 1, 1))) // 3 % 2, (n, 2, 3, size, size))
    stripes = np.where(label[:, None, None, None, None], lying, lying.swapaxes(-1, -2))
    pictures = (random.integers(0, 60, stripes.shape) + 150 * stripes).astype(np.uint8)
    corner = random.uniform(2, size / 2, (n, 2, 2 + others, 2))
    boxes = np.concatenate([corner, corner + random.uniform(4, 10, corner.shape)], axis=-1).astype(np.float32)
    seen = random.random((n, 2)) < 0.8
    seen[~seen.any(1), 0] = True
    half = n // 2
    crops = [Crops(pictures[part], boxes[part], ~np.isnan(boxes[part, ..., 0]), seen[part]) for part in (slice(0, half), slice(half, n))]
    rows = OpenRows(
        track=np.repeat(np.arange(tracks), steps),
        step=np.tile(np.arange(steps), tracks),
        sensors=random.normal(size=(n, 2)).astype(np.float32),
        crops=crops,
        play=np.repeat([0, 1], half),
        place=np.tile(np.arange(half), 2),
    )
    return rows, label


def camera(seed: int) -> np.ndarray:
    """[3, 3] what a camera beside the field does to positions on it."""
    random = np.random.default_rng(seed)
    turn = random.uniform(-0.3, 0.3)
    place = np.array([[np.cos(turn), -np.sin(turn), 0], [0, 0, 0], [0, 0, 1.0]])
    place[1, :2] = [np.sin(turn), 0.25]
    view = np.array([[30, 0, -900], [0, -40, 900], [0, 0.004, 1]]) @ place
    return view / view[2, 2]


def positions(seed: int, players: int = 14) -> np.ndarray:
    """[1, P, 2] yd, players in the middle of the field."""
    return np.random.default_rng(seed).uniform([35, 10], [65, 45], (1, players, 2))
