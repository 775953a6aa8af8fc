import dataclasses
import errno

import pandas as pd
import psutil
import pytest
from safetensors.torch import save_file
from sklearn.metrics import matthews_corrcoef

from player_contact.config import load_config, save_config
from player_contact.inference.bundle import load_bundle
from player_contact.inference.predict import predict_folder
from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import run_pipeline
from player_contact.pipeline.stages import STAGE_NAMES, STAGES
from player_contact.utils.errors import ConfigError, InputError
from player_contact.utils.files import read_json
from player_contact.utils.parallel import parallel_map
from player_contact.vision.encoders import create_encoder
from tests.utils.worker_functions import process_id

SCORES = ["proximity", "sensors", "screen", "vision", "blend"]


@pytest.fixture(scope="module")
def oof(finished_run) -> pd.DataFrame:
    return pd.read_parquet(finished_run.folder / "oof.parquet")


@pytest.fixture(scope="module")
def labels(finished_run) -> pd.DataFrame:
    return pd.read_csv(finished_run.input / "train_labels.csv")


def blended_otherwise(config):
    return config.model_copy(update={"blend": config.blend.model_copy(update={"max_lag": 2})})


def contents(folder) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_run_leaves_every_output_and_nothing_half_done(finished_run):
    expected = {name for stage in STAGES for name in stage.outputs} | {"config.yaml", "stages.json"}
    assert {path.name for path in finished_run.folder.iterdir()} == expected
    assert not [name for name in contents(finished_run.folder) if "partial" in name]


def test_what_reading_the_tables_repaired_is_kept(tiny_season, tiny_config, tmp_path):
    helmets = tiny_season.table("train_baseline_helmets.csv")
    helmets.loc[helmets.index[helmets["view"] == "Endzone"][:7], "view"] = "Endzone2"
    tiny_season.write("train_baseline_helmets.csv", helmets)
    run_pipeline(Run(tiny_config, tiny_season.folder, tmp_path / "run", 1, simulated=True), "folds")
    said = read_json(tmp_path / "run" / "stages.json")["folds"]["messages"]
    assert "train_baseline_helmets.csv: 7 rows of view Endzone2 read as Endzone" in said


def test_what_was_logged_before_a_kill_is_kept(filmed_season, own_run, monkeypatch):
    first, *_ = sorted(
        path.name for path in (filmed_season.folder / "train").glob("*_Sideline.mp4")
    )
    (filmed_season.folder / "train" / first).unlink()
    run = dataclasses.replace(own_run(), input=filmed_season.folder)

    def break_off(*words):
        yield from parallel_map(*words)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("player_contact.pipeline.crops_stage.parallel_map", break_off)
        with pytest.raises(KeyboardInterrupt):
            run_pipeline(run, "crops")
    assert run_pipeline(run, "crops") == ["crops"]
    assert any(
        line.startswith(f"{first} is missing")
        for line in read_json(run.folder / "stages.json")["crops"]["messages"]
    )


def test_time_and_memory_of_every_stage_are_kept_with_the_run(finished_run):
    stages = read_json(finished_run.folder / "stages.json")
    assert list(stages) == list(STAGE_NAMES)
    assert all(line["seconds"] >= 0 and line["peak_mb"] > 50 for line in stages.values())


def test_the_out_of_fold_table_holds_every_label_once_in_order(oof, labels):
    assert oof["contact_id"].tolist() == labels["contact_id"].tolist()
    assert oof["contact"].tolist() == labels["contact"].tolist()


def test_a_filtered_row_counts_as_zero_in_every_model(oof, finished_run):
    filtered = ~oof.index.isin(finished_run.candidates["row"])
    assert filtered.any()
    assert not oof.loc[filtered, [*SCORES, "final"]].to_numpy().any()


def test_probabilities_are_probabilities(oof):
    assert ((oof[SCORES] >= 0) & (oof[SCORES] <= 1)).all(axis=None)


