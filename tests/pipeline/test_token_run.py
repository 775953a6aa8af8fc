"""Runs whose ensemble has a model of each family, or of tokens alone."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest

from player_contact.competition.metric import count, matthews
from player_contact.config import Config, VisionConfig
from player_contact.evaluation.error_images import error_images
from player_contact.evaluation.report import data_facts
from player_contact.evaluation.scores import decide_out_of_fold
from player_contact.inference.bundle import load_bundle
from player_contact.inference.cascade import VISION, predict_play
from player_contact.pipeline.result_stages import member_gains, with_fallback
from player_contact.pipeline.runner import run_pipeline
from player_contact.pipeline.vision_rows import model_rows, tabular_of, visible_rows
from player_contact.pipeline.vision_stage import train_configs
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import read_json
from player_contact.video.crop_store import open_crops, read_contact_ids, read_crop_rows
from player_contact.vision import scoring
from player_contact.vision.dataset import load_images, visible_views
from player_contact.vision.token_rows import TokenRows, token_rows
from run_checks.audit_predictions import check_predictions
from run_checks.finished_run import load_finished_run
from run_checks.plan import make_plan, size_of

PAIRS, TOKENS = {"family": "pairs"}, {"family": "tokens", "batch_size": 2}

pytestmark = pytest.mark.slow


def with_members(config: Config, *members: dict) -> Config:
    vision = config.vision.model_copy(update={"members": members})
    return config.model_copy(update={"vision": vision})


def gone_on_with(finished_run, folder, *members):
    shutil.copytree(finished_run.folder, folder, ignore=shutil.ignore_patterns("report", "crops"))
    config = with_members(finished_run.config, *members)
    run = dataclasses.replace(finished_run, folder=folder, config=config)
    run_pipeline(run, until="bundle")
    return run


@pytest.fixture(scope="module")
def mixed(finished_run, tmp_path_factory):
    """The finished run, gone on with a model of each family."""
    return gone_on_with(finished_run, tmp_path_factory.mktemp("mixed") / "run", PAIRS, TOKENS)


@pytest.fixture(scope="module")
def tokens(finished_run, tmp_path_factory):
    """The finished run, gone on with tokens alone."""
    return gone_on_with(finished_run, tmp_path_factory.mktemp("tokens") / "run", TOKENS)


def test_both_families_predict_the_rows_that_a_view_shows(mixed, finished_run):
    oof, pairs = mixed.oof("vision"), finished_run.oof("vision")
    assert oof["row"].tolist() == pairs["row"].tolist()
    np.testing.assert_array_equal(oof["vision_0"], pairs["vision"])  # as it was by itself
    assert np.isfinite(oof["vision_1"]).all()
    assert (oof["vision_1"] != oof["vision_0"]).any()


def test_a_member_that_adds_more_for_its_seconds_is_asked_first(mixed):
    bundle = load_bundle(mixed.folder / "bundle")
    gains = bundle.manifest["members"]
    assert gains == read_json(mixed.folder / "scores.json")["members"]
    assert gains.keys() == {"0", "1"}
    bundle = dataclasses.replace(bundle, manifest=bundle.manifest | {"members": {"0": 1, "1": 3}})
    pairs, tokens = (
        [f"vision/fold{fold}-{member}.safetensors" for fold in (0, 1)] for member in (0, 1)
    )
    assert bundle.models_by_use(lambda name: 1.0) == tokens + pairs
    assert bundle.models_by_use(lambda name: 4.0 if "-1" in name else 1.0) == pairs + tokens


def test_the_best_member_adds_to_the_screen_and_the_other_to_it(mixed):
    screen = mixed.all_rows(mixed.oof("screen"), "screen")
    gains = member_gains(mixed, screen)
    scores = {}
    for name in ("screen", "vision", "vision_0", "vision_1"):
        probability = screen
        if name != "screen":
            probability = with_fallback(mixed.all_rows(mixed.oof("vision"), name), screen)
        kinds = mixed.labels.label, probability, mixed.labels.is_ground, mixed.labels.fold
        scores[name] = matthews(count(mixed.labels.label, decide_out_of_fold(*kinds)))
    best, other = ("0", "1") if scores["vision_0"] >= scores["vision_1"] else ("1", "0")
    assert [*gains] == [best, other]
    assert gains[best] == pytest.approx(scores[f"vision_{best}"] - scores["screen"], abs=1e-6)
    assert gains[other] == pytest.approx(scores["vision"] - scores[f"vision_{best}"], abs=1e-6)


def test_crops_are_those_of_open_rows_and_of_each_player_in_them(mixed):
    opened = mixed.open_rows()
    for play, game_play in enumerate(mixed.folds["game_play"]):
        folder = mixed.folder / "crops" / game_play
        rows = opened[opened["play_index"] == play]
        assert set(rows["row"]) <= set(read_crop_rows(folder).tolist())
        ids = pd.Series(read_contact_ids(folder))
        closed = ids[~np.isin(read_crop_rows(folder), rows["row"])]
        assert closed.str.endswith("_G").all()
        assert len(open_crops(folder).images) == len(ids)


def test_tokens_alone_cut_players_alone_and_predict_the_same_rows(tokens, mixed):
    for game_play in tokens.folds["game_play"]:
        ids = pd.Series(read_contact_ids(tokens.folder / "crops" / game_play))
        assert ids.str.endswith("_G").all()
    oof = tokens.oof("vision")
    assert oof["row"].tolist() == mixed.oof("vision")["row"].tolist()
    np.testing.assert_array_equal(oof["vision"], mixed.oof("vision")["vision_1"])
    assert (~tokens.labels.is_ground[oof["row"]]).any()


@pytest.mark.parametrize("name", ["mixed", "tokens"])
def test_the_models_of_a_fold_give_its_table_again(name, request):
    run = request.getfixturevalue(name)
    assert "predicted again" in check_predictions(load_finished_run(run))
    facts = data_facts(run.folder)
    cut = [len(read_crop_rows(path)) for path in (run.folder / "crops").iterdir()]
    assert facts["rows with crops"] == sum(cut)


def test_an_error_of_a_pair_is_shown_by_the_crop_of_a_player(tokens):
    rows = tokens.open_rows()
    rows = rows[(rows["second"] >= 0) & rows["row"].isin(tokens.oof("vision")["row"])]
    contact_id = tokens.season.rows["contact_id"].iloc[rows["row"].iloc[0]]
    game, play, step, *pair = contact_id.split("_")
    steps = {"first_step": int(step), "last_step": int(step)}
    error = {"game_play": f"{game}_{play}", "pair": "_".join(pair), **steps}
    (shown,) = error_images(tokens.folder, pd.DataFrame([error]))
    assert shown["image"].startswith("data:image/jpeg;base64,")


def test_a_plan_of_tokens_has_crops_and_training_of_players(tokens, monkeypatch):
    small = {"models.MAX_ROWS": 3_000, "models.BOOSTING_ROUNDS": 5, "vision.SECONDS": 0.05}
    for name, value in small.items():
        monkeypatch.setattr(f"run_checks.measured_{name}", value)
    for name in ("SCREEN_MODULES", "VISION_MODULES"):  # whose import is timed
        monkeypatch.setattr(f"run_checks.plan.{name}", ("json",))
    plan = make_plan(tokens, size_of(tokens.season, 1), 1e-6)
    costs = {stage.stage: stage.cost for stage in plan.stages}
    assert min(costs[stage].seconds for stage in ("crops", "vision", "submission")) > 0


@pytest.mark.parametrize("name", ["mixed", "tokens"])
def test_a_play_is_predicted_as_it_was_out_of_fold(name, request, monkeypatch):
    """With crops that are cut anew, by the models of its own fold."""
    tokens = request.getfixturevalue(name)
    finished = load_finished_run(tokens)
    tables = next(tokens.season.plays())
    fold = int(tokens.folds.set_index("game_play")["fold"][tables.game_play])
    bundle = dataclasses.replace(finished.bundle, screen=[finished.bundle.screen[fold]])
    names = [name for name, of in finished.models("vision").items() if of == fold]
    for field in ("vision_models", "image_embedders"):
        chosen = {name: getattr(finished.bundle, field)[name] for name in names}
        monkeypatch.setitem(bundle.__dict__, field, chosen)
    monkeypatch.setattr("player_contact.inference.cascade.load_bundle", lambda _: bundle)
    given, score = [], scoring.predict_logits

    def listen(model, rows, *args):
        given.append(rows)
        return score(model, rows, *args)

    monkeypatch.setattr(scoring, "predict_logits", listen)
    predicted = predict_play(tables, bundle.folder, complete=True, with_video=True)
    assert predicted.source == VISION
    expected = tokens.oof("vision").set_index("row")["vision"].reindex(predicted.row)
    np.testing.assert_allclose(predicted.probabilities["vision"], expected, atol=0.02)
    same_rows(given[-1], rows_of_training(tokens, tables.game_play))


def rows_of_training(run, game_play: str) -> TokenRows:
    """Those of a play as a model of another fold would be trained on them."""
    folders = [run.folder / "crops" / name for name in run.folds["game_play"]]
    table, players = visible_rows(run, folders)
    table = table[table["play_index"] == run.folds["game_play"].tolist().index(game_play)]
    names, crops = run.config.vision.tabular, [open_crops(folder) for folder in folders]
    rows = model_rows(table, tabular_of(run, table, names), crops)
    of_players = model_rows(players.table, tabular_of(run, players.table, names), crops)
    return token_rows(rows, of_players, players.geometry)


def same_rows(one: TokenRows, other: TokenRows) -> None:
    np.testing.assert_array_equal(one.first, other.first)
    np.testing.assert_array_equal(one.second, other.second)
    np.testing.assert_allclose(one.geometry, other.geometry, atol=1e-5)
    for a, b in ((one.rows, other.rows), (one.players, other.players)):
        np.testing.assert_array_equal(a.step, b.step)
        np.testing.assert_allclose(a.tabular, b.tabular, rtol=1e-3, atol=1e-4)
    index = np.arange(len(one.players))
    shown = [visible_views(rows, index, VisionConfig()) for rows in (one.players, other.players)]
    np.testing.assert_array_equal(*shown)
    images = [
        load_images(rows, index, shown[0], VisionConfig()) for rows in (one.players, other.players)
    ]
    for a, b in zip(*images, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_of_pairs_has_no_crops_for_tokens(finished_run, tmp_path):
    config = with_members(finished_run.config, TOKENS)
    with pytest.raises(ConfigError, match=r"no crops for vision\.family tokens: start another"):
        train_configs(finished_run, [(config, tmp_path)], [0])
