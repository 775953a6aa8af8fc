"""Images of chosen frames, decoded in one pass.

A **frame** here is a time, 1 / 59.94 s after the one before, from 0, the video's first image. The
image of a frame is the nearest in time, so that any frame rate, also a variable one, gives what it
has. Images are as a player shows them: upright, and of one range of tones, whatever was stored.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
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
    frames: int  # of 1 / 59.94 s; more than `end` where the header tells of later images
    rate: float  # images a second, on average
    start: float = 0.0  # in frames: the file's own time of its first image, which `times` has at 0

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
    """The N packets of a video that hold data, in the order of the file."""

    times: (
        np.ndarray | None
    )  # [N] as in VideoInfo; None: the images follow in the order of its times
    is_key: np.ndarray  # [N] bool
    start: int  # presentation time of the first image, in the stream's unit
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

    av.logging.set_level(None)  # torchvision 0.25 switches FFmpeg's own messages on
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

    packets: list[tuple[int | None, int | None, int, bool, bool]] = []
    with _opened(path, "opened") as (container, stream):
        try:
            for packet in _demux(container, stream):
                kinds = packet.is_keyframe, not packet.is_discard
                packets.append((packet.pts, packet.dts, packet.duration or 0, *kinds))
        except FFmpegError:  # it breaks off, which who decodes will tell
            if not packets:
                raise
        base, told = stream.time_base or Fraction(1, 1), stream.duration or 0
        is_avi = container.format.name == "avi"
        rates = stream.average_rate, stream.guessed_rate
    if not packets:
        raise VideoError(f"{path.name} can't be decoded (it has no images)")
    pts, dts, duration, is_key, is_shown = map(np.array, zip(*packets, strict=True))
    unit = float(base) * FRAMES_PER_SECOND
    # AVI only tells when images are decoded, which is another order than the one they are shown in.
    if is_avi or None in pts:
        rate = float(rates[1] or rates[0] or FRAMES_PER_SECOND)
        interval = FRAMES_PER_SECOND / rate
        times = np.arange(len(dts)) * interval
        if None not in dts:
            times = (np.sort(dts) - min(dts)).astype(np.float64) * unit
        end = times[-1] + interval
        return _Packets(None, is_key, 0, VideoInfo(times, end, interval, round(end), rate))
    pts = pts.astype(np.int64)
    if is_key.any():  # the beginning of a stream that was cut can't be decoded
        is_shown &= pts >= pts[is_key.argmax()]
    is_shown |= not is_shown.any()
    start = int(pts[is_shown].min())
    times = (pts - start) * unit
    shown = np.unique(times[is_shown])
    rate = float(rates[0] or rates[1] or FRAMES_PER_SECOND)
    interval = float(np.median(np.diff(shown))) if len(shown) > 1 else FRAMES_PER_SECOND / rate
    shown = shown[np.diff(shown, prepend=-np.inf) > SAME_IMAGE * interval]
    end = (times + duration * unit)[is_shown].max()
    end = max(end, shown[-1] + (0 if duration.any() else interval))
    info = VideoInfo(shown, end, interval, round(max(end, told * unit)), rate, start * unit)
    return _Packets(times, is_key, start, info)


def _demux(container: Any, stream: Any) -> Iterator[Any]:
    return (packet for packet in container.demux(stream) if packet.size)


def _images(path: Path, frames: np.ndarray) -> Iterator[tuple[int, Any]]:
    packets = _packets(path)
    info, frames = packets.info, np.asarray(frames, dtype=np.int64)
    frames = frames[np.isfinite(info.distance(frames))]
    requested: dict[int, list[int]] = {}
    for index, frame in zip(info.nearest(frames).tolist(), frames.tolist(), strict=True):
        requested.setdefault(index, []).append(frame)
    with _opened(path, "decoded") as (container, stream):
        unit = float(stream.time_base or 0) * FRAMES_PER_SECOND
        for number, image in enumerate(_decoded(container, stream, packets, [*requested])):
            if packets.times is None:
                index = number
            elif image.pts is None:
                continue
            else:
                index = int(info.nearest(np.array([(image.pts - packets.start) * unit]))[0])
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
    stream.thread_type = "NONE"
    first, is_needed = 0, np.ones(len(packets.is_key), dtype=bool)
    if packets.times is not None:
        is_needed = np.isin(packets.info.nearest(packets.times), requested)
        begins = packets.is_key & (packets.times <= packets.info.times[requested[0]] + 1e-6)
        first = int(np.flatnonzero(begins)[-1]) if begins.any() else 0
    fault, lost, good = None, False, False
    length_size = _length_size(stream)
    for packet, needed in itertools.islice(
        zip(_demux(container, stream), is_needed, strict=False), first, None
    ):
        if not needed and length_size and _is_disposable(bytes(packet), length_size):
            continue
        if lost and not packet.is_keyframe:
            continue
        try:
            images = packet.decode()
        except InvalidDataError as error:
            fault, lost = error, True
            continue
        lost, good = False, good or bool(images)
        yield from images
    yield from stream.decode(None)  # what the decoder still holds
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
