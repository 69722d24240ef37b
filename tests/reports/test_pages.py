"""HTML pages: they can be read offline, with math, figures and solutions in them."""

import base64
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from shopee_od.reports import pages

FETCHED = re.compile(
    r"""(src|srcset|data|poster)\s*=\s*["']?\s*(https?:)?//|@import|url\(\s*["']?(https?:)?//|<script|<link"""
)


def body(*cells, folder="."):
    return pages.notebook_to_html(new_notebook(cells=list(cells)), folder)


def test_a_page_of_a_report_is_whole_and_fetches_nothing(finished):
    text = (finished.folder / "01_look.html").read_text()
    assert not FETCHED.search(text)
    page = BeautifulSoup(text, "html.parser")
    assert page.title.text == "A small notebook – tiny"
    assert page.select_one(".output_png img")["src"].startswith("data:image/png;base64,")
    assert [a["href"] for a in page.nav.find_all("a")] == ["index.html", "02_after.html"]
    last = BeautifulSoup((finished.folder / "02_after.html").read_text(), "html.parser")
    assert [a["href"] for a in last.nav("a")] == ["01_look.html", "index.html"]
    assert page.find("a", href="https://example.org/far.png").text == "a picture on the web"
    assert (
        "AP50    0.5" in page.text
        and "@media (max-width: 40rem)" in text
        and "prefers-color-scheme: dark" in text
    )


def test_math_becomes_mathml_and_unsupported_tex_stays_readable():
    text = body(
        new_markdown_cell(
            "$a < b$ and\n\n$$\\frac{1}{2}$$\n\nand \\begin{align}x &= 1\\end{align}\n\n`$c$`"
        )
    )
    page = BeautifulSoup(text, "html.parser")
    assert [m["display"] for m in page("math")] == ["inline", "block", "block"]
    assert "<mo>&lt;</mo>" in text and page.code.text == "$c$" and "\\frac" not in text
    assert pages.tex_to_mathml(r"\left( <", "inline") == r'<code class="tex">\left( &lt;</code>'


def test_latex_that_a_cell_shows_becomes_mathml_too():
    output = new_output(
        "display_data", {"text/latex": r"$\displaystyle \sqrt{2}$", "text/plain": "sqrt"}
    )
    assert "<msqrt>" in body(new_code_cell("", outputs=[output]))


def test_a_solution_stays_folded_with_all_of_its_text(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "near.png")
    text = "<details><summary>Solution</summary>\n\nLook **here**.\n\n<img src='near.png'>\n\n"
    text += "</details>\n\nAfter."
    page = BeautifulSoup(body(new_markdown_cell(text), folder=tmp_path), "html.parser")
    assert page.details.strong.text == "here" and "After" not in page.details.text
    kind, _, data = page.details.img["src"].partition(",")
    assert (
        kind == "data:image/png;base64"
        and base64.b64decode(data) == (tmp_path / "near.png").read_bytes()
    )


def test_one_parameters_cell_with_comments_and_the_values_passed():
    default = new_code_cell(
        "profile = 'é'; # size\nseed: int = 0  # luck\nown = 3", metadata={"tags": ["parameters"]}
    )
    injected = new_code_cell(
        '# Parameters\nprofile = "smoke"\nseed = 7\n', metadata={"tags": ["injected-parameters"]}
    )
    shown = BeautifulSoup(body(default, injected), "html.parser").select(".input_area")
    assert [cell.text.strip() for cell in shown] == [
        "profile = 'smoke'; # size\nseed: int = 7  # luck\nown = 3"
    ]
    injected.source = "other = 1"  # nothing is hidden that is shown nowhere else
    assert len(BeautifulSoup(body(default, injected), "html.parser").select(".input_area")) == 2


