import dataclasses
import shutil
import struct
from collections import Counter

import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef
from tensorboardX.proto.event_pb2 import Event

from player_contact.boosting.booster import booster_probability
from player_contact.bundle import load_bundle, write_bundle
from player_contact.competition.names import GROUND
from player_contact.competition.season import read_season
from player_contact.config import ReportConfig, VisionConfig
from player_contact.evaluation.breakdown import by_play
from player_contact.features.store import open_values
from player_contact.features.table import feature_names, feature_table
from player_contact.files import read_json
from player_contact.odds import log_odds, sigmoid
from player_contact.pipeline import run_pipeline
from player_contact.play import build_play
from player_contact.predict import predict_folder
from player_contact.stages.crops import crops_stage
from player_contact.stages.report import report_stage
from player_contact.stages.run import Run
from player_contact.stages.screen import open_cut
from player_contact.stages.vision import shifts_to_screen, vision_stage
from player_contact.stored import StoredArray
from player_contact.video.completion import complete_play
from player_contact.video.store import open_crops, read_crop_rows


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1), st.floats(0, 0.99))
def test_the_cut_loses_at_most_the_allowed_share_of_contacts(rows, lost):
    probability, label = (np.array(values) for values in zip(*rows, strict=True))
    cut = open_cut(probability, label, lost)
    assert (label & (probability < cut)).sum() <= lost * label.sum()


@given(st.lists(st.floats(0, 1, width=32), min_size=1, unique=True), st.floats(0, 0.99))
def test_a_higher_cut_would_lose_more_than_that(probability, lost):
    probability = np.array(probability)
    above = np.nextafter(open_cut(probability, np.ones(len(probability), dtype=bool), lost), 2)
    assert (probability < above).sum() > lost * len(probability)


def test_without_contacts_everything_stays_open():
    assert open_cut(np.array([0.2, 0.9]), np.array([False, False]), 0.1) == 0


def test_a_features_file_holds_the_candidates_of_its_play(finished_run):
    season = read_season(finished_run.input, "train")
    for tables in season.plays():
        table = pd.read_parquet(finished_run.folder / "features" / f"{tables.game_play}.parquet")
        assert set(season.rows["game_play"].iloc[table["row"]].astype(str)) == {tables.game_play}
        ground = tables.rows["contact_id"].str.endswith("_G")
        assert set(tables.rows.loc[ground, "row"]) <= set(table["row"])
        play, rows = build_play(tables)
        expected = feature_table(complete_play(play)[0], rows[np.isin(rows.row, table["row"])])
        values = open_values(finished_run.folder / "features", tables.game_play)
        assert isinstance(values, StoredArray)
        assert list(expected.columns) == finished_run.feature_names
        np.testing.assert_array_equal(values, expected.to_numpy())


def test_the_screen_scores_every_candidate_out_of_fold(finished_run):
    oof = pd.read_parquet(finished_run.folder / "screen" / "oof.parquet")
    candidates = finished_run.candidates
    assert oof["row"].tolist() == candidates["row"].tolist()
    assert ((oof["screen"] > 0) & (oof["screen"] < 1)).all()


def test_the_cut_that_is_written_down_is_the_one_that_is_used(finished_run):
    oof = pd.read_parquet(finished_run.folder / "screen" / "oof.parquet")
    cut = read_json(finished_run.folder / "screen" / "cut.json")
    assert cut["open"] == (oof["screen"] >= cut["cut"]).sum()
    assert 0 < cut["open"] < cut["candidates"] == len(oof)


def test_vision_scores_exactly_the_open_rows_that_a_camera_saw(finished_run):
    seen = [open_crops(folder).seen.any(1) for folder in sorted((finished_run.folder / "crops").iterdir())]
    rows = [read_crop_rows(folder) for folder in sorted((finished_run.folder / "crops").iterdir())]
    expected = np.concatenate([row[mask] for row, mask in zip(rows, seen, strict=True)])
    vision = pd.read_parquet(finished_run.folder / "vision" / "oof.parquet")
    assert sorted(vision["row"]) == sorted(expected)
    assert np.isfinite(vision["vision"]).all()


def test_each_fold_has_a_model_of_its_own_and_lines_in_the_log(finished_run):
    models = sorted((finished_run.folder / "vision").glob("fold*.safetensors"))
    assert [path.name for path in models] == ["fold0-0.safetensors", "fold1-0.safetensors"]
    assert models[0].read_bytes() != models[1].read_bytes()
    log = pd.read_csv(finished_run.folder / "vision" / "log.csv")
    assert log[["fold", "phase"]].to_numpy().tolist() == [[fold, phase] for fold in (0, 1) for phase in ("pictures", "stretches")]
    assert np.isfinite(log["loss"]).all()


