"""Whatever breaks in a play, what comes before it decides."""

from unittest.mock import Mock

import pytest

from player_contact.inference.submission_writer import SubmissionWriter
from player_contact.utils.errors import ConfigError

CASCADE = "player_contact.inference.cascade"


def raise_memory_error(*_, **__):
    raise MemoryError("no 80 GB left")


NO_SCREEN = "the screen without completed boxes failed (MemoryError: no 80 GB left)"
FAULTS = {  # what breaks -> what decides the play then, and what is logged
    "cut_crops": (
        "screen",
        "vision failed (MemoryError: no 80 GB left); decided by sensors and boxes",
    ),
    "complete_play": ("screen", "the screen failed (MemoryError: no 80 GB left)"),
    "is_candidate": ("distance", NO_SCREEN),
    "build_play": ("distance", NO_SCREEN),
    "blend_table": ("distance", NO_SCREEN),
}


@pytest.mark.parametrize("function", FAULTS)
def test_whatever_breaks_in_a_play_something_else_decides_it(
    predict, filmed_season, monkeypatch, caplog, function
):
    monkeypatch.setattr(f"{CASCADE}.{function}", raise_memory_error)
    source, message = FAULTS[function]
    assert predict(filmed_season)[1][f"plays decided by {source}"] == 1
    assert message in caplog.text


def test_a_play_of_which_nothing_works_is_left_at_no_contact(
    predict, filmed_season, monkeypatch, caplog
):
    for name in ("build_play", "predict_by_distance"):
        monkeypatch.setattr(f"{CASCADE}.{name}", raise_memory_error)
    submission, counts = predict(filmed_season)
    assert not submission["contact"].any()
    assert counts["plays left at no contact"] == 1
    assert counts["rows left at no contact"] == counts["rows"] > 0
    assert "Of 1 plays, 1 are left at no contact" in caplog.text


def test_a_play_whose_vision_fails_is_decided_as_without_video(
    predict, filmed_season, tiny_season, monkeypatch
):
    unfilmed, _ = predict(tiny_season)
    monkeypatch.setattr(f"{CASCADE}.cut_crops", raise_memory_error)
    assert predict(filmed_season)[0].equals(unfilmed)


def test_where_torch_can_not_be_loaded_sensors_and_boxes_decide(
    predict, filmed_season, monkeypatch, caplog
):
    expected, _ = predict(filmed_season, with_vision=False)
    missing = Mock(side_effect=ImportError("libcudart.so.12: cannot open shared object file"))
    monkeypatch.setattr("player_contact.inference.bundle.Bundle.vision_models", property(missing))
    submission, counts = predict(filmed_season)
    assert submission.equals(expected)
    assert counts["plays decided by screen"] == 1
    assert "The vision models can't be loaded (ImportError: libcudart" in caplog.text


def test_a_network_that_is_at_fault_ends_predicting_before_it_began(
    predict, filmed_season, monkeypatch
):
    """As where this version of timm does not know the bundle's encoder."""
    unknown = Mock(side_effect=ConfigError("timm has no model 'resnet10u'"))
    monkeypatch.setattr("player_contact.inference.bundle.Bundle.vision_models", property(unknown))
    with pytest.raises(ConfigError, match="no model 'resnet10u'"):
        predict(filmed_season)


def test_a_disk_that_is_full_for_a_while_ends_nothing(predict, tiny_season, monkeypatch, caplog):
    write, tries = SubmissionWriter.write, []

    def write_later(self, predictions):
        tries.append(1)
        if len(tries) == 2:
            raise OSError("No space left on device")
        return write(self, predictions)

    monkeypatch.setattr(SubmissionWriter, "write", write_later)
    _, counts = predict(tiny_season)
    assert counts["plays decided by screen"] == 1
    assert "could not be written (No space left on device); going on" in caplog.text
