"""Small films of many build-ups, each image of which tells its number and its tones.

The upper half of an image is its number as ten cells, the leftmost the lowest bit, bright is 1; the
lower half is a ramp over all tones of limited range.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

RATE = Fraction(60_000, 1_001)
WIDTH, HEIGHT, CELLS, IMAGES = 160, 96, 10, 130
DARK, BRIGHT = 16, 235
FULL_RANGE = 2
UPRIGHT = (1, 0, 0, 1)  # a, b, c, d: a pixel at (x, y) is shown at (a x + c y, b x + d y)
X264 = {"crf": "12", "preset": "superfast", "g": "40"}
REFORMATTER = VideoReformatter()  # prepares its tables once for many images


def even(rate: Fraction | float, images: int = IMAGES) -> tuple[float, ...]:
    """Times of images at one rate."""
    return tuple(number / float(rate) for number in range(images))


@dataclass(frozen=True)
class Film:
    """How a film is built. The defaults are the plain film."""

    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: X264)
    container: str = "mp4"
    muxing: dict[str, str] = field(default_factory=dict)
    pixels: str = "yuv420p"
    full_range: bool = False
    times: tuple[float, ...] = even(RATE)  # in seconds, of each image
    rate: Fraction = RATE  # that the header tells
    tick: Fraction = Fraction(1, 60_000)  # s, of the times given to the encoder
    sizes: tuple[tuple[int, int], ...] = ((WIDTH, HEIGHT),)  # stored: of equal parts of the film
    matrix: tuple[int, int, int, int] = UPRIGHT
    cut: int = 0  # images that the container hides at the beginning
    shown: int | None = None  # the first image that it hides at the end
    change: Callable[[bytes], bytes] = bytes  # of the file
    tolerance: int = 4  # of 255: its tones against those of another reader


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """[H, W] uint8, the image of a number."""
    bits = np.where(number >> np.arange(CELLS) & 1, BRIGHT, DARK)
    cells = bits[np.arange(width) * CELLS // width]
    ramp = np.rint(np.linspace(DARK, BRIGHT, width))
    halves = np.array([cells, ramp], dtype=np.uint8)
    return halves.repeat([height // 2, height - height // 2], axis=0)


def number_of(image: np.ndarray) -> int:
    """The number that an image of any size shows."""
    height, width = image.shape
    middle = ((np.arange(CELLS) + 0.5) * width / CELLS).astype(int)
    cells = image[height // 8 : 3 * height // 8, middle].mean(axis=0) > (DARK + BRIGHT) / 2
    return int((cells << np.arange(CELLS)).sum())


def stored(image: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """What a film holds so that its `matrix` shows `image`."""
    a, b, c, d = matrix
    return image[::b, ::c].T if b else image[::d, ::a]


def write_film(path: Path, film: Film) -> None:
    """Encodes and muxes a film; of several sizes, parts that are joined as bytes."""
    parts = np.array_split(np.arange(len(film.times)), len(film.sizes))
    content = b""
    for size, numbers in zip(film.sizes, parts, strict=True):
        _write_part(path, film, size, numbers.tolist())
        content += path.read_bytes()
    if film.matrix != UPRIGHT:
        start = content.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2
        a, b, c, d = film.matrix
        matrix = np.array([a, b, 0, c, d]) << 16
        content = content[:start] + matrix.astype(">i4").tobytes() + content[start + 20 :]
    path.write_bytes(film.change(content))


def _write_part(path: Path, film: Film, size: tuple[int, int], numbers: Iterable[int]) -> None:
    options = {"threads": "1"} | film.options
    with av.open(str(path), "w", format=film.container, options=film.muxing) as container:
        stream: Any = container.add_stream(film.codec, rate=film.rate, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = film.pixels
        stream.time_base = stream.codec_context.time_base = film.tick
        if film.full_range:
            stream.codec_context.color_range = FULL_RANGE
        for number in numbers:
            shown = size if film.matrix[0] else size[::-1]
            frame = _frame(stored(numbered(number, *shown), film.matrix), film)
            frame.pts = round((film.times[number] - film.times[film.cut]) / film.tick)
            frame.time_base = film.tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _frame(image: np.ndarray, film: Film) -> av.VideoFrame:
    """Gray as the film's pixels, from planes that are written here: nothing rescales the tones."""
    full = np.rint((image.astype(float) - 16) * 255 / 219).clip(0, 255).astype(np.uint8)
    if film.pixels.startswith("gray"):
        return av.VideoFrame.from_ndarray(full, format="gray")
    if film.pixels in ("rgb24", "bgr0"):
        frame = av.VideoFrame.from_ndarray(np.stack([full] * 3, axis=-1), format="rgb24")
        return REFORMATTER.reformat(frame, format=film.pixels)
    luma = np.ascontiguousarray(full if film.full_range else image)
    frame = av.VideoFrame(image.shape[1], image.shape[0], "yuv444p")
    for plane, values in zip(frame.planes, [luma, *[np.full_like(luma, 128)] * 2], strict=True):
        padded = np.zeros((plane.height, plane.line_size), dtype=np.uint8)
        padded[:, : plane.width] = values
        plane.update(padded)
    kind = FULL_RANGE if film.full_range else 1
    frame.color_range = kind
    return REFORMATTER.reformat(
        frame, format=film.pixels, src_color_range=kind, dst_color_range=kind
    )
