import re
import shutil

import numpy as np
import pandas as pd
import pytest

from player_contact.competition.constants import VIEWS
from player_contact.competition.season import read_season
from player_contact.play import build_play
from player_contact.video.decode import color_frames

FRAMES = "views.map((view) => view.frame)"
CAPTION = np.s_[:40, :140]  # of a view, in pixels


@pytest.fixture(scope="module")
def plays(finished_run):
    return finished_run.folder / "report" / "plays"


@pytest.fixture(scope="module")
def rows(finished_run) -> pd.DataFrame:
    """oof.parquet of the play with the most wrong rows."""
    oof = pd.read_parquet(finished_run.folder / "oof.parquet")
    parts = oof["contact_id"].str.split("_", n=3, expand=True)
    wrong = oof["contact"] != oof["final"]
    oof = oof.assign(wrong=wrong, step=parts[2].astype(int), pair=parts[3])
    return oof[oof["game_play"] == wrong.groupby(oof["game_play"]).sum().idxmax()]


@pytest.fixture(scope="module")
def name(rows) -> str:
    return rows["game_play"].iloc[0]


@pytest.fixture(scope="module")
def play(finished_run, name):
    return build_play(next(iter(read_season(finished_run.input, "train").plays([name]))))[0]


@pytest.fixture
def viewer(browser, plays, name):
    browser.open_play(plays / f"{name}.html")
    return browser


def frames_at(play, step: int) -> list[int]:
    time = play.times[play.steps == step]
    return [int(view.frame_of(time)[0]) for view in play.views.values()]


def video_frames(viewer) -> list[int]:
    return viewer.evaluate("views.map((view) => Math.floor(view.video.currentTime * FPS + 1e-6))")


def timelines(viewer) -> list[str]:
    visible = viewer.page.locator(".track:visible")
    return visible.evaluate_all("rows => rows.map((row) => row.getAttribute('aria-label'))")


def test_the_page_needs_only_itself_and_its_videos(viewer, plays, name):
    videos = {plays / f"{name}_{view}.mp4" for view in VIEWS}
    assert viewer.files() == {plays / f"{name}.html", *videos}


def test_after_seeking_both_videos_show_the_frame_of_the_clock(viewer, play):
    for step in (3, 17, 8):
        viewer.go_to(step)
        assert video_frames(viewer) == viewer.evaluate(FRAMES) == frames_at(play, step)


def test_the_image_on_the_page_is_that_of_the_frame(viewer, play):
    """At the size of the video: browsers scale otherwise than OpenCV, by half a pixel."""
    viewer.page.set_viewport_size({"width": 3000, "height": 1400})
    fixed = "{ position: fixed; top: 0; left: 0; width: 1280px; height: 720px; }"
    viewer.page.add_style_tag(content=f"figure[data-view] {fixed}")
    viewer.press("b", "Home", *["ArrowRight"] * 9)
    for (name, view), frame in zip(play.views.items(), frames_at(play, 9), strict=True):
        viewer.evaluate(f"document.querySelector('[data-view={name}]').style.zIndex = 9")
        shown = viewer.image(f"figure[data-view={name}]").astype(np.float32)
        viewer.evaluate(f"document.querySelector('[data-view={name}]').style.zIndex = 0")
        assert shown.shape == (720, 1280, 3)
        difference = {}
        for number, image in color_frames(view.video, np.arange(frame - 6, frame + 7)):
            change = shown - image.astype(np.float32)
            change[CAPTION] = 0
            difference[number] = float(change.std())
        assert min(difference, key=difference.get) == frame


def test_boxes_are_on_the_helmets_of_the_image(viewer, finished_run, name, play):
    with np.load(finished_run.input / "truth" / f"{name}.npz", allow_pickle=False) as arrays:
        truth = dict(arrays)
    viewer.page.set_viewport_size({"width": 3000, "height": 1400})
    viewer.press("Home")
    distances, inside, above = [], [], []
    for step in (4, 16):
        viewer.go_to(step)
        for view, frame in zip(play.views, frames_at(play, step), strict=True):
            viewer.settle()
            drawn = viewer.image(f"figure[data-view={view}]")
            viewer.press("b")
            plain = viewer.image(f"figure[data-view={view}]")
            viewer.press("b")
            changed = np.abs(plain.astype(int) - drawn.astype(int)).max(-1) > 60
            boxes = truth[f"boxes_{view}"][frame] * plain.shape[1] / 1280
            visible = np.flatnonzero(truth[f"visibility_{view}"][frame] > 0.9)
            boxes = boxes[[i for i in visible if is_isolated(boxes, i, plain.shape)]]
            distances += [outline_distance(changed, box) for box in boxes]
            grass = np.median(plain.reshape(-1, 3), axis=0)
            center, height = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 3]
            inside += differs(plain, center, grass)
            above += differs(plain, center - np.stack([0 * height, 3 * height], axis=-1), grass)
    assert len(distances) >= 15
    assert np.median(distances) < 0.3
    assert np.mean(np.array(distances) < 1) > 0.85
    assert np.mean(inside) > 0.9  # no grass, but mostly grass three helmets above
    assert np.mean(above) < 0.6


