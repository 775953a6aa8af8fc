from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from player_contact.competition.clock import FRAMES_PER_SECOND, to_text
from player_contact.competition.constants import VIEWS
from player_contact.utils.errors import InputError
from player_contact.video.decode import VideoInfo
from run_checks import first_look as looking
from run_checks.__main__ import app
from run_checks.difficulty import ENOUGH_PLAYS
from run_checks.first_look import first_look
from run_checks.look_at_videos import other_times
from run_checks.quick_scores import DISTANCE, SCREEN, score_faults
from run_checks.topic_lines import SHOWN, Line
from run_checks.video_damages import VIDEO_DAMAGES
from tests.conftest import PLAYS
from tests.invoke import invoke
from tests.makers import TinySeason

LABELS, TRACKING, HELMETS = (
    f"train_{name}.csv" for name in ("labels", "player_tracking", "baseline_helmets")
)
TOPICS = ["tables", "labels", "videos", "frames", "clock", "boxes", "names", "scores"]


def lines_before_scores(folder: Path, sheet: Path, plays: int = PLAYS) -> dict[str, Line]:
    """By topic; no screen is trained."""
    lines = {}
    for line in first_look(folder, sheet, plays, workers=0):
        lines[line.topic] = line
        if line.topic == "names":
            break
    return lines


@pytest.fixture
def sheet(tmp_path) -> Path:
    return tmp_path / "frames.jpg"


def test_a_sound_season_is_all_ok(season, tmp_path):
    done = invoke(app, ["first-look", "--input", season, "--outputs", tmp_path, "--workers", 1])
    lines = done.output.splitlines()
    begun = [line.split() for line in lines if not line.startswith(" ")]
    assert [words[:2] for words in begun] == [[topic, "ok:"] for topic in TOPICS], done.output
    assert done.exit_code == 0
    sheet = tmp_path / "first-look" / "frames.jpg"
    assert str(sheet) in done.output
    assert cv2.imread(str(sheet)).std() > 20
    assert f"of {PLAYS} plays, too few to judge" in " ".join(done.output.split())


def test_every_planted_fault_is_named(filmed_season, sheet):
    season, videos = filmed_season, filmed_season.folder / "train"
    late, swapped, empty, untracked = season.table(LABELS)["game_play"].unique()[:PLAYS]
    shift_clock(season, late, seconds=0.5)
    a, b = swap_names(season, swapped)
    slow = videos / f"{swapped}_Endzone.mp4"
    VIDEO_DAMAGES["another frame rate"](slow)
    (videos / f"{empty}_Endzone.mp4").unlink()
    nothing = videos / f"{empty}_Sideline.mp4"
    nothing.unlink()
    nothing.touch()
    player = lose_player(season, untracked)
    season.set_value(TRACKING, 9, "speed", "")
    season.duplicate_line(HELMETS, 5)

    lines = lines_before_scores(season.folder, sheet)
    found = {topic: list(line.faults) for topic, line in lines.items()}
    duplicate, speed = sorted(found["tables"])
    assert "a copy of line 5, expected one row for game_play" in duplicate
    assert f"1 rows have no 'speed': not measured; the first: game_play {late}" in speed
    assert [fault for fault in found["labels"] if untracked in fault] == [
        f"{untracked}: players [{player}] have no tracking data; no model decides their rows"
    ]
    assert sorted(found["videos"]) == [
        f"{empty}_Endzone.mp4 is missing",
        f"{nothing.name} can't be opened (Invalid data found when processing input)",
    ]
    assert found["frames"] == [f"{slow.name} has 29.97 images a second"]
    clocks = [fault.split() for fault in found["clock"]]
    assert [words[:2] for words in clocks] == [[late, "Sideline"], [late, "Endzone"]]
    assert all(abs(float(words[2]) - 0.6) < 0.1 for words in clocks)
    hard = {f"{play} {view}" for play in (late, swapped) for view in VIEWS}  # to register
    assert {fault.split(":")[0] for fault in found["boxes"]} <= hard
    assert [fault.split(" have ")[0] for fault in found["names"]] == [f"{swapped}: {a} and {b}"]


def test_a_play_that_fails_is_a_line_and_the_others_are_looked_at(season, sheet, monkeypatch):
    original = looking.look_at_play

    def fail(tables, with_boxes):
        if tables.game_play == failing:
            raise MemoryError("no 80 GB left")
        return original(tables, with_boxes)

    failing = pd.read_csv(season / LABELS, nrows=1)["game_play"].iloc[0]
    monkeypatch.setattr(looking, "look_at_play", fail)
    lines = lines_before_scores(season, sheet, plays=0)
    assert lines["plays"].faults == [f"{failing}: MemoryError: no 80 GB left"]
    assert lines["videos"].seen.startswith(f"{2 * PLAYS} videos of {PLAYS} plays")


