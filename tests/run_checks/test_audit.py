"""Every check of the audit is given a run with the fault that it is there to find."""

import dataclasses
import hashlib

import numpy as np
import pandas as pd
import pytest

from player_contact.boosting.blend_features import START
from player_contact.boosting.booster import predict_booster
from player_contact.pipeline.blend_stage import play_blend_table
from player_contact.pipeline.runner import run_pipeline
from player_contact.pipeline.screen_stage import write_play_features
from player_contact.play import build_play
from player_contact.utils.errors import InputError
from player_contact.utils.files import read_json, write_json
from run_checks import audit as audits
from run_checks.__main__ import app
from run_checks.audit import audit, audit_text
from run_checks.audit_predictions import check_predictions
from run_checks.finished_run import AuditError, load_finished_run, sample_plays
from tests.invoke import invoke


def edit_manifest(run, **changes) -> None:
    path = run.folder / "bundle" / "manifest.json"
    write_json(read_json(path) | changes, path)


def replace_file(run, name: str, content: bytes) -> None:
    """Other content of a bundle's file, with its true hash."""
    (run.folder / "bundle" / name).write_bytes(content)
    files = read_json(run.folder / "bundle" / "manifest.json")["files"]
    edit_manifest(run, files=files | {name: hashlib.sha256(content).hexdigest()})


def edit_oof(run, **columns) -> None:
    path = run.folder / "oof.parquet"
    pd.read_parquet(path).assign(**columns).to_parquet(path, index=False)


def find_fault(check, run, words: str) -> None:
    with pytest.raises(AuditError, match=words):
        check(load_finished_run(run))


@pytest.fixture
def leaking_folds(monkeypatch):
    """Boosters are trained on their own fold too."""
    every_part = lambda fold_of_part, fold: list(range(len(fold_of_part)))  # noqa: E731
    monkeypatch.setattr("player_contact.boosting.out_of_fold.training_parts", every_part)


@pytest.fixture
def leaking_speed(monkeypatch):
    """A label gets into the measurements: players in contact run a little faster."""

    def build_leaking_play(tables):
        play, rows = build_play(tables)
        speed = play.speed.copy()
        speed[rows.step, rows.first] += 0.5 * tables.rows["contact"].to_numpy()
        return dataclasses.replace(play, speed=speed), rows

    monkeypatch.setattr("player_contact.pipeline.screen_stage.build_play", build_leaking_play)


def test_a_good_run_passes_every_check(finished_run):
    results = audit(finished_run)
    assert [result.check for result in results if not result.passed] == []
    assert len(results) == len(audits.CHECKS) == 6
    assert audit_text(results).count("ok   ") == 6
    assert "8 models, none trained on a game of its own fold" in audit_text(results)


def test_a_game_in_two_folds_is_found(own_run):
    run = own_run()
    oof = pd.read_parquet(run.folder / "oof.parquet")
    play = oof["game_play"].iloc[0]
    edit_oof(run, fold=oof["fold"].where(oof["game_play"] != play, 1 - oof["fold"]))
    words = rf"in oof\.parquet 1 games lie in more than one fold: {play[:5]} in folds 0, 1"
    find_fault(audits.check_folds, run, words)


def test_a_missing_out_of_fold_row_is_found(own_run):
    run = own_run()
    path = run.folder / "oof.parquet"
    pd.read_parquet(path).iloc[1:].to_parquet(path, index=False)
    find_fault(audits.check_folds, run, "does not hold every label once, in order")


def test_a_model_trained_on_its_own_fold_is_found(own_run, finished_run, leaking_folds):
    config = finished_run.config
    blend = config.blend.model_copy(update={"max_lag": 2})
    run = own_run(config.model_copy(update={"blend": blend}))
    run_pipeline(run, "bundle")
    words = r"^blend/fold0\.txt was trained on \d plays of its own fold's games, such as 5\d{4}_"
    find_fault(audits.check_training_records, run, words)


def test_a_model_that_was_replaced_is_found(own_run):
    run = own_run()
    replace_file(run, "blend/fold0.txt", (run.folder / "blend" / "fold1.txt").read_bytes())
    words = r"^blend/fold0\.txt is not the file whose training was recorded"
    find_fault(audits.check_training_records, run, words)


def test_a_model_trained_on_other_labels_is_found(own_run):
    run = own_run()
    path = sorted((run.folder / "features").glob("*.parquet"))[0]
    table = pd.read_parquet(path)
    table.assign(contact=1 - table["contact"]).to_parquet(path, index=False)
    words = rf"was trained on other rows or labels of {path.stem} than the run has"
    find_fault(audits.check_training_records, run, words)


