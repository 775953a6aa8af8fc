import pytest

from player_contact.competition import tables
from player_contact.competition.links import leads_out
from player_contact.competition.mending import read_mended
from player_contact.competition.season import read_season
from player_contact.errors import InputError

TRACKING = "test_player_tracking.csv"


@pytest.fixture
def secret(tiny_season, tmp_path):
    """The tracking table lies outside, and a link leads to it."""
    target = tmp_path / "secret.csv"
    (tiny_season.folder / TRACKING).rename(target)
    (tiny_season.folder / TRACKING).symlink_to(target)
    return target


def test_a_table_that_is_a_link_out_of_its_folder_is_refused(tiny_season, secret):
    with pytest.raises(InputError, match=rf"^{TRACKING} lies outside of {tiny_season.folder}: a link leads to {secret}, and links are not followed"):
        tables.read_table(tiny_season.folder / TRACKING, tables.TRACKING)


def test_nothing_of_it_is_read_where_mending_is_asked_for_either(tiny_season, secret):
    assert len(read_mended(tiny_season.folder / TRACKING, tables.TRACKING)) == 0


def test_an_input_folder_that_is_a_link_itself_is_read(tiny_season, tmp_path):
    (tmp_path / "link").symlink_to(tiny_season.folder)
    assert len(read_season(tmp_path / "link", "test").rows)


def test_a_link_to_a_file_of_the_same_folder_is_read(tiny_season):
    (tiny_season.folder / TRACKING).rename(tiny_season.folder / "tracking.csv")
    (tiny_season.folder / TRACKING).symlink_to("tracking.csv")
    assert len(tables.read_table(tiny_season.folder / TRACKING, tables.TRACKING))


def test_a_link_of_a_folder_between_leads_out_too(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "test").symlink_to(tmp_path / "elsewhere")
    assert leads_out(tmp_path / "input" / "test" / "a.mp4", tmp_path / "input")
    assert not leads_out(tmp_path / "input" / "train" / "a.mp4", tmp_path / "input")
