"""Ways in which a folder of plays can be damaged: tables and videos, each harmed as it happens to files, or as somebody might do on purpose."""

import gzip
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition.names import VIEWS

TRACKING, HELMETS, VIDEOS, IDS = "test_player_tracking.csv", "test_baseline_helmets.csv", "test_video_metadata.csv", "sample_submission.csv"
TABLES = (TRACKING, HELMETS, VIDEOS, IDS)
ENCODING = {"crf": "20", "preset": "superfast", "bf": "2", "g": "15", "threads": "1"}

Harm = Callable[[Path], object]  # of the folder, or of a video


@dataclass(frozen=True)
class Damage:
    """What is damaged, and how it is done to a folder; `filmed` ones need its videos."""

    what: str
    harm: Harm
    filmed: bool = False


def edited(file: str, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> Harm:
    """Changes a table, every value of it a text."""

    def harm(folder: Path) -> None:
        table = pd.read_csv(folder / file, dtype=str, keep_default_na=False)
        edit(table).to_csv(folder / file, index=False)

    return harm


def value(file: str, column: str, text: str, line: int = 9) -> Harm:
    """Puts a text into a cell; line 1 is the header, as in an editor."""

    def edit(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[min(line - 2, len(table) - 1), column] = text
        return table

    return edited(file, edit)


def column(file: str, name: str, text: str) -> Harm:
    """Puts a text into every cell of a column."""
    return edited(file, lambda table: table.assign(**{name: text}))


def content(file: str, change: Callable[[bytes], bytes]) -> Harm:
    """Changes the bytes of a file."""
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes()))


def missing(file: str) -> Harm:
    """Deletes a file."""
    return lambda folder: (folder / file).unlink()


def link(file: str) -> Harm:
    """Moves a file out of the folder and leaves a link to it."""

    def harm(folder: Path) -> None:
        target = folder.parent / f"outside-{Path(file).name}"
        (folder / file).rename(target)
        (folder / file).symlink_to(target)

    return harm


def archive(file: str) -> Harm:
    """A zip archive under the file's name, that holds the file and one that wants to lie elsewhere."""

    def harm(folder: Path) -> None:
        text = (folder / file).read_bytes()
        with zipfile.ZipFile(folder / file, "w") as packed:
            packed.writestr(file, text)
            packed.writestr("../planted.txt", "planted")

    return harm


def folder_instead(file: str) -> Harm:
    """A folder under the file's name."""

    def harm(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).mkdir()

    return harm


def one_player(table: pd.DataFrame) -> pd.Series:
    """[N] bool: rows of the first row's player in its play."""
    first = table.iloc[0]
    return (table["game_play"] == first["game_play"]) & (table["nfl_player_id"] == first["nfl_player_id"])


def first_of(table: pd.DataFrame) -> pd.Series:
    """[N] bool: rows of the first play."""
    return table["game_play"] == table["game_play"].iloc[0]


def more_rows(table: pd.DataFrame, **changes: str) -> pd.DataFrame:
    """The rows of a player a second time, with changes."""
    return pd.concat([table, table[one_player(table)].assign(**changes)])