def test_rows_predicted_by_another_folds_model_are_found(own_run):
    run = own_run()
    oof, table = pd.read_parquet(run.folder / "oof.parquet"), run.candidates
    model = (run.folder / "screen" / "fold1.txt").read_text()
    wrong = predict_booster(model, run.features_of(run.feature_names), 1)
    screen = oof["screen"].to_numpy().copy()
    screen[table["row"]] = np.where(table["fold"] == 0, wrong, screen[table["row"]])
    edit_oof(run, screen=screen)
    words = "is in fold 0, but its models differ .* those of fold 1, which was trained on them"
    find_fault(check_predictions, run, words)


def test_vision_probabilities_that_no_model_gives_are_found(own_run):
    run = own_run()
    path = run.folder / "vision" / "oof.parquet"
    vision = pd.read_parquet(path)
    vision.assign(vision=1 - vision["vision"]).to_parquet(path, index=False)
    edit_oof(run, blend=blend_again(run))
    words = r"models differ from the table by up to 0\.\d+: no model of the bundle gives them"
    find_fault(check_predictions, run, words)


def blend_again(run) -> np.ndarray:
    """The blend of the edited vision probabilities."""
    vision = pd.read_parquet(run.folder / "vision" / "oof.parquet").set_index("row")["vision"]
    screen = pd.read_parquet(run.folder / "oof.parquet")["screen"].to_numpy()
    blend = np.zeros(len(run.season.rows), dtype=np.float32)
    for tables in run.season.plays():
        candidates = run.candidates[run.candidates["row"].isin(tables.rows["row"])]
        row, fold = candidates["row"], candidates["fold"].iloc[0]
        item = (tables, candidates, screen[row], vision.reindex(row).to_numpy(np.float32))
        table = play_blend_table(item, run.config.blend.max_lag)
        text = (run.folder / "blend" / f"fold{fold}.txt").read_text()
        blend[row] = predict_booster(text, table, 1, START)
    return blend


@pytest.mark.parametrize(
    ("edit", "changes", "words"),
    [
        (edit_manifest, {"thresholds": {"pair": 0.5, "ground": 0.5}}, r"has thresholds 0\.5000 \("),
        (edit_manifest, {"open_threshold": 0.001}, r"but the bundle has 0\.0010"),
        (edit_oof, {"final": np.int8(0)}, "thresholds that were chosen on the other folds"),
    ],
)
def test_thresholds_of_other_rows_are_found(own_run, edit, changes, words):
    run = own_run()
    edit(run, **changes)
    find_fault(audits.check_thresholds, run, words)


def test_a_feature_that_depends_on_labels_is_found(own_run, leaking_speed):
    words = r"^the features of 5\d{4}_\d{6} (computed again|with every label flipped) differ"
    find_fault(audits.check_features, own_run(), words)


def test_a_feature_that_depended_on_labels_is_found(own_run, leaking_speed):
    run = own_run()
    (tables,) = run.season.plays(sample_plays(run)[:1])
    write_play_features(tables, run.folder / "features", run.config)
    find_fault(audits.check_features, run, "with every label flipped differ")


def test_a_leaking_chain_scores_on_permuted_labels(own_run, leaking_folds):
    words = r"with labels permuted within plays the chain still scores screen \+0\.[1-9]"
    find_fault(audits.check_permuted_labels, own_run(), words)


def test_a_run_is_not_audited_on_other_data(own_run, tiny_season):
    label = tiny_season.table("train_labels.csv")["contact"][0]
    tiny_season.set_value("train_labels.csv", 2, "contact", "1" if label == "0" else "0")
    with pytest.raises(InputError, match="was trained on other data than"):
        audit(dataclasses.replace(own_run(), input=tiny_season.folder))


def test_an_unfinished_run_is_refused(own_run):
    run = own_run()
    (run.folder / "oof.parquet").unlink()
    with pytest.raises(InputError, match=r"has no oof\.parquet: finish the run first"):
        audit(run)


def test_the_command_prints_a_line_a_check_and_fails_on_a_fault(own_run, monkeypatch):
    run = own_run()
    fast = {"a": audits.check_folds, "b": audits.check_thresholds}
    monkeypatch.setattr(audits, "CHECKS", fast)
    words = ["audit", "--run", run.folder, "--input", run.input, "--workers", "1"]
    for code, starts in ((0, ["ok   ", "ok   "]), (1, ["ok   ", "FAULT"])):
        done = invoke(app, words)
        assert (done.exit_code, [line[:5] for line in done.output.splitlines()]) == (code, starts)
        edit_manifest(run, open_threshold=0.001)