def test_the_last_score_is_that_of_scikit_learn_over_all_rows(oof, finished_run):
    result = read_json(finished_run.folder / "scores.json")
    assert result["scores"][-1]["mcc"] == pytest.approx(
        matthews_corrcoef(oof["contact"], oof["final"]), abs=1e-9
    )
    assert result["rows"] == len(oof)
    assert oof["final"].any()


def test_what_thresholds_of_other_folds_cost_is_told_beside_the_score(oof, finished_run):
    result = read_json(finished_run.folder / "scores.json")
    assert result["called"] == oof["final"].sum()
    best, contact = result["best_in_hindsight"], oof["contact"]
    assert best >= result["scores"][-1]["mcc"]
    for threshold in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        assert best >= matthews_corrcoef(contact, oof["blend"] >= threshold) - 1e-9


def test_the_fold_of_a_row_is_that_of_its_game(oof, finished_run):
    fold = finished_run.folds.set_index("game_play")["fold"]
    assert oof["fold"].tolist() == fold[oof["game_play"]].tolist()


def test_the_submission_has_the_sample_s_ids_in_order(finished_run):
    submission = pd.read_csv(finished_run.folder / "submission.csv")
    asked = pd.read_csv(finished_run.input / "sample_submission.csv")
    assert list(submission.columns) == ["contact_id", "contact"]
    assert submission["contact_id"].tolist() == asked["contact_id"].tolist()
    assert set(submission["contact"]) <= {0, 1}


def test_the_submission_is_what_predict_makes_of_the_bundle(finished_run, tmp_path):
    predict_folder(finished_run.folder / "bundle", finished_run.input, tmp_path / "again.csv", 0)
    assert (tmp_path / "again.csv").read_bytes() == (
        finished_run.folder / "submission.csv"
    ).read_bytes()


def test_a_second_call_runs_nothing_and_touches_nothing(own_run):
    run = own_run()
    before = contents(run.folder)
    assert run_pipeline(run) == []
    assert contents(run.folder) == before


def test_another_number_of_workers_runs_nothing(own_run):
    assert run_pipeline(own_run(workers=2)) == []


def test_worker_processes_of_before_do_not_stay(own_run, finished_run):
    before = set(parallel_map(process_id, range(4), 4, "numbers", 2))
    assert run_pipeline(own_run(blended_otherwise(finished_run.config)), until="blend") == ["blend"]
    assert not any(psutil.pid_exists(number) for number in before)


def test_a_changed_blend_runs_the_blend_and_what_follows_alone(own_run, finished_run):
    run = own_run(blended_otherwise(finished_run.config))
    assert run_pipeline(run) == ["blend", "scores", "bundle", "submission", "report"]
    predict_folder(run.folder / "bundle", run.input, run.folder / "again.csv", 0)
    assert (run.folder / "again.csv").read_bytes() == (run.folder / "submission.csv").read_bytes()
    assert read_json(run.folder / "bundle" / "manifest.json") != read_json(
        finished_run.folder / "bundle" / "manifest.json"
    )


def test_only_the_stages_up_to_the_asked_one_run(finished_run, tmp_path):
    run = Run(finished_run.config, finished_run.input, tmp_path / "some", 1, simulated=True)
    assert run_pipeline(run, until="features") == ["folds", "features"]
    assert run_pipeline(run, until="features") == []


def test_a_removed_output_is_made_again(own_run):
    run = own_run()
    before = (run.folder / "scores.json").read_bytes()
    (run.folder / "scores.json").unlink()
    assert run_pipeline(run, until="scores") == ["scores"]
    assert (run.folder / "scores.json").read_bytes() == before


def test_num_workers_of_a_fold_changes_no_model(own_run, finished_run):
    config = finished_run.config
    run = own_run(
        config.model_copy(update={"vision": config.vision.model_copy(update={"num_workers": 1})})
    )
    assert run_pipeline(run, until="scores") == []


