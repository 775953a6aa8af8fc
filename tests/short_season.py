"""Seasons of a few hundred rows or a few frames, for tests of what is done to each one alike."""

import itertools
from pathlib import Path

from tests.makers import copy_season, split_files

PLAYS = 3
EVERY = 3  # of so many players one is kept
LAST_STEP, AROUND = 7, 10  # of the ids; of the tracking, before and after the snap
FRAMES = 290, 350  # the snap is at 300
FILMED = 339  # frames of short videos


def shorten_season(season: Path, folder: Path) -> None:
    """Copies a season with the rows of some plays and players near the snap alone."""
    whole, short = copy_season(season, folder), {}
    for split in ("train", "test"):
        tracking = whole.table(f"{split}_player_tracking.csv")
        names = tracking["game_play"] + "_" + tracking["nfl_player_id"]
        plays, players = tracking["game_play"].unique()[:PLAYS], {*names.unique()[::EVERY]}
        for file in split_files(split):
            table = whole.table(file)
            table = table[table.iloc[:, 0].str.slice(0, 12).isin(plays)]
            if "contact_id" in table:
                ids = table["contact_id"].str.rsplit("_", n=3, expand=True)
                both = [(ids[0] + "_" + ids[i]).isin(players) | (ids[i] == "G") for i in (2, 3)]
                table = table[(ids[1].astype(int) <= LAST_STEP) & both[0] & both[1]]
            elif "nfl_player_id" in table:
                table = table[(table["game_play"] + "_" + table["nfl_player_id"]).isin(players)]
            if "datetime" in table:
                table = table[table["step"].astype(int).between(-AROUND, AROUND)]
            elif "frame" in table:
                table = table[table["frame"].astype(int).between(*FRAMES)]
            short[file] = table
    for file, table in short.items():
        whole.write(file, table)


def shorten_video(path: Path) -> None:
    """Leaves about FILMED frames of a video: those whose packets come first."""
    import av

    short = path.with_name(f"short_{path.name}")
    with av.open(str(path)) as whole, av.open(str(short), "w") as part:
        stream = part.add_stream_from_template(whole.streams.video[0])
        packets = (packet for packet in whole.demux(video=0) if packet.dts is not None)
        for packet in itertools.islice(packets, FILMED):
            packet.stream = stream
            part.mux(packet)
    short.replace(path)  # which may be a link
