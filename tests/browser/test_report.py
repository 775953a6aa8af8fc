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


def test_on_a_phone_in_the_dark_text_and_links_stand_out_and_nothing_is_cut_off(browser, folder):
    browser.page.set_viewport_size({"width": 390, "height": 844})
    browser.page.emulate_media(color_scheme="dark")
    browser.open(folder / "index.html")
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    light = "((c) => c.reduce((a, b) => a + b) / 765)(getComputedStyle({}).{}.match(/\\d+/g)"
    light += ".slice(0, 3).map(Number))"

    def lightness(selector: str, style: str) -> float:
        element = f"document.querySelector('{selector}')"
        return browser.evaluate(light.replace("{}", element, 1).replace("{}", style, 1))

    page = lightness("body", "backgroundColor")
    assert page < 0.2
    for selector in ("body", "nav a", ".strip span"):
        assert lightness(selector, "color") - page > 0.4
    assert lightness("img.chart", "backgroundColor") == 1, "black axes"
    browser.screenshot("report-phone")


def test_the_first_screen_says_how_good_what_it_cost_what_next_and_where_it_fails(browser, folder):
    browser.open(folder / "index.html")
    tops = browser.evaluate(
        "['good', 'cost', 'next', 'fails'].map((id) => "
        "document.getElementById(id).getBoundingClientRect().top)"
    )
    assert max(tops) < browser.evaluate("innerHeight")
