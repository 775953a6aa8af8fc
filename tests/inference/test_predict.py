import os
import shutil
from io import BytesIO

import av
import lightgbm
import numpy as np
import pytest

from player_contact.competition.season import read_season
from player_contact.inference import cascade
from player_contact.inference.bundle import load_bundle
from player_contact.inference.cascade import predict_play
from player_contact.inference.predict import predict_folder
from player_contact.utils.errors import BundleError, InputError
from player_contact.utils.files import read_json, write_json
from player_contact.utils.logits import logit, sigmoid
from tests.makers import split_files

IDS, TRACKING, HELMETS, VIDEOS = split_files("test")
TABLES = TRACKING, HELMETS, VIDEOS
CASCADE = "player_contact.inference.cascade"


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
