import dataclasses
import shutil
import struct
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef
from tensorboardX.proto.event_pb2 import Event

from player_contact.boosting.booster import predict_booster
from player_contact.competition.constants import GROUND
from player_contact.config import VisionConfig
from player_contact.evaluation.breakdown import by_play
from player_contact.evaluation.scores import decide_out_of_fold
from player_contact.features.feature_store import open_features
from player_contact.features.table import feature_table
from player_contact.inference.bundle import load_bundle, write_bundle
from player_contact.inference.predict import predict_folder
from player_contact.pipeline.crops_stage import crops_stage, write_play_crops
from player_contact.pipeline.fold_training import shifts_to_screen
from player_contact.pipeline.report_stage import report_stage
from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import run_pipeline
from player_contact.pipeline.screen_stage import choose_open_threshold
from player_contact.pipeline.vision_stage import vision_stage
from player_contact.play import build_play
from player_contact.utils.files import read_json
from player_contact.utils.logits import logit, sigmoid
from player_contact.utils.npy_array import NpyArray
from player_contact.video.completion import complete_play
from player_contact.video.crop_store import open_crops, read_crop_rows

PROBABILITY, RECALL = st.floats(0, 1, width=32), st.floats(0.01, 1)


@pytest.fixture
def run(finished_run) -> Run:
    """The finished run, with one process: stages may write elsewhere."""
    return dataclasses.replace(finished_run, workers=1)


def with_vision(run, **changes) -> Run:
    vision = VisionConfig.model_validate(run.config.vision.model_dump() | changes)
    return dataclasses.replace(run, config=run.config.model_copy(update={"vision": vision}))


@given(st.lists(st.tuples(PROBABILITY, st.booleans()), min_size=1), RECALL)
def test_the_open_rows_have_the_recall_that_is_asked_for(rows, min_recall):
    probability, label = (np.array(values) for values in zip(*rows, strict=True))
    threshold = choose_open_threshold(probability, label, min_recall)
    assert (label & (probability >= threshold)).sum() >= min_recall * label.sum()


@given(st.lists(PROBABILITY, min_size=1, unique=True), RECALL)
def test_a_higher_open_threshold_would_miss_more(values, min_recall):
    probability, label = np.array(values), np.ones(len(values), dtype=bool)
    above = np.nextafter(choose_open_threshold(probability, label, min_recall), 2)
    assert (probability >= above).sum() < min_recall * len(probability)


def test_without_contacts_everything_stays_open():
    assert choose_open_threshold(np.array([0.2, 0.9]), np.array([False, False]), 0.1) == 0


def test_a_features_file_holds_the_candidates_of_its_play(run):
    for tables in run.season.plays():
        table = pd.read_parquet(run.folder / "features" / f"{tables.game_play}.parquet")
        plays = run.season.rows["game_play"].iloc[table["row"]]
        assert set(plays.astype(str)) == {tables.game_play}
        ground = tables.rows["contact_id"].str.endswith("_G")
        assert set(tables.rows.loc[ground, "row"]) <= set(table["row"])
        play, rows = build_play(tables)
        expected = feature_table(complete_play(play)[0], rows[np.isin(rows.row, table["row"])])
        values = open_features(run.folder / "features", tables.game_play)
        assert isinstance(values, NpyArray)
        assert list(expected.columns) == run.feature_names
        np.testing.assert_array_equal(values, expected.to_numpy())


def test_the_screen_predicts_every_candidate_out_of_fold(run):
    oof = run.oof("screen")
    assert oof["row"].tolist() == run.candidates["row"].tolist()
    assert oof["screen"].between(0, 1, inclusive="neither").all()


def test_the_open_threshold_that_is_recorded_is_used(run):
    screen = read_json(run.folder / "screen" / "open_threshold.json")
    is_open = run.oof("screen")["screen"] >= screen["open_threshold"]
    assert screen["open"] == is_open.sum() == len(run.open_rows())
    assert 0 < screen["open"] < screen["candidates"] == len(is_open)


def test_images_in_jpeg_show_what_the_others_do(run, tmp_path):
    jpeg = run.config.crops.model_copy(update={"jpeg_quality": 90})
    config = run.config.model_copy(update={"crops": jpeg})
    tables = next(run.season.plays())
    stored = run.folder / "crops" / tables.game_play
    write_play_crops((tables, read_crop_rows(stored)), tmp_path, config)
    crops, others = open_crops(tmp_path / tables.game_play), open_crops(stored)
    np.testing.assert_array_equal(crops.visible, others.visible)
    for row, view in np.argwhere(crops.visible)[::7].tolist():
        image, expected = crops.images[row, view].astype(int), others.images[row, view]
        assert np.abs(image - expected).mean() < 0.15 * expected.std()


def test_vision_predicts_exactly_the_visible_open_rows(run):
    folders = sorted((run.folder / "crops").iterdir())
    rows = [read_crop_rows(folder)[open_crops(folder).visible.any(1)] for folder in folders]
    vision = run.oof("vision")
    assert sorted(vision["row"]) == sorted(np.concatenate(rows))
    assert np.isfinite(vision["vision"]).all()


