"""Videos that are not what they should be: each is read with what is there, in one sentence it is said what is missing, and nothing else is lost."""

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.config import CropsConfig
from player_contact.play import Play
from player_contact.video.crops import Crops, cut_crops
from player_contact.video.decode import VideoError, grey_frames, video_facts
from tests.makers import FRAME_RATE, all_rows, make_play, write_sound, write_video

CONFIG = CropsConfig(size=48, frames=(-1, 0, 1), others=2)
FRAMES, STEPS = 60, 10
GOOD, HARMED = VIEWS.index("Endzone"), VIEWS.index("Sideline")
ENCODING = {"crf": "18", "preset": "superfast", "bf": "2", "g": "15", "threads": "1"}


def moving_pictures(width: int = FRAME_WIDTH, height: int = FRAME_HEIGHT, frames: int = FRAMES) -> list[np.ndarray]:
    """Soft patches that wander to the right, so that every frame is another one."""
    coarse = np.random.default_rng(3).integers(30, 220, (12, 21)).astype(np.uint8)
    whole = cv2.resize(coarse, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_CUBIC)
    return [cv2.resize(np.roll(whole, 2 * frame, axis=1), (width, height), interpolation=cv2.INTER_AREA) for frame in range(frames)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[bytes, Play, Crops]:
    """A good video, a play that both cameras saw like that, and its crops."""
    folder = tmp_path_factory.mktemp("whole")
    play = make_play(players=3, steps=STEPS, folder=folder)
    boxes = np.broadcast_to(np.array([[400, 300, 20, 20], [420, 310, 20, 20], [800, 400, 20, 20]], dtype=np.float32), (FRAMES + 4, 3, 4))
    play = dataclasses.replace(play, views={name: dataclasses.replace(view, boxes=boxes) for name, view in play.views.items()})
    write_video(play.views["Sideline"].video, moving_pictures(), ENCODING)
    content = play.views["Sideline"].video.read_bytes()
    play.views["Endzone"].video.write_bytes(content)
    return content, play, cut_crops(play, all_rows(play), CONFIG)


def index_at_the_end(path: Path, content: bytes) -> None:
    """As most writers leave a video: cut off, it has lost its index."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=60, options=ENCODING)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for picture in moving_pictures(320, 180):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zeros_between(path: Path, content: bytes, low: float, high: float) -> None:
    first, last = int(low * len(content)), int(high * len(content))
    path.write_bytes(content[:first] + bytes(last - first) + content[last:])


def film(codec: str = "libx264", size: tuple[int, int] = (FRAME_WIDTH, FRAME_HEIGHT), every: int = 1, frames: int = FRAMES, without=()) -> "Harm":
    """Another video of the same."""
    options, rate = (ENCODING if codec == "libx264" else None), FRAME_RATE / every
    return lambda path, _: write_video(path, moving_pictures(*size, frames)[::every], options, rate, without, codec)


Harm = Callable[[Path, bytes], object]
ALL, NONE, SOME, EARLY = "all", "none", "some", "early"
DAMAGES: dict[str, tuple[Harm, str, str]] = {  # how it is harmed, which rows are still seen, what is said
    "missing": (lambda path, _: path.unlink(), NONE, "is missing"),
    "zero bytes": (lambda path, _: path.write_bytes(b""), NONE, "can't be opened ("),
    "zeros": (lambda path, _: path.write_bytes(bytes(9000)), NONE, "can't be opened ("),
    "garbage": (lambda path, _: path.write_bytes(np.random.default_rng(0).bytes(9000)), NONE, "can't be opened ("),
    "no video stream": (lambda path, _: write_sound(path), NONE, "has no video stream"),
    "unknown codec": (lambda path, content: path.write_bytes(content.replace(b"avc1", b"zzz9")), NONE, "is of a kind that can't be decoded"),
    "no picture whole": (
        lambda path, content: path.write_bytes(content.partition(b"mdat")[0] + b"mdat" + bytes(len(content))),
        NONE,
        "can't be decoded (",
    ),
    "cut off, the index lost": (index_at_the_end, NONE, "can't be opened ("),
    "cut off": (lambda path, content: path.write_bytes(content[: len(content) // 2]), EARLY, "lacks pictures: "),
    "bad from the middle on": (lambda path, content: zeros_between(path, content, 0.5, 1), EARLY, "lacks pictures: "),
    "bad in the middle": (lambda path, content: zeros_between(path, content, 0.4, 0.6), SOME, "lacks pictures: "),
    "shorter than the boxes": (film(frames=30), EARLY, "ends before the play: "),
    "pictures missing": (film(without=range(20, 30)), SOME, "has 49.95 frames a second: those nearest in time are taken; it lacks pictures: "),
    "smaller": (film(size=(640, 360)), ALL, "has 640x360 pixels: boxes are moved to fit"),
    "odd size": (film("mjpeg", size=(853, 479)), ALL, "has 853x479 pixels: boxes are moved to fit"),
    "another rate": (film(every=2), ALL, "has 29.97 frames a second: those nearest in time are taken"),
    "MPEG-4": (film("mpeg4"), ALL, ""),
    "Motion JPEG": (film("mjpeg"), ALL, ""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_video_is_read_with_what_is_there_and_one_sentence_says_so(whole, damage, caplog):
    content, play, good = whole
    harm, left, words = DAMAGES[damage]
    video, rows = play.views["Sideline"].video, all_rows(play)
    harm(video, content)
    with caplog.at_level(logging.INFO, logger="player_contact"):
        crops = cut_crops(play, rows, CONFIG)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == bool(words), said
    assert all(sentence.startswith(f"Sideline.mp4 {words}") for sentence in said)
    for name in ("pictures", "boxes", "detected", "seen"):
        np.testing.assert_array_equal(getattr(crops, name)[:, GOOD], getattr(good, name)[:, GOOD])
    seen = crops.seen[:, HARMED]
    assert not crops.pictures[~seen, HARMED].any()
    if left in (ALL, NONE):
        assert (seen == (left == ALL)).all()
    else:
        assert 0 < seen.sum() < len(seen)
        assert f"{(~seen).sum()} rows have no Sideline view" in said[0]
        assert (rows.step[seen].max() < rows.step[~seen].min()) == (left == EARLY)
    if seen.any():
        wanted, got = (pictures[seen, HARMED, 1].reshape(seen.sum(), -1) for pictures in (good.pictures, crops.pictures))
        alike = [np.corrcoef(one, other)[0, 1] for one, other in zip(wanted, got, strict=True)]
        assert np.median(alike) > 0.98
        assert min(alike) > 0.9
    if left == NONE:
        assert f"{len(rows)} rows are scored without the Sideline view" in said[0]


def test_whatever_bytes_are_changed_only_a_video_error_is_raised(tmp_path):
    path = tmp_path / "Sideline.mp4"
    write_video(path, moving_pictures(96, 54, 20), ENCODING)
    content = path.read_bytes()
    random = np.random.default_rng(5)
    failed = []
    for _ in range(400):
        harmed = bytearray(content)
        for place in random.integers(0, len(content), random.integers(1, 40)).tolist():
            harmed[place] = int(random.integers(256))
        path.write_bytes(harmed)
        try:
            video_facts(path)
            for frame, picture in grey_frames(path, np.arange(20)):
                assert 0 <= frame < 20
                assert picture.dtype == np.uint8
        except VideoError as error:
            failed.append(str(error))
    assert 0 < len(failed) < 400
    assert all(sentence.startswith("Sideline.mp4 ") for sentence in failed)