@pytest.mark.slow
def test_the_real_play_is_looked_at_as_far_as_it_goes(real_folder, tmp_path):
    done = invoke(app, ["first-look", "--input", real_folder.folder, "--outputs", tmp_path])
    words = [line.split()[:3] for line in done.output.splitlines() if not line.startswith(" ")]
    wrong = {"tables": "1", "videos": "2"}  # there are neither labels nor videos
    assert words == [
        [topic, *([wrong[topic], "WRONG:"] if topic in wrong else ["ok:", word])]
        for topic, word in zip(
            TOPICS[:-1], ["", "1", "", "0", "tracking", "registration", "0.0%"], strict=True
        )
    ]
    assert done.exit_code == 1


def test_a_folder_without_labels_and_ids_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds neither train_labels"):
        next(first_look(tmp_path, tmp_path / "sheet.jpg", 1, 0))


EVERY = np.arange(600.0)  # frames


@pytest.mark.parametrize(
    ("times", "start", "fault"),
    [
        (EVERY, 0, ""),
        (EVERY + np.tile([0.0, 0.06], 300), 0, ""),  # times in whole milliseconds
        (2 * EVERY, 0, "has 29.97 images a second"),
        (EVERY * FRAMES_PER_SECOND / 60, 0, "has 60.00 images a second"),
        (EVERY + 12 * (EVERY > 299), 0, "has 1 gap, the longest of 0.22 s 5.00 s after its start"),
        (
            np.cumsum(np.tile([1.0, 2, 4], 200)) - 1,
            0,
            "has a variable rate, 15 to 60 images a second",
        ),
        (EVERY, 30, "begins 0.50 s after its clock's zero"),
    ],
)
def test_how_the_times_of_images_differ_is_told(times, start, fault):
    info = VideoInfo(times, times[-1] + 1, 1.0, round(times[-1] + 1), 59.94, start)
    assert other_times(info) == fault


@pytest.mark.parametrize(
    ("distance", "screen", "words"),
    [
        ((0.55, 0.52, 0.58), (0.70, 0.67, 0.73), []),
        ((0.45, 0.42, 0.48), (0.70, 0.67, 0.73), ["distance scores otherwise"]),
        ((0.55, 0.52, 0.58), (0.50, 0.47, 0.53), ["no more than distance"]),
        ((0.70, 0.68, 0.72), (0.95, 0.93, 0.96), ["distance scores otherwise", "more than on any"]),
    ],
)
def test_scores_are_judged_beside_real_ones(distance, screen, words):
    lines = {DISTANCE: (*distance, 0.50, 0.58), SCREEN: (*screen, 0.72, 0.77)}
    columns = ["value", "low", "high", "real_low", "real_high"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns)
    faults = score_faults(table, ENOUGH_PLAYS)
    assert len(faults) == len(words)
    assert all(word in fault for word, fault in zip(words, faults, strict=True))
    assert score_faults(table, ENOUGH_PLAYS - 1) == []


def test_a_line_names_the_first_faults_and_counts_all():
    line = str(
        Line("videos", "12 videos", [f"{n}.mp4 is missing." for n in range(12)], "Load them")
    )
    words = " ".join(line.split())
    assert words.startswith("videos 12 WRONG: 0.mp4 is missing; 1.mp4 is missing;")
    assert words.endswith(f"; and {12 - SHOWN} more. In all: 12 videos. Load them.")
    assert max(map(len, line.splitlines())) <= 100


def shift_clock(season: TinySeason, play: str, seconds: float) -> None:
    """The tracking of a play tells a later time."""
    table = season.table(TRACKING)
    times = pd.to_datetime(table["datetime"]) + pd.Timedelta(seconds=seconds)
    later = pd.Series(to_text(times.dt.tz_localize(None).to_numpy()), table.index)
    changed = table["datetime"].where(table["game_play"] != play, later)
    season.write(TRACKING, table.assign(datetime=changed))


def swap_names(season: TinySeason, play: str) -> list[str]:
    """Two players far apart, of those with many boxes, have each other's in both views."""
    table, tracking = season.table(HELMETS), season.table(TRACKING)
    of_play = table["game_play"] == play
    often = table.loc[of_play, "nfl_player_id"].value_counts().index[:8]
    snap = tracking[(tracking["game_play"] == play) & (tracking["step"] == "0")]
    snap = snap.set_index("nfl_player_id").loc[often, ["x_position", "y_position"]].astype(float)
    apart = np.linalg.norm(snap.to_numpy()[:, None] - snap.to_numpy(), axis=-1)
    a, b = often[list(np.unravel_index(apart.argmax(), apart.shape))]
    names = table["nfl_player_id"].replace({a: b, b: a})
    season.write(HELMETS, table.assign(nfl_player_id=names.where(of_play, table["nfl_player_id"])))
    return sorted((a, b), key=int)


def lose_player(season: TinySeason, play: str) -> str:
    """The play's first player is not tracked."""
    table = season.table(TRACKING)
    player = table.loc[table["game_play"] == play, "nfl_player_id"].iloc[0]
    lost = (table["game_play"] == play) & (table["nfl_player_id"] == player)
    season.write(TRACKING, table[~lost])
    return player
