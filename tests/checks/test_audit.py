"""Every check of the audit is shown the fault that it is there to find."""

import dataclasses
import hashlib

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.boosting.booster import booster_probability
from player_contact.checks import audit as audits
from player_contact.checks.audit import AuditError, audit, audit_text, gather
from player_contact.errors import InputError
from player_contact.files import read_json, write_json
from player_contact.pipeline import run_pipeline
from player_contact.play import build_play


def edit_manifest(run, **changes) -> None:
    path = run.folder / "bundle" / "manifest.json"
    write_json(read_json(path) | changes, path)


def change_file(run, name: str, content: bytes) -> None:
    """Another content of a bundle's file, under its true hash."""
    (run.folder / "bundle" / name).write_bytes(content)
    files = read_json(run.folder / "bundle" / "manifest.json")["files"]
    edit_manifest(run, files=files | {name: hashlib.sha256(content).hexdigest()})


def change_oof(run, **columns) -> None:
    path = run.folder / "oof.parquet"
    pd.read_parquet(path).assign(**columns).to_parquet(path, index=False)


def everything(fold_of_part, fold):
    """Learns from its own fold too."""
    return list(range(len(fold_of_part)))


def test_a_run_as_it_should_be_passes_every_check(finished_run):
    findings = audit(finished_run)
    assert [finding.check for finding in findings if not finding.good] == []
    assert len(findings) == len(audits.CHECKS) == 6
    assert audit_text(findings).count("ok   ") == 6
    assert "6 models, none trained on a game of its own fold" in audit_text(findings)


def test_a_game_in_two_folds_is_found(own_run):
    run = own_run()
    oof = pd.read_parquet(run.folder / "oof.parquet")
    game = oof["game_play"].iloc[0][:5]
    change_oof(run, fold=np.where(oof["game_play"] == oof["game_play"].iloc[0], 1 - oof["fold"], oof["fold"]))
    with pytest.raises(AuditError, match=rf"in oof\.parquet 1 games lie in more than one fold: {game} in folds 0, 1"):
        audits.games_apart(gather(run))


def test_an_out_of_fold_table_that_lacks_a_row_is_found(own_run):
    run = own_run()
    pd.read_parquet(run.folder / "oof.parquet").iloc[1:].to_parquet(run.folder / "oof.parquet", index=False)
    with pytest.raises(AuditError, match="does not hold every label once, in order"):
        audits.games_apart(gather(run))


def blended_otherwise(config):
    return config.model_copy(update={"blend": config.blend.model_copy(update={"reach": 2})})


def test_a_model_that_learnt_from_its_own_fold_is_found(own_run, finished_run, monkeypatch):
    run = own_run(blended_otherwise(finished_run.config))
    monkeypatch.setattr("player_contact.boosting.out_of_fold.parts_to_learn", everything)
    run_pipeline(run, "bundle")
    with pytest.raises(AuditError, match=r"^blend/fold0\.txt was trained on \d plays of its own fold's games, such as 5\d{4}_\d{6}"):
        audits.never_seen(gather(run))


def test_a_model_that_was_exchanged_after_its_training_is_found(own_run):
    run = own_run()
    change_file(run, "blend/fold0.txt", (run.folder / "blend" / "fold1.txt").read_bytes())
    with pytest.raises(AuditError, match=r"^blend/fold0\.txt is not the file that was trained"):
        audits.never_seen(gather(run))


def test_a_model_that_learnt_other_labels_than_the_run_has_is_found(own_run):
    run = own_run()
    path = sorted((run.folder / "features").glob("*.parquet"))[0]
    table = pd.read_parquet(path)
    table.assign(contact=1 - table["contact"]).to_parquet(path, index=False)
    with pytest.raises(AuditError, match=rf"was trained on other rows or labels of {path.stem} than the run has"):
        audits.never_seen(gather(run))


def test_rows_that_were_predicted_by_another_folds_model_are_found(own_run):
    run = own_run()
    oof, table = pd.read_parquet(run.folder / "oof.parquet"), run.candidates
    wrong = booster_probability((run.folder / "screen" / "fold1.txt").read_text(), run.features_of(run.feature_names), 1)
    screen = oof["screen"].to_numpy().copy()
    screen[table["row"]] = np.where(table["fold"] == 0, wrong, screen[table["row"]])
    change_oof(run, screen=screen)
    with pytest.raises(AuditError, match=r"is in fold 0, but its models differ .* those of fold 1, which was trained on them, give them"):
        audits.asked_again(gather(run))


