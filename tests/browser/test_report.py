import time

import pytest


@pytest.fixture(scope="module")
def folder(finished_run):
    return finished_run.folder / "report"


@pytest.mark.alone
def test_the_report_opens_from_disk_at_once_and_asks_for_nothing(opened, folder):
    opened.open(folder / "index.html")
    started = time.monotonic()
    opened.open(folder / "index.html")
    assert time.monotonic() - started < 2
    assert opened.files() == {folder / "index.html"}
    shown = opened.page.evaluate("[...document.images].map((image) => image.complete && image.naturalWidth > 300)")
    assert len(shown) >= 5
    assert all(shown)
    opened.keep("report")


def test_on_a_laptop_nothing_is_cut_off_at_the_side(opened, folder):
    opened.open(folder / "index.html")
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_error_of_the_report_leads_to_its_moment_in_the_viewer(opened, folder):
    opened.open(folder / "index.html")
    row = opened.page.locator("h2#errors ~ div table tr").nth(1)
    cells = row.locator("td").all_inner_texts()
    row.locator("a").click()
    opened.until("document.readyState === 'complete' && document.title.endsWith('player contact') && location.hash !== ''")
    opened.settle()
    said = opened.page.inner_text("#now")
    assert said.startswith(f"Step {cells[3].split(' ')[0]}: ")
    assert {"missed": "contact, missed", "false": "no contact, but called one"}[cells[2]] in said
    assert opened.page.inner_text("header h1") == cells[0]
