import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from io import BytesIO
from types import SimpleNamespace
from unittest.mock import Mock

import av
import lightgbm
import numpy as np
import pandas as pd
import pytest

from player_contact.competition.season import read_season
from player_contact.inference import cascade
from player_contact.inference.bundle import load_bundle
from player_contact.inference.cascade import predict_play
from player_contact.inference.predict import predict_folder
from player_contact.inference.submission_writer import SubmissionWriter
from player_contact.inference.time_budget import Patience, parse_duration
from player_contact.utils.errors import BundleError, InputError
from player_contact.utils.files import read_json, write_json
from player_contact.utils.logits import logit, sigmoid
from player_contact.vision import scoring
from tests.makers import TinySeason, split_files

IDS, TRACKING, HELMETS, VIDEOS = split_files("test")
TABLES = TRACKING, HELMETS, VIDEOS
CASCADE = "player_contact.inference.cascade"


@pytest.fixture
def predict(bundle, tmp_path):
    """Predicts a season's folder; returns the submission and the counts."""

    def run(season: TinySeason, folder=bundle, workers: int = 0, **options):
        path = tmp_path / "submission.csv"
        counts = predict_folder(folder, season.folder, path, workers, **options)
        submission = pd.read_csv(path)
        assert list(submission.columns) == ["contact_id", "contact"]
        assert submission["contact_id"].tolist() == season.table(IDS)["contact_id"].tolist()
        assert set(submission["contact"]) <= {0, 1}
        return submission, counts

    return run


@pytest.fixture
def video(filmed_season):
    """The Sideline video of the test play; a link."""
    return next((filmed_season.folder / "test").glob("*_Sideline.mp4"))


@pytest.fixture
def old_submission(tmp_path):
    """A submission that is there already; it must stay."""
    path = tmp_path / "submission.csv"
    path.write_text("old")
    yield path
    assert path.read_text() == "old"


