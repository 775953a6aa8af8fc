import re
from pathlib import Path

import pytest

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