def test_a_failed_stage_leaves_the_outputs_of_before(own_run, finished_run):
    run = own_run(blended_otherwise(finished_run.config))
    vision = run.folder / "vision" / "oof.parquet"
    good = vision.read_bytes()
    vision.write_bytes(b"damaged")
    before = contents(run.folder)
    with pytest.raises(Exception, match="Parquet"):
        run_pipeline(run)
    after = contents(run.folder)
    kept = [name for name in before if name.split("/")[0] not in ("config.yaml", "stages.json")]
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    vision.write_bytes(good)
    assert run_pipeline(run, until="blend") == ["blend"]


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "write",
    [
        "player_contact.pipeline.blend_stage.pd.DataFrame.to_parquet",
        "player_contact.pipeline.training_record.write_json",
    ],
)
def test_a_full_disk_leaves_the_outputs_of_before(own_run, finished_run, monkeypatch, write):
    run = own_run(blended_otherwise(finished_run.config))
    before = contents(run.folder / "blend")
    with monkeypatch.context() as full:
        full.setattr(write, full_disk)
        with pytest.raises(OSError, match="No space left"):
            run_pipeline(run, until="blend")
    assert contents(run.folder / "blend") == before
    assert run_pipeline(run, until="blend") == ["blend"]
    assert contents(run.folder / "blend") != before
    assert not list(run.folder.glob(".*"))


def test_old_settings_after_a_failure_run_nothing(own_run, finished_run):
    run = own_run(blended_otherwise(finished_run.config))
    vision = run.folder / "vision" / "oof.parquet"
    good = vision.read_bytes()
    vision.write_bytes(b"damaged")
    with pytest.raises(Exception, match="Parquet"):
        run_pipeline(run)
    vision.write_bytes(good)
    assert run_pipeline(dataclasses.replace(run, config=finished_run.config)) == []


def test_what_another_run_left_half_done_is_no_output(own_run, finished_run):
    run = own_run(blended_otherwise(finished_run.config))
    stale = run.folder / ".blend-0123456789ab.partial" / "blend"
    stale.mkdir(parents=True)
    (stale / "fold0.txt").write_text("half")
    run_pipeline(run, until="blend")
    assert not stale.parent.exists()
    assert "half" not in (run.folder / "blend" / "fold0.txt").read_text()
    assert len(pd.read_parquet(run.folder / "blend" / "oof.parquet")) == len(
        finished_run.candidates
    )


@pytest.mark.slow
def test_a_season_without_videos_makes_a_whole_run(tiny_season, tiny_config, tmp_path, caplog):
    run = Run(tiny_config, tiny_season.folder, tmp_path / "tiny", 1, simulated=True)
    assert run_pipeline(run) == list(STAGE_NAMES)
    assert "No open row is visible: there is no vision model" in caplog.text
    assert caplog.text.count("No video was found in") == 2, (
        "once while training, once while predicting"
    )
    assert "is missing" not in caplog.text
    assert not pd.read_parquet(run.folder / "oof.parquet")["vision"].any()
    assert [score["name"] for score in read_json(run.folder / "scores.json")["scores"]] == [
        "distance",
        "sensors",
        "screen",
        "blend",
    ]
    assert len(pd.read_csv(run.folder / "submission.csv")) == len(
        tiny_season.table("sample_submission.csv")
    )


def test_with_videos_of_one_game_alone_all_runs_but_what_reads_none(filmed_season, own_run):
    first = filmed_season.table("train_labels.csv")["game_play"][0]
    for video in (filmed_season.folder / "train").glob("*.mp4"):
        if not video.name.startswith(first):
            video.unlink()
    run = dataclasses.replace(own_run(), input=filmed_season.folder)
    (run.folder / "submission.csv").unlink()
    later = ["crops", "vision", "blend", "scores", "bundle", "submission"]
    assert run_pipeline(run, until="submission") == later
    assert len(pd.read_csv(run.folder / "submission.csv")) == len(
        filmed_season.table("sample_submission.csv")
    )


