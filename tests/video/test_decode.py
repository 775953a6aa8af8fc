import cv2
import numpy as np
import pytest

from player_contact.checks.damages import sound_alone
from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.video import decode
from player_contact.video.decode import VideoError, VideoFacts, grey_frames, video_facts
from tests.makers import numbered_picture, read_number, write_video

FRAMES = 140
LOSSLESS = {"qp": "0", "preset": "ultrafast", "threads": "1"}
ENCODINGS = {
    "as simulated": {"crf": "23", "preset": "superfast", "g": "60", "threads": "1", "sc_threshold": "0"},
    "with B-frames": {"crf": "20", "preset": "medium", "bf": "3", "g": "50", "threads": "1"},
    "key frames alone": {"crf": "20", "preset": "superfast", "g": "1", "threads": "1"},
    "open groups": {"crf": "20", "preset": "medium", "x264-params": "open-gop=1:keyint=30", "threads": "1"},
}


@pytest.fixture(scope="module", params=ENCODINGS)
def numbered_video(request, tmp_path_factory):
    """A video whose frame i shows the binary digits of i."""
    path = tmp_path_factory.mktemp("numbered") / "numbered.mp4"
    write_video(path, (numbered_picture(number) for number in range(FRAMES)), ENCODINGS[request.param])
    return path


@pytest.fixture(scope="module")
def plain_video(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "plain.mp4"
    write_video(path, (numbered_picture(number) for number in range(FRAMES)), ENCODINGS["as simulated"])
    return path


@pytest.fixture(scope="module")
def whole_video(tmp_path_factory):
    """One of the competition's size."""
    path = tmp_path_factory.mktemp("whole") / "whole.mp4"
    write_video(path, [numbered_picture(number, 720, 1280) for number in range(9)], ENCODINGS["as simulated"])
    return path


def decoded(path, frames) -> dict[int, np.ndarray]:
    return {frame: picture.copy() for frame, picture in grey_frames(path, np.array(frames))}


def similarity(one, other) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("frames", [range(FRAMES), [0], [37, 38, 41], [FRAMES - 1], [3, 70, 139], range(90, 140, 6)])
def test_every_asked_frame_is_the_one_that_was_recorded_there(numbered_video, frames):
    assert {frame: read_number(picture) for frame, picture in decoded(numbered_video, frames).items()} == {frame: frame for frame in frames}


def test_a_frame_is_more_like_its_own_picture_than_like_its_neighbours(numbered_video):
    for frame, picture in decoded(numbered_video, range(2, FRAMES - 1, 7)).items():
        around = [similarity(picture, numbered_picture(number)) for number in (frame - 1, frame, frame + 1)]
        assert np.argmax(around) == 1
        assert around[1] > 0.99


def test_the_pictures_are_the_grey_ones_of_opencv(season):
    path = sorted((season / "train").glob("*.mp4"))[0]
    reader = cv2.VideoCapture(str(path))
    pictures = decoded(path, [0, 1, 2])
    for frame in range(3):
        grey = cv2.cvtColor(reader.read()[1], cv2.COLOR_BGR2GRAY).astype(float)
        full_range = (pictures[frame].astype(float) - 16) * 255 / 219
        assert pictures[frame].shape == grey.shape == (720, 1280)
        assert similarity(full_range, grey) > 0.99
        assert np.abs(full_range - grey).mean() < 3
    reader.release()


def test_the_pictures_of_a_real_clip_are_the_grey_ones_of_opencv_to_within_rounding(real_files):
    """Where no colour is cut off at black or white, the way through three colours of 8 bits costs less than 3 of 255 grey levels."""
    path = real_files / "clip_sideline_41_frames.mp4"
    moments = np.rint(np.arange(41) * FRAMES_PER_SECOND / video_facts(path).rate).astype(int)  # the clip says 59 pictures a second
    pictures, reader = decoded(path, moments[::5]), cv2.VideoCapture(str(path))
    for moment in moments.tolist():
        colours = reader.read()[1]
        if moment in pictures:
            whole = ((colours > 0) & (colours < 255)).all(-1)
            full_range = (pictures.pop(moment)[whole] - 16.0) * 255 / 219
            assert whole.mean() > 0.95
            assert np.abs(full_range - cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY)[whole]).max() < 3
    assert not pictures
    assert not reader.read()[0]
    reader.release()


def test_frames_before_the_first_and_after_the_last_are_not_given(plain_video):
    assert list(decoded(plain_video, [-5, 0, FRAMES - 1, FRAMES, FRAMES + 40])) == [0, FRAMES - 1]


