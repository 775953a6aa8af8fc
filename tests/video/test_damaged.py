"""Videos that are not what they should be: each is read with what is there, in one sentence it is said what is missing, and nothing else is lost."""

import dataclasses
import logging
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from player_contact.checks.damages import VIDEO_HARMS
from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.config import CropsConfig
from player_contact.files import remove
from player_contact.play import Play
from player_contact.video.crops import Crops, cut_crops
from player_contact.video.decode import VideoError, grey_frames, video_facts
from tests.makers import all_rows, make_play, write_video

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
    folder = tmp_path_factory.mktemp("whole") / "input" / "test"
    folder.mkdir(parents=True)
    play = make_play(players=3, steps=STEPS, folder=folder)
    boxes = np.broadcast_to(np.array([[400, 300, 20, 20], [420, 310, 20, 20], [800, 400, 20, 20]], dtype=np.float32), (FRAMES + 4, 3, 4))
    play = dataclasses.replace(play, views={name: dataclasses.replace(view, boxes=boxes) for name, view in play.views.items()})
    write_video(play.views["Sideline"].video, moving_pictures(), ENCODING)
    content = play.views["Sideline"].video.read_bytes()
    play.views["Endzone"].video.write_bytes(content)
    return content, play, cut_crops(play, all_rows(play), CONFIG)


def index_at_the_end(path: Path) -> None:
    """As most writers leave a video: cut off, it has lost its index."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=60, options=ENCODING)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for picture in moving_pictures(320, 180):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


ALL, NONE, SOME, EARLY = "all", "none", "some", "early"
DAMAGES: dict[str, tuple[str, str]] = {  # which rows are still seen, what is said
    "missing": (NONE, "is missing"),
    "zero bytes": (NONE, "can't be opened ("),
    "zeros": (NONE, "can't be opened ("),
    "garbage": (NONE, "can't be opened ("),
    "text": (NONE, "can't be opened ("),
    "no video stream": (NONE, "has no video stream"),
    "unknown codec": (NONE, "is of a kind that can't be decoded"),
    "no picture whole": (NONE, "can't be decoded ("),
    "cut off, the index lost": (NONE, "can't be opened ("),
    "cut off": (EARLY, "lacks pictures: "),
    "bad from the middle on": (EARLY, "lacks pictures: "),
    "bad in the middle": (SOME, "lacks pictures: "),
    "shorter than the boxes": (EARLY, "ends before the play: "),
    "pictures missing": (SOME, "has 49.95 frames a second: those nearest in time are taken; it lacks pictures: "),
    "smaller": (ALL, "has 640x360 pixels: boxes are moved to fit"),
    "odd size": (ALL, "has 853x479 pixels: boxes are moved to fit"),
    "another rate": (ALL, "has 29.97 frames a second: those nearest in time are taken"),
    "MPEG-4": (ALL, ""),
    "Motion JPEG": (ALL, ""),
    "a link out of the folder": (NONE, "lies outside of "),
    "a link to itself": (NONE, "is missing"),
    "a folder": (NONE, "is missing"),
}
HARMS = VIDEO_HARMS | {"cut off, the index lost": index_at_the_end}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_video_is_read_with_what_is_there_and_one_sentence_says_so(whole, damage, caplog):
    content, play, good = whole
    left, words = DAMAGES[damage]
    video, rows = play.views["Sideline"].video, all_rows(play)
    remove(video)
    video.write_bytes(content)
    HARMS[damage](video)
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