def test_both_videos_play_and_stay_together(viewer):
    viewer.go_to(2)
    viewer.page.keyboard.press(" ")
    viewer.wait_for("state.time > 0.4")
    times = "views.map((view) => view.start + view.video.currentTime)"
    differences = []
    while viewer.evaluate("state.time") < 1.8:
        differences.append(abs(np.subtract(*viewer.evaluate(times))))
        viewer.page.wait_for_timeout(30)
    viewer.page.keyboard.press(" ")
    viewer.settle()
    assert np.median(differences) < 2 / 59.94
    assert viewer.evaluate("views.every((view) => view.video.paused)")


def test_playing_and_pausing_leaves_both_videos_at_one_time(viewer):
    for _ in range(5):
        viewer.page.keyboard.press(" ")
        viewer.page.keyboard.press(" ")
        viewer.settle()
    expected = viewer.evaluate("views.map((view) => frameAt(view, state.time))")
    assert viewer.evaluate(FRAMES) == video_frames(viewer) == expected


def test_half_speed_is_half_the_speed(viewer):
    viewer.press("h")
    viewer.page.keyboard.press(" ")
    rates = viewer.evaluate("views.map((view) => Math.round(view.video.playbackRate * 2) / 2)")
    assert set(rates) == {0.5}
    viewer.page.keyboard.press(" ")
    viewer.press("h")
    assert viewer.page.get_attribute("#half_speed", "aria-pressed") == "false"


def test_every_pair_with_a_label_or_prediction_has_a_timeline(viewer, rows):
    ids = "track.members.map((index) => players[index].id).join('_')"
    pairs = viewer.evaluate(f"tracks.map((track) => {ids} + (track.second < 0 ? '_G' : ''))")
    assert set(rows.loc[(rows["contact"] == 1) | (rows["final"] == 1), "pair"]) <= set(pairs)
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize(("outcome", "label", "predicted"), [("fp", 0, 1), ("fn", 1, 0)])
def test_the_filter_leaves_timelines_with_such_errors(viewer, rows, outcome, label, predicted):
    pairs = rows.loc[(rows["contact"] == label) & (rows["final"] == predicted), "pair"]
    viewer.page.select_option("#outcome", outcome)
    assert len(timelines(viewer)) == pairs.nunique()
    viewer.page.select_option("#kind", "ground")
    ground = pairs[pairs.str.endswith("_G")].nunique()
    assert len(timelines(viewer)) == ground
    assert viewer.text("#count").startswith(f"{ground} of ")


def test_a_player_s_timelines_can_be_filtered(viewer):
    everything = len(timelines(viewer))
    index = viewer.evaluate("tracks[0].first")
    viewer.page.select_option("#player", str(index))
    name = viewer.evaluate(f"players[{index}].text")
    assert 0 < len(timelines(viewer)) < everything
    assert all(name in label for label in timelines(viewer))


def test_a_click_on_the_field_selects_a_player(viewer):
    box, point = viewer.page.locator("#map").bounding_box(), viewer.evaluate("mapPoints[0]")
    viewer.page.mouse.click(box["x"] + point["x"], box["y"] + point["y"])
    assert viewer.page.input_value("#player") != ""


def test_players_have_team_jersey_and_position(viewer, finished_run, name):
    table = pd.read_csv(finished_run.input / "train_player_tracking.csv")
    table = table[table["game_play"] == name].groupby("nfl_player_id").first()
    names = {
        row.Index: f"{row.team[0].upper()} {row.jersey_number} {row.position}"
        for row in table.itertuples()
    }
    assert dict(viewer.evaluate("players.map((player) => [player.id, player.text])")) == names
    options = viewer.page.locator("#player option").all_inner_texts()
    expected = [f"{names[number]} ({number}), {team}" for number, team in table["team"].items()]
    assert sorted(options[1:]) == sorted(expected)
    number = viewer.evaluate("players[tracks[state.selected].first].id")
    assert viewer.text("#track_name").startswith(f"{names[number]} ({number}) and ")
    assert names[number] in viewer.text(".track[aria-selected=true]")


