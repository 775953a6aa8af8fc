import logging
import sys
import time

import pytest

from player_contact.utils import progress
from player_contact.utils.progress import progress_bar


@pytest.fixture(autouse=True)
def _no_notebook(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # of other tests


def test_long_work_logs_how_far_it_is(caplog, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 1e-9)
    with progress_bar(None, 3, "plays") as bar:
        for _ in range(3):
            time.sleep(0.01)
            bar.update()
    assert [line.split(",")[0] for line in caplog.messages] == [
        f"plays: {n} of 3" for n in (1, 2, 3)
    ]
    assert caplog.messages[0].endswith(" left")


def test_short_work_logs_nothing(caplog):
    assert list(progress_bar(range(100), 100, "numbers")) == list(range(100))
    assert not caplog.messages


def test_a_terminal_gets_a_bar_and_no_log_line(caplog, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress_bar(iter("abc"), 3, "letters")) == list("abc")
    assert not caplog.messages
    assert "letters" in capsys.readouterr().err
