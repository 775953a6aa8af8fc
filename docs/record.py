"""Records what a first run shows, for the README: its terminal, its report, its viewer.

    make submission 2>&1 | tee outputs/demo.log
    .venv/bin/python docs/record.py outputs/demo outputs/demo.log docs/recording.webp

Needs a Chromium on the path.
"""

import argparse
import html
import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

WIDTH, HEIGHT, SCALE = 1120, 660, 0.7  # of the page, and of the recording
FRAME_MS, QUALITY = 200, 30
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = {"terminal": 13, "hold": 4, "report": 15, "viewer": 24}
TERMINAL = """<body style="margin:0;background:#15171a"><pre style="color:#dfe3e8;margin:0;
padding:18px 22px;font:14px/1.55 'DejaVu Sans Mono',monospace;white-space:pre">{}</pre>"""
PROMPT = '<span style="color:#7ee787">$</span> make submission\n'
LINES = 27  # on the terminal at a time
MOST_WAITS = 250  # for a frame of a video


def terminal(page: Page, log: str) -> Iterator[None]:
    """The command, then its lines, one after another."""
    lines = [html.escape(line) for line in log.rstrip().splitlines()]
    count = SECONDS["terminal"] * 1000 // FRAME_MS
    for frame in range(count):
        shown = lines[: round(len(lines) * frame / (count - 1))]
        first = "" if len(shown) > LINES else PROMPT
        page.set_content(TERMINAL.format(first + "\n".join(shown[-LINES:])))
        yield
    yield from hold()


def hold() -> Iterator[None]:
    """The same image for a while."""
    for _ in range(SECONDS["hold"] * 1000 // FRAME_MS):
        yield


def report(page: Page, run: Path) -> Iterator[None]:
    """The first screen, then a slow way down."""
    page.goto((run / "report" / "index.html").resolve().as_uri())
    yield from hold()
    count = (SECONDS["report"] - SECONDS["hold"]) * 1000 // FRAME_MS
    for frame in range(count):
        page.evaluate(f"scrollTo(0, {24 * frame})")
        yield


def viewer(page: Page) -> Iterator[None]:
    """The first of the worst errors, from a second before it, step by step."""
    page.evaluate("scrollTo(0, 0)")
    page.locator(".strip a").first.click()  # times out where the run's plays have no pages
    page.wait_for_load_state()
    settled = "view.frame === frameAt(view, state.time) && !view.video.seeking"
    start = page.evaluate("Math.max(0, Math.round(10 * state.time) - 10)")
    for frame in range(SECONDS["viewer"] * 1000 // FRAME_MS):
        page.evaluate(f"goToStep({start} + {frame} % 60)")
        for _ in range(MOST_WAITS):
            if page.evaluate(f"views.every((view) => !view.usable || ({settled}))"):
                break
            page.wait_for_timeout(20)
        page.wait_for_timeout(40)
        yield


def record(run: Path, log: str) -> list[Image.Image]:
    """A screenshot every FRAME_MS of it all."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"No browser is on the path: {', '.join(BROWSERS)}")
    images = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for scene in (terminal(page, log), report(page, run), viewer(page)):
            for _ in scene:
                image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                size = round(WIDTH * SCALE), round(HEIGHT * SCALE)
                images.append(image.resize(size, Image.Resampling.LANCZOS))
        browser.close()
    return images


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="records a first run as an animated WebP")
    for name in ("run", "log", "output"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    first, *others = record(args.run, args.log.read_text(encoding="utf-8"))
    first.save(
        args.output,
        save_all=True,
        append_images=others,
        duration=FRAME_MS,
        loop=0,
        quality=QUALITY,
        method=4,
    )
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB, {1 + len(others)} images")
