import functools
import re
from pathlib import Path

import pytest

from player_contact.config import load_config
from tests.conftest import ROOT

README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(#[^)]*)?\)")
LINES = re.findall(r"^([a-z -]+):.*##", (ROOT / "Makefile").read_text(), re.M)
TARGETS = {target for line in LINES for target in line.split()}
NAMED = re.compile(r"(?:`|^ {4,})make ([a-z-]+)", re.M)


def test_the_readme_is_read_in_five_minutes():
    assert len(README.read_text().split()) <= 1_300


def test_the_readme_leads_to_every_page():
    linked = {path for path, _ in LINK.findall(README.read_text()) if path.endswith(".md")}
    assert {f"docs/{page.name}" for page in PAGES} <= linked


@pytest.mark.parametrize("page", [README, ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda p: p.name)
def test_what_a_page_links_to_is_there(page: Path):
    missing = [
        path for path, _ in LINK.findall(page.read_text()) if not (page.parent / path).exists()
    ]
    assert not missing


@pytest.mark.parametrize("page", [README, ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda p: p.name)
def test_every_make_target_that_a_page_names_exists(page: Path):
    assert set(NAMED.findall(page.read_text())) <= TARGETS


@functools.cache
def advised_settings() -> dict[str, list[str]]:
    """The settings of every `SET="..."` of a page, and of every `--set` of the code's sentences."""
    given = re.compile(r'SET="([^"]+)"|--set ((?:[a-z_]+\.)*[a-z_]+=\w+)(?=["`])')
    paths = [README, ROOT / "CONTRIBUTING.md", *PAGES, *(ROOT / "src").rglob("*.py")]
    return {
        f"{path.name} {text}": text.replace("\\\n", " ").split()
        for path in paths
        for text in map("".join, given.findall(path.read_text()))
    }


@pytest.mark.parametrize("config", ["demo", "cpu", "gpu"])
def test_every_setting_that_is_advised_is_accepted(config):
    advised = advised_settings()
    assert any("on_fault=skip" in settings for settings in advised.values())
    for settings in advised.values():
        load_config(ROOT / "configs" / f"{config}.yaml", settings)
