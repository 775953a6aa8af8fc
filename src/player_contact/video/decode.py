"""Images of chosen frames, decoded in one pass.

A **frame** here is a time, 1 / 59.94 s after the one before, from 0. Which image a video shows then
is found by timestamps, so a video of another frame rate, or with images missing, gives what it has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.utils.errors import InputError
from player_contact.utils.files import is_outside, outside_text

SLICES = range(1, 6)  # H.264: types of the NAL units that hold images
LUMA_FORMATS = ("yuv420p", "yuvj420p", "nv12", "yuv422p", "yuv444p")


class VideoError(InputError):
    """A video is missing, can't be opened, or breaks off; the message names it."""


@dataclass(frozen=True)
class VideoInfo:
    """What the header of a video says."""

    frames: int  # of 1 / 59.94 s
    width: int
    height: int
    rate: float  # frames a second


def gray_frames(path: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (frame, [H, W] uint8 gray image) for each of the ascending `frames` the video has.

    Decodes from the key frame before the first to the last; of H.264, packets that no requested
    frame depends on are skipped. The image is the Y plane (limited range, 16..235), a view that is
    valid until the next one. Raises VideoError where the file is missing or broken; images yielded
    before are good.
    """
    for frame, image in _images(path, frames):
        yield frame, _luma(image)


def color_frames(path: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Like `gray_frames`, with [H, W, 3] uint8 BGR images: slower, for plots."""
    for frame, image in _images(path, frames):
        yield frame, image.to_ndarray(format="bgr24")


def video_info(path: Path) -> VideoInfo:
    """From the container's header. Raises VideoError where it is missing or can't be opened."""
    with _opened(path, "opened") as (_, stream):
        rate = float(stream.average_rate or 0)
        if rate and stream.frames:
            seconds = stream.frames / rate
        elif stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        else:
            raise VideoError(f"{path.name} does not tell its length")
        return VideoInfo(round(seconds * FRAMES_PER_SECOND), stream.width, stream.height, rate)


@contextmanager
def _opened(path: Path, action: str) -> Iterator[tuple[Any, Any]]:
    """Container and video stream; errors of FFmpeg in the block become "can't be {action}".

    A video lies in a folder of the input folder, which a link must not lead out of.
    """
    import av

    if not path.is_file():
        raise VideoError(f"{path.name} is missing")
    if is_outside(path, path.parent.parent):
        raise VideoError(outside_text(path, path.parent.parent))
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.video:
                raise VideoError(f"{path.name} has no video stream")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise VideoError(f"{path.name} is of a kind that can't be decoded")
            yield container, stream
    except av.error.FFmpegError as error:
        reason = error.strerror or type(error).__name__
        raise VideoError(f"{path.name} can't be {action} ({reason})") from None


def _images(path: Path, frames: np.ndarray) -> Iterator[tuple[int, Any]]:
    frames = np.asarray(frames, dtype=np.int64)
    requested = frames[frames >= 0].tolist()
    with _opened(path, "decoded") as (container, stream):
        if not requested:
            return
        stream.thread_type = "NONE"
        rate, base = stream.average_rate, stream.time_base
        if not rate or not base:
            raise VideoError(f"{path.name} does not tell its frame rate")
        start = stream.start_time or 0
        # At a lower frame rate, an image stands for the frames around it.
        reach = max(1.0, FRAMES_PER_SECOND / float(rate)) / 2
        first = start + int(max(requested[0] - reach, 0) / FRAMES_PER_SECOND / base)
        container.seek(first, stream=stream, backward=True)
        index = 0
        for image in _decoded(container, stream, np.array(requested), start, reach):
            if image.pts is None:
                continue
            frame = float((image.pts - start) * base) * FRAMES_PER_SECOND
            while index < len(requested) and requested[index] < frame - reach:
                index += 1  # missing in the video
            while index < len(requested) and requested[index] < frame + reach:
                yield requested[index], image
                index += 1
            if index == len(requested):
                return


def _decoded(
    container: Any, stream: Any, requested: np.ndarray, start: int, reach: float
) -> Iterator[Any]:
    """The images from here on, less those neither requested nor needed by others.

    After a packet that can't be decoded, all are skipped until the next key frame.
    """
    from av.error import InvalidDataError

    fault, lost, good = None, False, False
    length_size = _length_size(stream)
    for packet in container.demux(stream):
        if length_size and packet.pts is not None and packet.size:
            frame = float((packet.pts - start) * stream.time_base) * FRAMES_PER_SECOND
            near = np.searchsorted(requested, frame - reach)
            needed = near < len(requested) and requested[near] < frame + reach
            if not needed and _is_disposable(bytes(packet), length_size):
                continue
        if lost and packet.size and not packet.is_keyframe:
            continue
        try:
            images = packet.decode()
        except InvalidDataError as error:
            fault, lost = error, True
            continue
        lost, good = False, good or bool(images)
        yield from images
    if fault and not good:
        raise fault


def _length_size(stream: Any) -> int:
    """Bytes of the length before each NAL unit of H.264 in MP4; 0: packets of another kind."""
    extra = stream.codec_context.extradata
    h264 = stream.codec_context.name == "h264" and extra and len(extra) > 4 and extra[0] == 1
    return (extra[4] & 3) + 1 if h264 else 0


def _is_disposable(packet: bytes, length_size: int) -> bool:
    """Whether no image refers to this one: nal_ref_idc is 0 in all slices (ITU-T H.264, 7.4.1)."""
    start, slices = 0, 0
    while start + length_size < len(packet):
        length = int.from_bytes(packet[start : start + length_size], "big")
        header = packet[start + length_size]
        if header & 31 in SLICES:
            if header >> 5 & 3:
                return False
            slices += 1
        start += length_size + length
    return slices > 0


def _luma(image: Any) -> np.ndarray:
    if not image.format.name.startswith(LUMA_FORMATS) or "le" in image.format.name:
        return image.to_ndarray(format="gray")
    plane = image.planes[0]
    pixels = np.frombuffer(plane, dtype=np.uint8).reshape(plane.height, plane.line_size)
    return pixels[:, : plane.width]
