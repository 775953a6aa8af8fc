import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.competition.season import read_season
from player_contact.detection.helmets import Helmets
from player_contact.detection.matching import match
from player_contact.detection.naming import NOBODY, along_tracks, link, name_helmets
from player_contact.detection.play_helmets import MIN_FIT
from player_contact.detection.tripod import look_at, project
from player_contact.play import build_play
from player_contact.video.clock_offset import UNKNOWN, helmets_at

SIZE = 18.0
CAMERAS = [
    ("Sideline", (57.0, -38.0, 26.0)),
    ("Sideline", (63.0, 99.0, 31.0)),
    ("Endzone", (-18.0, 25.0, 15.0)),
    ("Endzone", (146.0, 28.0, 18.0)),
]


def running(random: np.random.Generator, frames: int = 24, players: int = 22) -> np.ndarray:
    """[F, P, 2] yd, players who start on two sides of a line and run."""
    start = np.array([60.0, 26.0]) + random.normal(0, 1, (players, 2)) * (6, 9)
    velocity = random.normal(0, 3, (players, 2))
    turn = np.cumsum(random.normal(0, 0.4, (frames, players, 2)), axis=0)
    time = np.arange(frames)[:, None, None] / 10
    return start + time * velocity + 0.1 * np.cumsum(turn, axis=0)


def seen_by(view: str, place: tuple, field: np.ndarray, random: np.random.Generator):
    """Helmets as a detector finds them: some missing, some that are none, in any order; and whose
    they are."""
    place, middle = np.array(place), field.mean(1)
    aim = look_at(place, middle + random.normal(0, 1, 2), np.full(len(field), SIZE / 0.3))
    pixels = project(place, aim, field) + random.normal(0, 0.25 * SIZE, (*field.shape[:2], 2))
    helmets, owners = [], []
    for frame in pixels:
        inside = ((frame > 0) & (frame < (FRAME_WIDTH, FRAME_HEIGHT))).all(1)
        owner = random.permutation(np.flatnonzero(inside & (random.random(len(frame)) > 0.1)))
        others = random.uniform(0, (FRAME_WIDTH, FRAME_HEIGHT), (random.poisson(0.5), 2))
        centre = np.concatenate([frame[owner], others])
        boxes = np.column_stack([centre - SIZE / 2, np.full((len(centre), 2), SIZE)])
        helmets.append(Helmets(boxes.astype(np.float32), np.ones(len(boxes), np.float32)))
        owners.append(np.append(owner, np.full(len(others), NOBODY)))
    return helmets, owners


@pytest.mark.slow
@pytest.mark.parametrize(("view", "place"), CAMERAS)
def test_helmets_without_names_get_those_of_their_players(view, place):
    random = np.random.default_rng(3)
    field = running(random)
    helmets, owners = seen_by(view, place, field, random)
    named = name_helmets(view, field, helmets)
    owner, player = np.concatenate(owners), np.concatenate(named.player)
    real = owner != NOBODY
    assert (player[real] == owner[real]).mean() > 0.95
    assert named.fit > 0.7
    for names in named.player:
        taken = names[names != NOBODY]
        assert len(set(taken.tolist())) == len(taken)


@pytest.mark.slow
def test_a_crowd_beside_the_field_hides_nobodys_name():
    """Team-mates stand beyond the sideline, more than there are players in the image."""
    random = np.random.default_rng(4)
    field = running(random, frames=12)
    crowd = np.stack([random.uniform(52, 68, 24), random.uniform(56.5, 60, 24)], 1)
    everyone = np.concatenate([field, np.broadcast_to(crowd, (12, 24, 2))], axis=1)
    helmets, owners = seen_by(*CAMERAS[0], everyone, random)
    named = name_helmets("Sideline", field, helmets)
    owner, player = np.concatenate(owners), np.concatenate(named.player)
    is_player = (owner >= 0) & (owner < 22)
    assert (owner >= 22).sum() > is_player.sum()
    assert (player[is_player] == owner[is_player]).mean() > 0.95
    assert (player[owner >= 22] == NOBODY).mean() > 0.95
    assert named.fit > 0.7


@pytest.mark.slow
def test_the_order_of_helmets_and_players_says_nothing():
    random = np.random.default_rng(5)
    field = running(random, frames=8)
    helmets, _ = seen_by(*CAMERAS[0], field, random)
    named = name_helmets("Sideline", field, helmets).player
    players = random.permutation(field.shape[1])
    orders = [random.permutation(len(one.boxes)) for one in helmets]
    mixed = [Helmets(h.boxes[o], h.score[o]) for h, o in zip(helmets, orders, strict=True)]
    again = name_helmets("Sideline", field[:, players], mixed).player
    for names, order, other in zip(named, orders, again, strict=True):
        back = np.where(other == NOBODY, NOBODY, players[other])
        np.testing.assert_array_equal(back, names[order])


