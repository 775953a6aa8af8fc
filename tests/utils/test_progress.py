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


def test_an_update_by_nothing_leaves_the_time_unknown(caplog, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 1e-9)
    with progress_bar(None, 3, "plays", 2) as bar:
        bar.update(0)
        bar.refresh()
        bar.update()
    assert [line.split(",")[0] for line in caplog.messages] == ["plays: 0 of 3", "plays: 1 of 3"]


def test_short_work_logs_nothing(caplog):
    assert list(progress_bar(range(100), 100, "numbers")) == list(range(100))
    assert not caplog.messages


def test_a_terminal_gets_a_bar_and_no_log_line(caplog, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress_bar(iter("abc"), 3, "letters")) == list("abc")
    assert not caplog.messages
    assert "letters" in capsys.readouterr().err


def shown_seconds(line: str) -> int:
    """Of a line that ends with `[H:]MM:SS left`."""
    parts = map(int, line.split()[-2].split(":"))
    return sum(60**power * part for power, part in enumerate(reversed(list(parts))))


@pytest.mark.parametrize("start_up", [0, 30])
@pytest.mark.parametrize(("workers", "apart"), [(1, 0), (4, 0), (4, 25), (16, 0), (100, 0)])
def test_the_time_left_is_right_where_items_take_equally_long(
    caplog, monkeypatch, workers, apart, start_up
):
    """100 s an item: workers that begin together, and one after another."""
    now, total = 0.0, 64
    monkeypatch.setattr("tqdm.std.time", lambda: now)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 1e-9)
    ends = [
        start_up + apart * (item % workers) + 100 * (1 + item // workers) for item in range(total)
    ]
    with progress_bar(None, total, "plays", workers) as bar:
        for now in ends:  # noqa: B007  the clock
            bar.update()
    assert caplog.messages
    for line in caplog.messages:
        done = int(line.split()[1])
        left = ends[-1] - ends[done - 1]
        # How long workers took to begin shows once they have done as much again.
        begun = start_up + apart * workers if done <= 3 * workers else 0
        most = left + begun * (1 + left / 100)
        assert 0.9 * left - 1 <= shown_seconds(line) <= most + 1, line
