"""Pictures of chosen frames, decoded once in one pass.

A **frame** here is a moment: 1 / 59.94 s after the one before, from 0. What a video shows at that moment is found by its timestamps, so a video of
another rate, or one that lacks pictures, gives what it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.competition.links import leads_out, link_sentence
from player_contact.errors import InputError

SLICES = range(1, 6)  # H.264: units of these types hold pictures


class VideoError(InputError):
    """A video is missing, can't be opened, or breaks off; the sentence names it."""


@dataclass(frozen=True)
class VideoFacts:
    """What a video says about itself: `frames` of 1 / 59.94 s it lasts, pixels, pictures a second."""

    frames: int
    width: int
    height: int
    rate: float


def grey_frames(path: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (frame, [H, W] uint8 grey picture) for each of the ascending `frames` (from 0) that the video has.

    Decoding starts at the key frame before the first of them and stops after the last; of H.264, packets that no asked frame depends on are never
    decoded. The picture is the Y plane of the video (limited range, 16..235), a view that is valid until the next one. Raises VideoError where the
    file is missing or broken; what was yielded before is good.
    """
    for frame, picture in _pictures(path, frames):
        yield frame, _luma(picture)


def colour_frames(path: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Like `grey_frames`, with [H, W, 3] uint8 BGR pictures: slower, for people to look at."""
    for frame, picture in _pictures(path, frames):
        yield frame, picture.to_ndarray(format="bgr24")


def _check_place(path: Path) -> None:
    """A video lies in a folder of the input folder, `test/` or `train/`. Raises VideoError where it is missing, or a link leads out."""
    if not path.is_file():
        raise VideoError(f"{path.name} is missing")
    if leads_out(path, path.parent.parent):
        raise VideoError(link_sentence(path, path.parent.parent))


def _pictures(path: Path, frames: np.ndarray) -> Iterator[tuple[int, Any]]:
    import av

    frames = np.asarray(frames, dtype=np.int64)
    _check_place(path)
    wanted = frames[frames >= 0].tolist()
    if not wanted:
        return
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            stream = _video_stream(container, path)
            stream.thread_type = "NONE"
            rate, base = stream.average_rate, stream.time_base
            if not rate or not base:
                raise VideoError(f"{path.name} does not tell its frame rate")
            start = stream.start_time or 0
            # In a video of a lower rate, a picture stands for the frames around it.
            reach = max(1.0, FRAMES_PER_SECOND / float(rate)) / 2
            container.seek(start + int(max(wanted[0] - reach, 0) / FRAMES_PER_SECOND / base), stream=stream, backward=True)
            place = 0
            for picture in _decoded(container, stream, np.array(wanted), start, reach):
                if picture.pts is None:
                    continue
                frame = float((picture.pts - start) * base) * FRAMES_PER_SECOND
                while place < len(wanted) and wanted[place] < frame - reach:
                    place += 1  # a frame that the video lacks
                while place < len(wanted) and wanted[place] < frame + reach:
                    yield wanted[place], picture
                    place += 1
                if place == len(wanted):
                    return
    except av.error.FFmpegError as error:
        raise VideoError(f"{path.name} can't be decoded ({error.strerror or type(error).__name__})") from None


def _video_stream(container, path: Path) -> Any:
    if not container.streams.video:
        raise VideoError(f"{path.name} has no video stream")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise VideoError(f"{path.name} is of a kind that can't be decoded")
    return stream


def _decoded(container, stream, wanted: np.ndarray, start: int, reach: float) -> Iterator[Any]:
    """The pictures from here on, less those that are neither wanted nor needed for others.

    Where a packet can't be decoded its pictures are left out, and all that may depend on them: those before the next key frame.
    """
    from av.error import InvalidDataError

    fault, lost, good = None, False, False
    length_size = _length_size(stream)
    for packet in container.demux(stream):
        if length_size and packet.pts is not None and packet.size:
            frame = float((packet.pts - start) * stream.time_base) * FRAMES_PER_SECOND
            near = np.searchsorted(wanted, frame - reach)
            asked = near < len(wanted) and wanted[near] < frame + reach
            if not asked and _is_disposable(bytes(packet), length_size):
                continue
        if lost and packet.size and not packet.is_keyframe:
            continue
        try:
            pictures = packet.decode()
        except InvalidDataError as error:
            fault, lost = error, True
            continue
        lost, good = False, good or bool(pictures)
        yield from pictures
    if fault and not good:
        raise fault


def _length_size(stream) -> int:
    """Bytes of the length before each unit of an H.264 packet in an MP4 file; 0 where packets are of another kind."""
    extra = stream.codec_context.extradata
    return (extra[4] & 3) + 1 if stream.codec_context.name == "h264" and extra and len(extra) > 4 and extra[0] == 1 else 0


def _is_disposable(packet: bytes, length_size: int) -> bool:
    """Whether no other picture is predicted from this one: `nal_ref_idc` is 0 in all its slices (ITU-T H.264, 7.4.1)."""
    place, slices = 0, 0
    while place + length_size < len(packet):
        length = int.from_bytes(packet[place : place + length_size], "big")
        header = packet[place + length_size]
        if header & 31 in SLICES:
            if header >> 5 & 3:
                return False
            slices += 1
        place += length_size + length
    return slices > 0


def video_facts(path: Path) -> VideoFacts:
    """What the video says about itself. Raises VideoError where it is missing or can't be opened."""
    import av

    _check_place(path)
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            stream = _video_stream(container, path)
            rate = float(stream.average_rate or 0)
            if rate and stream.frames:
                seconds = stream.frames / rate
            elif stream.duration and stream.time_base:
                seconds = float(stream.duration * stream.time_base)
            else:
                raise VideoError(f"{path.name} does not tell its length")
            return VideoFacts(round(seconds * FRAMES_PER_SECOND), stream.width, stream.height, rate)
    except av.error.FFmpegError as error:
        raise VideoError(f"{path.name} can't be opened ({error.strerror or type(error).__name__})") from None


def _luma(picture) -> np.ndarray:
    if not picture.format.name.startswith(("yuv420p", "yuvj420p", "nv12", "yuv422p", "yuv444p")) or "le" in picture.format.name:
        return picture.to_ndarray(format="gray")
    plane = picture.planes[0]
    return np.frombuffer(plane, dtype=np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
