import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.metric import count, matthews
from player_contact.evaluation.scores import (
    bootstrap,
    counts_by_game,
    decide_out_of_fold,
    score_models,
    scores_text,
    total,
)
from player_contact.utils.files import read_json

GAMES = 6
SEEDS = st.integers(0, 2**32 - 1)


def season_rows(seed=0, rows=600):
    """label, probability, is_ground, fold, game."""
    random = np.random.default_rng(seed)
    label, is_ground = random.random(rows) < 0.1, random.random(rows) < 0.1
    game = random.integers(GAMES, size=rows)
    game[:GAMES] = np.arange(GAMES)
    probability = np.clip(random.normal(0.2 + 0.4 * label, 0.2), 0, 1).astype(np.float32)
    return label, probability, is_ground, game % 3, game


@given(SEEDS, st.integers(0, 2))
def test_no_row_helps_to_choose_its_own_threshold(seed, number):
    label, *others, fold, _ = season_rows(seed)
    rows = fold == number
    flipped = np.where(rows, ~label, label)
    before, after = (decide_out_of_fold(values, *others, fold) for values in (label, flipped))
    np.testing.assert_array_equal(before[rows], after[rows])


def test_the_labels_of_the_other_folds_choose_it():
    label, *others, fold, _ = season_rows()
    flipped = np.where(fold == 0, label, ~label)
    before, after = (decide_out_of_fold(values, *others, fold) for values in (label, flipped))
    assert (before != after)[fold == 0].any()


@given(SEEDS)
def test_the_counts_of_the_games_add_up_to_the_season_s(seed):
    label, probability, _, _, game = season_rows(seed)
    assert total(counts_by_game(label, probability > 0.5, game)) == count(label, probability > 0.5)


def test_every_game_drawn_once_is_the_season_itself():
    label, probability, _, _, game = season_rows()
    counts = counts_by_game(label, probability > 0.5, game)
    assert bootstrap(counts, np.ones((1, GAMES)))[0] == matthews(total(counts))


def test_a_game_drawn_twice_counts_twice():
    label, probability, _, _, game = season_rows()
    decided = probability > 0.5
    twice = np.concatenate([np.arange(len(label)), np.flatnonzero(game == 2)])
    draws = np.where(np.arange(GAMES) == 2, 2, 1)[None]
    mcc = matthews(count(label[twice], decided[twice]))
    assert bootstrap(counts_by_game(label, decided, game), draws)[0] == pytest.approx(mcc)


def score(decisions, gain_over=None, seed=1):
    """`score_models` of decisions that are made from label, probability and is_ground."""
    label, probability, is_ground, _, game = season_rows()
    made = {name: make(label, probability, is_ground) for name, make in decisions.items()}
    return score_models(label, is_ground, game, made, gain_over or {}, seed)


def poor(label, probability, is_ground):
    return probability > 0.7


def good(label, probability, is_ground):
    return probability > 0.4


def perfect(label, probability, is_ground):
    return label


@pytest.fixture
def scores():
    decisions = {"poor": poor, "good": good, "same": good, "perfect": perfect}
    return score(decisions, {"good": "poor", "same": "good", "perfect": "good"})


def test_a_model_is_scored_over_all_rows_and_each_kind(scores):
    label, probability, is_ground, _, _ = season_rows()
    decided = probability > 0.4
    assert scores[1].mcc == matthews(count(label, decided))
    assert scores[1].ground == matthews(count(label[is_ground], decided[is_ground]))
    assert scores[1].pairs == matthews(count(label[~is_ground], decided[~is_ground]))


def test_an_interval_holds_the_mcc(scores):
    assert all(score.interval[0] < score.mcc < score.interval[1] for score in scores[:3])
    assert (scores[3].mcc, scores[3].interval) == (1, (1, 1))


def test_equal_decisions_gain_exactly_nothing(scores):
    assert (scores[2].gain, scores[2].gain_interval) == (0, (0, 0))


def test_a_gain_is_the_difference_to_the_model_it_names(scores):
    assert scores[3].gain_over == "good"
    assert scores[3].gain == scores[3].mcc - scores[1].mcc
    assert scores[0].gain is None


def test_the_same_seed_draws_the_same_games(scores):
    again, other = (score({"poor": poor}, seed=seed)[0] for seed in (1, 2))
    assert again == scores[0]
    assert other.interval != scores[0].interval


def test_a_gain_that_may_be_chance_is_named(scores):
    text = scores_text(scores, simulated=True)
    assert "At this size, same is not clearly better than good." in text
    assert "perfect is not clearly" not in text


def test_an_undefined_mcc_is_printed_as_a_dash():
    scores = score(
        {"pairs only": lambda _, probability, is_ground: (probability > 0.4) & ~is_ground}
    )
    assert scores[0].ground is None
    assert scores[0].pairs is not None
    assert scores_text(scores, simulated=True).splitlines()[2].endswith("–")


def test_a_model_that_clearly_loses_does_worse():
    scores = score({"perfect": perfect, "good": good}, {"good": "perfect"})
    assert "At this size, good does worse than perfect." in scores_text(scores, simulated=False)


@pytest.mark.parametrize(
    ("simulated", "words"), [(True, "simulated season"), (False, "competition data")]
)
def test_the_text_names_its_data(scores, simulated, words):
    assert words in scores_text(scores, simulated).splitlines()[0]


def test_the_text_of_a_run_fits_100_columns(finished_run):
    text = read_json(finished_run.folder / "scores.json")["text"]
    assert max(map(len, text.splitlines())) <= 100
