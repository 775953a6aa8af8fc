import cv2
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from player_contact.__main__ import app
from player_contact.evaluation.frame_sheet import CONTACT, TEAMS, write_frame_sheet
from player_contact.utils.errors import InputError
from tests.invoke import invoke


@pytest.fixture
def legend(monkeypatch) -> list[str]:
    """The texts of the legend of the sheet that the test writes."""
    texts, original = [], Figure.legend

    def legend(figure, handles, **options):
        texts.extend(handle.get_label() for handle in handles)
        return original(figure, handles=handles, **options)

    monkeypatch.setattr(Figure, "legend", legend)
    return texts


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_sheet_shows_three_steps_in_both_views_and_explains_its_colors(
    season, tmp_path, legend, suffix
):
    write_frame_sheet(season, "train", [], tmp_path / f"sheet.{suffix}")
    image = cv2.imread(str(tmp_path / f"sheet.{suffix}"))
    assert image.shape == (3 * (360 + 26) + 26, 1280, 3)
    for line in range(3):
        for column in range(2):
            frame = image[line * 386 + 30 : (line + 1) * 386, column * 640 : (column + 1) * 640]
            assert frame.std() > 20
    assert legend == [
        "detected helmet, away",
        "detected helmet, home",
        "contact of two players",
        "contact with the ground",
    ]
    if suffix == "png":  # without loss
        strip = image[-24:, :, ::-1] / 255
        for color in (*TEAMS, CONTACT):
            assert (abs(strip - to_rgb(color)).max(axis=-1) < 0.01).sum() > 10
        assert (strip[:, -200:] == 1).all()  # nothing is cut off


def test_of_several_plays_the_sheet_shows_a_line_each(season, tmp_path):
    plays = sorted(path.stem for path in (season / "truth").glob("*.npz"))[:2]
    write_frame_sheet(season, "train", plays, tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (2 * (360 + 26) + 26, 1280, 3)


def test_a_test_play_without_labels_can_be_plotted(season, tmp_path, legend):
    write_frame_sheet(season, "test", [], tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()
    assert legend[-1] == "the contacts of test plays are not known"


def test_without_data_the_simulated_seasons_are_listed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence = (
        "input/nfl-player-contact-detection holds no data. Name another folder with INPUT=; "
        "simulated seasons: "
    )
    none = invoke(app, ["plot-frames"])
    assert isinstance(none.exception, InputError)
    assert str(none.exception) == f"{sentence}none yet: make season"
    for name in ("seed1", "seed2", ".seed3.partial"):
        (tmp_path / "outputs" / "seasons" / name).mkdir(parents=True)
        (tmp_path / "outputs" / "seasons" / name / "train_labels.csv").touch()
    some = invoke(app, ["plot-frames"])
    names = "outputs/seasons/seed1, outputs/seasons/seed2"
    assert str(some.exception) == sentence + names


@pytest.mark.parametrize(
    ("split", "play", "name", "message"),
    [
        ("tset", "", "sheet.png", "'tset' is no split: train or test"),
        ("train", "58168_000000", "sheet.png", "has no train play 58168_000000"),
        ("train", "", "sheet.pdf", r"must end in \.png or \.jpg"),
    ],
)
def test_a_wrong_argument_is_named(season, tmp_path, split, play, name, message):
    with pytest.raises(InputError, match=message):
        write_frame_sheet(season, split, [play], tmp_path / name)


def test_a_season_without_videos_has_no_frames(season_tables, tmp_path):
    with pytest.raises(InputError, match="has no train play with videos"):
        write_frame_sheet(season_tables, "train", [], tmp_path / "sheet.png")
