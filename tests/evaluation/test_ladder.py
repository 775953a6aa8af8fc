import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.metric import count, matthews
from player_contact.evaluation.ladder import bootstrap, counts_by_game, decide_out_of_fold, ladder_text, make_ladder, total
from player_contact.files import read_json

GAMES = 6


def season_rows(seed=0, rows=600):
    """label, probability, is_ground, fold, game."""
    random = np.random.default_rng(seed)
    label, is_ground, game = random.random(rows) < 0.1, random.random(rows) < 0.1, random.integers(GAMES, size=rows)
    game[:GAMES] = np.arange(GAMES)
    probability = np.clip(random.normal(0.2 + 0.4 * label, 0.2), 0, 1).astype(np.float32)
    return label, probability, is_ground, game % 3, game


@given(st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_no_row_helps_to_choose_the_threshold_that_decides_it(seed, one):
    label, probability, is_ground, fold, _ = season_rows(seed)
    inside = fold == one
    other_label = np.where(inside, ~label, label)
    before, after = (decide_out_of_fold(values, probability, is_ground, fold) for values in (label, other_label))
    np.testing.assert_array_equal(before[inside], after[inside])


def test_the_labels_of_the_other_folds_do_choose_it():
    label, probability, is_ground, fold, _ = season_rows()
    other_label = np.where(fold == 0, label, ~label)
    before, after = (decide_out_of_fold(values, probability, is_ground, fold)[fold == 0] for values in (label, other_label))
    assert (before != after).any()


@given(st.integers(0, 2**32 - 1))
def test_the_counts_of_the_games_add_up_to_those_of_the_season(seed):
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
    draws = np.ones((1, GAMES))
    draws[0, 2] = 2
    assert bootstrap(counts_by_game(label, decided, game), draws)[0] == pytest.approx(matthews(count(label[twice], decided[twice])))


@pytest.fixture
def rungs():
    label, probability, is_ground, _, game = season_rows()
    decisions = {"poor": probability > 0.7, "good": probability > 0.4, "same": probability > 0.4, "perfect": label}
    return make_ladder(label, is_ground, game, decisions, {"good": "poor", "same": "good", "perfect": "good"}, seed=1)


def test_a_rung_has_the_score_of_its_decisions_over_all_rows_and_over_each_kind(rungs):
    label, probability, is_ground, _, _ = season_rows()
    decided = probability > 0.4
    good = rungs[1]
    assert good.mcc == matthews(count(label, decided))
    assert good.ground == matthews(count(label[is_ground], decided[is_ground]))
    assert good.pairs == matthews(count(label[~is_ground], decided[~is_ground]))


def test_an_interval_holds_the_score(rungs):
    for rung in rungs[:3]:
        assert rung.interval[0] < rung.mcc < rung.interval[1]
    assert (rungs[3].mcc, rungs[3].interval) == (1, (1, 1))


def test_a_gain_is_paired_so_equal_decisions_gain_exactly_nothing(rungs):
    assert (rungs[2].gain, rungs[2].gain_interval) == (0, (0, 0))


def test_a_gain_is_the_difference_to_the_rung_it_names(rungs):
    assert rungs[3].gain_over == "good"
    assert rungs[3].gain == rungs[3].mcc - rungs[1].mcc
    assert rungs[0].gain is None


def test_the_same_seed_draws_the_same_games(rungs):
    label, probability, is_ground, _, game = season_rows()
    again, other = (make_ladder(label, is_ground, game, {"poor": probability > 0.7}, {}, seed)[0] for seed in (1, 2))
    assert again == rungs[0]
    assert other.interval != rungs[0].interval


def test_a_gain_that_may_be_chance_is_said_to_be_and_a_clear_one_is_not(rungs):
    text = ladder_text(rungs, simulated=True)
    assert "At this size, same is not clearly better than good." in text
    assert "perfect is not clearly" not in text


def test_a_kind_of_row_of_which_nothing_is_called_a_contact_has_no_score_and_is_printed_as_a_dash():
    label, probability, is_ground, _, game = season_rows()
    rungs = make_ladder(label, is_ground, game, {"pairs alone": (probability > 0.4) & ~is_ground}, {}, 1)
    assert rungs[0].ground is None
    assert rungs[0].pairs is not None
    assert ladder_text(rungs, simulated=True).splitlines()[2].endswith("–")


def test_a_rung_that_clearly_loses_is_said_to_do_worse():
    label, probability, is_ground, _, game = season_rows()
    rungs = make_ladder(label, is_ground, game, {"perfect": label, "good": probability > 0.4}, {"good": "perfect"}, 1)
    assert "At this size, good does worse than perfect." in ladder_text(rungs, simulated=False)


@pytest.mark.parametrize(("simulated", "words"), [(True, "simulated season"), (False, "competition data")])
def test_the_ladder_says_what_data_it_is_about(rungs, simulated, words):
    assert words in ladder_text(rungs, simulated).splitlines()[0]


def test_the_ladder_of_a_run_fits_120_columns(finished_run):
    assert max(map(len, read_json(finished_run.folder / "ladder.json")["text"].splitlines())) <= 120
