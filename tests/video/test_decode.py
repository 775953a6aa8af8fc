import cv2
import numpy as np
import pytest

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.video import decode
from player_contact.video.decode import VideoError, gray_frames, video_info
from run_checks.video_damages import audio_only
from tests.makers import numbered_image, read_number, write_video

FRAMES = 140
LOSSLESS = {"qp": "0", "preset": "ultrafast"}
AS_SIMULATED = {"crf": "23", "preset": "superfast", "g": "60", "sc_threshold": "0"}
ENCODINGS = {
    "as simulated": AS_SIMULATED,
    "with B-frames": {"crf": "20", "preset": "medium", "bf": "3", "g": "50"},
    "key frames alone": {"crf": "20", "preset": "superfast", "g": "1"},
    "open groups": {"crf": "20", "preset": "medium", "x264-params": "open-gop=1:keyint=30"},
}


def write_numbered(folder, encoding, frames=FRAMES, **options):
    """A video whose frame i shows the binary digits of i."""
    path = folder / "numbered.mp4"
    images = (numbered_image(number) for number in range(frames))
    write_video(path, images, encoding | {"threads": "1"}, **options)
    return path


@pytest.fixture(scope="module", params=ENCODINGS)
def numbered_video(request, tmp_path_factory):
    return write_numbered(tmp_path_factory.mktemp("numbered"), ENCODINGS[request.param])


@pytest.fixture(scope="module")
def plain_video(tmp_path_factory):
    return write_numbered(tmp_path_factory.mktemp("plain"), AS_SIMULATED)


def decoded(path, frames) -> dict[int, np.ndarray]:
    return {frame: image.copy() for frame, image in gray_frames(path, np.array(frames))}


def numbers(path, frames) -> dict[int, int]:
    return {frame: read_number(image) for frame, image in decoded(path, frames).items()}


