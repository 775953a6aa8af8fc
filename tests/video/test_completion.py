import dataclasses

import numpy as np
import pytest

from player_contact.competition.season import read_season
from player_contact.play import build_play
from player_contact.video.completion import complete_play, complete_view
from player_contact.video.registration import register
from player_contact.video.step_boxes import fill_gaps
from tests.makers import first_play, make_play


def completed(play, view):
    return complete_view(view, register(play, view))


def distance(boxes, others):
    """[F, P] pixels between the centres of boxes."""
    offset = boxes[..., :2] + boxes[..., 2:] / 2 - others[..., :2] - others[..., 2:] / 2
    return np.linalg.norm(offset, axis=-1)


@pytest.fixture(scope="module")
def filmed(season_tables):
    """A simulated play, its Sideline, the view's true boxes, and the median width of a helmet."""
    tables = next(iter(read_season(season_tables, "train").plays()))
    play, _ = build_play(tables)
    with np.load(season_tables / "truth" / f"{tables.game_play}.npz", allow_pickle=False) as truth:
        order = [truth["players"].tolist().index(player) for player in play.players]
        true = truth["boxes_Sideline"][:, order]
    view = play.views["Sideline"]
    return play, view, true, float(np.nanmedian(view.boxes[..., 2]))


def test_added_boxes_are_counted_and_not_detected(filmed):
    play, view, _, _ = filmed
    done = completed(play, view)
    before, after = ~np.isnan(view.boxes[..., 0]), ~np.isnan(done.view.boxes[..., 0])
    assert after.sum() > before.sum()
    assert done.added == (after & ~done.view.detected).sum() > 0
    assert after[before].all()


def test_an_added_box_lies_on_the_helmet(filmed):
    play, view, true, width = filmed
    done = completed(play, view).view
    frames = min(len(true), len(done.boxes))
    boxes, true = done.boxes[:frames], true[:frames]
    added = ~np.isnan(boxes[..., 0]) & ~done.detected[:frames]
    assert np.nanmedian(distance(boxes, true)[added]) < 0.5 * width
    assert np.nanmedian((boxes[..., 2] / true[..., 2])[added]) == pytest.approx(1, abs=0.15)


def hide(view, frames, seed=0):
    """The view with `frames` consecutive boxes of half of the players removed, and [F, P] which."""
    random = np.random.default_rng(seed)
    hidden = np.zeros(view.boxes.shape[:2], dtype=bool)
    for player in range(hidden.shape[1]):
        start = int(random.integers(295, max(296, len(hidden) - frames)))
        hidden[start : start + frames, player] = random.random() < 0.5
    hidden &= ~np.isnan(view.boxes[..., 0])
    boxes = view.boxes.copy()
    boxes[hidden] = np.nan
    return dataclasses.replace(view, boxes=boxes), hidden


def test_a_second_is_filled_better_than_by_interpolation(filmed):
    play, view, _, width = filmed
    gaps, hidden = hide(view, 60)
    done = distance(completed(play, gaps).view.boxes, view.boxes)[hidden]
    linear = distance(fill_gaps(gaps.boxes, 10**6), view.boxes)[hidden]
    assert np.nanmedian(done) < 0.6 * width
    assert np.isnan(done).mean() <= np.isnan(linear).mean()


def test_swapped_names_are_swapped_back(filmed):
    play, view, _, width = filmed
    start, stop = 300, 340
    known = np.flatnonzero(~np.isnan(view.boxes[start:stop, :, 0]).any(0))
    gap = distance(view.boxes[start, known][:, None], view.boxes[start, known])
    pair = known[np.argwhere(np.triu((gap > 4 * width) & (gap < 12 * width)))[0]]
    boxes = view.boxes.copy()
    boxes[start:stop, pair] = boxes[start:stop, pair[::-1]]
    done = completed(play, dataclasses.replace(view, boxes=boxes))
    off = distance(done.view.boxes, view.boxes)[start + 5 : stop - 5, pair]
    assert np.mean(off < width) > 0.8
    assert done.swapped >= 40


def test_a_view_that_cannot_be_registered_keeps_its_boxes():
    play = make_play(players=8, steps=40)  # boxes that have nothing to do with the tracking
    done, counts = complete_play(play)
    assert counts == {"boxes added": 0, "boxes swapped back": 0, "views not registered": 2}
    for name, view in play.views.items():
        np.testing.assert_array_equal(done.views[name].boxes, view.boxes)
        assert done.views[name].residual is None


def test_a_player_who_bends_down_is_below_where_he_is_expected(filmed):
    play, view, _, width = filmed
    player = int(np.argmax((~np.isnan(view.boxes[310:340, :, 0])).sum(0)))
    boxes = view.boxes.copy()
    boxes[310:340, player, 1] += 2 * width
    registration = register(play, view)
    lower, before = (
        complete_view(dataclasses.replace(view, boxes=values), registration).view.residual
        for values in (boxes, view.boxes)
    )
    assert np.nanmedian((lower - before)[315:335, player, 1]) == pytest.approx(2 * width, rel=0.05)


@pytest.mark.parametrize(("frames", "limit"), [(3, 0.3), (60, 1.0)])
def test_hidden_real_boxes_are_restored(real_folder, frames, limit):
    play, _ = first_play(read_season(real_folder.folder, "test"))
    view = play.views["Sideline"]
    gaps, hidden = hide(view, frames, seed=frames)
    off = distance(completed(play, gaps).view.boxes, view.boxes)[hidden]
    assert np.nanmedian(off) < limit * np.nanmedian(view.boxes[..., 2])
    assert np.isnan(off).mean() < 0.2
