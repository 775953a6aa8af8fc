import dataclasses

import numpy as np
import pytest

from player_contact.competition.season import read_season
from player_contact.helmets import fill_gaps
from player_contact.play import build_play
from player_contact.video.completion import complete_play, complete_view
from player_contact.video.registration import register
from tests.makers import first_play, make_play

WHOLE = "Sideline"


def centre(boxes):
    return boxes[..., :2] + boxes[..., 2:] / 2


@pytest.fixture(scope="module")
def filmed(season_tables):
    """A simulated play, its true boxes in the order of its players, and the usual width of a helmet."""
    tables = next(iter(read_season(season_tables, "train").plays()))
    play, _ = build_play(tables)
    with np.load(season_tables / "truth" / f"{tables.game_play}.npz", allow_pickle=False) as truth:
        order = [truth["players"].tolist().index(player) for player in play.players]
        true = truth[f"boxes_{WHOLE}"][:, order]
    return play, true, float(np.nanmedian(play.views[WHOLE].boxes[..., 2]))


def test_more_players_have_a_box_and_the_new_ones_are_marked(filmed):
    play, _, _ = filmed
    view = play.views[WHOLE]
    done = complete_view(view, register(play, view))
    before, after = ~np.isnan(view.boxes[..., 0]), ~np.isnan(done.view.boxes[..., 0])
    assert after.sum() > before.sum()
    assert done.added == (after & ~done.view.detected).sum() > 0
    assert after[before].all()


def test_a_box_that_was_added_lies_on_the_helmet(filmed):
    play, true, width = filmed
    view = play.views[WHOLE]
    done = complete_view(view, register(play, view))
    frames = min(len(true), len(done.view.boxes))
    off = np.linalg.norm(centre(done.view.boxes[:frames]) - centre(true[:frames]), axis=-1) / width
    added = ~np.isnan(done.view.boxes[:frames, :, 0]) & ~done.view.detected[:frames]
    assert np.nanmedian(off[added]) < 0.5
    assert np.nanmedian(done.view.boxes[:frames][added][:, 2] / true[:frames][added][:, 2]) == pytest.approx(1, abs=0.15)


def hide(view, frames, share=1.0, seed=0):
    """The view without a random share of the boxes for `frames` frames in a row, and what was hidden."""
    random = np.random.default_rng(seed)
    hidden = np.zeros(view.boxes.shape[:2], dtype=bool)
    for player in range(hidden.shape[1]):
        start = int(random.integers(295, max(296, len(hidden) - frames)))
        hidden[start : start + frames, player] = random.random() < share
    hidden &= ~np.isnan(view.boxes[..., 0])
    boxes = view.boxes.copy()
    boxes[hidden] = np.nan
    return dataclasses.replace(view, boxes=boxes), hidden


def test_over_a_second_registration_is_nearer_than_a_straight_line(filmed):
    play, _, width = filmed
    view, hidden = hide(play.views[WHOLE], 60, 0.5)
    done = complete_view(view, register(play, view))
    straight = fill_gaps(view.boxes, 10**6)
    errors = [np.linalg.norm(centre(boxes) - centre(play.views[WHOLE].boxes), axis=-1)[hidden] / width for boxes in (done.view.boxes, straight)]
    assert np.nanmedian(errors[0]) < 0.6
    assert np.isnan(errors[0]).mean() <= np.isnan(errors[1]).mean()


def test_two_names_that_were_swapped_are_given_back(filmed):
    play, _, width = filmed
    view = play.views[WHOLE]
    frame = 300
    seen = np.flatnonzero(~np.isnan(view.boxes[frame : frame + 40, :, 0]).any(0))
    far = centre(view.boxes[frame : frame + 40])[0]
    pairs = [(one, two) for one in seen for two in seen if one < two and 4 * width < np.linalg.norm(far[one] - far[two]) < 12 * width]
    one, two = pairs[0]
    boxes = view.boxes.copy()
    boxes[frame : frame + 40, [one, two]] = boxes[frame : frame + 40, [two, one]]
    mixed = dataclasses.replace(view, boxes=boxes)
    done = complete_view(mixed, register(play, mixed))
    known = ~np.isnan(view.boxes[frame + 5 : frame + 35, [one, two], 0])
    off = np.linalg.norm(centre(done.view.boxes) - centre(view.boxes), axis=-1)[frame + 5 : frame + 35, [one, two]]
    assert np.mean(off[known] < width) > 0.8
    assert done.swapped >= 40


def test_a_view_that_cannot_be_registered_keeps_its_boxes():
    play = make_play(players=8, steps=40)  # boxes that have nothing to do with the tracking
    done, counted = complete_play(play)
    assert counted == {"boxes added": 0, "boxes given back": 0, "views not registered": 2}
    for name, view in play.views.items():
        np.testing.assert_array_equal(done.views[name].boxes, view.boxes)
        assert done.views[name].residual is None


def test_a_player_who_bends_down_is_below_where_he_is_expected(filmed):
    play, _, width = filmed
    view = play.views[WHOLE]
    player = int(np.argmax((~np.isnan(view.boxes[310:340, :, 0])).sum(0)))
    boxes = view.boxes.copy()
    boxes[310:340, player, 1] += 2 * width
    lower = complete_view(dataclasses.replace(view, boxes=boxes), register(play, view)).view.residual
    before = complete_view(view, register(play, view)).view.residual
    assert np.nanmedian((lower - before)[315:335, player, 1]) == pytest.approx(2 * width, rel=0.05)


def test_real_boxes_that_are_hidden_are_found_again(real_folder):
    play, _ = first_play(read_season(real_folder.folder, "test"))
    view = play.views["Sideline"]
    width = np.nanmedian(view.boxes[..., 2])
    for frames, most in ((3, 0.3), (60, 1.0)):
        without, hidden = hide(view, frames, 0.5, seed=frames)
        done = complete_view(without, register(play, without))
        off = np.linalg.norm(centre(done.view.boxes) - centre(view.boxes), axis=-1)[hidden] / width
        assert np.nanmedian(off) < most
        assert np.isnan(off).mean() < 0.2
