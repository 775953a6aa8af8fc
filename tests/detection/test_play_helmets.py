import dataclasses
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from player_contact.competition.constants import HELMET_COLUMNS
from player_contact.competition.season import read_season
from player_contact.detection.helmet_table import helmet_rows
from player_contact.detection.helmets import NO_HELMETS, Helmets
from player_contact.detection.naming import name_helmets
from player_contact.detection.play_helmets import (
    ADDED,
    DOUBTED,
    FOUND,
    NAMED,
    NOT_NAMED,
    add_helmets,
    detect_play,
    frames_of_steps,
)
from player_contact.play import Play, View, build_play
from player_contact.video.step_boxes import step_boxes

pytestmark = pytest.mark.slow  # naming a view takes seconds


@pytest.fixture(scope="module", autouse=True)
def named_once():
    """The same helmets of the same players are named once for all tests, for it takes seconds."""
    named = {}

    def remembered(view, field, helmets):
        boxes = [(one.boxes.shape, one.boxes.tobytes()) for one in helmets]
        key = view, field.shape, field.tobytes(), tuple(boxes)
        if key not in named:
            named[key] = name_helmets(view, field, helmets)
        return named[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("player_contact.detection.play_helmets.name_helmets", remembered)
        yield


def read_play(season: Path) -> tuple[Play, dict[str, np.ndarray]]:
    """The first training play, and its truth in the order of its players."""
    play, _ = build_play(next(read_season(season, "train").plays()))
    true = dict(np.load(season / "truth" / f"{play.game_play}.npz", allow_pickle=False))
    order = pd.Index(true["players"]).get_indexer(play.players)
    views = {name: true[f"boxes_{name}"][:, order] for name in play.views}
    return play, views


def empty(view: View) -> View:
    return dataclasses.replace(view, boxes=np.full_like(view.boxes, np.nan))


def frames_in(play: Play, view: View, boxes: np.ndarray) -> np.ndarray:
    """Of the steps, as `frames_of_steps`, which needs a video."""
    frames = np.unique(view.frame_of(play.times[play.steps >= -2]))
    return frames[(frames >= 0) & (frames < len(boxes))]


def found_in(boxes: np.ndarray, frames: np.ndarray) -> list[Helmets]:
    """All helmets, in another order than the players."""
    there = [boxes[frame][~np.isnan(boxes[frame, :, 0])][::-1] for frame in frames]
    return [Helmets(one.astype(np.float32), np.ones(len(one), np.float32)) for one in there]


@pytest.fixture(params=["Sideline", "Endzone"])
def case(request, season_tables):
    """A play, the name of a view, its true boxes, frames and what is found in them."""
    play, views = read_play(season_tables)
    boxes = views[request.param]
    frames = frames_in(play, play.views[request.param], boxes)
    return play, request.param, boxes, frames, found_in(boxes, frames)


def right_share(view: View, boxes: np.ndarray, frames: np.ndarray) -> float:
    """Of the boxes of the frames: those at their player."""
    has = ~np.isnan(view.boxes[frames, :, 0])
    apart = np.abs(view.boxes[frames] - boxes[frames]).max(-1)
    return float((apart[has] < 1).mean())


def test_a_view_without_boxes_gets_those_of_the_helmets_found(case):
    play, name, boxes, frames, helmets = case
    view, counts = add_helmets(play, name, empty(play.views[name]), frames, helmets)
    there = sum(len(one.boxes) for one in helmets)
    assert counts[FOUND] == there
    assert counts[NAMED] > 0.97 * there
    assert right_share(view, boxes, frames) > 0.93
    assert np.isfinite(view.boxes[frames, :, 0]).sum() > 0.97 * there
    between = (frames[:-1] + frames[1:]) // 2  # interpolated
    assert np.isfinite(view.boxes[between, :, 0]).sum() > 0.9 * there * len(between) / len(frames)
    assert counts[ADDED] == np.isfinite(view.boxes[..., 0]).sum() > counts[NAMED]


def test_the_steps_have_them_as_detected(case):
    play, name, _, frames, helmets = case
    view, _ = add_helmets(play, name, empty(play.views[name]), frames, helmets)
    there = sum(len(one.boxes) for one in helmets)
    assert (step_boxes(play, view, 0).age == 0).sum() > 0.95 * there


def test_boxes_of_the_table_stay_and_others_are_added(case):
    play, name, boxes, frames, helmets = case
    given = play.views[name]
    view, counts = add_helmets(play, name, given, frames, helmets)
    has = ~np.isnan(given.boxes[..., 0])
    np.testing.assert_array_equal(view.boxes[has], given.boxes[has])
    assert np.isfinite(view.boxes[..., 0]).sum() == has.sum() + counts[ADDED]
    assert counts[ADDED] > 20
    fresh = dataclasses.replace(view, boxes=np.where(has[..., None], np.nan, view.boxes))
    assert right_share(fresh, boxes, frames) > 0.75  # hidden and lying ones, mostly


def test_a_table_with_swapped_names_is_doubted(case):
    play, name, boxes, frames, helmets = case
    sound = dataclasses.replace(play.views[name], boxes=boxes.astype(np.float32))
    swapped = sound.boxes.copy()
    swapped[:, [0, 1]] = sound.boxes[:, [1, 0]]
    doubts = [
        add_helmets(play, name, dataclasses.replace(sound, boxes=given), frames, helmets)[1][
            DOUBTED
        ]
        for given in (sound.boxes, swapped)
    ]
    both = np.isfinite(boxes[frames][:, :2, 0]).sum()
    assert doubts[1] > doubts[0] + 0.7 * both


def test_helmets_that_fit_no_player_leave_the_view_as_it_is(case, caplog):
    play, name, _, frames, helmets = case
    random = np.random.default_rng(0)
    nowhere = [
        Helmets(
            np.column_stack([random.uniform(0, (1260, 700), (12, 2)), np.full((12, 2), 18)]),
            np.ones(12, np.float32),
        )
        for _ in helmets
    ]
    view, counts = add_helmets(play, name, empty(play.views[name]), frames, nowhere)
    assert np.isnan(view.boxes).all()
    assert counts[NOT_NAMED] == 1
    assert (
        f"{play.game_play} {name}: the {12 * len(frames)} helmets found fit no view" in caplog.text
    )


class Oracle:
    """A detector that is told what is in each image, in the order in which it is asked."""

    def __init__(self, answers: list[Helmets]) -> None:
        self.answers = iter(answers)

    def __call__(self, image: np.ndarray) -> Helmets:
        assert image.shape == (720, 1280)
        return next(self.answers)


def test_a_play_is_searched_where_it_has_no_boxes_and_with_fill_everywhere(season):
    play, true = read_play(season)
    lacks = {"Sideline": play.views["Sideline"], "Endzone": empty(play.views["Endzone"])}
    play = dataclasses.replace(play, views=lacks)
    answers = {
        name: found_in(true[name], frames_of_steps(play, view)) for name, view in lacks.items()
    }
    done, counts = detect_play(play, Oracle(answers["Endzone"]), fill=False)
    assert done.views["Sideline"] is lacks["Sideline"]
    assert counts[FOUND] == sum(len(one.boxes) for one in answers["Endzone"])
    frames = frames_of_steps(play, lacks["Endzone"])
    assert right_share(done.views["Endzone"], true["Endzone"], frames) > 0.93
    filled, more = detect_play(play, Oracle([*answers["Sideline"], *answers["Endzone"]]), fill=True)
    assert more[FOUND] > counts[FOUND]
    assert (
        np.isfinite(filled.views["Sideline"].boxes).sum()
        > np.isfinite(lacks["Sideline"].boxes).sum()
    )


def test_missing_and_broken_videos_leave_their_views_as_they_are(season, tmp_path, caplog):
    play, _ = read_play(season)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    views = {
        "Sideline": dataclasses.replace(empty(play.views["Sideline"]), video=broken),
        "Endzone": dataclasses.replace(empty(play.views["Endzone"]), video=tmp_path / "none.mp4"),
    }
    play = dataclasses.replace(play, views=views)
    with caplog.at_level(logging.WARNING):
        done, counts = detect_play(play, Oracle([]), fill=False)
    assert done.views == views
    assert not counts
    assert "broken.mp4" in caplog.text
    assert "no helmets are searched in it" in caplog.text


def test_where_nothing_is_found_nothing_is_added(season):
    play, _ = read_play(season)
    play = dataclasses.replace(play, views={n: empty(view) for n, view in play.views.items()})
    frames = sum(len(frames_of_steps(play, view)) for view in play.views.values())
    done, counts = detect_play(play, Oracle([NO_HELMETS] * frames), fill=False)
    assert all(np.isnan(view.boxes).all() for view in done.views.values())
    assert counts[NOT_NAMED] == 2


def test_boxes_become_rows_of_the_competitions_table_and_are_read_as_they_were(tiny_season):
    play, _ = build_play(next(read_season(tiny_season.folder, "train").plays()))
    rows = helmet_rows(play)
    assert tuple(rows.columns) == HELMET_COLUMNS
    assert len(rows) == sum(np.isfinite(view.boxes[..., 0]).sum() for view in play.views.values())
    tiny_season.write("train_baseline_helmets.csv", rows)
    again, _ = build_play(next(read_season(tiny_season.folder, "train").plays()))
    for name, view in play.views.items():
        np.testing.assert_allclose(again.views[name].boxes, view.boxes, atol=0.06)