def similarity(image, other) -> float:
    return float(np.corrcoef(image.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize(
    "frames", [range(FRAMES), [0], [37, 38, 41], [FRAMES - 1], [3, 70, 139], range(90, 140, 6)]
)
def test_a_decoded_frame_is_the_one_recorded_there(numbered_video, frames):
    assert numbers(numbered_video, frames) == {frame: frame for frame in frames}


def test_a_frame_is_more_like_its_own_image_than_its_neighbours(numbered_video):
    for frame, image in decoded(numbered_video, range(2, FRAMES - 1, 7)).items():
        near = [similarity(image, numbered_image(frame + offset)) for offset in (-1, 0, 1)]
        assert np.argmax(near) == 1
        assert near[1] > 0.99


def full_range(image) -> np.ndarray:
    return (image.astype(float) - 16) * 255 / 219


def test_images_are_those_of_opencv_in_gray(season):
    path = sorted((season / "train").glob("*.mp4"))[0]
    reader, images = cv2.VideoCapture(str(path)), decoded(path, [0, 1, 2])
    for frame in range(3):
        expected = cv2.cvtColor(reader.read()[1], cv2.COLOR_BGR2GRAY).astype(float)
        image = full_range(images[frame])
        assert image.shape == expected.shape == (720, 1280)
        assert similarity(image, expected) > 0.99
        assert np.abs(image - expected).mean() < 3
    reader.release()


def test_images_of_a_real_clip_are_those_of_opencv_to_rounding(real_files):
    """Where no color is clipped, the way through three 8-bit channels costs less than 3 of 255."""
    path = real_files / "clip_sideline_41_frames.mp4"
    frames = np.arange(41) * FRAMES_PER_SECOND / video_info(path).rate  # it says 59 a second
    frames = np.rint(frames).astype(int)
    images, reader = decoded(path, frames[::5]), cv2.VideoCapture(str(path))
    for frame in frames.tolist():
        color = reader.read()[1]
        if frame in images:
            unclipped = ((color > 0) & (color < 255)).all(-1)
            error = full_range(images.pop(frame)) - cv2.cvtColor(color, cv2.COLOR_BGR2GRAY)
            assert unclipped.mean() > 0.95
            assert np.abs(error[unclipped]).max() < 3
    assert not images
    assert not reader.read()[0]
    reader.release()


@pytest.mark.parametrize(
    ("frames", "given"), [([-5, 0, FRAMES - 1, FRAMES, 999], [0, FRAMES - 1]), ([], [])]
)
def test_frames_outside_the_video_are_not_given(plain_video, frames, given):
    assert list(decoded(plain_video, frames)) == given


def test_an_image_has_the_video_s_size_without_padding(tmp_path):
    write_video(tmp_path / "odd.mp4", [np.full((50, 70), 100, dtype=np.uint8)] * 2)
    assert decoded(tmp_path / "odd.mp4", [1])[1].shape == (50, 70)


def test_a_video_tells_its_length_and_rate(tmp_path):
    write_video(tmp_path / "a.mp4", [numbered_image(number, 720, 1280) for number in range(9)])
    info = video_info(tmp_path / "a.mp4")
    assert (info.frames, info.end) == (9, pytest.approx(9))
    assert info.rate == pytest.approx(59.94, abs=0.01)
    assert info.times == pytest.approx(np.arange(9))


@pytest.mark.parametrize("rate", [30, 50, 120])
def test_another_frame_rate_gives_the_image_nearest_in_time(tmp_path, rate):
    path, frames = write_numbered(tmp_path, LOSSLESS, 2 * rate, rate=rate), range(4, 110)
    shown = numbers(path, frames)
    assert list(shown) == list(frames)
    errors = [abs(shown[frame] - frame / FRAMES_PER_SECOND * rate) for frame in frames]
    assert max(errors) <= 0.5 + 1e-6
    assert video_info(path).frames == pytest.approx(2 * FRAMES_PER_SECOND, abs=1)


def test_a_pause_shows_the_image_nearest_in_time(tmp_path):
    path = write_numbered(tmp_path, LOSSLESS, 60, without=range(20, 30))
    pause = dict.fromkeys(range(20, 25), 19) | dict.fromkeys(range(25, 30), 30)
    assert numbers(path, range(60)) == {frame: frame for frame in range(60)} | pause


def test_skipping_packets_changes_no_image(numbered_video):
    images = decoded(numbered_video, range(FRAMES))
    for frame, image in decoded(numbered_video, range(3, FRAMES, 6)).items():
        np.testing.assert_array_equal(image, images[frame])


def test_packets_are_skipped(tmp_path, monkeypatch):
    path = write_numbered(tmp_path, ENCODINGS["with B-frames"])
    skipped, original = [], decode._is_disposable

    def is_disposable(*packet):
        skipped.append(original(*packet))
        return skipped[-1]

    monkeypatch.setattr(decode, "_is_disposable", is_disposable)
    decoded(path, range(0, FRAMES, 6))
    assert sum(skipped) > 30


NAME, READERS = "58168_003392_Endzone.mp4", [lambda path: decoded(path, range(3)), video_info]


@pytest.mark.parametrize("read", READERS)
def test_a_missing_video_is_named(tmp_path, read):
    with pytest.raises(VideoError, match=rf"^{NAME} is missing$"):
        read(tmp_path / NAME)


@pytest.mark.parametrize("content", [b"", b"no video", bytes(5000)], ids=["empty", "text", "zeros"])
@pytest.mark.parametrize("read", READERS)
def test_a_file_that_is_no_video_is_named_with_the_reason(tmp_path, content, read):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(VideoError, match=rf"^{NAME} can't be (decoded|opened) \(\w+"):
        read(tmp_path / NAME)


def test_an_audio_file_has_no_video_stream(tmp_path):
    path = tmp_path / "audio.mp4"
    path.touch()
    audio_only(path)
    with pytest.raises(VideoError, match=r"^audio\.mp4 has no video stream"):
        video_info(path)


def test_a_video_that_breaks_off_gives_the_frames_before(tmp_path, plain_video):
    path, shown = tmp_path / "broken.mp4", {}
    path.write_bytes(plain_video.read_bytes()[: plain_video.stat().st_size // 2])
    try:
        for frame, image in gray_frames(path, np.arange(FRAMES)):
            shown[frame] = read_number(image)
    except VideoError:
        pass
    assert 10 < len(shown) < FRAMES
    # The last image before the break may be damaged.
    assert all(number == frame for frame, number in list(shown.items())[:-1])