def test_probabilities_of_vision_that_no_model_gives_are_found(own_run):
    run = own_run()
    path = run.folder / "vision" / "oof.parquet"
    vision = pd.read_parquet(path)
    vision.assign(vision=1 - vision["vision"]).to_parquet(path, index=False)  # far from what any of them gives
    change_oof(run, blend=blend_of(run))
    with pytest.raises(AuditError, match=r"but its models differ from the table by up to 0\.\d+: no model of the bundle gives them"):
        audits.asked_again(gather(run))


def blend_of(run) -> np.ndarray:
    """What the blend makes of the changed vision."""
    vision = pd.read_parquet(run.folder / "vision" / "oof.parquet").set_index("row")["vision"]
    blend = np.zeros(len(run.season.rows), dtype=np.float32)
    for tables in run.season.plays():
        places = run.candidates[run.candidates["row"].isin(tables.rows["row"])]
        screen = pd.read_parquet(run.folder / "oof.parquet")["screen"].to_numpy()[places["row"]]
        table = audits.play_blend_table((tables, places, screen, vision.reindex(places["row"]).to_numpy(np.float32)), run.config.blend.reach)
        text = (run.folder / "blend" / f"fold{places['fold'].iloc[0]}.txt").read_text()
        blend[places["row"]] = booster_probability(text, table, 1)
    return blend


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda run: edit_manifest(run, thresholds={"pair": 0.5, "ground": 0.5}), r"but the bundle has thresholds 0\.5000 \(pairs\)"),
        (lambda run: edit_manifest(run, cut=0.001), r"but the bundle has 0\.0010"),
        (lambda run: change_oof(run, final=np.int8(0)), "not those of thresholds that were chosen on the other folds"),
    ],
)
def test_thresholds_that_do_not_come_from_the_out_of_fold_rows_are_found(own_run, change, words):
    run = own_run()
    change(run)
    with pytest.raises(AuditError, match=words):
        audits.thresholds_out_of_fold(gather(run))


def telling_build_play(tables):
    """Players who touch something run a little faster: a label that got into the measurements."""
    play, rows = build_play(tables)
    speed = play.speed.copy()
    speed[rows.step, rows.first] += 0.5 * tables.rows["contact"].to_numpy()
    return dataclasses.replace(play, speed=speed), rows


def test_a_feature_that_knows_a_label_is_found(own_run, monkeypatch):
    run = own_run()
    monkeypatch.setattr("player_contact.stages.screen.build_play", telling_build_play)
    with pytest.raises(AuditError, match=r"^the features of 5\d{4}_\d{6} (computed again|with every label turned round) are others"):
        audits.features_know_no_label(gather(run))


def test_a_feature_that_knew_the_labels_when_the_run_was_made_is_found(own_run, monkeypatch):
    run = own_run()
    monkeypatch.setattr("player_contact.stages.screen.build_play", telling_build_play)
    audits.write_play_features(next(iter(run.season.plays([audits._some_plays(run)[0]]))), run.folder / "features", run.config)
    with pytest.raises(AuditError, match=r"with every label turned round are others"):
        audits.features_know_no_label(gather(run))


def test_a_chain_that_learns_from_what_it_predicts_scores_even_on_permuted_labels(own_run, monkeypatch):
    run = own_run()
    monkeypatch.setattr("player_contact.boosting.out_of_fold.parts_to_learn", everything)
    with pytest.raises(AuditError, match=r"with labels permuted within plays the chain still scores screen \+0\.[1-9]"):
        audits.no_skill_without_labels(gather(run))


def test_a_run_is_not_audited_on_other_data_than_its_own(own_run, tiny_season):
    tiny_season.set_value("train_labels.csv", 2, "contact", "1" if tiny_season.table("train_labels.csv")["contact"][0] == "0" else "0")
    with pytest.raises(InputError, match="was trained on other data than"):
        audit(dataclasses.replace(own_run(), input=tiny_season.folder))


def test_a_run_that_is_not_finished_is_refused(own_run):
    run = own_run()
    (run.folder / "oof.parquet").unlink()
    with pytest.raises(InputError, match=r"has no oof\.parquet: finish the run first"):
        audit(run)


def test_the_command_prints_a_line_a_check_and_fails_on_a_fault(own_run, monkeypatch):
    run = own_run()
    cheap = {name: check for name, check in audits.CHECKS.items() if check in (audits.games_apart, audits.thresholds_out_of_fold)}
    monkeypatch.setattr(audits, "CHECKS", cheap)
    words = ["audit", "--run", str(run.folder), "--input", str(run.input), "--workers", "1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert [line[:5] for line in done.output.splitlines()] == ["ok   ", "ok   "]
    edit_manifest(run, cut=0.001)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert [line[:5] for line in done.output.splitlines()] == ["ok   ", "FAULT"]
