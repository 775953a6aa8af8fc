import numpy as np
import pandas as pd
import pytest

from player_contact.competition import clock, names


def decode(path):
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert abs(float(stream.average_rate) - clock.FRAMES_PER_SECOND) < 1e-6
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]


@pytest.fixture(scope="module")
def pictures(tiny):
    """The decoded training play: view -> list of [720, 1280, 3] pictures."""
    return {view: decode(tiny.folder / "train" / f"{tiny.done[0]}_{view}.mp4") for view in names.VIEWS}


def test_a_video_has_the_right_size_and_lasts_from_five_seconds_before_the_snap_to_the_last_step(tiny, pictures):
    video = tiny.table("train_video_metadata.csv")
    start, end = (clock.to_datetime(video[name])[0] for name in ("start_time", "end_time"))
    last = clock.to_datetime(tiny.table("train_labels.csv").datetime).max()
    for frames in pictures.values():
        assert frames[0].shape == (names.FRAME_HEIGHT, names.FRAME_WIDTH, 3)
        shown = len(frames) / clock.FRAMES_PER_SECOND
        assert abs(shown - (end - start).astype(int) / 1000) < 0.02
        assert -0.06 < shown - (last - start).astype(int) / 1000 < 0.21


def test_a_box_lies_on_a_helmet(tiny, pictures):
    """The middle of a true box of a helmet that nothing covers has the same colour as the middles of the team's other helmets."""
    truth = tiny.truth(tiny.done[0])
    tracking = tiny.table("train_player_tracking.csv").drop_duplicates("nfl_player_id")
    home = tracking.set_index("nfl_player_id").team.loc[truth["players"]].to_numpy() == "home"
    frame = 300
    for view, frames in pictures.items():
        boxes, seen = truth[f"boxes_{view}"][frame], truth[f"visibility_{view}"][frame]
        x, y = looked_at(boxes)
        inside = (x >= 1) & (y >= 1) & (x < frames[frame].shape[1] - 1) & (y < frames[frame].shape[0] - 1)
        for team in (home, ~home):
            rows = np.flatnonzero(team & inside & (seen > 0.95))
            colour = np.array([helmet_colour(frames[frame], boxes[row]) for row in rows])
            away = np.abs(colour - np.median(colour, axis=0)).max(axis=1)
            assert len(rows) >= 3
            assert np.median(away) < 30


def looked_at(boxes):
    """x and y of the upper side of the helmets in boxes [..., 4]."""
    left, top, width, height = np.moveaxis(boxes, -1, 0)
    return left + 0.72 * width, top + 0.3 * height


def helmet_colour(picture, box):
    """The median colour of the upper side of a helmet, which no face mask covers."""
    x, y = looked_at(box)
    return np.median(picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].reshape(-1, 3), axis=0)


def test_found_boxes_lie_near_the_true_ones_of_a_player_who_is_nearly_always_the_right_one(plays):
    right, off = [], []
    for play in plays:
        for view in play.views.values():
            found = view.found
            frame, player = found.frame.to_numpy() - clock.FIRST_FRAME_NUMBER, found.player.to_numpy()
            true = view.boxes[frame, player]
            gap = np.hypot(found.left + found.width / 2 - true[:, 0] - true[:, 2] / 2, found.top + found.height / 2 - true[:, 1] - true[:, 3] / 2)
            close = gap < 0.6 * true[:, 2]
            right.append(np.mean(close))
            off.append(gap[close])
    assert 0.9 < np.mean(right) < 1.0
    assert 0.3 < np.median(np.concatenate(off)) < 2.5


def test_boxes_begin_near_frame_number_290_and_lie_in_the_picture(tiny):
    helmets = tiny.table("train_baseline_helmets.csv")
    assert helmets.frame.min() in (290, 291)
    assert (helmets["left"] >= 0).all()
    assert (helmets["left"] + helmets.width <= names.FRAME_WIDTH).all()
    assert (helmets.top >= 0).all()
    assert (helmets.top + helmets.height <= names.FRAME_HEIGHT).all()
    assert (helmets[["width", "height"]] > 0).all(axis=None)


def test_a_homography_takes_the_ground_into_the_picture_under_the_helmets(tiny):
    truth = tiny.truth(tiny.done[0])
    early = 300
    step = round((early / clock.FRAMES_PER_SECOND - clock.SECONDS_BEFORE_SNAP) * clock.STEPS_PER_SECOND)
    ground = np.column_stack([truth["position"][max(step, 0)], np.ones(len(truth["players"]))])
    for view in names.VIEWS:
        at = ground @ truth[f"homography_{view}"][early].T
        feet = at[:, :2] / at[:, 2:]
        boxes = truth[f"boxes_{view}"][early]
        below = feet[:, 1] - boxes[:, 1]
        assert np.nanmin(below) > 0
        assert np.nanmedian(np.abs(feet[:, 0] - boxes[:, 0] - boxes[:, 2] / 2) / boxes[:, 2]) < 3


def test_player_labels_name_the_team_and_the_jersey(tables_only):
    helmets = tables_only.table("train_baseline_helmets.csv")
    tracking = tables_only.table("train_player_tracking.csv").drop_duplicates(["game_play", "nfl_player_id"])
    both = pd.merge(helmets.drop_duplicates(["game_play", "nfl_player_id"]), tracking, on=["game_play", "nfl_player_id"])
    assert (both.player_label == both.team.map({"home": "H", "away": "V"}) + both.jersey_number.astype(str)).all()
