import re

from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text()
HEADINGS = re.findall(r"^##+ (.+)$", TEXT, re.M)


def anchor(heading: str) -> str:
    """What a page calls a heading."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def test_the_contents_lead_to_every_section_once():
    contents = TEXT[TEXT.index("- **Use it**") : TEXT.index("Where `input/")]
    assert sorted(re.findall(r"\(#(.+?)\)", contents)) == sorted(map(anchor, HEADINGS))


def test_every_link_within_the_page_leads_to_a_section():
    assert set(re.findall(r"\(#(.+?)\)", TEXT)) <= set(map(anchor, HEADINGS))


def test_every_file_that_is_linked_is_there():
    for path in re.findall(r"\]\((?!#|https?:)(.+?)\)", TEXT):
        assert (ROOT / path).exists(), path
