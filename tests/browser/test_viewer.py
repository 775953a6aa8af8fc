import re
import shutil

import numpy as np
import pandas as pd
import pytest

from player_contact.competition.names import VIEWS
from player_contact.competition.season import read_season
from player_contact.play import build_play
from player_contact.video.decode import colour_frames


@pytest.fixture(scope="module")
def plays(finished_run):
    return finished_run.folder / "report" / "plays"


@pytest.fixture(scope="module")
def oof(finished_run):
    table = pd.read_parquet(finished_run.folder / "oof.parquet")
    return table.assign(wrong=table["contact"] != table["final"], pair=table["contact_id"].str.split("_", n=3).str[3])


@pytest.fixture(scope="module")
def busiest(oof) -> str:
    """The play with the most wrong rows."""
    return oof.groupby("game_play")["wrong"].sum().idxmax()


@pytest.fixture(scope="module")
def play(finished_run, busiest):
    return build_play(next(iter(read_season(finished_run.input, "train").plays([busiest]))))[0]


@pytest.fixture
def viewer(opened, plays, busiest):
    opened.open_play(plays / f"{busiest}.html")
    return opened


def shown_frames(viewer) -> list[int]:
    return viewer.page.evaluate("views.map((view) => Math.floor(view.video.currentTime * FPS + 1e-6))")


def rows_shown(viewer) -> list[str]:
    return viewer.page.locator(".track:visible").evaluate_all("rows => rows.map((row) => row.getAttribute('aria-label'))")


def test_the_page_needs_nothing_but_itself_and_its_videos(viewer, plays, busiest):
    assert viewer.files() == {plays / f"{busiest}.html", *(plays / f"{busiest}_{view}.mp4" for view in VIEWS)}


def test_after_seeking_both_videos_show_the_frame_that_the_clock_says(viewer, play):
    for step in (3, 17, 8):
        viewer.page.evaluate(f"moveTo({step})")
        viewer.settle()
        at = np.flatnonzero(play.steps == step)
        expected = [int(view.frame_of(play.times[at])[0]) for view in play.views.values()]
        assert shown_frames(viewer) == expected
        assert viewer.page.evaluate("views.map((view) => view.frame)") == expected


def test_the_picture_on_the_page_is_that_of_the_frame(viewer, play):
    viewer.press("b", "Home", *["ArrowRight"] * 9)
    for name, view in play.views.items():
        frame = int(view.frame_of(play.times[play.steps == 9])[0])
        shown = viewer.picture(f"figure[data-view={name}]").astype(np.float32)
        shown[:40, :140] = 0  # the caption
        apart = {}
        for number, picture in colour_frames(view.video, np.arange(frame - 6, frame + 7)):
            scaled = _scaled(picture, shown.shape).astype(np.float32)
            scaled[:40, :140] = 0
            apart[number] = float(np.abs(shown - scaled).mean())
        assert min(apart, key=apart.get) == frame


def test_boxes_lie_on_the_helmets_of_the_picture(viewer, finished_run, busiest, play):
    with np.load(finished_run.input / "truth" / f"{busiest}.npz", allow_pickle=False) as arrays:
        truth = dict(arrays)
    viewer.page.set_viewport_size({"width": 3000, "height": 1400})
    viewer.press("Home")
    off, inside, above = [], [], []
    for step in (4, 16):
        viewer.page.evaluate(f"moveTo({step})")
        for name, view in play.views.items():
            frame = int(view.frame_of(play.times[play.steps == step])[0])
            viewer.settle()
            drawn = viewer.picture(f"figure[data-view={name}]")
            viewer.press("b")
            plain = viewer.picture(f"figure[data-view={name}]")
            viewer.press("b")
            changed = np.abs(plain.astype(int) - drawn.astype(int)).max(-1) > 60
            helmets = truth[f"boxes_{name}"][frame] * plain.shape[1] / 1280
            seen = truth[f"visibility_{name}"][frame] > 0.9
            alone = [place for place in np.flatnonzero(seen) if _alone(helmets, place, plain.shape)]
            off += [_distance_of_drawing(changed, helmets[place]) for place in alone]
            grass = np.median(plain.reshape(-1, 3), axis=0)
            centre = (helmets[:, :2] + helmets[:, 2:] / 2)[alone]
            inside += _unlike(plain, centre, grass)
            above += _unlike(plain, centre - np.stack([0 * helmets[alone, 3], 3 * helmets[alone, 3]], axis=-1), grass)
    assert len(off) >= 15
    assert np.median(off) < 0.3
    assert np.mean(np.array(off) < 1) > 0.85
    assert np.mean(inside) > 0.9  # what the boxes surround is no grass; what lies three helmets above them mostly is
    assert np.mean(above) < 0.6


