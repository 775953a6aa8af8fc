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


class Browser:
    """A page opened from disk, its errors and warnings, and the files it requested."""

    def __init__(self, page) -> None:
        self.page, self.messages, self.requests = page, [], []
        page.on("console", self._keep_message)
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _keep_message(self, message) -> None:
        if message.type in ("error", "warning"):
            self.messages.append(message.text)

    def open(self, path: Path, fragment: str = "") -> None:
        self.page.goto("about:blank")
        self.page.goto(path.as_uri() + fragment)

    def open_play(self, path: Path, fragment: str = "") -> None:
        self.open(path, fragment)
        self.wait_for("[...document.querySelectorAll('video')].every((v) => v.readyState >= 2)")
        self.settle()

    def evaluate(self, expression: str):
        return self.page.evaluate(expression)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def wait_for(self, expression: str, seconds: float = 300) -> None:
        """Polls a JavaScript expression until it is true: the page allows no `eval`."""
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(20)

    def settle(self) -> None:
        """Waits until every video is at its frame, and has shown it."""
        at_frame = "!view.video.seeking && view.frame === frameAt(view, state.time)"
        self.wait_for(f"views.every((view) => !view.usable || ({at_frame}))")
        self.page.wait_for_timeout(60)

    def go_to(self, step: int) -> None:
        self.evaluate(f"goToStep({step})")
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def image(self, selector: str) -> np.ndarray:
        """[H, W, 3] BGR of an element."""
        data = np.frombuffer(self.page.locator(selector).screenshot(), dtype=np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR)

    def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def files(self) -> set[Path]:
        addresses = [urlparse(address) for address in self.requests]
        assert {address.scheme for address in addresses} <= {"file", "data", "about"}
        return {Path(unquote(a.path)) for a in addresses if a.scheme == "file"}


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"there is no browser: none of {', '.join(NAMES)}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium) -> Iterator[Browser]:
    page = chromium.new_page(viewport=LAPTOP)
    page.set_default_timeout(300_000)
    browser = Browser(page)
    yield browser
    assert browser.messages == []
    page.close()
