"""Ways in which the tables of a folder of plays get damaged, by accident or on purpose."""

import csv
import gzip
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

TRACKING, HELMETS, VIDEOS, IDS = TABLES = (
    "test_player_tracking.csv",
    "test_baseline_helmets.csv",
    "test_video_metadata.csv",
    "sample_submission.csv",
)

Damage = Callable[[Path], object]  # done to a folder, or to the path of a file


def to(file: str, damage: Damage) -> Damage:
    """Damages a file of a folder."""
    return lambda folder: damage(folder / file)


def to_tables(damage: Damage, files: Sequence[str] = TABLES) -> Damage:
    """Damages every table of a folder, or some."""
    return lambda folder: [damage(folder / file) for file in files]


def edit(file: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Damage:
    """Changes a table of strings."""

    def damage(folder: Path) -> None:
        table = pd.read_csv(folder / file, dtype=str, keep_default_na=False)
        change(table).to_csv(folder / file, index=False)

    return damage


def cell(file: str, column: str, text: str, line: int = 9) -> Damage:
    """Overwrites a cell; line 1 is the header, as in an editor."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[min(line - 2, len(table) - 1), column] = text
        return table

    return edit(file, change)


def columns(file: str, text: str, *names: str) -> Damage:
    """Overwrites every cell of some columns."""
    return edit(file, lambda table: table.assign(**dict.fromkeys(names, text)))


def edit_bytes(change: Callable[[bytes], bytes]) -> Damage:
    """Changes the bytes of a file; hard links to it keep theirs."""

    def damage(path: Path) -> None:
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(change(content))

    return damage


def replace(old: bytes, new: bytes, count: int = -1) -> Damage:
    """Replaces the first `count` occurrences of bytes, or all."""
    return edit_bytes(lambda content: content.replace(old, new, count))


def keep(fraction: float) -> Damage:
    """Cuts the end of a file off."""
    return edit_bytes(lambda content: content[: int(len(content) * fraction)])


def symlink(levels: int) -> Damage:
    """Moves a file so many folders up and leaves a symbolic link to it."""

    def damage(path: Path) -> None:
        target = path.parents[levels] / f"outside-{path.name}"
        path.rename(target)
        path.symlink_to(target)

    return damage


def zip_archive(path: Path) -> None:
    """An archive under the file's name: the file, and a member outside of the folder."""
    content = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(path.name, content)
        archive.writestr("../planted.txt", "planted")


def directory(path: Path) -> None:
    """A folder under the file's name."""
    path.unlink()
    path.mkdir()


def in_quotes(path: Path) -> None:
    """Quotes around every name and value."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.to_csv(path, index=False, quoting=csv.QUOTE_ALL)


def cut_in_line(content: bytes) -> bytes:
    """Half of a table, up to the fifth value of its last line."""
    whole = content[: content.rindex(b"\n", 0, len(content) // 2) + 1]
    return whole + b",".join(content[len(whole) :].split(b",", 5)[:5])


def times(change: Callable[[pd.Series], pd.Series]) -> Damage:
    """Writes the times of the tracking in another notation."""
    return edit(TRACKING, lambda table: table.assign(datetime=change(table["datetime"])))


def spelled(file: str, column: str, spell: Callable[[str], str]) -> Damage:
    """Changes every value of a column."""
    return edit(file, lambda table: table.assign(**{column: table[column].map(spell)}))


def first_play(table: pd.DataFrame) -> pd.Series:
    """[N] bool: rows of the first row's play."""
    return table["game_play"] == table["game_play"].iloc[0]


def first_player(table: pd.DataFrame) -> pd.Series:
    """[N] bool: rows of the first row's player in its play."""
    return first_play(table) & (table["nfl_player_id"] == table["nfl_player_id"].iloc[0])


def duplicate_player(file: str, **changes: str) -> Damage:
    """Appends the first player's rows once more, with changes."""
    return edit(
        file, lambda table: pd.concat([table, table[first_player(table)].assign(**changes)])
    )


def duplicate_rows(file: str) -> Damage:
    """Appends the first three rows once more."""
    return edit(file, lambda table: pd.concat([table, table.iloc[:3]]))


def lose_player(folder: Path) -> None:
    """Neither tracking nor boxes of a player."""
    table = pd.read_csv(folder / TRACKING, dtype=str)
    player = table["nfl_player_id"].iloc[0]
    for file in (TRACKING, HELMETS):
        edit(file, lambda table: table[table["nfl_player_id"] != player])(folder)


def lose_sensors_and_boxes(folder: Path) -> None:
    """Neither tracking nor boxes of any player."""
    for file in (TRACKING, HELMETS):
        edit(file, lambda table: table.iloc[:0])(folder)


BOX = ("left", "top", "width", "height")
TABLE_DAMAGES: dict[str, Damage] = {
    # missing content
    **{f"{file} is missing": to(file, Path.unlink) for file in TABLES},
    **{f"{file} has no bytes": to(file, edit_bytes(lambda _: b"")) for file in (TRACKING, IDS)},
    **{f"{file} has a header alone": edit(file, lambda table: table.iloc[:0]) for file in TABLES},
    "tracking without the column speed": edit(TRACKING, lambda table: table.drop(columns="speed")),
    "helmets without the column frame": edit(HELMETS, lambda table: table.drop(columns="frame")),
    "a folder in place of the helmets": to(HELMETS, directory),
    # values
    "a word for a speed": cell(TRACKING, "speed", "fast"),
    "a comma in a number": cell(TRACKING, "sa", "1,5"),
    "a comma in a number, without quotes": to(TRACKING, replace(b".", b",", 9)),
    "a header that lacks a name": to(TRACKING, replace(b",jersey_number", b"", 1)),
    "NaN for a coordinate": cell(TRACKING, "x_position", "NaN"),
    "inf for a coordinate": cell(TRACKING, "y_position", "inf"),
    "1e300 for an acceleration": cell(TRACKING, "acceleration", "1e300"),
    "empty cells for all speeds": columns(TRACKING, "", "speed"),
    "empty cells for all coordinates": columns(TRACKING, "", "x_position", "y_position"),
    "1e18 for a step": cell(TRACKING, "step", "1000000000000000000"),
    "half a step": cell(TRACKING, "step", "2.5"),
    "a step far behind all others": cell(TRACKING, "step", "9999"),
    "a player's number of 20 digits": cell(HELMETS, "nfl_player_id", "9" * 20),
    "a box of negative width": cell(HELMETS, "width", "-4"),
    "a box far outside of the image": cell(HELMETS, "left", "19000"),
    "all boxes at one position": columns(HELMETS, "20", *BOX),
    "frame 0": cell(HELMETS, "frame", "0"),
    "a frame long after the end": cell(HELMETS, "frame", "99999"),
    "an unknown view": cell(HELMETS, "view", "Skycam"),
    "Endzone2 for Endzone": edit(
        HELMETS, lambda table: table.assign(view=table["view"].replace("Endzone", "Endzone2"))
    ),
    "a day that does not exist": cell(TRACKING, "datetime", "2020-13-45T03:01:48.100Z"),
    "a clock that is an hour late": edit(
        VIDEOS, lambda table: table.replace(r"T(\d\d)", "T23", regex=True)
    ),
    "a snap in another century": cell(VIDEOS, "snap_time", "1920-09-11T03:01:48.100Z", line=2),
    "a video of ten years": cell(VIDEOS, "end_time", "2030-09-11T03:01:48.100Z", line=2),
    "guests in place of home and away": columns(TRACKING, "guests", "team"),
    # players and times
    "duplicate tracking rows": duplicate_rows(TRACKING),
    "duplicate ids": duplicate_rows(IDS),
    "a player without tracking": edit(TRACKING, lambda table: table[~first_player(table)]),
    "a play without tracking": edit(TRACKING, lambda table: table[~first_play(table)]),
    "a gap in the tracking": edit(
        TRACKING, lambda table: table[~table["step"].isin([str(step) for step in range(5, 15)])]
    ),
    "tracking that ends early": edit(TRACKING, lambda table: table[table["step"].astype(int) < 6]),
    "tracking of a player in no id": duplicate_player(TRACKING, nfl_player_id="999999"),
    "boxes of a player in no id": duplicate_player(HELMETS, nfl_player_id="999999"),
    "boxes for nobody": columns(HELMETS, "999999", "nfl_player_id"),
    "boxes of a play in no id": duplicate_player(HELMETS, game_play="99999_000001"),
    "ids of a play in no table": edit(
        IDS,
        lambda table: table.replace(r"^\d{5}_\d{6}", "99999_000001", regex=True).drop_duplicates(),
    ),
    "ids of one row alone": edit(IDS, lambda table: table.iloc[:1]),
    "an id that names the higher player first": cell(
        IDS, "contact_id", "58168_003392_0_43854_38590"
    ),
    # content that got lost
    "empty cells for all x": columns(TRACKING, "", "x_position"),
    "tracking cut off after a few values of a line": to(TRACKING, edit_bytes(cut_in_line)),
    "boxes cut off after a few values of a line": to(HELMETS, edit_bytes(cut_in_line)),
    "a line that lacks its last value": to(
        TRACKING, edit_bytes(lambda content: content.rstrip().rpartition(b",")[0] + b"\n")
    ),
    "a player without tracking and boxes": lose_player,
    "a play without tracking and boxes": lose_sensors_and_boxes,
    "all boxes right of the image": columns(HELMETS, "99999", "left"),
    "a box left of the image": cell(HELMETS, "left", "-99999"),
    "a box a light-year above the image": cell(HELMETS, "top", "-1e30"),
    # other notations
    "times saved by pandas": times(lambda text: pd.to_datetime(text).astype(str)),
    "times of another time zone": times(
        lambda text: pd.to_datetime(text).dt.tz_convert("America/New_York").astype(str)
    ),
    "times without signs between": times(
        lambda text: pd.to_datetime(text).dt.strftime("%Y%m%dT%H%M%S.%fZ")
    ),
    "times in small letters with a comma": times(
        lambda text: text.str.lower().str.replace(".", ",")
    ),
    "times of all rows in words": columns(TRACKING, "Sunday noon", "datetime"),
    "blanks after commas": to_tables(replace(b",", b", ")),
    "blanks and tabs before commas": to_tables(replace(b",", b" \t,"), TABLES[:3]),
    "quotes around every value": to_tables(in_quotes),
    "a header in capitals": edit(TRACKING, lambda table: table.rename(columns=str.upper)),
    "steps with decimals": spelled(TRACKING, "step", "{}.0".format),
    "frames with decimals": spelled(HELMETS, "frame", "{}.0".format),
    "teams in capitals": spelled(TRACKING, "team", str.upper),
    "positions in small letters": spelled(TRACKING, "position", str.lower),
    "views in small letters": spelled(HELMETS, "view", str.lower),
    "plays that end in a new line": spelled(TRACKING, "game_play", "{}\n".format),
    "a name twice in the header": edit(
        TRACKING, lambda table: table.assign(**{"x_position ": table["x_position"]})
    ),
    "a name twice in the header, with other values": edit(
        TRACKING, lambda table: table.assign(**{"x_position ": table["y_position"]})
    ),
    # text
    "ids in another order": edit(IDS, lambda table: table.sample(frac=1, random_state=1)),
    "tracking rows backwards": edit(TRACKING, lambda table: table.iloc[::-1]),
    "columns in another order, and one more": edit(
        TRACKING, lambda table: table[table.columns[::-1]].assign(comment="nothing")
    ),
    "a byte order mark": to_tables(edit_bytes(lambda content: b"\xef\xbb\xbf" + content)),
    "line ends of Windows": to_tables(replace(b"\n", b"\r\n")),
    "UTF-16": to(TRACKING, edit_bytes(lambda content: content.decode().encode("utf-16"))),
    "semicolons for commas": to(HELMETS, replace(b",", b";")),
    "a table that breaks off in a line": to(TRACKING, keep(2 / 3)),
    "ids that break off in a line": to(IDS, keep(2 / 3)),
    "a line with too many values": to(
        HELMETS, edit_bytes(lambda content: content + b"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n")
    ),
    "a quote that is never closed": to(TRACKING, replace(b"home", b'"home', 1)),
    "zero bytes in a line": to(TRACKING, replace(b"home", b"ho\x00me", 1)),
    "a position in broken letters": cell(TRACKING, "position", "Ã¼B"),
    "labels that are no UTF-8": to(HELMETS, replace(b"H", b"\xfc\xfe", 1)),
    "an image for a table": to(
        VIDEOS, edit_bytes(lambda _: b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    ),
    "a gzip archive for a table": to(HELMETS, edit_bytes(gzip.compress)),
    "a zip archive for a table": to(TRACKING, zip_archive),
    # on purpose
    "a play that is a path": cell(TRACKING, "game_play", "../../etc/passwd"),
    "an id that is a path": cell(IDS, "contact_id", "../../../etc/passwd"),
    "an id that is a script": cell(IDS, "contact_id", "<script>alert(1)</script>"),
    "a table that is a link out of the folder": to(TRACKING, symlink(1)),
    "ids that are a link out of the folder": to(IDS, symlink(1)),
}
