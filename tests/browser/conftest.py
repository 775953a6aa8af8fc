import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlparse

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT

SCREENSHOTS = ROOT / "outputs" / "screenshots"  # for people to look at
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAPTOP = {"width": 1366, "height": 657}  # what a browser leaves of 1366 x 768


class Opened:
    """A page opened from disk, with what it complained about and what it asked for."""

    def __init__(self, page) -> None:
        self.page, self.complaints, self.requests = page, [], []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path, fragment: str = "") -> None:
        self.page.goto("about:blank")
        self.page.goto(path.as_uri() + fragment)

    def open_play(self, path: Path, fragment: str = "") -> None:
        self.open(path, fragment)
        self.until("[...document.querySelectorAll('video')].every((video) => video.readyState >= 2)")
        self.settle()

    def until(self, expression: str, seconds: float = 20) -> None:
        """Waits until a JavaScript expression is true. The page allows no `eval`, so it is asked again and again from here."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(20)

    def settle(self) -> None:
        """Waits until every video stands where it was sent, and its picture was shown."""
        self.until("views.every((view) => !view.works || (!view.video.seeking && view.frame === frameAt(view, state.time)))")
        self.page.wait_for_timeout(60)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def picture(self, selector: str) -> np.ndarray:
        """[H, W, 3] BGR of what is shown there."""
        data = np.frombuffer(self.page.locator(selector).screenshot(), dtype=np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR)

    def keep(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def files(self) -> set[Path]:
        assert {urlparse(address).scheme for address in self.requests} <= {"file", "data", "about"}
        return {Path(unquote(urlparse(address).path)) for address in self.requests if address.startswith("file:")}


@pytest.fixture(scope="session")
def browser() -> Iterator:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"there is no browser: none of {', '.join(NAMES)}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser) -> Iterator[Opened]:
    page = browser.new_page(viewport=LAPTOP)
    page.set_default_timeout(20_000)
    one = Opened(page)
    yield one
    assert one.complaints == []
    page.close()
