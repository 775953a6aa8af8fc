"""Films of many build-ups, against what was recorded and against another reader (OpenCV).

`pytest tests/video/test_films.py -s` prints a table.
"""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.video.decode import gray_frames, video_info
from tests.video.films import (
    IMAGES,
    RATE,
    X264,
    Film,
    even,
    number_of,
    write_film,
)

PAUSE = 1.2  # s
B_FRAMES = {"crf": "12", "preset": "medium", "bf": "3", "g": "40"}
OPEN = {"crf": "12", "preset": "medium", "x264-params": "open-gop=1:keyint=30"}
HEVC = {"crf": "12", "preset": "superfast", "x265-params": "keyint=30:log-level=none"}
LOOSE = {"q": "2"}
JPEG = Film("mjpeg", LOOSE, "avi", full_range=True, tick=1 / RATE, tolerance=9)
IRREGULAR = tuple(np.cumsum(np.random.default_rng(1).uniform(0.008, 0.05, IMAGES)).tolist())


def paused(after: int) -> tuple[float, ...]:
    times = np.array(even(RATE))
    return tuple((times + PAUSE * (np.arange(IMAGES) > after)).tolist())


def without_beginning(content: bytes) -> bytes:
    """A transport stream that was cut anywhere."""
    return content[len(content) // 188 // 5 * 188 :]


def in_ticks(times: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(round(time * float(RATE)) / float(RATE) for time in times)


def with_end_cut(content: bytes) -> bytes:
    """The edit list shows two thirds of the film, as editors leave it that cut without encoding."""
    start = content.index(b"elst") + 12  # ISO/IEC 14496-12, 8.6.6
    length = int.from_bytes(content[start : start + 4], "big") * 2 // 3
    return content[:start] + length.to_bytes(4, "big") + content[start + 4 :]


FILMS: dict[str, Film] = {
    "plain": Film(),
    "B-frames": Film(options=B_FRAMES),
    "open groups": Film(options=OPEN),
    "key frames alone": Film(options=X264 | {"g": "1"}),
    "one key frame": Film(options=X264 | {"g": "999", "sc_threshold": "0"}),
    "intra refresh": Film(options={"crf": "12", "x264-params": "intra-refresh=1:keyint=30"}),
    "interlaced": Film(options=X264 | {"x264-params": "tff=1"}),
    "index at the front": Film(muxing={"movflags": "faststart"}),
    "fragments": Film(options=B_FRAMES, muxing={"movflags": "frag_keyframe+empty_moov"}),
    "edit list cuts": Film(options=B_FRAMES, cut=25, muxing={"avoid_negative_ts": "disabled"}),
    "edit list delays": Film(times=tuple(time + 2 for time in even(RATE))),
    "no edit list": Film(options=B_FRAMES, muxing={"use_editlist": "0"}),
    "edit list ends early": Film(change=with_end_cut, shown=87),
    "MOV": Film(container="mov"),
    "Matroska": Film(container="matroska"),
    "Matroska, B-frames": Film(options=B_FRAMES, container="matroska"),
    "AVI": Film(container="avi", tick=1 / RATE),
    "FLV": Film(container="flv", options=B_FRAMES),
    "raw H.264": Film(container="h264", tick=1 / RATE),
    "transport stream": Film(container="mpegts", options=B_FRAMES),
    "transport stream, one key frame": Film(container="mpegts", options=X264 | {"g": "999"}),
    "transport stream, cut": Film(container="mpegts", change=without_beginning),
    "transport stream, MPEG-2": Film(
        "mpeg2video", LOOSE | {"bf": "2"}, "mpegts", tick=1 / RATE, tolerance=9
    ),
    "HEVC": Film("libx265", HEVC),
    "HEVC, transport stream": Film("libx265", HEVC, "mpegts"),
    "MPEG-4": Film("mpeg4", LOOSE, tolerance=9),
    "MPEG-4, B-frames": Film("mpeg4", LOOSE | {"bf": "2"}, tolerance=9),
    "MPEG-4 in AVI": Film("mpeg4", LOOSE | {"bf": "2"}, "avi", tick=1 / RATE, tolerance=9),
    "a pause in AVI": Film(
        "mpeg4", LOOSE, "avi", tick=1 / RATE, times=in_ticks(paused(60)), tolerance=9
    ),
    "Motion JPEG": replace(JPEG, pixels="yuvj420p"),
    "VP8, hidden frames": Film(
        "libvpx", {"crf": "4", "b": "4M", "auto-alt-ref": "1", "lag-in-frames": "16"}, "webm"
    ),
    "VP9": Film("libvpx-vp9", {"crf": "10", "lag-in-frames": "16", "deadline": "realtime"}, "webm"),
    "FFV1": Film("ffv1", {}, "matroska"),
    "ProRes, 10 bits": Film("prores_ks", {}, "mov", pixels="yuv422p10le"),
    "10 bits": Film(pixels="yuv420p10le"),
    "10 bits, full range": Film(pixels="yuv420p10le", full_range=True),
    "4:2:2": Film(pixels="yuv422p"),
    "4:4:4": Film(pixels="yuv444p"),
    "gray": Film("ffv1", {}, "matroska", pixels="gray"),
    "RGB": Film("ffv1", {}, "matroska", pixels="bgr0"),
    "full range": Film(pixels="yuvj420p", full_range=True),
    "turned by 90": Film(matrix=(0, 1, -1, 0)),
    "turned by 180": Film(matrix=(-1, 0, 0, -1)),
    "turned by 270": Film(matrix=(0, -1, 1, 0)),
    "mirrored": Film(matrix=(-1, 0, 0, 1)),
    "upside down": Film(matrix=(1, 0, 0, -1)),
    "mirrored and turned": Film(matrix=(0, 1, 1, 0)),
    "odd size": replace(JPEG, pixels="yuvj444p", sizes=((170, 97),)),
    "two sizes": Film(
        container="mpegts", options=X264 | {"bf": "0"}, sizes=((160, 96), (320, 192))
    ),
    "15 a second": Film(times=even(15, 40), rate=15),
    "23.98 a second": Film(times=even(24_000 / 1_001, 60), rate=24),
    "25 a second": Film(times=even(25, 60), rate=25),
    "50 a second": Film(times=even(50), rate=50),
    "120 a second": Film(times=even(120), rate=120),
    "a pause in the middle": Film(times=paused(60)),
    "a pause, Matroska": Film(times=paused(60), container="matroska"),
    "a pause before the end": Film(times=paused(IMAGES - 2)),
    "a variable rate": Film(times=IRREGULAR, options=B_FRAMES),
}
# It doubles the first image of an interlaced film and scales all images to the size of the first.
OPENCV_CANNOT = [FILMS[build] for build in ("interlaced", "two sizes")]


@pytest.mark.parametrize("build", FILMS)
def test_each_frame_shows_the_image_nearest_in_time(tmp_path, build):
    film, path = FILMS[build], tmp_path / "test" / "film.mp4"
    path.parent.mkdir()
    write_film(path, film)
    images = {f: image.copy() for f, image in gray_frames(path, np.arange(video_info(path).frames))}
    others = {number_of(image): image for image in other_images(path, film)}
    times = np.array(film.times)[film.cut : film.shown]
    first = min(others) - film.cut
    frame_times = (times - times[first]) * FRAMES_PER_SECOND
    some = np.arange(3, len(images), 6)  # what nobody asks for is skipped
    for frame, image in gray_frames(path, some):
        np.testing.assert_array_equal(image, images[frame])
    differences = []
    for frame, image in images.items():
        number = number_of(image) - film.cut
        away = np.abs(frame_times[first:] - frame).min()
        assert abs(frame_times[number] - frame) <= away + 0.1, (frame, number)
        other = others[number + film.cut]
        assert image.shape == other.shape
        differences.append(np.abs(to_full(image) - other).max())
    print(f"{build:32} {len(images):5} {max(differences):6.1f}")
    assert frame_times[-1] < len(images) < frame_times[-1] + 10, "all frames have an image"
    assert max(differences) <= film.tolerance


def to_full(image):
    return np.clip((image.astype(float) - 16) * 255 / 219, 0, 255)


def other_images(path, film):
    """Upright gray images, all decoded from the start."""
    a, b, c, d = film.matrix
    for color in pyav_images(path) if film in OPENCV_CANNOT else opencv_images(path):
        image = cv2.cvtColor(color, cv2.COLOR_BGR2GRAY)
        yield image.T[::b, ::c] if b else image[::d, ::a]


def opencv_images(path):
    reader = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    reader.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    while (read := reader.read())[0]:
        yield read[1]
    reader.release()


def pyav_images(path):
    with av.open(str(path)) as container:
        yield from (image.to_ndarray(format="bgr24") for image in container.decode(video=0))


@pytest.mark.parametrize("name", ["plain", "rotated_90", "matroska", "full_range"])
def test_given_films_show_the_plain_one(fault_files, name):
    plain, images = (
        {frame: image.copy() for frame, image in gray_frames(fault_files / file, np.arange(400))}
        for file in ("plain.mp4", f"{name}.mp4")
    )
    assert [*images] == [*range(345)]
    assert [number_of(image) for image in images.values()] == [*range(345)]
    difference = np.abs([images[frame].astype(int) - plain[frame] for frame in images])
    assert difference.mean(axis=(1, 2)).max() < 0.6
    # Turned images were compressed apart: the edges of their cells differ.
    assert difference.max() <= (8 if name == "rotated_90" else 3)
