import cv2
import numpy as np
import pandas as pd
import pytest

from player_contact.competition.season import read_season
from player_contact.config import SHIPPED_DETECTOR
from player_contact.detection.helmets import Helmets
from player_contact.play import build_play
from player_contact.utils.errors import InputError
from run_checks.__main__ import app
from run_checks.helmets_check import MEASURES, check_helmets
from run_checks.helmets_look import check_image, measure_clip
from tests.invoke import invoke


def boxed(centres: np.ndarray) -> Helmets:
    boxes = np.column_stack([centres - 8, np.full((len(centres), 2), 16)])
    return Helmets(boxes.astype(np.float32), np.ones(len(boxes), np.float32))


def test_steady_helmets_are_found_again_and_do_not_tremble():
    start = np.array([[100.0, 100], [300, 100], [500, 300]])
    steady = measure_clip([boxed(start + 3 * frame) for frame in range(6)])
    assert (steady.frames, steady.helmets, steady.again, steady.jitter) == (6, 3, 1, 0)
    shaken = measure_clip([boxed(start + 2 * (-1) ** frame) for frame in range(6)])
    assert shaken.jitter == pytest.approx(4 * np.sqrt(2))
    lost = measure_clip([boxed(start[: 3 - frame % 2]) for frame in range(6)])
    assert 0.7 < lost.again < 0.9


@pytest.fixture
def image(tmp_path):
    """An image, its boxes beside it, and a detector that finds two of three and a false one."""
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), np.full((720, 1280, 3), 90, np.uint8))
    names = ["left", "top", "width", "height"]
    table = pd.DataFrame([[10, 10, 20, 20], [100, 10, 20, 20], [200, 10, 20, 20]], columns=names)
    table.to_csv(tmp_path / "image_boxes.csv", index=False)
    found = np.array([[11, 10, 20, 20], [100, 12, 20, 20], [400, 10, 20, 20]], np.float32)
    return path, lambda _: Helmets(found, np.ones(3, np.float32))


def test_an_image_is_compared_with_its_boxes_and_drawn(image, tmp_path):
    path, detector = image
    text = check_image(path, detector, tmp_path / "drawn.png")
    assert text.startswith("image.png: 2 of 3 helmets found at IoU 0.35, 1 others")
    drawn = cv2.imread(str(tmp_path / "drawn.png"))
    assert (drawn[10, 400:420] == (0, 255, 255)).all()
    assert (drawn[10, 200:220] == (255, 80, 255)).all()


def test_an_image_of_another_size_is_compared_in_its_own_pixels(image, tmp_path):
    path, detector = image
    cv2.imwrite(str(path), np.full((1440, 2560, 3), 90, np.uint8))
    table = path.with_name("image_boxes.csv")
    (2 * pd.read_csv(table)).to_csv(table, index=False)
    text = check_image(path, detector, tmp_path / "drawn.png")
    assert text.startswith("image.png: 2 of 3 helmets found")


def test_plays_without_a_truth_are_named(season_tables, tmp_path):
    season = read_season(season_tables, "train")
    with pytest.raises(InputError, match=r"has no 58168_\d+\.npz: where helmets truly are"):
        check_helmets(season, tmp_path, 1, SHIPPED_DETECTOR, 1)


def test_an_image_without_boxes_and_a_table_without_a_column_are_named(image, tmp_path):
    path, detector = image
    table = path.with_name("image_boxes.csv")
    pd.read_csv(table).drop(columns="width").to_csv(table, index=False)
    with pytest.raises(InputError, match=r"image_boxes\.csv has no column 'width'"):
        check_image(path, detector, tmp_path / "drawn.png")
    table.unlink()
    with pytest.raises(InputError, match=r"image_boxes\.csv can't be read"):
        check_image(path, detector, tmp_path / "drawn.png")
    with pytest.raises(InputError, match=r"none\.png can't be read"):
        check_image(tmp_path / "none.png", detector, tmp_path / "drawn.png")


def test_simulated_plays_have_every_measure_whatever_the_workers(short_films):
    season, truth = read_season(short_films, "train"), short_films / "truth"
    tables = [check_helmets(season, truth, 2, SHIPPED_DETECTOR, workers) for workers in (1, 2)]
    pd.testing.assert_frame_equal(*tables)
    names = [(title, name) for title, measures in MEASURES.items() for name, *_ in measures]
    assert list(tables[0].index) == names
    found, named = (tables[0].loc[title] for title in MEASURES)
    assert found.loc["average precision at IoU .35, %"].dropna().min() > 85
    assert (
        found.loc["average precision at IoU .5, %"] <= found.loc["average precision at IoU .35, %"]
    ).sum() == 2
    assert named.loc["found ones named rightly, %"].dropna().min() > 85


def test_the_command_prints_what_is_found(short_films):
    options = {"input": short_films, "split": "test", "detect": 1, "workers": 1}
    words = ["boxes-check", *(word for k, v in options.items() for word in (f"--{k}", v))]
    done = invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "average precision at IoU .5, %" in done.output
    assert max(map(len, done.output.splitlines())) <= 100


@pytest.mark.slow
def test_a_video_is_looked_at_frame_by_frame(season, tmp_path):
    play, _ = build_play(next(read_season(season, "test").plays()))
    clip = tmp_path / "films" / "clip.mp4"
    clip.parent.mkdir()
    reader = cv2.VideoCapture(str(play.views["Sideline"].video))
    reader.set(cv2.CAP_PROP_POS_FRAMES, 300)
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"mp4v"), 59.94, (1280, 720))
    for _ in range(4):
        writer.write(reader.read()[1])
    writer.release()
    done = invoke(app, ["boxes-check", "--clip", clip, "--outputs", tmp_path])
    assert done.exit_code == 0, done.output
    assert "helmets in a frame (median of 4)" in done.output
    assert cv2.imread(str(tmp_path / "clip_helmets.png")).shape == (1440, 1280, 3)