TABLE_DAMAGES = (
    # what is not there
    *(Damage(f"{file} is missing", missing(file)) for file in TABLES),
    *(Damage(f"{file} has no bytes", content(file, lambda _: b"")) for file in (TRACKING, IDS)),
    *(Damage(f"{file} has a header alone", edited(file, lambda table: table.iloc[:0])) for file in TABLES),
    Damage("tracking without the column speed", edited(TRACKING, lambda table: table.drop(columns="speed"))),
    Damage("helmets without the column frame", edited(HELMETS, lambda table: table.drop(columns="frame"))),
    Damage("a folder in place of the helmets", folder_instead(HELMETS)),
    # values
    Damage("a word for a speed", value(TRACKING, "speed", "fast")),
    Damage("a comma in a number", value(TRACKING, "sa", "1,5")),
    Damage("a comma in a number, without quotes", content(TRACKING, lambda text: text.replace(b".", b",", 9))),
    Damage("a header that lacks a name", content(TRACKING, lambda text: text.replace(b",jersey_number", b"", 1))),
    Damage("NaN for a place", value(TRACKING, "x_position", "NaN")),
    Damage("inf for a place", value(TRACKING, "y_position", "inf")),
    Damage("1e300 for an acceleration", value(TRACKING, "acceleration", "1e300")),
    Damage("empty cells for all speeds", column(TRACKING, "speed", "")),
    Damage("empty cells for all places", lambda folder: [column(TRACKING, f"{axis}_position", "")(folder) for axis in "xy"]),
    Damage("1e18 for a step", value(TRACKING, "step", "1000000000000000000")),
    Damage("half a step", value(TRACKING, "step", "2.5")),
    Damage("a step far behind all others", value(TRACKING, "step", "9999")),
    Damage("a player's number of 20 digits", value(HELMETS, "nfl_player_id", "9" * 20)),
    Damage("a box of negative width", value(HELMETS, "width", "-4")),
    Damage("a box far outside of the picture", value(HELMETS, "left", "19000")),
    Damage("all boxes at one place", lambda folder: [column(HELMETS, name, "20")(folder) for name in ("left", "top", "width", "height")]),
    Damage("frame 0", value(HELMETS, "frame", "0")),
    Damage("a frame long after the end", value(HELMETS, "frame", "99999")),
    Damage("an unknown view", value(HELMETS, "view", "Skycam")),
    Damage("Endzone2 for Endzone", edited(HELMETS, lambda table: table.assign(view=table["view"].replace("Endzone", "Endzone2")))),
    Damage("a day that does not exist", value(TRACKING, "datetime", "2020-13-45T03:01:48.100Z")),
    Damage("a clock that is an hour late", edited(VIDEOS, lambda table: table.replace(r"T(\d\d)", "T23", regex=True))),
    Damage("a snap in another century", value(VIDEOS, "snap_time", "1920-09-11T03:01:48.100Z", line=2)),
    Damage("a video of ten years", value(VIDEOS, "end_time", "2030-09-11T03:01:48.100Z", line=2)),
    Damage("guests in place of home and away", column(TRACKING, "team", "guests")),
    # who and when
    Damage("sensor rows twice", edited(TRACKING, lambda table: pd.concat([table, table.iloc[:3]]))),
    Damage("ids twice", edited(IDS, lambda table: pd.concat([table, table.iloc[:3]]))),
    Damage("a player without sensors", edited(TRACKING, lambda table: table[~one_player(table)])),
    Damage("a play without sensors", edited(TRACKING, lambda table: table[~first_of(table)])),
    Damage("a gap in the tracking", edited(TRACKING, lambda table: table[~table["step"].isin([str(step) for step in range(5, 15)])])),
    Damage("tracking that ends early", edited(TRACKING, lambda table: table[table["step"].astype(int) < 6])),
    Damage("sensors of a player whom nobody asks about", edited(TRACKING, lambda table: more_rows(table, nfl_player_id="999999"))),
    Damage("boxes of a player whom nobody asks about", edited(HELMETS, lambda table: more_rows(table, nfl_player_id="999999"))),
    Damage("boxes for nobody", column(HELMETS, "nfl_player_id", "999999")),
    Damage("boxes of a play whom nobody asks about", edited(HELMETS, lambda table: more_rows(table, game_play="99999_000001"))),
    Damage(
        "ids of a play that no table knows", edited(IDS, lambda table: table.replace(r"^\d{5}_\d{6}", "99999_000001", regex=True).drop_duplicates())
    ),
    Damage("ids of one row alone", edited(IDS, lambda table: table.iloc[:1])),
    Damage("an id that names the higher player first", value(IDS, "contact_id", "58168_003392_0_43854_38590")),
    # text
    Damage("ids in another order", edited(IDS, lambda table: table.sample(frac=1, random_state=1))),
    Damage("sensor rows backwards", edited(TRACKING, lambda table: table.iloc[::-1])),
    Damage("columns in another order, and one more", edited(TRACKING, lambda table: table[table.columns[::-1]].assign(comment="nothing"))),
    Damage("a byte order mark", lambda folder: [content(file, lambda text: b"\xef\xbb\xbf" + text)(folder) for file in TABLES]),
    Damage("line ends of Windows", lambda folder: [content(file, lambda text: text.replace(b"\n", b"\r\n"))(folder) for file in TABLES]),
    Damage("UTF-16", content(TRACKING, lambda text: text.decode().encode("utf-16"))),
    Damage("semicolons for commas", content(HELMETS, lambda text: text.replace(b",", b";"))),
    Damage("a table that breaks off in a line", content(TRACKING, lambda text: text[: len(text) * 2 // 3])),
    Damage("ids that break off in a line", content(IDS, lambda text: text[: len(text) * 2 // 3])),
    Damage("a line with too many values", content(HELMETS, lambda text: text + b"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n")),
    Damage("a quote that is never closed", content(TRACKING, lambda text: text.replace(b"home", b'"home', 1))),
    Damage("zero bytes in a line", content(TRACKING, lambda text: text.replace(b"home", b"ho\x00me", 1))),
    Damage("a position in broken letters", value(TRACKING, "position", "Ã¼B")),
    Damage("labels that are no UTF-8", content(HELMETS, lambda text: text.replace(b"H", b"\xfc\xfe", 1))),
    Damage("a picture for a table", content(VIDEOS, lambda _: b"\x89PNG\r\n\x1a\n" + bytes(range(256)))),
    Damage("a gzip archive for a table", content(HELMETS, gzip.compress)),
    Damage("a zip archive for a table", archive(TRACKING)),
    # on purpose
    Damage("a play that is a path", value(TRACKING, "game_play", "../../etc/passwd")),
    Damage("an id that is a path", value(IDS, "contact_id", "../../../etc/passwd")),
    Damage("an id that is a script", value(IDS, "contact_id", "<script>alert(1)</script>")),
    Damage("a table that is a link out of the folder", link(TRACKING)),
    Damage("ids that are a link out of the folder", link(IDS)),
)


def film_again(
    video: Path,
    size: tuple[int, int] | None = None,
    every: int = 1,
    frames: int | None = None,
    without: Sequence[int] = (),
    codec: str = "libx264",
) -> None:
    """Encodes a video once more: of another size (width, height), with every so many-th picture alone, the first `frames` of them, or without some,
    in time too."""
    import av

    draft = video.with_name(f"again-{video.name}")
    with av.open(str(video)) as source, av.open(str(draft), "w", options={"movflags": "faststart"}) as target:
        seen = source.streams.video[0]
        assert seen.average_rate is not None
        rate = seen.average_rate / every
        stream: Any = target.add_stream(codec, rate=rate, options=ENCODING if codec == "libx264" else {"q": "3"})
        stream.width, stream.height = size or (seen.width, seen.height)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number, picture in enumerate(source.decode(seen)):
            if frames is not None and number >= frames:
                break
            if number % every or number in without:
                continue
            frame = picture.reformat(stream.width, stream.height, stream.pix_fmt)
            frame.pts, frame.time_base = number // every, 1 / rate
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
    draft.replace(video)


def sound_alone(video: Path) -> None:
    """A film without pictures."""
    import av

    video.unlink()
    with av.open(str(video), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        sound.rate = 44_100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())


def zeros_between(low: float, high: float) -> Harm:
    """Zeros for what lies between two shares of the file."""

    def change(whole: bytes) -> bytes:
        first, last = int(low * len(whole)), int(high * len(whole))
        return whole[:first] + bytes(last - first) + whole[last:]

    return bytes_of(change)


def bytes_of(change: Callable[[bytes], bytes]) -> Harm:
    """Changes the bytes of a video; what else is linked to the same file keeps them."""

    def harm(video: Path) -> None:
        whole = video.read_bytes()
        video.unlink()
        video.write_bytes(change(whole))

    return harm


def other_view(video: Path) -> None:
    """What the other camera saw, under this one's name."""
    one, other = VIEWS if video.stem.endswith(VIEWS[0]) else VIEWS[::-1]
    twin = video.with_name(video.name.replace(one, other))
    video.unlink()
    video.write_bytes(twin.read_bytes())


def stray_link(video: Path) -> None:
    """A link to a video outside of the input folder."""
    target = video.parent.parent.parent / f"outside-{video.name}"
    video.rename(target)
    video.symlink_to(target)


def link_to_itself(video: Path) -> None:
    """A link that leads nowhere but to itself."""
    video.unlink()
    video.symlink_to(video.name)


def folder_for_video(video: Path) -> None:
    """A folder under the video's name."""
    video.unlink()
    video.mkdir()


VIDEO_HARMS: dict[str, Harm] = {
    "missing": lambda video: video.unlink(),
    "zero bytes": bytes_of(lambda _: b""),
    "zeros": bytes_of(lambda _: bytes(9000)),
    "garbage": bytes_of(lambda _: np.random.default_rng(0).bytes(9000)),
    "text": bytes_of(lambda _: b"The video will be uploaded later.\n" * 100),
    "no video stream": sound_alone,
    "unknown codec": bytes_of(lambda whole: whole.replace(b"avc1", b"zzz9")),
    "no picture whole": bytes_of(lambda whole: whole.partition(b"mdat")[0] + b"mdat" + bytes(len(whole))),
    "cut off": bytes_of(lambda whole: whole[: len(whole) // 2]),
    "bad from the middle on": zeros_between(0.5, 1),
    "bad in the middle": zeros_between(0.4, 0.6),
    "shorter than the boxes": lambda video: film_again(video, frames=30),
    "pictures missing": lambda video: film_again(video, without=range(20, 30)),
    "smaller": lambda video: film_again(video, size=(640, 360)),
    "odd size": lambda video: film_again(video, size=(853, 479), codec="mjpeg"),
    "another rate": lambda video: film_again(video, every=2),
    "MPEG-4": lambda video: film_again(video, codec="mpeg4"),
    "Motion JPEG": lambda video: film_again(video, codec="mjpeg"),
    "of the other camera": other_view,
    "a link out of the folder": stray_link,
    "a link to itself": link_to_itself,
    "a folder": folder_for_video,
}


def harm_sideline(harm: Harm) -> Harm:
    """Does it to the first Sideline video of a folder."""
    return lambda folder: harm(sorted((folder / "test").glob("*_Sideline.mp4"))[0])


def videos_elsewhere(folder: Path) -> None:
    """The folder of videos is a link to one outside."""
    target = folder.parent / "outside-test"
    (folder / "test").rename(target)
    (folder / "test").symlink_to(target)


VIDEO_DAMAGES = (
    *(Damage(f"a video: {what}", harm_sideline(harm), filmed=True) for what, harm in VIDEO_HARMS.items()),
    Damage("the folder of videos is a link to another", videos_elsewhere, filmed=True),
)
DAMAGES = TABLE_DAMAGES + VIDEO_DAMAGES
