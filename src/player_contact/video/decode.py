"""Grey pictures of chosen frames, decoded once in one pass."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.errors import InputError

RATE_TOLERANCE = 0.005


class VideoError(InputError):
    """A video is missing, can't be opened, or breaks off; the sentence names it."""


def grey_frames(path: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (frame, [H, W] uint8 grey picture) for each of the ascending `frames` (from 0) that the video has.

    Decoding starts at the key frame before the first of them and stops after the last. Frames are told by their timestamps, not by counting. The
    picture is the Y plane of the video (limited range, 16..235), a view that is valid until the next one. Raises VideoError where the file is
    missing or broken; what was yielded before is good.
    """
    for frame, picture in _pictures(path, frames):
        yield frame, _luma(picture)


def colour_frames(path: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Like `grey_frames`, with [H, W, 3] uint8 BGR pictures: slower, for people to look at."""
    for frame, picture in _pictures(path, frames):
        yield frame, picture.to_ndarray(format="bgr24")


def _pictures(path: Path, frames: np.ndarray) -> Iterator[tuple[int, Any]]:
    import av

    frames = np.asarray(frames, dtype=np.int64)
    if not path.is_file():
        raise VideoError(f"{path.name} is missing")
    wanted = frames[frames >= 0].tolist()
    if not wanted:
        return
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise VideoError(f"{path.name} has no video stream")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            rate, base = stream.average_rate, stream.time_base
            if not rate or not base:
                raise VideoError(f"{path.name} does not tell its frame rate")
            start = stream.start_time or 0
            container.seek(start + int(wanted[0] / rate / base), stream=stream, backward=True)
            place = 0
            for picture in container.decode(stream):
                if picture.pts is None:
                    continue
                frame = round((picture.pts - start) * base * rate)
                while place < len(wanted) and wanted[place] < frame:
                    place += 1  # a frame that the video lacks
                if place == len(wanted):
                    return
                if wanted[place] == frame:
                    yield frame, picture
                    place += 1
    except av.error.FFmpegError as error:
        raise VideoError(f"{path.name} can't be decoded ({error.strerror or type(error).__name__})") from None


def frame_count(path: Path) -> int:
    """How many frames the video says it has. Raises VideoError where it is missing, can't be opened, or is not of the competition's size and rate."""
    import av

    if not path.is_file():
        raise VideoError(f"{path.name} is missing")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise VideoError(f"{path.name} has no video stream")
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 0)
            if abs(rate / FRAMES_PER_SECOND - 1) > RATE_TOLERANCE or (stream.width, stream.height) != (FRAME_WIDTH, FRAME_HEIGHT):
                raise VideoError(
                    f"{path.name} has {stream.width}x{stream.height} pixels at {rate:.2f} frames a second, expected {FRAME_WIDTH}x{FRAME_HEIGHT} "
                    f"at {FRAMES_PER_SECOND:.2f}: its boxes would lie elsewhere"
                )
            if stream.frames:
                return int(stream.frames)
            if stream.duration and stream.time_base and stream.average_rate:
                return round(stream.duration * stream.time_base * stream.average_rate)
    except av.error.FFmpegError as error:
        raise VideoError(f"{path.name} can't be opened ({error.strerror or type(error).__name__})") from None
    raise VideoError(f"{path.name} does not tell its length")


def _luma(picture) -> np.ndarray:
    if not picture.format.name.startswith(("yuv420p", "yuvj420p", "nv12", "yuv422p", "yuv444p")) or "le" in picture.format.name:
        return picture.to_ndarray(format="gray")
    plane = picture.planes[0]
    return np.frombuffer(plane, dtype=np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
