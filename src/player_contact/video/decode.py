"""Images of chosen frames, decoded in one pass.

A **frame** here is a time, 1 / 59.94 s after the one before, from 0, the video's first image. The
image of a frame is the nearest in time, so that any frame rate, also a variable one, gives what it
has. Images are as a player shows them: upright, and of one range of tones, whatever was stored.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.utils.errors import InputError
from player_contact.utils.files import is_outside, outside_text

SLICES = range(1, 6)  # H.264: types of the NAL units that hold images
LUMA_FORMATS = {
    f"yuv{j}{sampling}p" for j in ("", "j") for sampling in (411, 420, 422, 440, 444)
} | {"nv12", "nv21"}
FULL_RANGE = 2  # in FFmpeg's AVColorRange: tones from 0 to 255
LIMITED = np.rint(16 + np.arange(256) * (219 / 255)).astype(np.uint8)  # of tones in full range
SAME_IMAGE = 0.25  # of the usual interval: packets this near to each other make one image


class VideoError(InputError):
    """A video is missing, can't be opened, or breaks off; the message names it."""


@dataclass(frozen=True)
class VideoInfo:
    """When a video shows its images, by its packets, which are counted and not decoded."""

    times: np.ndarray  # [N] ascending, in frames of 1 / 59.94 s: when each image begins
    end: float  # in frames: when the last image ends
    interval: float  # in frames: the usual one between two images
    frames: int  # of 1 / 59.94 s; more than `end` where images are lost that the header counts
    rate: float  # images a second, on average

    def nearest(self, frames: np.ndarray) -> np.ndarray:
        """[F] index of the image nearest in time to each frame; of two as near, the earlier."""
        right = np.clip(np.searchsorted(self.times, frames), 0, len(self.times) - 1)
        left = np.maximum(right - 1, 0)
        is_left = frames - self.times[left] <= self.times[right] - frames
        return np.where(is_left, left, right)

    def distance(self, frames: np.ndarray) -> np.ndarray:
        """[F] how far from each frame its nearest image is, in frames; inf outside the video."""
        inside = (frames >= 0) & (frames < round(self.end))
        return np.where(inside, np.abs(frames - self.times[self.nearest(frames)]), np.inf)


@dataclass(frozen=True)
class _Packets:
    """The packets of a video in the order of the file; times in the stream's unit."""

    pts: np.ndarray | None  # [N] int64; None: they have no times, images follow at the rate
    is_key: np.ndarray  # [N] bool
    is_shown: np.ndarray  # [N] bool: not cut away by the container
    start: int  # time of the first image
    info: VideoInfo


