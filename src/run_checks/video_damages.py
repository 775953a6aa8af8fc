"""Ways in which a video gets damaged, and the same done to a folder of plays."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.competition.constants import VIEWS
from run_checks.damages import Damage, directory, edit_bytes, keep, replace, symlink, to

X264 = {"crf": "20", "preset": "superfast", "bf": "2", "g": "15", "threads": "1"}


def reencode(
    video: Path,
    size: tuple[int, int] | None = None,
    every: int = 1,
    frames: int | None = None,
    without: Sequence[int] = (),
    codec: str = "libx264",
    container: str = "mp4",
    full_range: bool = False,
    turned: bool = False,
) -> None:
    """Encodes a video again: at another (width, height), keeping each `every`-th frame, only the
    first `frames`, or all but those in `without`, which leave a gap in time; in another container,
    in full range of tones, or turned by 90 degrees with a mark that players must turn it back."""
    import av

    draft = video.with_name(f"draft-{video.name}")
    options = {"movflags": "faststart"} if container == "mp4" else {}
    with (
        av.open(str(video)) as source,
        av.open(str(draft), "w", container, options) as target,
    ):
        original = source.streams.video[0]
        assert original.average_rate is not None
        rate = original.average_rate / every
        quality = X264 if codec == "libx264" else {"q": "3"}
        stream: Any = target.add_stream(codec, rate=rate, options=quality)
        stream.width, stream.height = (size or (original.width, original.height))[
            :: -1 if turned else 1
        ]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" or full_range else "yuv420p"
        for index, image in enumerate(source.decode(original)):
            if frames is not None and index >= frames:
                break
            if index % every or index in without:
                continue
            if turned:
                color = np.rot90(image.to_ndarray(format="bgr24")).copy()
                image = av.VideoFrame.from_ndarray(color, format="bgr24")
            frame = image.reformat(stream.width, stream.height, stream.pix_fmt)
            frame.pts, frame.time_base = index // every, 1 / rate
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
    content = draft.read_bytes()
    if turned:  # the track's matrix (ISO/IEC 14496-12, 8.3.2): a pixel at (x, y) goes to (-y, x)
        start, matrix = content.index(b"tkhd") + 44, np.array([0, 1, 0, -1, 0]) << 16
        content = content[:start] + matrix.astype(">i4").tobytes() + content[start + 20 :]
    draft.write_bytes(content)
    draft.replace(video)


def two_sizes(video: Path) -> None:
    """A transport stream whose images are half as large from the middle on."""
    small = video.with_name(f"small-{video.name}")
    small.write_bytes(video.read_bytes())
    reencode(video, container="mpegts")
    reencode(small, size=(640, 360), container="mpegts")
    whole, halved = (path.read_bytes() for path in (video, small))
    small.unlink()
    cut = [len(content) // 188 // 2 * 188 for content in (whole, halved)]
    video.write_bytes(whole[: cut[0]] + halved[cut[1] :])


def audio_only(video: Path) -> None:
    """A file without a video stream."""
    import av

    video.unlink()
    with av.open(str(video), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        silence = np.zeros((1, 1024), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def zeros_between(low: float, high: float) -> Damage:
    """Zeros between two fractions of the file."""

    def change(content: bytes) -> bytes:
        first, last = int(low * len(content)), int(high * len(content))
        return content[:first] + bytes(last - first) + content[last:]

    return edit_bytes(change)


def other_view(video: Path) -> None:
    """The other camera's video under this one's name."""
    view, other = VIEWS if video.stem.endswith(VIEWS[0]) else VIEWS[::-1]
    content = video.with_name(video.name.replace(view, other)).read_bytes()
    edit_bytes(lambda _: content)(video)


def link_to_itself(video: Path) -> None:
    """A symbolic link to itself."""
    video.unlink()
    video.symlink_to(video.name)


VIDEO_DAMAGES: dict[str, Damage] = {
    "missing": Path.unlink,
    "zero bytes": edit_bytes(lambda _: b""),
    "zeros": edit_bytes(lambda _: bytes(9000)),
    "garbage": edit_bytes(lambda _: np.random.default_rng(0).bytes(9000)),
    "text": edit_bytes(lambda _: b"The video will be uploaded later.\n" * 100),
    "no video stream": audio_only,
    "unknown codec": replace(b"avc1", b"zzz9"),
    "no complete frame": edit_bytes(
        lambda content: content.partition(b"mdat")[0] + b"mdat" + bytes(len(content))
    ),
    "truncated": keep(0.5),
    "bad from the middle on": zeros_between(0.5, 1),
    "bad in the middle": zeros_between(0.4, 0.6),
    "shorter than the boxes": partial(reencode, frames=30),
    "a pause": partial(reencode, without=range(20, 30)),
    "a long pause": partial(reencode, without=range(10, 50)),
    "smaller": partial(reencode, size=(640, 360)),
    "odd size": partial(reencode, size=(853, 479), codec="mjpeg"),
    "another frame rate": partial(reencode, every=2),
    "turned": partial(reencode, turned=True),
    "full range": partial(reencode, full_range=True),
    "Matroska": partial(reencode, container="matroska"),
    "transport stream": partial(reencode, container="mpegts"),
    "two sizes": two_sizes,
    "MPEG-4": partial(reencode, codec="mpeg4"),
    "Motion JPEG": partial(reencode, codec="mjpeg"),
    "of the other camera": other_view,
    "a link out of the folder": symlink(2),
    "a link to itself": link_to_itself,
    "a folder": directory,
}


def to_sideline(damage: Damage) -> Damage:
    """Damages the first Sideline video of a folder."""
    return lambda folder: damage(min((folder / "test").glob("*_Sideline.mp4")))


FOLDER_DAMAGES: dict[str, Damage] = {
    **{f"a video: {name}": to_sideline(damage) for name, damage in VIDEO_DAMAGES.items()},
    "the folder of videos is a link to another": to("test", symlink(1)),
}