def test_vision_is_scored_with_the_screen_where_no_view_shows_a_row(run):
    oof, labels = pd.read_parquet(run.folder / "oof.parquet"), run.labels
    scores = {one["name"]: one for one in read_json(run.folder / "scores.json")["scores"]}
    unseen = (oof["vision"] == 0) & (oof["screen"] > 0)
    assert unseen.any()
    assert (oof["vision"] > 0).any()
    probability = np.where(unseen, oof["screen"], oof["vision"])
    decided = decide_out_of_fold(labels.label, probability, labels.is_ground, labels.fold)
    assert scores["vision"]["mcc"] == pytest.approx(matthews_corrcoef(labels.label, decided))


def test_each_fold_has_a_vision_model_and_lines_in_the_log(run):
    models = sorted((run.folder / "vision").glob("fold*.safetensors"))
    assert [path.name for path in models] == ["fold0-0.safetensors", "fold1-0.safetensors"]
    assert models[0].read_bytes() != models[1].read_bytes()
    log = pd.read_csv(run.folder / "vision" / "log.csv")
    expected = [(fold, stage) for fold in (0, 1) for stage in ("images", "clips")]
    assert list(zip(log["fold"], log["phase"], strict=True)) == expected
    assert np.isfinite(log["train_loss"]).all()


def test_vision_expects_as_many_contacts_of_each_kind_as_the_screen(run):
    table = run.open_rows()[["row", "fold", "screen", "second"]].merge(run.oof("vision"))
    means = table.groupby(["fold", table["second"] == GROUND])[["vision", "screen"]].mean()
    assert len(means) == 4
    np.testing.assert_allclose(means["vision"], means["screen"], atol=1e-3)


def scalars(folder) -> dict[str, int]:
    """How many values of each name the event files of a folder hold.

    A record is its length, a checksum, the event, and a checksum.
    """
    counts = Counter()
    for path in folder.iterdir():
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            values = Event.FromString(content[12 : 12 + length]).summary.value
            counts.update(value.tag for value in values)
            content = content[16 + length :]
    return counts


def test_tensorboard_gets_every_epoch_of_every_fold(run, tmp_path):
    vision_stage(with_vision(run, clip_epochs=2, val_rows=0), tmp_path)
    expected = {"train_loss": 3, "learning_rate": 3, "grad_norm": 3}
    for fold in (0, 1):
        assert scalars(tmp_path / "vision" / "tensorboard" / f"fold{fold}-0") == expected


def test_weights_are_readable_by_whoever_may_read_the_others(run):
    paths = [path for path in (run.folder / "vision").iterdir() if path.is_file()]
    assert len({path.stat().st_mode for path in paths}) == 1


def test_an_ensemble_predicts_by_the_mean_logit_and_is_bundled(run, tmp_path):
    other = {"clip_length": 1, "tabular": [], "image_size": 34, "views": ["Sideline"]}
    run = with_vision(run, members=({"seed": 1}, other))
    vision_stage(run, tmp_path)
    oof = pd.read_parquet(tmp_path / "vision" / "oof.parquet")
    mean = (logit(oof["vision_0"]) + logit(oof["vision_1"])) / 2
    np.testing.assert_allclose(logit(oof["vision"]), mean, atol=1e-3)
    assert (oof["vision_0"] != oof["vision_1"]).all()
    log = pd.read_csv(tmp_path / "vision" / "log.csv")
    models = [(fold, member) for fold in (0, 1) for member in (0, 1)]
    assert [*dict.fromkeys(zip(log["fold"], log["member"], strict=True))] == models
    for stage in ("screen", "blend"):
        (tmp_path / stage).symlink_to(run.folder / stage)
    facts = load_bundle(run.folder / "bundle").manifest | {"open_threshold": 0.01}
    for name in ("format", "files", "packages", "player_contact"):
        del facts[name]
    bundle = tmp_path / "bundle"
    write_bundle(bundle, run.config, tmp_path, facts)
    names = [f"vision/fold{fold}-{member}.safetensors" for fold, member in models]
    assert list(load_bundle(bundle).vision_models) == names
    counts = predict_folder(bundle, run.input, tmp_path / "submission.csv", 0)
    assert counts["plays decided by vision"] > 0
    assert counts["plays where vision failed"] == 0


@pytest.fixture(scope="module")
def resumed_crops(finished_run, tmp_path_factory):
    """Crops of a run that was killed after the first play, which is marked, and then resumed."""
    folder = tmp_path_factory.mktemp("resumed")
    first, second, *_ = finished_run.season.game_plays
    shutil.copytree(finished_run.folder / "crops" / first, folder / "crops" / first)
    images = folder / "crops" / first / "images.npy"
    np.save(images, np.zeros_like(np.load(images)))
    (folder / "crops" / f".{second}.123.partial").mkdir()
    crops_stage(dataclasses.replace(finished_run, workers=1), folder)
    return folder / "crops"