@pytest.mark.slow
@pytest.mark.parametrize("count", [15, 60])
@pytest.mark.parametrize("area", [((0, 0), (FRAME_WIDTH, FRAME_HEIGHT)), ((300, 200), (900, 600))])
def test_helmets_that_fit_no_view_of_the_players_fit_badly(count, area):
    random = np.random.default_rng(7)
    field = running(random, frames=8)
    centres = random.uniform(*area, (8, count, 2))
    boxes = np.concatenate([centres - SIZE / 2, np.full((8, count, 2), SIZE)], axis=-1)
    helmets = [Helmets(one.astype(np.float32), np.ones(count, np.float32)) for one in boxes]
    assert name_helmets("Sideline", field, helmets).fit < MIN_FIT


@pytest.mark.slow
def test_a_helmet_is_not_named_after_somebody_who_has_left():
    """An untracked man stands where a tracked one, who is never seen, begins to run."""
    random = np.random.default_rng(1)
    field = running(random)
    field[:, 0] = field[0, 0] + np.arange(len(field))[:, None] * (1.5 * 0.3, 0.0)  # 1.5 helmets
    standing = field.copy()
    standing[:, 0] = field[0, 0]
    view, place = CAMERAS[0]
    helmets, owners = seen_by(view, place, standing, random)
    named = name_helmets(view, field, helmets)
    is_named = [
        bool((player[owner == 0] == 0).any())
        for owner, player in zip(owners, named.player, strict=True)
    ]
    assert all(is_named[:2])
    assert not any(is_named[5:])


@pytest.mark.parametrize("nothing", ["no helmets", "few helmets", "few frames", "no tracking"])
def test_where_there_is_too_little_nobody_is_named(nothing):
    random = np.random.default_rng(1)
    field = running(random, frames=6)
    helmets, _ = seen_by(*CAMERAS[2], field, random)
    if nothing == "few frames":
        field, helmets = field[:4], helmets[:4]
    elif nothing == "no tracking":
        field = np.full_like(field, np.nan)
    else:
        kept = 4 if nothing == "few helmets" else 0
        helmets = [Helmets(one.boxes[:kept], one.score[:kept]) for one in helmets]
    named = name_helmets("Endzone", field, helmets)
    assert named.fit == 0
    assert all((names == NOBODY).all() for names in named.player)


@pytest.mark.slow
def test_real_helmets_get_the_names_that_their_table_gives_them(real_folder):
    """One play, both views, the players' names taken away from its boxes."""
    for tables in read_season(real_folder.folder, "test").plays():
        play, _ = build_play(tables)
        for name, view in play.views.items():
            frames = view.frame_of(play.times[play.steps >= -1])
            frames = frames[frames < len(view.boxes)]
            owners = [np.flatnonzero(~np.isnan(view.boxes[frame, :, 0])) for frame in frames]
            helmets = [
                Helmets(view.boxes[frame, owner], np.ones(len(owner), np.float32))
                for frame, owner in zip(frames, owners, strict=True)
            ]
            named = name_helmets(name, helmets_at(play, view, frames, UNKNOWN), helmets)
            right = np.concatenate(named.player) == np.concatenate(owners)
            assert right.mean() > 0.94, name


points = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=0, max_size=9).map(
    lambda xy: np.array(xy).reshape(-1, 2)
)


@given(points, points, st.floats(1, 40))
def test_matched_points_are_near_and_each_others_alone(helmets, players, gate):
    helmet, player = match(helmets, players, gate)
    assert len(set(helmet.tolist())) == len(helmet) == len(set(player.tolist()))
    assert (np.linalg.norm(helmets[helmet] - players[player], axis=-1) < gate).all()


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_helmets_that_move_with_the_players_are_one_track(seed):
    random = np.random.default_rng(seed)
    start = np.stack(np.meshgrid(np.arange(5), np.arange(3)), -1).reshape(-1, 2) * 60.0
    way = np.cumsum(random.normal(0, 40, (6, 1, 2)), axis=0)  # the camera pans
    expected = start + way
    orders = [random.permutation(len(start)) for _ in way]
    centres = [
        frame[order] + random.normal(0, 3, frame.shape)
        for frame, order in zip(expected, orders, strict=True)
    ]
    tracks = link(centres, expected, np.full(6, SIZE))
    of_player = np.stack(
        [track[np.argsort(order)] for track, order in zip(tracks, orders, strict=True)]
    )
    assert (of_player == of_player[0]).all()


def test_costs_are_averaged_along_a_track_and_no_other():
    costs = [np.array([[0.0, 1.0], [1.0, 0.0]]) for _ in range(5)]
    tracks = [np.array([0, 1])] * 5
    for smooth, cost in zip(along_tracks(costs, tracks), costs, strict=True):
        np.testing.assert_allclose(smooth, cost)
    costs[2] = costs[2][::-1]
    assert along_tracks(costs, tracks)[2][0, 0] < 0.5