def test_both_videos_play_and_stay_together(viewer):
    viewer.page.evaluate("moveTo(2)")
    viewer.settle()
    viewer.page.keyboard.press(" ")
    viewer.until("state.time > 0.4")
    ahead = "views[0].start + views[0].video.currentTime - views[1].start - views[1].video.currentTime"
    apart = []
    while viewer.page.evaluate("state.time") < 1.8:
        apart.append(abs(viewer.page.evaluate(ahead)))
        viewer.page.wait_for_timeout(30)
    viewer.page.keyboard.press(" ")
    viewer.settle()
    assert np.median(apart) < 2 / 59.94
    assert viewer.page.evaluate("views.every((view) => view.video.paused && view.frame === frameAt(view, state.time))")


def test_playing_and_pausing_at_once_leaves_both_videos_on_one_moment(viewer):
    for _ in range(5):
        viewer.page.keyboard.press(" ")
        viewer.page.keyboard.press(" ")
        viewer.settle()
    frames = viewer.page.evaluate("views.map((view) => view.frame)")
    assert frames == viewer.page.evaluate("views.map((view) => frameAt(view, state.time))") == shown_frames(viewer)


def test_half_speed_is_half_the_speed(viewer):
    viewer.press("h")
    viewer.page.keyboard.press(" ")
    assert set(viewer.page.evaluate("views.map((view) => Math.round(view.video.playbackRate * 2) / 2)")) == {0.5}
    viewer.page.keyboard.press(" ")
    viewer.press("h")
    assert viewer.page.get_attribute("#half", "aria-pressed") == "false"


def test_every_pair_with_a_label_or_a_decision_has_a_timeline(viewer, oof, busiest):
    touched = oof[(oof["game_play"] == busiest) & ((oof["contact"] == 1) | (oof["final"] == 1))]
    named = viewer.page.evaluate(
        "tracks.map((track) => track.ends.map((place) => players[place].id).join('_') + (track.second === GROUND ? '_G' : ''))"
    )
    assert set(touched["pair"]) <= set(named)
    assert len(named) == len(set(named))


@pytest.mark.parametrize(("what", "label", "decided"), [("false", 0, 1), ("missed", 1, 0)])
def test_the_filter_leaves_the_timelines_with_such_errors(viewer, oof, busiest, what, label, decided):
    viewer.page.select_option("#what", what)
    wrong = oof[(oof["game_play"] == busiest) & (oof["contact"] == label) & (oof["final"] == decided)]
    assert len(rows_shown(viewer)) == wrong["pair"].nunique()
    viewer.page.select_option("#kind", "ground")
    assert len(rows_shown(viewer)) == wrong.loc[wrong["pair"].str.endswith("_G"), "pair"].nunique()
    assert viewer.page.inner_text("#count").startswith(f"{len(rows_shown(viewer))} of ")


def test_a_player_s_timelines_can_be_picked_out(viewer):
    everything = len(rows_shown(viewer))
    place = viewer.page.evaluate("tracks[0].first")
    viewer.page.select_option("#who", str(place))
    name = viewer.page.evaluate(f"players[{place}].text")
    assert 0 < len(rows_shown(viewer)) < everything
    assert all(name in row for row in rows_shown(viewer))
    spot = viewer.page.evaluate("spots.map(({ x, y }) => [x, y])")[0]
    viewer.page.mouse.click(*(np.array(spot) + [viewer.page.locator("#map").bounding_box()[side] for side in ("x", "y")]).tolist())
    assert viewer.page.input_value("#who") != ""


def test_players_go_by_side_jersey_and_position_and_are_found_by_their_id(viewer, finished_run, busiest):
    table = pd.read_csv(finished_run.input / "train_player_tracking.csv").query("game_play == @busiest").groupby("nfl_player_id").first()
    named = {one: f"{line.team[0].upper()} {line.jersey_number} {line.position}" for one, line in zip(table.index, table.itertuples(), strict=True)}
    assert dict(viewer.page.evaluate("players.map((player) => [player.id, player.text])")) == named
    options = viewer.page.locator("#who option").all_inner_texts()
    assert sorted(options[1:]) == sorted(f"{named[one]} ({one}), {team}" for one, team in table["team"].items())
    one = viewer.page.evaluate("players[tracks[state.chosen].first].id")
    assert viewer.page.inner_text("#name").startswith(f"{named[one]} ({one}) and ")
    assert named[one] in viewer.page.locator(".track[aria-selected=true]").inner_text()


def test_the_page_says_that_its_threshold_was_chosen_on_the_other_folds(viewer):
    assert re.search(r"threshold 0\.\d{3}, chosen on the other folds\.$", viewer.page.inner_text("#now"))
    assert "threshold, chosen on the other folds" in viewer.page.inner_text("[aria-label='The chosen pair or player'] .key")