def test_crops_of_finished_plays_are_kept_and_the_others_cut(run, resumed_crops):
    first, *others = run.season.game_plays
    assert not np.load(resumed_crops / first / "images.npy").any(), "it was cut again"
    for play in others:
        expected = np.load(run.folder / "crops" / play / "images.npy")
        np.testing.assert_array_equal(np.load(resumed_crops / play / "images.npy"), expected)


def test_half_done_plays_do_not_stay_among_the_crops(run, resumed_crops):
    names = sorted(path.name for path in resumed_crops.iterdir())
    assert names == sorted(run.season.game_plays)


def test_a_finished_fold_is_not_trained_again(run, tmp_path):
    folder = tmp_path / "vision"
    folder.mkdir()
    for name in ("fold0-0.safetensors", "fold0-0.parquet", "fold0-0.json"):
        shutil.copyfile(run.folder / "vision" / name, folder / name)
    weights = folder / "fold0-0.safetensors"
    written = weights.stat().st_mtime_ns
    vision_stage(run, tmp_path)
    assert weights.stat().st_mtime_ns == written
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "oof.parquet"), run.oof("vision"))


def test_a_simulated_submission_is_scored_against_the_truth(run):
    truth = pd.read_csv(run.input / "truth" / "test_labels.csv")["contact"]
    submitted = pd.read_csv(run.folder / "submission.csv")["contact"]
    mcc = read_json(run.folder / "submission.json")["MCC against the simulated truth"]
    assert mcc == pytest.approx(matthews_corrcoef(truth, submitted), abs=1e-4)


def test_a_row_is_predicted_by_the_model_of_its_own_fold(run):
    values, oof = run.features_of(run.feature_names), run.oof("screen")["screen"].to_numpy()
    for fold in (0, 1):
        in_fold = (run.candidates["fold"] == fold).to_numpy()
        text = (run.folder / "bundle" / "screen" / f"fold{fold}.txt").read_text()
        predicted = predict_booster(text, values, 1)
        np.testing.assert_allclose(predicted[in_fold], oof[in_fold], rtol=1e-5)
        assert np.abs(predicted - oof)[~in_fold].max() > 0.01


@pytest.mark.slow
def test_no_label_of_a_fold_reaches_the_screen_that_predicts_it(
    finished_run, tiny_season, tiny_config, tmp_path
):
    labels = tiny_season.table("train_labels.csv")
    # As many contacts in each play as before, so the folds stay as they are.
    for play in finished_run.folds.loc[finished_run.folds["fold"] == 0, "game_play"]:
        rows = labels["game_play"] == play
        labels.loc[rows, "contact"] = labels.loc[rows, "contact"].to_numpy()[::-1]
    tiny_season.write("train_labels.csv", labels)
    relabelled = Run(tiny_config, tiny_season.folder, tmp_path / "run", 1, simulated=True)
    run_pipeline(relabelled, until="screen")
    runs = finished_run, relabelled
    for fold, equal in ((0, True), (1, False)):
        before, after = ((run.folder / "screen" / f"fold{fold}.txt").read_bytes() for run in runs)
        assert (before == after) == equal


def test_the_worst_plays_get_viewer_pages_up_to_the_limit(own_run, finished_run):
    report = finished_run.config.report.model_copy(update={"viewer_plays": 1})
    run = own_run(finished_run.config.model_copy(update={"report": report}))
    assert run_pipeline(run) == ["report"]
    worst = by_play(pd.read_parquet(run.folder / "oof.parquet"))["game_play"].iloc[0]
    pages = [path.name for path in (run.folder / "report" / "plays").glob("*.html")]
    assert pages == [f"{worst}.html"]
    page = (run.folder / "report" / "index.html").read_text()
    links = page.count(f'<a href="plays/{worst}.html">viewer</a>')
    assert links == page.count(">viewer</a>") == 2, "on the first screen and among the plays"


def test_plays_without_videos_have_a_report_without_links(own_run, tiny_season):
    run = dataclasses.replace(own_run(), input=tiny_season.folder)
    report_stage(run, run.folder / "report")
    page = (run.folder / "report" / "report" / "index.html").read_text()
    assert "By play, worst first" in page
    assert 'href="plays/' not in page


def test_each_kind_of_row_is_shifted_to_the_screen():
    random = np.random.default_rng(0)
    logits = random.normal(1, 2, 400).astype(np.float32)
    screen, ground = random.random(400), random.random(400) < 0.3
    shifts = shifts_to_screen(logits, screen, ground)
    for kind, shift in ((~ground, shifts[0]), (ground, shifts[1])):
        assert sigmoid(logits[kind] + shift).mean() == pytest.approx(screen[kind].mean(), abs=1e-3)
    assert abs(shifts[0] - shifts[1]) > 1e-3
    pairs_alone = shifts_to_screen(logits, screen, np.zeros(400, dtype=bool))
    assert pairs_alone[0] == pairs_alone[1] != 0
    assert not shifts_to_screen(logits[:0], screen[:0], ground[:0]).any()