@pytest.mark.slow
def test_faulty_test_tables_are_refused_before_training(tiny_season, tiny_config, tmp_path):
    tiny_season.drop_column("test_player_tracking.csv", "speed")
    run = Run(tiny_config, tiny_season.folder, tmp_path / "tiny", 1, simulated=True)
    with pytest.raises(InputError, match=r"test_player_tracking\.csv has no column 'speed'"):
        run_pipeline(run)
    assert not (run.folder / "folds.csv").exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"tabular": ("distance", "closing_sped")},
            "'vision.tabular' names 'closing_sped', which is no feature. Did you mean",
        ),
        (
            {"encoder": "nothing_at_all"},
            "'vision.encoder' is 'nothing_at_all', which is not a timm model.",
        ),
        (
            {"encoder": "resnet10t", "encoder_options": {"shortcut": "none"}},
            "'vision.encoder' 'resnet10t' does not take 'vision.encoder_options' shortcut=none",
        ),
        (
            {"weights": "nowhere.safetensors"},
            "There is no file nowhere.safetensors to take weights from.",
        ),
    ],
)
def test_unknown_features_and_encoders_are_refused_first(
    tiny_season, tiny_config, tmp_path, settings, words
):
    config = tiny_config.model_copy(
        update={"vision": tiny_config.vision.model_copy(update=settings)}
    )
    run = Run(config, tiny_season.folder, tmp_path / "tiny", 1, simulated=True)
    with pytest.raises(ConfigError) as caught:
        run_pipeline(run)
    assert str(caught.value).startswith(words)
    assert not (run.folder / "folds.csv").exists()


def test_other_weights_in_the_same_file_train_again(own_run, tiny_config, tmp_path):
    file = tmp_path / "w.safetensors"
    run = own_run(
        tiny_config.model_copy(
            update={"vision": tiny_config.vision.model_copy(update={"weights": str(file)})}
        )
    )
    weights = create_encoder(tiny_config.vision.encoder, 32, {}).state_dict()
    for _ in range(2):
        save_file(weights, file)
        assert run_pipeline(run, until="bundle") == ["vision", "blend", "scores", "bundle"]
        weights["bn1.bias"] += 1
    file.unlink()
    assert len(load_bundle(run.folder / "bundle").vision_models) == 2


def test_the_settings_of_a_run_are_kept_with_it(finished_run):
    assert load_config(finished_run.folder / "config.yaml") == finished_run.config


def test_settings_under_which_nothing_ran_are_not_kept(own_run, finished_run):
    other = finished_run.config.vision.model_copy(update={"clip_epochs": 7})
    run = own_run(finished_run.config.model_copy(update={"vision": other}))
    assert run_pipeline(run, until="crops") == []
    assert load_config(run.folder / "config.yaml") == finished_run.config


def test_a_whole_run_gets_its_own_settings_back(own_run, finished_run):
    run = own_run()
    save_config(blended_otherwise(finished_run.config), run.folder / "config.yaml")
    assert run_pipeline(run, until="bundle") == []
    assert load_config(run.folder / "config.yaml") == finished_run.config


def test_the_last_stage_is_the_report():
    assert STAGE_NAMES[-1] == "report"


def test_two_workers_give_the_same_bytes_as_one(finished_run, oof, tmp_path):
    run = Run(finished_run.config, finished_run.input, tmp_path / "tiny", 2, simulated=True)
    run_pipeline(run, until="vision")
    commands = [" ".join(child.cmdline()) for child in psutil.Process().children()]
    assert not [command for command in commands if "LokyProcess" in command], "they keep memory"
    run_pipeline(run, until="submission")
    pd.testing.assert_frame_equal(
        pd.read_parquet(run.folder / "oof.parquet"), oof, check_exact=True
    )
    assert (run.folder / "submission.csv").read_bytes() == (
        finished_run.folder / "submission.csv"
    ).read_bytes()