def test_the_threshold_is_that_of_the_other_folds(viewer):
    text = "chosen on the other folds"
    assert re.search(rf"threshold 0\.\d{{3}}, {text}\.$", viewer.text("#step_text"))
    assert f"threshold, {text}" in viewer.text("section:has(#chart) .legend")


@pytest.mark.parametrize("size", [(1366, 657), (1920, 1080), (800, 700)])
def test_no_text_of_the_chart_covers_another(viewer, size):
    viewer.page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    boxes = viewer.page.locator("#chart text").evaluate_all(
        "texts => texts.map((text) => text.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) > 4
    for number, a in enumerate(boxes):
        for b in boxes[:number]:
            beside = a["left"] >= b["right"] or b["left"] >= a["right"]
            assert beside or a["top"] >= b["bottom"] or b["top"] >= a["bottom"], (a, b)


def test_keys_change_step_frame_and_selection(viewer, rows):
    def step() -> int:
        return int(re.search(r"step (-?\d+)", viewer.text("#clock"))[1])

    viewer.press("Home", "ArrowRight", "ArrowRight", "ArrowLeft")
    assert step() == 1
    viewer.press("Shift+ArrowRight")
    assert step() == 11
    viewer.press("End")
    assert step() == rows["step"].max()
    before = viewer.evaluate(FRAMES)
    viewer.press(",")
    assert viewer.evaluate(FRAMES) == [frame - 1 for frame in before]
    name = viewer.text("#track_name")
    is_first = viewer.evaluate("listed.indexOf(state.selected)") == 0
    viewer.press("ArrowDown" if is_first else "ArrowUp")
    assert viewer.text("#track_name") != name
    viewer.screenshot("viewer")


@pytest.mark.parametrize("keys", [["Home", "n"], ["End", "p"], ["Home", "n", "n", "p"]])
def test_keys_go_to_errors(viewer, rows, keys):
    viewer.press(*keys)
    address = dict(part.split("=") for part in viewer.page.url.split("#")[1].split("&"))
    row = rows[(rows["step"] == int(address["step"])) & (rows["pair"] == address["pair"])]
    assert row["wrong"].tolist() == [True]


def test_an_address_opens_a_step_of_a_pair(browser, plays, rows, name):
    row = rows[rows["wrong"] & ~rows["pair"].str.endswith("_G")].iloc[-1]
    browser.open_play(plays / f"{name}.html", f"#step={row['step']}&pair={row['pair']}")
    outcome = "contact, missed" if row["contact"] else "no contact, but predicted"
    text = browser.text("#step_text")
    assert text.startswith(f"Step {row['step']}: {outcome}.")
    assert f"final {row['blend']:.3f}" in text
    browser.press("z")
    browser.screenshot("viewer_zoomed")


def test_without_a_video_the_other_one_goes_on(browser, plays, name, tmp_path):
    shutil.copyfile(plays / f"{name}.html", tmp_path / "play.html")
    shutil.copyfile(plays / f"{name}_Endzone.mp4", tmp_path / f"{name}_Endzone.mp4")
    browser.open(tmp_path / "play.html")
    browser.page.wait_for_selector("text=The Sideline video can't be shown.")
    browser.messages.clear()  # the browser logs that the file is missing
    browser.press("End")
    assert browser.evaluate("views[1].frame === frameAt(views[1], state.time)")


def is_isolated(boxes: np.ndarray, index: int, shape: tuple[int, ...]) -> bool:
    """No other helmet is near, and it is well inside the image."""
    center = boxes[:, :2] + boxes[:, 2:] / 2
    distance = np.linalg.norm(center - center[index], axis=1)
    distance[index] = np.inf
    x, y = center[index]
    inside = 20 < x < shape[1] - 20 and 60 < y < shape[0] - 20
    return bool(inside and np.nanmin(distance) > 2.5 * boxes[index, 2])


def outline_distance(changed: np.ndarray, box: np.ndarray) -> float:
    """Helmet widths from a helmet to what was drawn around it; 99 where nothing was."""
    corner, size = box[:2], box[2:]
    # No farther out: beside it may be the circle of a contact with the ground.
    low = (corner - 0.35 * size).clip(0).astype(int)
    high = (corner + 1.35 * size).astype(int)
    y, x = np.nonzero(changed[low[1] : high[1], low[0] : high[0]])
    if len(x) < 8:
        return 99.0
    middle = low + np.array([x.min() + x.max(), y.min() + y.max()]) / 2
    return float(np.linalg.norm(middle - (corner + size / 2)) / size[0])


def differs(image: np.ndarray, points: np.ndarray, color: np.ndarray) -> list[bool]:
    """Whether the color at each point inside the image is another one."""
    x, y = np.rint(points).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
    return (np.abs(image[y[inside], x[inside]] - color).max(-1) > 35).tolist()
