import numpy as np
import pandas as pd
import pytest

from player_contact.competition import clock, constants
from season_simulator.simulated_play import simulate_play
from season_simulator.video_writer import QUIET_FRAMES, drawn_frames, write_videos

FRAME = 300  # shortly before the snap


def decode(path):
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert abs(float(stream.average_rate) - clock.FRAMES_PER_SECOND) < 1e-6
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]


def difference(image, other):
    """Of tones, averaged over 4 x 4 pixels: the codec blurs the grain."""
    import cv2

    small = [
        cv2.resize(i, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for i in (image, other)
    ]
    return cv2.absdiff(*small).mean()


@pytest.fixture(scope="module")
def images(tiny):
    """The decoded training play: view -> list of [720, 1280, 3] images."""
    video = tiny.folder / "train" / tiny.game_plays[0]
    return {view: decode(video.with_name(f"{video.name}_{view}.mp4")) for view in constants.VIEWS}


def test_a_video_starts_5_s_before_the_snap_and_ends_about_with_the_labels(tiny, images):
    video = tiny.table("train_video_metadata.csv")
    start, end = (clock.to_datetime(video[name])[0] for name in ("start_time", "end_time"))
    last = clock.to_datetime(tiny.table("train_labels.csv").datetime).max()
    for frames in images.values():
        assert frames[0].shape == (constants.FRAME_HEIGHT, constants.FRAME_WIDTH, 3)
        seconds = len(frames) / clock.FRAMES_PER_SECOND
        beyond = seconds - (end - start).astype(int) / 1000
        assert -4.6 < beyond * clock.FRAMES_PER_SECOND < 8.6
        assert -0.4 < seconds - (last - start).astype(int) / 1000 < 0.4


@pytest.mark.parametrize("image_every", [1, 2, 3, 6])
def test_the_frame_of_a_step_shows_its_own_image_and_others_one_shortly_before(plays, image_every):
    for play in plays:
        frames = play.timing.frames["Endzone"]
        drawn, frame = drawn_frames(play.timing, frames, image_every), np.arange(frames)
        steps = clock.step_zero(play.timing.snap_time) + play.timing.labelled * clock.STEP
        at_step = clock.frame_of_time(steps, play.timing.start_time)
        late = frame - drawn
        assert not late[at_step[at_step < frames]].any()
        assert late.min() == 0
        assert late[QUIET_FRAMES:].max() == image_every - 1
        assert late[:QUIET_FRAMES].max() == 29, "half a second"


def test_a_sparsely_drawn_video_moves_where_the_full_one_does_and_stands_between(tiny, tmp_path):
    play = simulate_play(tiny.settings.seed, 0, tiny.settings.median_steps)
    write_videos(play, tmp_path, tiny.settings.seed, image_every=3)
    sparse = decode(tmp_path / f"{play.game_play}_Endzone.mp4")
    full = decode(tiny.folder / "train" / f"{play.game_play}_Endzone.mp4")
    assert len(sparse) == len(full)
    drawn = drawn_frames(play.timing, len(full), 3)
    later = range(QUIET_FRAMES + 20, len(full) - 6, 5)
    same = [difference(sparse[k], full[drawn[k]]) for k in later]
    moved = [difference(sparse[k], full[drawn[k] + 6]) for k in later]
    assert max(same) < 0.7 * min(moved), (same, moved)


def test_a_true_box_has_the_colour_of_its_teams_helmets(tiny, images):
    truth = tiny.truth(tiny.game_plays[0])
    tracking = tiny.table("train_player_tracking.csv").drop_duplicates("nfl_player_id")
    home = tracking.set_index("nfl_player_id").team.loc[truth["players"]].to_numpy() == "home"
    for view, frames in images.items():
        left, top, width, height = truth[f"boxes_{view}"][FRAME].T
        x, y = left + 0.72 * width, top + 0.3 * height  # the shell, beside the face mask
        inside = (x >= 1) & (y >= 1) & (x < 1279) & (y < 719)
        visible = inside & (truth[f"visibility_{view}"][FRAME] > 0.95)
        for team in (home, ~home):
            rows = np.flatnonzero(team & visible)
            corners = zip(x[rows].astype(int), y[rows].astype(int), strict=True)
            patches = [frames[FRAME][y - 1 : y + 2, x - 1 : x + 2] for x, y in corners]
            colour = np.array([np.median(patch.reshape(-1, 3), axis=0) for patch in patches])
            assert len(rows) >= 3
            assert np.median(np.abs(colour - np.median(colour, axis=0)).max(axis=1)) < 30


def test_a_detection_is_near_a_true_box_of_mostly_the_right_player(plays):
    right, error = [], []
    for view in (view for play in plays for view in play.views.values()):
        box = view.detections
        left, top, width, height = view.boxes[box.frame - clock.FIRST_FRAME_NUMBER, box.player].T
        dx = box.left + box.width / 2 - left - width / 2
        dy = box.top + box.height / 2 - top - height / 2
        distance = np.hypot(dx, dy)
        right.append(np.mean(distance < 0.6 * width))
        error.append(distance[distance < 0.6 * width])
    assert 0.9 < np.mean(right) < 1.0
    assert 0.3 < np.median(np.concatenate(error)) < 2.5


def test_boxes_begin_at_frame_number_290_and_lie_in_the_image(tiny):
    helmets = tiny.table("train_baseline_helmets.csv")
    assert helmets.frame.min() in (290, 291)
    assert (helmets[["left", "top"]] >= 0).all(axis=None)
    assert (helmets["left"] + helmets.width <= constants.FRAME_WIDTH).all()
    assert (helmets.top + helmets.height <= constants.FRAME_HEIGHT).all()
    assert (helmets[["width", "height"]] > 0).all(axis=None)


def test_a_homography_projects_the_ground_to_below_the_helmets(tiny):
    truth = tiny.truth(tiny.game_plays[0])
    seconds = FRAME / clock.FRAMES_PER_SECOND - clock.SECONDS_BEFORE_SNAP
    position = truth["position"][max(round(seconds * clock.STEPS_PER_SECOND), 0)]
    ground = np.column_stack([position, np.ones(len(position))])
    for view in constants.VIEWS:
        x, y, depth = truth[f"homography_{view}"][FRAME] @ ground.T
        left, top, width, _ = truth[f"boxes_{view}"][FRAME].T
        assert np.nanmin(y / depth - top) > 0
        assert np.nanmedian(np.abs(x / depth - left - width / 2) / width) < 3


@pytest.mark.slow
def test_player_labels_name_the_team_and_the_jersey(tables_only):
    keys = ["game_play", "nfl_player_id"]
    tables = (tables_only.table(f"train_{n}.csv") for n in ("baseline_helmets", "player_tracking"))
    rows = pd.merge(*(table.drop_duplicates(keys) for table in tables), on=keys)
    team = rows.team.map({"home": "H", "away": "V"})
    assert (rows.player_label == team + rows.jersey_number.astype(str)).all()