def test_nothing_is_fetched_or_run():
    text = """<script src="https://a.b/c.js"></script><script>run()</script>
      <link href="//a.b/c.css" rel="stylesheet">
      <style>@import url(https://a.b/x.css); p {background: url('//a.b/i.png'); color: red}</style>
      <p style="background: url(https://a.b/j.png)">text</p><iframe src="https://a.b"></iframe>
      <img src="//a.b/k.png" alt="kitten"><img src="data:image/png;base64,AA"><video src="https://a.b/v.mp4"></video>
      <object data="https://a.b/o"></object><a href="https://a.b/page">page</a>"""
    kept = pages.remove_remote_content(text)
    assert not FETCHED.search(kept)
    assert (
        "color: red" in kept
        and '<a href="//a.b/k.png">kitten</a>' in kept
        and "data:image/png" in kept
    )
    assert '<a href="https://a.b/page">page</a>' in kept and "<p" in kept


@pytest.mark.parametrize(
    "live", ["application/javascript", "application/vnd.jupyter.widget-view+json"]
)
def test_of_what_needs_a_kernel_the_text_is_shown(live):
    output = new_output("display_data", {live: "alert(1)", "text/plain": "a slider"})
    assert "a slider" in body(new_code_cell("", outputs=[output]))


def test_titles_and_descriptions_are_plain_text(finished):
    entry = finished.report.entries["01_look"]
    assert (entry.title, entry.description) == (
        "A small notebook",
        "It says what it is about: boxes and links.",
    )
    bare = new_notebook(cells=[new_code_cell("# no heading")])
    assert pages.find_title(bare, "01_bare") == "01_bare" and pages.find_description(bare) == ""
    assert (
        pages.find_title(new_notebook(cells=[new_markdown_cell("# snake_case 2 * 3 `x`")]), "")
        == "snake_case 2 * 3 x"
    )


def test_the_description_takes_the_list_behind_it_along():
    text = "# 1 · A\n\n**You will be able to**\n\n- read *it*;\n- draw\n  it.\n\nMore."
    notebook = new_notebook(cells=[new_markdown_cell(text)])
    assert pages.find_description(notebook) == "You will be able to read it; draw it."


def test_links_to_the_glossary_and_to_notebooks_lead_to_pages(tmp_path):
    """Not those in code, and not those to other files."""
    text = body(
        new_markdown_cell(
            "An [anchor](../docs/glossary.md#anchor) ([all](../docs/glossary.md)), see "
            "[08](08_evaluate.ipynb#ap), [data](../data/README.md) "
            "and `[x](../docs/glossary.md#x)`."
        )
    )
    page = BeautifulSoup(text, "html.parser")
    assert [link["href"] for link in page.p("a")] == [
        "glossary.html#anchor",
        "glossary.html",
        "08_evaluate.html#ap",
        "../data/README.md",
    ]
    assert page.code.text == "[x](../docs/glossary.md#x)"


def test_the_glossary_is_a_page_of_the_report(tmp_path):
    source = tmp_path / "glossary.md"
    source.write_text(
        "# Glossary\n\n### RoI pooling\n\nSee [anchor](#anchor).\n\n### anchor\n\nA box."
    )
    pages.write_glossary(source, tmp_path)
    text = (tmp_path / "glossary.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    assert not FETCHED.search(text) and page.title.text == f"Glossary – {tmp_path.name}"
    assert [h["id"] for h in page("h3")] == ["roi-pooling", "anchor"]
    assert page.main.a["href"] == "#anchor" and page.nav.a["href"] == "index.html"
    pages.write_glossary(tmp_path / "none.md", tmp_path / "other")  # a report without one
    assert not (tmp_path / "other").exists()


def test_every_term_of_the_glossary_has_its_anchor(tmp_path):
    source = Path(__file__).parents[2] / "docs" / "glossary.md"
    pages.write_glossary(source, tmp_path)
    page = BeautifulSoup((tmp_path / "glossary.html").read_text(), "html.parser")
    terms = re.findall(r"^### (.+)$", source.read_text(encoding="utf-8"), re.MULTILINE)
    assert [h["id"] for h in page("h3")] == [pages.heading_anchor(term) for term in terms]