def test_a_model_expects_as_many_contacts_of_each_kind_in_its_fold_as_the_screen_does(finished_run):
    opened = finished_run.open_rows()
    kinds = opened[["row", "fold", "screen"]].assign(ground=opened["second"] == GROUND)
    oof = pd.read_parquet(finished_run.folder / "vision" / "oof.parquet").merge(kinds, on="row")
    means = oof.groupby(["fold", "ground"])[["vision", "screen"]].mean()
    assert len(means) == 4
    np.testing.assert_allclose(means["vision"], means["screen"], atol=1e-3)


def scalars(folder) -> dict[str, int]:
    """How many values of each name the event files of a folder hold. A record is its length, a checksum, the event, a checksum."""
    found = Counter()
    for path in folder.iterdir():
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            found.update(value.tag for value in Event.FromString(content[12 : 12 + length]).summary.value)
            content = content[16 + length :]
    return found


def test_tensorboard_gets_every_epoch_of_every_fold(finished_run, tmp_path):
    config = finished_run.config.model_copy(update={"vision": finished_run.config.vision.model_copy(update={"epochs": 2, "watched": 0})})
    vision_stage(dataclasses.replace(finished_run, config=config, workers=1), tmp_path)
    for fold in range(2):
        assert scalars(tmp_path / "vision" / "tensorboard" / f"fold{fold}-0") == {"loss": 3, "learning_rate": 3, "gradient_norm": 3}


def test_weights_may_be_read_by_whoever_may_read_the_rest(finished_run):
    rights = {path.stat().st_mode for path in (finished_run.folder / "vision").iterdir() if path.is_file()}
    assert len(rights) == 1


def test_no_process_that_trained_outlives_the_stage(finished_run, tmp_path):
    vision_stage(dataclasses.replace(finished_run, workers=2), tmp_path)
    assert not [child for child in psutil.Process().children() if "LokyProcess" in " ".join(child.cmdline())]


def test_an_ensemble_scores_by_the_mean_of_its_members_log_odds_and_its_bundle_holds_them_all(finished_run, tmp_path):
    members = ({"seed": 1}, {"steps": 1, "tabular": [], "image_size": 34, "views": ["Sideline"]})
    vision = VisionConfig.model_validate(finished_run.config.vision.model_dump() | {"members": members})
    run = dataclasses.replace(finished_run, config=finished_run.config.model_copy(update={"vision": vision}), workers=1)
    vision_stage(run, tmp_path)
    oof = pd.read_parquet(tmp_path / "vision" / "oof.parquet")
    np.testing.assert_allclose(log_odds(oof["vision"]), (log_odds(oof["vision_0"]) + log_odds(oof["vision_1"])) / 2, atol=1e-3)
    assert (oof["vision_0"] != oof["vision_1"]).all()
    log = pd.read_csv(tmp_path / "vision" / "log.csv")
    assert log[["fold", "member"]].drop_duplicates().to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    for stage in ("screen", "blend"):
        (tmp_path / stage).symlink_to(finished_run.folder / stage)
    bundle = finished_run.folder / "bundle"
    write_bundle(tmp_path / "bundle", run.config, tmp_path, load_bundle(bundle).thresholds, 0.01, {"touching": 1.0, "features": feature_names()})
    assert list(load_bundle(tmp_path / "bundle").vision_models) == [f"vision/fold{fold}-{member}.safetensors" for fold in (0, 1) for member in (0, 1)]
    counted = predict_folder(tmp_path / "bundle", finished_run.input, tmp_path / "submission.csv", 1)
    assert counted["plays decided by vision"] > 0
    assert counted["plays where vision failed"] == 0


@pytest.fixture(scope="module")
def resumed_crops(finished_run, tmp_path_factory):
    """Crops of a run that was killed after the first play, which is marked, and in the middle of the second; then taken up again."""
    folder = tmp_path_factory.mktemp("resumed")
    first, second, *_ = finished_run.season.game_plays
    shutil.copytree(finished_run.folder / "crops" / first, folder / "crops" / first)
    np.save(folder / "crops" / first / "pictures.npy", np.zeros_like(np.load(folder / "crops" / first / "pictures.npy")))
    (folder / "crops" / f".{second}.123.partial").mkdir()
    crops_stage(dataclasses.replace(finished_run, workers=1), folder)
    return folder / "crops"


def test_crops_that_a_killed_run_finished_are_taken_up_and_the_others_made(finished_run, resumed_crops):
    first, *others = finished_run.season.game_plays
    assert not np.load(resumed_crops / first / "pictures.npy").any(), "the finished play was made again"
    for play in others:
        expected = np.load(finished_run.folder / "crops" / play / "pictures.npy")
        np.testing.assert_array_equal(np.load(resumed_crops / play / "pictures.npy"), expected)


def test_what_a_killed_run_left_half_done_does_not_stay_among_the_crops(finished_run, resumed_crops):
    assert sorted(path.name for path in resumed_crops.iterdir()) == sorted(finished_run.season.game_plays)


