"""The glossary: sorted, short, and every link from a lesson leads to a term."""

import json
import re
from pathlib import Path

import pytest

from shopee_od.reports.pages import GLOSSARY, heading_anchor

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^### (.+)$", TEXT, re.MULTILINE)
ANCHORS = [heading_anchor(term) for term in TERMS]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def prose(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def test_terms_are_sorted_and_have_different_anchors():
    assert sorted(TERMS, key=str.casefold) == TERMS
    assert len(set(ANCHORS)) == len(ANCHORS) > 40


def test_an_entry_is_short():
    entries = re.split(r"^### .+$", TEXT, flags=re.MULTILINE)[1:]
    lengths = {term: len(entry.split()) for term, entry in zip(TERMS, entries, strict=True)}
    assert {term: n for term, n in lengths.items() if not 3 <= n <= 100} == {}


def test_links_within_the_glossary_have_a_target():
    assert set(re.findall(r"\]\(#([^)]*)\)", TEXT)) <= set(ANCHORS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_link_of_a_notebook_has_a_target(path):
    text = prose(path)
    links = re.findall(r"\]\(([^)\s]*glossary[^)\s]*)\)", text)
    targets = {f"{GLOSSARY}#{anchor}" for anchor in ANCHORS} | {GLOSSARY}
    assert set(links) - targets == set()
    for name in re.findall(r"\]\(([^)\s#]*\.ipynb)[^)\s]*\)", text):
        assert (path.parent / name).is_file(), name


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("RoI pooling", "roi-pooling"), ("AP50", "ap50"), ("1. A, b – c (d)?", "1-a-b--c-d")],
)
def test_anchors_are_those_of_github(heading, anchor):
    assert heading_anchor(heading) == anchor