def gray_frames(path: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (frame, [H, W] uint8 gray image) for each of the ascending `frames` within the video.

    Decodes from the key frame before the first to the last; of H.264, packets that no requested
    frame depends on are skipped. The image is luma in limited range (16..235), a view that is valid
    until the next one. Frames whose image can't be decoded are left out. Raises VideoError where
    the file is missing or broken; images yielded before are good.
    """
    for frame, image in _images(path, frames):
        yield frame, _upright(_luma(image), image)


def color_frames(path: Path, frames: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Like `gray_frames`, with [H, W, 3] uint8 BGR images: slower, for plots."""
    for frame, image in _images(path, frames):
        yield frame, _upright(image.to_ndarray(format="bgr24"), image)


def video_info(path: Path) -> VideoInfo:
    """Reads the whole file once. Raises VideoError where it is missing or can't be read."""
    return _packets(path).info


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
            stream = container.streams.best("video")  # not a picture of the cover
            if stream is None:
                raise VideoError(f"{path.name} has no video stream")
            if stream.codec_context is None:
                raise VideoError(f"{path.name} is of a kind that can't be decoded")
            yield container, stream
    except av.error.FFmpegError as error:
        reason = error.strerror or type(error).__name__
        raise VideoError(f"{path.name} can't be {action} ({reason})") from None


def _packets(path: Path) -> _Packets:
    from av.error import FFmpegError

    packets: list[tuple[int | None, bool, bool]] = []
    end = None  # of the last packet that tells its duration
    with _opened(path, "opened") as (container, stream):
        known = container.format.name != "avi"  # which only tells when images are decoded
        with suppress(FFmpegError):  # it breaks off, which who decodes will tell
            for packet in container.demux(stream):
                if packet.size:
                    packets.append((packet.pts, packet.is_keyframe, not packet.is_discard))
                    known &= packet.pts is not None
                    if known and packet.duration and not packet.is_discard:
                        end = max(end or 0, packet.pts + packet.duration)
        base, counted = stream.time_base, stream.frames
        rates = (stream.average_rate, stream.guessed_rate)
        rate = float(next(filter(None, rates if known else rates[::-1]), FRAMES_PER_SECOND))
    is_key, is_shown = (np.array([row[i] for row in packets], dtype=bool) for i in (1, 2))
    if not is_shown.any():
        raise VideoError(f"{path.name} can't be decoded (it holds no images)")
    if not known or not base:
        interval = FRAMES_PER_SECOND / rate
        times, length = np.arange(len(packets)) * interval, len(packets) * interval
        info = VideoInfo(times, length, interval, round(length), rate)
        return _Packets(None, is_key, is_shown, 0, info)
    pts = np.array([row[0] for row in packets], dtype=np.int64)
    if is_key.any():  # the beginning of a cut stream can't be decoded
        is_shown &= pts >= pts[is_key.argmax()]
    shown = np.unique(pts[is_shown])
    scale = float(base) * FRAMES_PER_SECOND
    times = (shown - shown[0]) * scale
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    times = times[np.diff(times, prepend=-np.inf) > SAME_IMAGE * usual]
    length = times[-1] + usual if end is None else max(times[-1], (end - shown[0]) * scale)
    frames = round(length * max(1, counted / len(packets)))
    info = VideoInfo(times, length, usual, frames, rate)
    return _Packets(pts, is_key, is_shown, int(shown[0]), info)


def _images(path: Path, frames: np.ndarray) -> Iterator[tuple[int, Any]]:
    packets = _packets(path)
    info, frames = packets.info, np.asarray(frames, dtype=np.int64)
    frames = frames[np.isfinite(info.distance(frames))]
    requested: dict[int, list[int]] = {}
    for index, frame in zip(info.nearest(frames).tolist(), frames.tolist(), strict=True):
        requested.setdefault(index, []).append(frame)
    with _opened(path, "decoded") as (container, stream):
        stream.thread_type = "NONE"
        scale = float(stream.time_base or 0) * FRAMES_PER_SECOND
        for number, image in enumerate(_decoded(container, stream, packets, [*requested])):
            if packets.pts is None:
                index = number
            elif image.pts is None:
                continue
            else:
                index = int(info.nearest(np.array([(image.pts - packets.start) * scale]))[0])
            for frame in requested.pop(index, ()):
                yield frame, image
            if not requested:
                return


def _decoded(container: Any, stream: Any, packets: _Packets, requested: list[int]) -> Iterator[Any]:
    """The images from the key frame before the first requested one on, less those neither
    requested nor needed by others.

    Reads from the beginning, for a jump may land behind its target. After a packet that can't be
    decoded, all are skipped until the next key frame.
    """
    from av.error import InvalidDataError

    if not requested:
        return
    first, is_needed = 0, np.ones(len(packets.is_key), dtype=bool)
    if packets.pts is not None:
        times = (packets.pts - packets.start) * float(stream.time_base) * FRAMES_PER_SECOND
        is_needed = np.isin(packets.info.nearest(times), requested)
        begins = packets.is_key & (times <= packets.info.times[requested[0]] + 1e-6)
        first = int(np.flatnonzero(begins)[-1]) if begins.any() else 0
    fault, lost, good = None, False, False
    length_size = _length_size(stream)
    for number, packet in enumerate(container.demux(stream)):
        if packet.size and number < first:
            continue
        is_last = number >= len(is_needed)  # the empty packet at the end
        may_skip = length_size and not is_last and not is_needed[number]
        if may_skip and _is_disposable(bytes(packet), length_size):
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
    """[H, W] uint8, in limited range."""
    if image.format.name not in LUMA_FORMATS:
        image = image.reformat(format="yuv444p", dst_color_range="MPEG")
    plane = image.planes[0]
    pixels = np.frombuffer(plane, dtype=np.uint8).reshape(plane.height, plane.line_size)
    pixels = pixels[:, : plane.width]
    is_full = image.color_range == FULL_RANGE or image.format.name.startswith("yuvj")
    return LIMITED[pixels] if is_full else pixels


def _upright(pixels: np.ndarray, image: Any) -> np.ndarray:
    """Turned and mirrored as the video's display matrix asks (ISO/IEC 14496-12, 8.3.2)."""
    import cv2

    matrix = image.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return pixels
    # A pixel at (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = np.frombuffer(bytes(matrix), dtype=np.int32)[:5].tolist()
    if is_turned := abs(b) > abs(a):
        pixels = cv2.transpose(pixels)
    mirror_x, mirror_y = (c < 0, b < 0) if is_turned else (a < 0, d < 0)
    if mirror_x or mirror_y:
        pixels = cv2.flip(pixels, -1 if mirror_x and mirror_y else int(mirror_x))
    return pixels