def test_no_frames_asked_none_given(plain_video):
    assert decoded(plain_video, []) == {}


def test_a_picture_has_the_video_s_height_and_width_and_no_padding(tmp_path):
    write_video(tmp_path / "odd.mp4", [np.full((50, 70), 100, dtype=np.uint8)] * 2)
    assert decoded(tmp_path / "odd.mp4", [1])[1].shape == (50, 70)


def test_a_video_tells_how_many_frames_it_has(whole_video):
    assert video_facts(whole_video) == VideoFacts(9, 1280, 720, pytest.approx(59.94, abs=0.01))


@pytest.mark.parametrize("rate", [30, 50, 120])
def test_a_video_of_another_rate_shows_what_was_recorded_nearest_to_each_moment(tmp_path, rate):
    path = tmp_path / "other.mp4"
    write_video(path, (numbered_picture(number) for number in range(2 * rate)), LOSSLESS, rate=rate)
    frames = range(4, 110)
    shown = {frame: read_number(picture) for frame, picture in decoded(path, frames).items()}
    assert list(shown) == list(frames)
    expected = {frame: frame / FRAMES_PER_SECOND * rate for frame in frames}
    assert max(abs(shown[frame] - expected[frame]) for frame in frames) <= 0.5 + 1e-6
    assert video_facts(path).frames == pytest.approx(2 * FRAMES_PER_SECOND, abs=1)


def test_a_frame_that_the_video_lacks_is_not_made_up(tmp_path):
    path = tmp_path / "gap.mp4"
    write_video(path, (numbered_picture(number) for number in range(60)), LOSSLESS, without=range(20, 30))
    shown = {frame: read_number(picture) for frame, picture in decoded(path, range(10, 40)).items()}
    assert shown == {frame: frame for frame in range(10, 40) if frame not in range(20, 30)}


def test_what_is_not_asked_for_is_not_decoded_where_nothing_depends_on_it(numbered_video, monkeypatch):
    whole, few = decoded(numbered_video, range(FRAMES)), decoded(numbered_video, range(3, FRAMES, 6))
    for frame, picture in few.items():
        np.testing.assert_array_equal(picture, whole[frame])


def test_packets_are_skipped_at_all(tmp_path, monkeypatch):
    path = tmp_path / "b.mp4"
    write_video(path, (numbered_picture(number) for number in range(FRAMES)), ENCODINGS["with B-frames"])
    skipped = []
    original = decode._is_disposable
    monkeypatch.setattr(decode, "_is_disposable", lambda *packet: skipped.append(original(*packet)) or skipped[-1])
    decoded(path, range(0, FRAMES, 6))
    assert sum(skipped) > 30


@pytest.mark.parametrize("read", [lambda path: list(grey_frames(path, np.arange(3))), video_facts])
def test_a_missing_video_is_named(tmp_path, read):
    with pytest.raises(VideoError, match=r"^58168_003392_Endzone\.mp4 is missing$"):
        read(tmp_path / "58168_003392_Endzone.mp4")


@pytest.mark.parametrize("content", [b"", b"no video at all", bytes(5000)], ids=["empty", "text", "zeros"])
@pytest.mark.parametrize("read", [lambda path: list(grey_frames(path, np.arange(3))), video_facts])
def test_a_file_that_is_no_video_is_named_with_the_reason(tmp_path, content, read):
    path = tmp_path / "58168_003392_Endzone.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"^58168_003392_Endzone\.mp4 can't be (decoded|opened) \(\w+"):
        read(path)


def test_a_file_with_sound_alone_has_no_video_stream(tmp_path):
    path = tmp_path / "sound.mp4"
    path.touch()
    sound_alone(path)
    with pytest.raises(VideoError, match=r"^sound\.mp4 has no video stream"):
        video_facts(path)


def test_a_video_that_breaks_off_gives_the_good_frames_before(tmp_path, plain_video):
    path = tmp_path / "broken.mp4"
    path.write_bytes(plain_video.read_bytes()[: plain_video.stat().st_size // 2])
    pictures = {}
    try:
        for frame, picture in grey_frames(path, np.arange(FRAMES)):
            pictures[frame] = read_number(picture)
    except VideoError:
        pass
    assert 10 < len(pictures) < FRAMES
    # The last picture before the break may be damaged; those before are whole.
    assert all(number == frame for frame, number in list(pictures.items())[:-1])
