import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.season import read_season
from player_contact.config import SHIPPED_DETECTOR, DetectorConfig
from player_contact.detection.detect import load_detector
from player_contact.detection.helmets import match_helmets
from player_contact.detection.tiles import TileDataset, clutter, collate_tiles, cut_tile
from player_contact.detection.training_frames import Frames, known_helmets, read_play_frames
from player_contact.play import build_play

PLAIN = DetectorConfig(photometric=False, clutter_prob=0.0, redraw_prob=0.0, tile_size=96, tiles=20)


def framed(random: np.random.Generator, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """A dark image with bright rectangles, and their boxes."""
    image = np.full((160, 240), 30, dtype=np.uint8)
    boxes = []
    for cell in random.permutation(24)[:count]:
        width, height = random.integers(12, 26, 2)
        left, top = 40 * (cell % 6) + 5, 40 * (cell // 6) + 5
        image[top : top + height, left : left + width] = 220
        boxes.append((left, top, left + width, top + height))
    return image, np.array(boxes, dtype=np.float32)


@given(st.integers(0, 10_000))
def test_the_boxes_of_a_tile_lie_where_its_helmets_do(seed):
    random = np.random.default_rng(seed)
    image, boxes = framed(random)
    tile, inside = cut_tile(image, boxes, PLAIN, random)
    assert tile.shape == (96, 96)
    drawn = np.zeros(tile.shape, dtype=bool)
    for left, top, right, bottom in inside:
        low, high = np.ceil([left, top]).astype(int), np.floor([right, bottom]).astype(int)
        part = tile[low[1] + 1 : high[1] - 1, low[0] + 1 : high[0] - 1]
        assert part.size == 0 or part.mean() > 190
        drawn[max(low[1] - 2, 0) : high[1] + 3, max(low[0] - 2, 0) : high[0] + 3] = True
    outside = tile[~drawn]  # of helmets that are cut off, at most half is to be seen
    assert (outside > 150).mean() < 0.06


def test_a_tile_depends_on_the_seed_and_its_number_alone():
    image, boxes = framed(np.random.default_rng(0))
    frames = Frames((image,), (boxes,))
    changed = {"photometric": True, "clutter_prob": 0.5, "redraw_prob": 0.5}
    config = PLAIN.model_copy(update=changed)
    first, second, other = (TileDataset(frames, config, (seed,)) for seed in (1, 1, 2))
    for number in (7, 3):
        image_a, target_a = first[number]
        image_b, target_b = second[number]
        assert image_a.equal(image_b)
        assert target_a["boxes"].equal(target_b["boxes"])
    assert not first[3][0].equal(other[3][0])
    assert len(first) == config.tiles
    images, targets = collate_tiles([first[0], first[1]])
    assert [one.shape for one in images] == [(1, 96, 96)] * 2
    assert all(target["labels"].eq(1).all() for target in targets)


def test_a_frame_without_helmets_gives_tiles_without_boxes():
    frames = Frames((np.full((160, 240), 90, np.uint8),), (np.empty((0, 4), np.float32),))
    image, target = TileDataset(frames, PLAIN, (1,))[0]
    assert target["boxes"].shape == (0, 4)
    assert torch.isclose(image, torch.tensor(90 / 255)).all()


def test_clutter_lies_everywhere_but_on_helmets():
    random = np.random.default_rng(2)
    image, boxes = framed(random)
    is_helmet, cluttered = image > 100, image.copy()
    for _ in range(20):
        clutter(cluttered, boxes, random)
    assert (cluttered != image)[~is_helmet].mean() > 0.1
    assert (cluttered == image)[is_helmet].mean() > 0.95  # edges are smooth


def test_the_frames_of_a_play_show_its_visible_helmets(season):
    tables = next(read_season(season, "train").plays())
    config = DetectorConfig(frames_per_view=3)
    frames = read_play_frames(tables, season / "truth", config)
    assert [image.shape for image in frames.images] == [(720, 1280)] * 6
    for boxes in frames.boxes:
        assert 4 < len(boxes) <= 22
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    everyone = read_play_frames(
        tables, season / "truth", config.model_copy(update={"min_visible": 0.0})
    )
    assert sum(map(len, everyone.boxes)) > sum(map(len, frames.boxes))


@pytest.mark.slow
def test_the_boxes_lie_on_the_helmets_of_their_frames(season):
    """A frame too early or too late, and a detector finds them beside their boxes."""
    tables = next(read_season(season, "train").plays())
    frames = read_play_frames(tables, season / "truth", DetectorConfig(frames_per_view=3))
    detector, matches = load_detector(SHIPPED_DETECTOR), []
    for image, boxes in zip(frames.images, frames.boxes, strict=True):
        there = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
        matches.append(match_helmets(detector(image), there, np.ones(len(there), bool), 0.35))
    assert np.concatenate([one.found for one in matches]).mean() > 0.85
    assert np.nanpercentile(np.concatenate([one.offset for one in matches]), 90) < 2.0  # px


def test_without_a_truth_the_table_tells_the_helmets(season):
    tables = next(read_season(season, "train").plays())
    play, _ = build_play(tables)
    boxes, visible = known_helmets(play.views["Sideline"], "Sideline", {})
    np.testing.assert_array_equal(boxes, play.views["Sideline"].boxes)
    np.testing.assert_array_equal(visible == 1, ~np.isnan(boxes[..., 0]))


def test_a_view_without_a_video_gives_no_frames(season_tables, caplog):
    tables = next(read_season(season_tables, "train").plays())
    frames = read_play_frames(tables, season_tables / "truth", DetectorConfig())
    assert len(frames.images) == 0
    assert caplog.text.count("no frames of it are trained on") == 2


@pytest.mark.parametrize("field", ["tile_size", "channels", "score_threshold"])
def test_settings_out_of_range_are_refused(field):
    with pytest.raises(ValueError, match=field):
        DetectorConfig(**{field: 10_000})


def test_fewer_tiles_than_a_batch_are_refused():
    with pytest.raises(ValueError, match=r"detector\.tiles \(8\) must be at least"):
        DetectorConfig(tiles=8)
