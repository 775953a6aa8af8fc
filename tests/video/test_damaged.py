"""Damaged videos: what they hold is read, one message says what is missing."""

import dataclasses
import logging
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.config import CropsConfig
from player_contact.play import Play
from player_contact.utils.files import remove
from player_contact.video.crops import Crops, cut_crops
from player_contact.video.decode import VideoError, gray_frames, video_info
from run_checks.video_damages import VIDEO_DAMAGES
from tests.makers import all_rows, make_play, write_video

CONFIG = CropsConfig(size=48, frame_offsets=(-1, 0, 1), max_other_boxes=2)
FRAMES, STEPS = 60, 10
GOOD, DAMAGED = VIEWS.index("Endzone"), VIEWS.index("Sideline")
ENCODING = {"crf": "18", "preset": "superfast", "bf": "2", "g": "15", "threads": "1"}


def moving_images(
    width: int = FRAME_WIDTH, height: int = FRAME_HEIGHT, frames: int = FRAMES
) -> list[np.ndarray]:
    """Soft patches that wander to the right, so that all frames differ."""
    coarse = np.random.default_rng(3).integers(30, 220, (12, 21)).astype(np.uint8)
    image = cv2.resize(coarse, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_CUBIC)
    moved = (np.roll(image, 2 * frame, axis=1) for frame in range(frames))
    return [cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in moved]


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> tuple[bytes, Play, Crops]:
    """A good video, a play whose two views both show it, and its crops."""
    folder = tmp_path_factory.mktemp("good") / "input" / "test"
    folder.mkdir(parents=True)
    play = make_play(players=3, steps=STEPS, folder=folder)
    boxes = np.float32([[400, 300, 20, 20], [420, 310, 20, 20], [800, 400, 20, 20]])
    boxes = np.tile(boxes, (FRAMES + 4, 1, 1))
    views = {name: dataclasses.replace(view, boxes=boxes) for name, view in play.views.items()}
    play = dataclasses.replace(play, views=views)
    write_video(play.views["Sideline"].video, moving_images(), ENCODING)
    content = play.views["Sideline"].video.read_bytes()
    play.views["Endzone"].video.write_bytes(content)
    return content, play, cut_crops(play, all_rows(play), CONFIG)


def index_at_the_end(path: Path) -> None:
    """As most writers leave a video: truncated, it has lost its index."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=60, options=ENCODING)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for image in moving_images(320, 180):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


ALL, NONE, SOME, EARLY = "all", "none", "some", "early"
RATE = "has {} frames a second: the nearest in time are taken"
EXPECTED: dict[str, tuple[str, str]] = {  # which rows are still visible, what is logged
    "missing": (NONE, "is missing"),
    "zero bytes": (NONE, "can't be opened ("),
    "zeros": (NONE, "can't be opened ("),
    "garbage": (NONE, "can't be opened ("),
    "text": (NONE, "can't be opened ("),
    "no video stream": (NONE, "has no video stream"),
    "unknown codec": (NONE, "is of a kind that can't be decoded"),
    "no complete frame": (NONE, "can't be decoded ("),
    "truncated, the index lost": (NONE, "can't be opened ("),
    "truncated": (EARLY, "lacks images: "),
    "bad from the middle on": (EARLY, "lacks images: "),
    "bad in the middle": (SOME, "lacks images: "),
    "shorter than the boxes": (EARLY, "ends before the play: "),
    "a pause": (ALL, "pauses for up to 0.18 s: the images nearest in time are taken"),
    "a long pause": (
        SOME,
        "pauses for up to 0.68 s: the images nearest in time are taken; it lacks",
    ),
    "smaller": (ALL, "has 640x360 pixels: boxes are scaled to fit"),
    "odd size": (ALL, "has 853x479 pixels: boxes are scaled to fit"),
    "another frame rate": (ALL, RATE.format(29.97)),
    "turned": (ALL, ""),
    "full range": (ALL, ""),
    "Matroska": (ALL, ""),
    "transport stream": (ALL, ""),
    "two sizes": (ALL, "has 640x360 pixels: boxes are scaled to fit"),
    "MPEG-4": (ALL, ""),
    "Motion JPEG": (ALL, ""),
    "a link out of the folder": (NONE, "lies outside of "),
    "a link to itself": (NONE, "is missing"),
    "a folder": (NONE, "is missing"),
}
ALL_DAMAGES = VIDEO_DAMAGES | {"truncated, the index lost": index_at_the_end}


@pytest.mark.slow
@pytest.mark.parametrize("damage", EXPECTED)
def test_a_damaged_video_gives_what_it_has_and_one_message(good, damage, caplog):
    content, play, expected = good
    rows_left, text = EXPECTED[damage]
    video, rows = play.views["Sideline"].video, all_rows(play)
    remove(video)
    video.write_bytes(content)
    ALL_DAMAGES[damage](video)
    av.logging.set_level(av.logging.ERROR)  # as importing torchvision 0.25 does
    with caplog.at_level(logging.INFO, logger="player_contact"):
        crops = cut_crops(play, rows, CONFIG)
    assert len(caplog.messages) == bool(text), caplog.messages
    assert all(message.startswith(f"Sideline.mp4 {text}") for message in caplog.messages)
    for name in ("images", "boxes", "detected", "visible"):
        undamaged, values = getattr(expected, name)[:, GOOD], getattr(crops, name)[:, GOOD]
        np.testing.assert_array_equal(values, undamaged)
    visible = crops.visible[:, DAMAGED]
    lost = (~visible).sum()
    assert not crops.images[~visible, DAMAGED].any()
    if rows_left in (SOME, EARLY):
        assert 0 < lost < len(rows)
        assert f"{lost} rows have no Sideline view" in caplog.text
        assert (rows.step[visible].max() < rows.step[~visible].min()) == (rows_left == EARLY)
    else:
        assert lost == (0 if rows_left == ALL else len(rows))
    if rows_left == NONE:
        assert f"{len(rows)} rows are scored without the Sideline view" in caplog.text
    else:
        pairs = np.stack([c.images[visible, DAMAGED, 1] for c in (expected, crops)], axis=1)
        alike = [np.corrcoef(pair.reshape(2, -1))[0, 1] for pair in pairs]
        assert np.median(alike) > 0.98
        assert min(alike) > 0.9


@pytest.mark.slow
def test_random_changes_of_bytes_raise_nothing_but_video_errors(tmp_path):
    path = tmp_path / "Sideline.mp4"
    write_video(path, moving_images(96, 54, 20), ENCODING)
    content, random, errors = path.read_bytes(), np.random.default_rng(5), []
    for _ in range(400):
        damaged = bytearray(content)
        for index in random.integers(0, len(content), random.integers(1, 40)).tolist():
            damaged[index] = int(random.integers(256))
        path.write_bytes(damaged)
        try:
            video_info(path)
            for frame, image in gray_frames(path, np.arange(20)):
                assert 0 <= frame < 20
                assert image.dtype == np.uint8
        except VideoError as error:
            errors.append(str(error))
    assert 0 < len(errors) < 400
    assert all(error.startswith("Sideline.mp4 ") for error in errors)
