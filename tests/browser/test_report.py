import pytest


@pytest.fixture(scope="module")
def folder(finished_run):
    return finished_run.folder / "report"


def test_the_report_is_one_small_file_and_loads_nothing(browser, folder):
    browser.open(folder / "index.html")
    assert (folder / "index.html").stat().st_size < 1_000_000
    assert browser.files() == {folder / "index.html"}
    charts = browser.evaluate("[...document.images].map((i) => i.complete && i.naturalWidth > 300)")
    assert len(charts) >= 5
    assert all(charts)
    browser.screenshot("report")


def test_on_a_laptop_nothing_is_cut_off_at_the_side(browser, folder):
    browser.open(folder / "index.html")
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_error_of_the_report_opens_its_step_in_the_viewer(browser, folder):
    browser.open(folder / "index.html")
    row = browser.page.locator("h2#errors ~ div table tr").nth(1)
    play, _, error, steps, *_ = row.locator("td").all_inner_texts()
    row.locator("a").click()
    opened = "document.readyState === 'complete' && location.hash !== ''"
    browser.wait_for(f"{opened} && document.title.endsWith('player contact')")
    browser.settle()
    outcome = {"FN": "contact, missed", "FP": "no contact, but predicted"}[error]
    text = browser.text("#step_text")
    assert text.startswith(f"Step {steps.split(' ')[0]}: {outcome}.")
    assert browser.text("header h1") == play