def test_no_word_of_the_probabilities_lies_over_another(viewer):
    for size in ({"width": 1366, "height": 657}, {"width": 1920, "height": 1080}, {"width": 800, "height": 700}):
        viewer.page.set_viewport_size(size)
        boxes = viewer.page.locator("#detail text").evaluate_all("texts => texts.map((text) => text.getBoundingClientRect().toJSON())")
        assert len(boxes) > 4
        for place, one in enumerate(boxes):
            for other in boxes[:place]:
                apart = (
                    one["left"] >= other["right"] or other["left"] >= one["right"] or one["top"] >= other["bottom"] or other["top"] >= one["bottom"]
                )
                assert apart, (size, one, other)


def test_keys_move_the_moment_and_the_choice(viewer, busiest, oof):
    def step() -> int:
        return int(re.search(r"step (-?\d+)", viewer.page.inner_text("#clock"))[1])

    viewer.press("Home", "ArrowRight", "ArrowRight", "ArrowLeft")
    assert step() == 1
    viewer.press("Shift+ArrowRight")
    assert step() == 11
    viewer.press("End")
    assert step() == int(oof.loc[oof["game_play"] == busiest, "contact_id"].str.split("_").str[2].astype(int).max())
    before = viewer.page.evaluate("views.map((view) => view.frame)")
    viewer.press(",")
    assert viewer.page.evaluate("views.map((view) => view.frame)") == [frame - 1 for frame in before]
    viewer.press("Home", "n")
    asked = dict(part.split("=") for part in viewer.page.url.split("#")[1].split("&"))
    row = oof[oof["contact_id"] == f"{busiest}_{asked['step']}_{asked['pair']}"]
    assert row["wrong"].tolist() == [True]
    name = viewer.page.inner_text("#name")
    viewer.press("ArrowDown" if viewer.page.evaluate("shown.indexOf(state.chosen)") == 0 else "ArrowUp")
    assert viewer.page.inner_text("#name") != name
    viewer.keep("viewer")


def test_an_address_opens_a_moment_of_a_pair(opened, plays, oof, busiest):
    row = oof[(oof["game_play"] == busiest) & oof["wrong"] & ~oof["pair"].str.endswith("_G")].iloc[-1]
    step = int(row["contact_id"].split("_")[2])
    opened.open_play(plays / f"{busiest}.html", f"#step={step}&pair={row['pair']}")
    said = opened.page.inner_text("#now")
    assert said.startswith(f"Step {step}: {'contact, missed' if row['contact'] else 'no contact, but called one'}.")
    assert f"final {row['blend']:.3f}" in said
    opened.press("z")
    opened.keep("viewer_close_up")


def test_without_a_video_the_other_one_goes_on(opened, plays, busiest, tmp_path):
    shutil.copyfile(plays / f"{busiest}.html", tmp_path / "play.html")
    shutil.copyfile(plays / f"{busiest}_Endzone.mp4", tmp_path / f"{busiest}_Endzone.mp4")
    opened.open(tmp_path / "play.html")
    opened.page.wait_for_selector("text=The Sideline video can't be shown.")
    opened.complaints.clear()  # the browser says that the file is missing
    opened.press("End")
    assert opened.page.evaluate("views[1].frame === frameAt(views[1], state.time)")


def _scaled(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    import cv2

    return cv2.resize(picture, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)


def _alone(boxes: np.ndarray, place: int, shape: tuple[int, ...]) -> bool:
    """No other helmet near, and the whole of it well inside the picture."""
    centre = boxes[:, :2] + boxes[:, 2:] / 2
    apart = np.linalg.norm(centre - centre[place], axis=1)
    apart[place] = np.inf
    x, y = centre[place]
    return bool(np.nanmin(apart) > 2.5 * boxes[place, 2] and 20 < x < shape[1] - 20 and 60 < y < shape[0] - 20)


def _distance_of_drawing(changed: np.ndarray, box: np.ndarray) -> float:
    """Helmet widths from the middle of the helmet to that of what was drawn around it; many where nothing was."""
    left, top, width, height = box
    low = np.array([left - width, top - height]).clip(0).astype(int)
    high = np.array([left + 2 * width, top + 2 * height]).astype(int)
    y, x = np.nonzero(changed[low[1] : high[1], low[0] : high[0]])
    if len(x) < 8:
        return 99.0
    middle = low + np.array([x.min() + x.max(), y.min() + y.max()]) / 2
    return float(np.linalg.norm(middle - [left + width / 2, top + height / 2]) / width)


def _unlike(picture: np.ndarray, places: np.ndarray, colour: np.ndarray) -> list[bool]:
    """Whether the colour at each place inside the picture is another one."""
    at = np.rint(places).astype(int)
    inside = (at >= 0).all(1) & (at[:, 0] < picture.shape[1]) & (at[:, 1] < picture.shape[0])
    return (np.abs(picture[at[inside, 1], at[inside, 0]] - colour).max(-1) > 35).tolist()