def test_a_fold_that_a_killed_run_finished_is_not_trained_again(finished_run, tmp_path):
    kept = tmp_path / "vision"
    kept.mkdir()
    for name in ("fold0-0.safetensors", "fold0-0.parquet", "fold0-0.json"):
        shutil.copyfile(finished_run.folder / "vision" / name, kept / name)
    weights = (kept / "fold0-0.safetensors").stat().st_mtime_ns
    vision_stage(dataclasses.replace(finished_run, workers=1), tmp_path)
    assert (kept / "fold0-0.safetensors").stat().st_mtime_ns == weights
    pd.testing.assert_frame_equal(pd.read_parquet(kept / "oof.parquet"), pd.read_parquet(finished_run.folder / "vision" / "oof.parquet"))


def test_a_simulated_season_scores_its_submission_against_the_truth(finished_run):
    truth = pd.read_csv(finished_run.input / "truth" / "test_labels.csv")["contact"]
    submitted = pd.read_csv(finished_run.folder / "submission.csv")["contact"]
    said = read_json(finished_run.folder / "submission.json")["MCC against the simulated truth"]
    assert said == pytest.approx(matthews_corrcoef(truth, submitted), abs=1e-4)


def test_a_row_is_scored_by_the_model_of_its_own_fold(finished_run):
    table = finished_run.candidates
    values = finished_run.features_of(finished_run.feature_names)
    oof = pd.read_parquet(finished_run.folder / "screen" / "oof.parquet")["screen"].to_numpy()
    for fold in (0, 1):
        inside = (table["fold"] == fold).to_numpy()
        text = (finished_run.folder / "bundle" / "screen" / f"fold{fold}.txt").read_text()
        np.testing.assert_allclose(booster_probability(text, values[inside], 1), oof[inside], rtol=1e-5)
        assert np.abs(booster_probability(text, values[~inside], 1) - oof[~inside]).max() > 0.01


def test_no_label_of_a_fold_reaches_the_screen_that_scores_it(tiny_season, tiny_config, tmp_path):
    runs = [Run(tiny_config, tiny_season.folder, tmp_path / name, 1, simulated=True) for name in ("before", "after")]
    run_pipeline(runs[0], until="screen")
    inside = runs[0].folds.loc[runs[0].folds["fold"] == 0, "game_play"]
    labels = tiny_season.table("train_labels.csv")
    # As many contacts in each play as before, so the folds stay as they are.
    for play in inside:
        rows = labels["game_play"] == play
        labels.loc[rows, "contact"] = labels.loc[rows, "contact"].to_numpy()[::-1]
    tiny_season.write("train_labels.csv", labels)
    run_pipeline(runs[1], until="screen")
    models = [[(run.folder / "screen" / f"fold{fold}.txt").read_bytes() for run in runs] for fold in (0, 1)]
    assert models[0][0] == models[0][1]
    assert models[1][0] != models[1][1]


def test_as_many_plays_as_the_settings_say_get_a_viewer_page_the_worst_first(own_run, finished_run):
    config = finished_run.config.model_copy(update={"report": ReportConfig(plays=1)})
    run = own_run(config)
    assert run_pipeline(run) == ["report"]
    worst = by_play(pd.read_parquet(run.folder / "oof.parquet"))["play"].iloc[0]
    assert [page.name for page in (run.folder / "report" / "plays").glob("*.html")] == [f"{worst}.html"]
    page = (run.folder / "report" / "index.html").read_text()
    assert f'href="plays/{worst}.html"' in page
    assert page.count(">viewer</a>") == 1


def test_plays_without_videos_have_a_report_without_links(own_run, tiny_season):
    run = dataclasses.replace(own_run(), input=tiny_season.folder)
    report_stage(run, run.folder / "report")
    page = (run.folder / "report" / "report" / "index.html").read_text()
    assert "By play, worst first" in page
    assert 'href="plays/' not in page


def test_a_shift_to_the_screen_is_found_for_each_kind_of_row_and_of_all_where_there_is_none_of_a_kind():
    random = np.random.default_rng(0)
    logits, screen, ground = random.normal(1, 2, 400).astype(np.float32), random.random(400), random.random(400) < 0.3
    shifts = shifts_to_screen(logits, screen, ground)
    for kind, shift in ((~ground, shifts[0]), (ground, shifts[1])):
        assert sigmoid(logits[kind] + shift).mean() == pytest.approx(screen[kind].mean(), abs=1e-3)
    assert abs(shifts[0] - shifts[1]) > 1e-3
    pairs_alone = shifts_to_screen(logits, screen, np.zeros(400, dtype=bool))
    assert pairs_alone[0] == pairs_alone[1] != 0
    assert not shifts_to_screen(logits[:0], screen[:0], ground[:0]).any()