def cut_off(video) -> None:
    content = video.read_bytes()
    video.unlink()
    video.write_bytes(content[: len(content) // 2])


def empty(video) -> None:
    video.unlink()
    video.touch()


def test_a_filmed_play_is_predicted_with_both_views(predict, filmed_season):
    submission, counts = predict(filmed_season)
    assert counts["visible in Sideline"] > 0
    assert counts["visible in Endzone"] > 0
    assert counts["contacts"] == submission["contact"].sum()


@pytest.mark.parametrize(
    ("damage", "message"),
    [(os.unlink, "is missing"), (empty, "can't be opened"), (cut_off, "can't be opened")],
)
def test_a_play_whose_video_fails_is_predicted_from_the_other_view(
    predict, filmed_season, video, damage, message, caplog
):
    damage(video)
    _, counts = predict(filmed_season)
    assert counts["visible in Sideline"] == 0
    assert counts["with vision"] == counts["visible in Endzone"] > 0
    assert f"{video.name} {message}" in caplog.text
    assert "rows are scored without the Sideline view" in caplog.text


def without_the_last(video, seconds) -> None:
    """The same video, whose last images are missing."""
    content = video.read_bytes()
    video.unlink()
    with av.open(BytesIO(content)) as whole, av.open(str(video), "w") as cut:
        source = whole.streams.video[0]
        stream = cut.add_stream_from_template(source)
        last = (source.duration or 0) * source.time_base - seconds
        for packet in whole.demux(source):
            if packet.pts is not None and packet.pts * source.time_base < last:
                packet.stream = stream
                cut.mux(packet)


def test_steps_that_one_view_ends_before_are_predicted_from_the_other(
    predict, filmed_season, video, caplog
):
    _, before = predict(filmed_season)
    without_the_last(video, seconds=0.4)
    _, counts = predict(filmed_season)
    assert 0 < counts["visible in Sideline"] < before["visible in Sideline"]
    assert counts["visible in Endzone"] == before["visible in Endzone"]
    assert f"{video.name} ends before the play" in caplog.text


def test_without_any_video_tracking_and_boxes_must_do(predict, tiny_season, caplog):
    _, counts = predict(tiny_season)
    assert counts["with vision"] == 0
    assert counts["plays without video"] == counts["plays"] == 1
    assert "No video was found in" in caplog.text
    assert "predicting from sensors and helmet boxes alone" in caplog.text


def no_video_metadata_and_boxes(season) -> None:
    for file in (HELMETS, VIDEOS):
        season.write(file, season.table(file).iloc[:0])


def no_tracking(season) -> None:
    season.write(TRACKING, season.table(TRACKING).iloc[:0])


def an_untracked_player(season) -> None:
    tracking = season.table(TRACKING)
    player = tracking["nfl_player_id"]
    season.write(TRACKING, tracking[player != player.iloc[0]])


def empty_measurements(season) -> None:
    tracking = season.table(TRACKING)
    for column in ("speed", "orientation", "x_position", "sa"):
        tracking[column] = tracking[column].mask(np.arange(len(tracking)) % 5 == 0, "")
    season.write(TRACKING, tracking)


@pytest.mark.parametrize(
    "remove", [no_video_metadata_and_boxes, no_tracking, an_untracked_player, empty_measurements]
)
def test_what_is_missing_is_predicted_from_what_is_left(predict, tiny_season, remove):
    remove(tiny_season)
    predict(tiny_season, mend=remove is no_tracking)


def test_a_play_without_boxes_is_screened_by_the_boosters_that_know_none(
    bundle, predict, tiny_season, monkeypatch
):
    used, original = [], cascade.mean_probability

    def remember(boosters, *rest):
        used.append(boosters)
        return original(boosters, *rest)

    monkeypatch.setattr(cascade, "mean_probability", remember)
    predict(tiny_season)
    no_video_metadata_and_boxes(tiny_season)
    predict(tiny_season)
    with_boxes, without = used[0], used[2]
    assert with_boxes == load_bundle(bundle).screen
    assert without == load_bundle(bundle).sensors != with_boxes


def test_the_blend_adds_its_trees_to_the_odds_of_vision_and_of_the_screen(
    bundle, filmed_season, monkeypatch
):
    tables, original = [], cascade.blend_table

    def remember(*arguments):
        tables.append(original(*arguments))
        return tables[-1]

    monkeypatch.setattr(cascade, "blend_table", remember)
    play = next(iter(read_season(filmed_season.folder, "test").plays()))
    said = predict_play(play, bundle, True, with_video=True).probabilities
    known = np.isfinite(said["blend"])
    latest = np.where(np.isnan(said["vision"]), said["screen"], said["vision"])[known]
    assert np.isfinite(said["vision"]).any()
    boosters = [lightgbm.Booster(model_str=text) for text in load_bundle(bundle).blend]
    trees = [booster.predict(tables[0], raw_score=True) for booster in boosters]
    expected = sigmoid(np.array(trees) + logit(latest)).mean(axis=0)
    np.testing.assert_allclose(said["blend"][known], expected, rtol=1e-4)


def test_a_row_is_decided_the_same_wherever_it_stands(predict, tiny_season):
    before, _ = predict(tiny_season)
    tiny_season.shuffle(IDS)
    after, _ = predict(tiny_season)
    after = after.set_index("contact_id")["contact"].reindex(before["contact_id"])
    assert after.tolist() == before["contact"].tolist()


@pytest.mark.parametrize("folder", ["tiny_season", "real_folder"])
def test_the_order_of_rows_and_columns_changes_nothing(predict, folder, request):
    season = request.getfixturevalue(folder)
    before, _ = predict(season)
    for file in TABLES:
        season.shuffle(file)
    assert predict(season)[0].equals(before)


def test_a_folder_without_ids_is_refused(predict, tiny_season):
    tiny_season.write(IDS, tiny_season.table(IDS).iloc[:0])
    with pytest.raises(InputError, match=r"^sample_submission\.csv has no rows"):
        predict(tiny_season)


@pytest.mark.usefixtures("old_submission")
@pytest.mark.parametrize("file", [TRACKING, VIDEOS, IDS])
def test_a_missing_table_leaves_the_old_submission_alone(predict, tiny_season, file):
    (tiny_season.folder / file).unlink()
    with pytest.raises(InputError, match=f"^{file} is missing"):
        predict(tiny_season)


@pytest.mark.usefixtures("old_submission")
def test_a_broken_bundle_leaves_the_old_submission_alone(predict, own_bundle, tiny_season):
    (own_bundle / "config.yaml").unlink()
    with pytest.raises(BundleError, match=r"config\.yaml is missing"):
        predict(tiny_season, own_bundle)


def test_a_folder_in_place_of_the_submission_is_kept(bundle, tiny_season, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "precious.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"results is a folder"):
        predict_folder(bundle, tiny_season.folder, tmp_path / "results", 0)
    assert (tmp_path / "results" / "precious.txt").read_text() == "years of work"


def test_a_bundle_without_vision_predicts_filmed_plays_too(predict, own_bundle, filmed_season):
    shutil.rmtree(own_bundle / "vision")
    manifest = read_json(own_bundle / "manifest.json")
    for name in [name for name in manifest["files"] if name.startswith("vision/")]:
        del manifest["files"][name]
    write_json(manifest, own_bundle / "manifest.json")
    assert predict(filmed_season, own_bundle)[1]["with vision"] == 0


def test_the_real_play_is_predicted_whole_and_in_order(predict, real_folder, caplog):
    submission, counts = predict(real_folder)
    assert counts["rows"] == len(submission) == 17_710
    assert "No video was found" in caplog.text


def test_a_bundle_of_other_features_is_refused_at_once(own_bundle, tmp_path):
    manifest = read_json(own_bundle / "manifest.json")
    manifest["features"] = manifest["features"][1:]
    write_json(manifest, own_bundle / "manifest.json")
    with pytest.raises(BundleError, match="made with other features"):
        predict_folder(own_bundle, tmp_path / "nowhere", tmp_path / "submission.csv", 0)


def raise_memory_error(*_, **__):
    raise MemoryError("no 80 GB left")


NO_SCREEN = "the screen without completed boxes failed (MemoryError: no 80 GB left)"
FAULTS = {  # what breaks -> what decides the play then, and what is logged
    "cut_crops": (
        "screen",
        "vision failed (MemoryError: no 80 GB left); decided by sensors and boxes",
    ),
    "complete_play": ("screen", "the screen failed (MemoryError: no 80 GB left)"),
    "is_candidate": ("distance", NO_SCREEN),
    "build_play": ("distance", NO_SCREEN),
    "blend_table": ("distance", NO_SCREEN),
}


@pytest.mark.parametrize("function", FAULTS)
def test_whatever_breaks_in_a_play_something_else_decides_it(
    predict, filmed_season, monkeypatch, caplog, function
):
    monkeypatch.setattr(f"{CASCADE}.{function}", raise_memory_error)
    source, message = FAULTS[function]
    assert predict(filmed_season)[1][f"plays decided by {source}"] == 1
    assert message in caplog.text


def test_a_play_of_which_nothing_works_is_left_at_no_contact(
    predict, filmed_season, monkeypatch, caplog
):
    for name in ("build_play", "predict_by_distance"):
        monkeypatch.setattr(f"{CASCADE}.{name}", raise_memory_error)
    submission, counts = predict(filmed_season)
    assert not submission["contact"].any()
    assert counts["plays left at no contact"] == 1
    assert counts["rows left at no contact"] == counts["rows"] > 0
    assert "Of 1 plays, 1 are left at no contact" in caplog.text


def test_a_play_whose_vision_fails_is_decided_as_without_video(
    predict, filmed_season, tiny_season, monkeypatch
):
    unfilmed, _ = predict(tiny_season)
    monkeypatch.setattr(f"{CASCADE}.cut_crops", raise_memory_error)
    assert predict(filmed_season)[0].equals(unfilmed)


def test_a_play_that_kills_its_process_costs_no_other_play(
    predict, filmed_season, monkeypatch, caplog
):
    """As where memory runs out: for one play completing its boxes, for another at its video."""
    boxes, video = "99999_000001", "99999_000002"
    for play in (boxes, video):
        copy_play(filmed_season, play)
    before, _ = predict(filmed_season)
    dying = partial(dying_play, boxes=boxes, video=video)
    monkeypatch.setattr(f"{CASCADE}.predict_play", dying)
    after, counts = predict(filmed_season, workers=2)
    others = ~after["contact_id"].str.startswith(video)
    assert after[others].equals(before[others])
    assert counts["plays decided by vision"] == 2
    assert counts["plays decided by screen"] == counts["plays where vision failed"] == 1
    died = "failed (its process died twice; did memory run out?)"
    assert f"{boxes}: the screen {died}" in caplog.text
    assert f"{video}: vision {died}; decided by sensors and boxes" in caplog.text


def dying_play(tables, folder, complete, with_video, boxes, video, small_batches=False):
    if tables.game_play == (video if with_video else boxes) and complete:
        os.kill(os.getpid(), signal.SIGKILL)
    return predict_play(tables, folder, complete, with_video)


def copy_play(season: TinySeason, name: str) -> None:
    """The test play once more, under another name, with its videos."""
    ids = season.table(IDS)
    old = ids["contact_id"][0][:12]
    for file in TABLES:
        table = season.table(file)
        copied = table[table["game_play"] == old].assign(game_play=name)
        season.write(file, pd.concat([table, copied]))
    copied = ids[ids["contact_id"].str.startswith(old)]
    copied = copied.assign(contact_id=name + copied["contact_id"].str.slice(12))
    season.write(IDS, pd.concat([ids, copied]))
    for video in (season.folder / "test").glob(f"{old}_*.mp4"):
        video.with_name(video.name.replace(old, name)).symlink_to(video.resolve())


def test_a_budget_that_suffices_changes_nothing(predict, filmed_season, caplog):
    unlimited, _ = predict(filmed_season)
    caplog.clear()
    with caplog.at_level("INFO"):
        limited, _ = predict(filmed_season, budget=parse_duration("1h"))
    assert limited.equals(unlimited)
    assert "vision: 1 of 1 plays" in caplog.text
    assert "of the budget left: all of them fit" in caplog.text
    timing = r"a play took [\d.]+ s of a process: start .*, videos [\d.]+, vision [\d.]+, blend"
    assert re.search(timing, caplog.text)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_budget_that_is_over_at_once_leaves_the_distance(predict, filmed_season, workers):
    _, counts = predict(filmed_season, workers=workers, budget=1e-3)
    assert counts["plays decided by distance"] == 1


def test_at_the_end_of_the_budget_vision_is_stopped(
    predict, filmed_season, tiny_season, tmp_path, monkeypatch, caplog
):
    """It is over when the play is at its video, however long that takes."""
    unfilmed, _ = predict(tiny_season)
    at_video = tmp_path / "at_video"
    clock = SimpleNamespace(monotonic=lambda: 10.0 if at_video.exists() else 0.0)
    for module in ("inference.predict", "utils.parallel"):
        monkeypatch.setattr(f"player_contact.{module}.time", clock)
    monkeypatch.setattr(f"{CASCADE}.predict_play", partial(without_end, at_video=at_video))
    submission, counts = predict(filmed_season, workers=2, budget=1)
    assert counts["plays without vision for lack of time"] == 1
    assert counts["plays decided by screen"] == 1
    assert "No time for the video of 1 plays" in caplog.text
    assert submission.equals(unfilmed)


def without_end(tables, folder, complete, with_video, at_video, small_batches=False):
    if with_video:
        at_video.touch()
        time.sleep(3600)
    return predict_play(tables, folder, complete, with_video)


def test_a_play_that_hangs_at_its_video_is_decided_without(
    predict, filmed_season, tiny_season, tmp_path, monkeypatch, caplog
):
    unfilmed, _ = predict(tiny_season)
    at_video = partial(without_end, at_video=tmp_path / "at_video")
    monkeypatch.setattr(f"{CASCADE}.predict_play", at_video)
    monkeypatch.setattr("player_contact.inference.predict.Patience", ShortPatience)
    submission, counts = predict(filmed_season, workers=1)
    assert counts["plays where vision failed"] == 1
    assert "vision failed (nothing came of it for 20 s); decided by sensors and" in caplog.text
    assert submission.equals(unfilmed)


class ShortPatience(Patience):
    def __call__(self) -> float:
        return 20.0


def test_a_play_whose_process_dies_is_tried_again_with_small_batches(
    predict, filmed_season, tmp_path, monkeypatch
):
    before, _ = predict(filmed_season)
    tries = tmp_path / "tries"
    monkeypatch.setattr(f"{CASCADE}.predict_play", partial(dies_of_large_batches, tries=tries))
    after, counts = predict(filmed_season, workers=1)
    assert counts["plays decided by vision"] == 1
    assert tries.exists()
    assert (after["contact"] == before["contact"]).mean() > 0.99  # sums in another order


def dies_of_large_batches(tables, folder, complete, with_video, tries, small_batches=False):
    if with_video and not small_batches:
        tries.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return predict_play(tables, folder, complete, with_video, small_batches)


def test_where_torch_can_not_be_loaded_sensors_and_boxes_decide(
    predict, filmed_season, monkeypatch, caplog
):
    expected, _ = predict(filmed_season, with_vision=False)
    missing = Mock(side_effect=ImportError("libcudart.so.12: cannot open shared object file"))
    monkeypatch.setattr("player_contact.inference.bundle.Bundle.vision_models", property(missing))
    submission, counts = predict(filmed_season)
    assert submission.equals(expected)
    assert counts["plays decided by screen"] == 1
    assert "The vision models can't be loaded (ImportError: libcudart" in caplog.text


def test_a_gpu_that_breaks_takes_its_process_and_no_other_play(
    predict, filmed_season, tmp_path, monkeypatch
):
    before, _ = predict(filmed_season)
    copy_play(filmed_season, other := "99999_000001")
    breaks = partial(breaks_the_gpu, broken=tmp_path / "broken", play=other)
    monkeypatch.setattr(f"{CASCADE}.predict_play", breaks)
    after, counts = predict(filmed_season, workers=1)
    assert (tmp_path / "broken").exists()
    assert counts["plays decided by vision"] == 2
    others = ~after["contact_id"].str.startswith(other)
    assert after["contact"][others].tolist() == before["contact"].tolist()


def breaks_the_gpu(tables, folder, complete, with_video, broken, play, small_batches=False):
    """The first try of a play fails as CUDA does; what that process does later would too."""
    if with_video and tables.game_play == play and not small_batches:
        broken.touch()
        scoring.predict_logits = Mock(
            side_effect=RuntimeError("CUDA error: an illegal memory access was encountered")
        )
    return predict_play(tables, folder, complete, with_video, small_batches)


def test_a_disk_that_is_full_for_a_while_ends_nothing(predict, tiny_season, monkeypatch, caplog):
    write, tries = SubmissionWriter.write, []

    def write_later(self, predictions):
        tries.append(1)
        if len(tries) == 2:
            raise OSError("No space left on device")
        return write(self, predictions)

    monkeypatch.setattr(SubmissionWriter, "write", write_later)
    _, counts = predict(tiny_season)
    assert counts["plays decided by screen"] == 1
    assert "could not be written (No space left on device); going on" in caplog.text


@pytest.mark.parametrize("moment", [0.0, 2.0, 5.0])
def test_whoever_is_killed_once_there_is_a_file_leaves_a_whole_one(
    bundle, filmed_season, tmp_path, moment
):
    """As by the system where memory runs out, so many seconds after the first file."""
    for play in ("99999_000001", "99999_000002"):
        copy_play(filmed_season, play)
    path = tmp_path / "submission.csv"
    folders = {"bundle": bundle, "input": filmed_season.folder, "output": path}
    options = [word for name, value in folders.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "player_contact", "predict", *options, "--workers", "2"]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL)
    while not path.is_file():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(moment)
    process.kill()
    process.wait()
    submission = pd.read_csv(path)
    assert submission["contact_id"].tolist() == filmed_season.table(IDS)["contact_id"].tolist()
    assert submission["contact"].any()
    if not moment:  # before any model worked
        assert not submission["contact"][submission["contact_id"].str.endswith("_G")].any()


@pytest.mark.parametrize(
    ("file", "line", "column", "value"),
    [
        (TRACKING, 9, "speed", "fast"),
        (TRACKING, 9, "step", "1e99"),
        (TRACKING, 9, "datetime", "2020-13-45T03:01:48.100Z"),
        (TRACKING, 9, "game_play", "../../etc"),
        (HELMETS, 30, "width", "-4"),
        (HELMETS, 30, "nfl_player_id", "nobody"),
        (VIDEOS, 2, "snap_time", "1999-01-01T00:00:00.000Z"),
        (VIDEOS, 2, "view", "Blimp"),
    ],
)
def test_a_fault_in_the_tables_costs_its_row_where_they_are_mended(
    predict, tiny_season, caplog, file, line, column, value
):
    tiny_season.set_value(file, line, column, value)
    with pytest.raises(InputError, match=f"^{file}"):
        predict(tiny_season)
    predict(tiny_season, mend=True)
    assert file in caplog.text
    assert "Going on without" in caplog.text


@pytest.mark.parametrize("file", TABLES)
def test_a_table_may_be_missing_or_garbage_where_they_are_mended(predict, tiny_season, file):
    (tiny_season.folder / file).write_bytes(b"\x00\xff\x00PNG")
    predict(tiny_season, mend=True)
    (tiny_season.folder / file).unlink()
    predict(tiny_season, mend=True)


def test_the_ids_are_never_mended(predict, tiny_season):
    tiny_season.set_value(IDS, 5, "contact_id", "58168_003392_0_1_who")
    with pytest.raises(InputError, match=r"^sample_submission\.csv, line 5"):
        predict(tiny_season, mend=True)
