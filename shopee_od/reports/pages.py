"""Executed notebooks as HTML pages for offline reading.

Figures are embedded, math is MathML; a page has no script and fetches nothing.
"""

from __future__ import annotations

import ast
import copy
import html
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader, pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from shopee_od.course.metrics import format_value
from shopee_od.io import atomic_file

TEMPLATE_FOLDER = Path(__file__).with_name("templates")
TEMPLATES = Environment(
    loader=FileSystemLoader(TEMPLATE_FOLDER),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["format_value"] = format_value
REMOTE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
REMOTE_CSS = re.compile(r"@import[^;]*;|url\(\s*['\"]?(https?:)?//[^)]*\)", re.IGNORECASE)
FETCHING_ATTRIBUTES = ("src", "srcset", "data", "poster", "background")
GLOSSARY = "../docs/glossary.md"
"""How notebooks link to the glossary."""
PAGE_LINK = re.compile(r'(?<=href=")(?:\.\./docs/(glossary)\.md|(\d\d_\w+)\.ipynb)(?=["#])')
"""A link from a notebook to the glossary or to another notebook."""
LIVE_TYPES = ("application/javascript", "application/vnd.jupyter.widget-view+json")
"""Types of outputs that need a script or a kernel."""


def find_title(notebook: NotebookNode, default: str) -> str:
    """The first heading, as plain text; `default` where there is none."""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        heading = re.search(r"^#{1,3}\s+(.+?)\s*#*$", cell.source, re.MULTILINE)
        if heading:
            return _strip_markdown(heading[1])
    return default


def find_description(notebook: NotebookNode) -> str:
    """The first paragraph under the first heading, as plain text; "" where there is none.

    A list right behind it belongs to it.
    """
    text = "\n\n".join(cell.source for cell in notebook.cells[:3] if cell.cell_type == "markdown")
    blocks = re.split(r"\n\s*\n", text)
    for block, following in zip(blocks, [*blocks[1:], ""], strict=True):
        lines = [line for line in block.strip().splitlines() if not line.startswith("#")]
        if lines and re.match(r"[\w*_`\"'“(\[]", lines[0]):
            if following.startswith("- "):
                lines += re.sub(r"^- ", "", following, flags=re.MULTILINE).splitlines()
            return _strip_markdown(" ".join(line.strip() for line in lines))
    return ""


def write_page(notebook: NotebookNode, path: Path, folder: Path, **values: Any) -> None:
    """Writes an executed notebook as a page.

    Args:
        notebook: with its outputs.
        path: the HTML file.
        folder: where images that its text names are looked up.
        values: what page.html uses besides: report, entry, failure, before, after.
    """
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    code_css = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    body = Markup(notebook_to_html(notebook, folder))
    write_template(path, "page.html", body=body, code_css=Markup(code_css), **values)


def write_glossary(source: Path, folder: Path) -> None:
    """Writes the glossary as a page of a report, if there is one.

    Args:
        source: the glossary in Markdown; its headings are the terms.
        folder: the report's.
    """
    if not source.is_file():
        return
    renderer = _Renderer(escape=False)
    text = MarkdownWithMath(renderer=renderer).render(source.read_text(encoding="utf-8"))
    soup = BeautifulSoup(text, "html.parser")
    for heading in soup(["h1", "h2", "h3"]):
        for link in heading("a"):
            link.decompose()
        heading["id"] = heading_anchor(heading.get_text())
    write_template(
        folder / "glossary.html",
        "page.html",
        body=Markup(str(soup)),
        report=folder.name,
        entry={"title": "Glossary"},
    )


def heading_anchor(heading: str) -> str:
    """The anchor of a heading in Markdown, as GitHub makes it.

    >>> heading_anchor("RoI pooling, by hand")
    'roi-pooling-by-hand'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def write_template(path: Path, template: str, **values: Any) -> None:
    """Writes one of the templates, filled, with the style sheet that they share."""
    css = Markup((TEMPLATE_FOLDER / "style.css").read_text(encoding="utf-8"))
    text = TEMPLATES.get_template(template).render(css=css, **values)
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8")


def notebook_to_html(notebook: NotebookNode, folder: Path | str) -> str:
    """The cells of an executed notebook as HTML that fetches nothing.

    Args:
        notebook: with its outputs.
        folder: where images that its text names are looked up.
    """
    exporter = _Exporter(template_name="basic", embed_images=True)
    exporter.log.setLevel(logging.ERROR)  # it warns of figures without an alternative text
    text, _ = exporter.from_notebook_node(
        _prepare_for_page(notebook), {"metadata": {"path": str(folder)}}
    )
    return PAGE_LINK.sub(r"\1\2.html", remove_remote_content(text))


def remove_remote_content(text: str) -> str:
    """HTML without scripts and without anything that a browser would fetch; links stay."""
    soup = BeautifulSoup(text, "html.parser")
    for element in soup(["script", "link", "base", "iframe"]):
        if element.name != "iframe" or not str(element.get("src", "")).startswith("data:"):
            element.decompose()
    for style in soup("style"):
        style.string = REMOTE_CSS.sub("", style.get_text())
    for element in soup.select("[style]"):
        element["style"] = REMOTE_CSS.sub("", str(element["style"]))
    for attribute in FETCHING_ATTRIBUTES:
        for element in soup.find_all(True, {attribute: REMOTE}):
            if element.name == "img":
                link = soup.new_tag("a", href=str(element.get("src", element[attribute])))
                link.string = str(element.get("alt") or "image on the web")
                element.replace_with(link)
            else:
                element.decompose()
    return str(soup)


def tex_to_mathml(tex: str, display: str) -> str:
    """TeX as MathML; TeX that cannot be converted is shown as it is.

    Args:
        tex: without dollar signs.
        display: "inline" or "block".
    """
    try:
        return convert(tex.strip(), display=display)
    except Exception:  # the converter raises many types on TeX that it does not support
        return f'<code class="tex">{html.escape(tex.strip())}</code>'


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return tex_to_mathml(body, "inline")

    def block_math(self, body: str) -> str:
        return tex_to_mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return tex_to_mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def _html_embed_images(self, html: str) -> str:
        """Replaces nbconvert's, which parses single blocks and so closes an open <details>."""

        def embed(match: re.Match) -> str:
            return f"{match[1]}{match[2]}{self._src_to_base64(match[3]) or match[3]}{match[2]}"

        return re.sub(
            r"""(<img\b[^>]*?\bsrc=)(["'])(.*?)\2""",
            embed,
            html,
            flags=re.IGNORECASE | re.DOTALL,
        )


class _Exporter(HTMLExporter):
    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        renderer = _Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=True,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
        )
        return MarkdownWithMath(renderer=renderer).render(source)


def _prepare_for_page(notebook: NotebookNode) -> NotebookNode:
    """A copy with one parameters cell instead of two, and outputs that a page can show."""
    page = copy.deepcopy(notebook)
    page.cells = _merge_parameters_cells(page.cells)
    for cell in page.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "text/latex" in data and "text/html" not in data:
                data["text/html"] = tex_to_mathml(data["text/latex"].strip().strip("$"), "block")
            if "text/plain" in data or "text/html" in data:
                for live_type in LIVE_TYPES:
                    data.pop(live_type, None)
    page.metadata.pop("widgets", None)
    return page


def _merge_parameters_cells(cells: list[NotebookNode]) -> list[NotebookNode]:
    """One parameters cell: the comments of the default one, the values of the injected one."""
    default = _first_tagged(cells, "parameters")
    injected = _first_tagged(cells, "injected-parameters")
    if default is None or injected is None:
        return cells
    try:
        values = {name: ast.unparse(value) for name, value in _assignments(injected.source)}
        source = _replace_values(default.source, values)
    except SyntaxError:
        return cells
    if source is None:
        return cells
    default.source = source
    default.execution_count = injected.execution_count
    return [cell for cell in cells if cell is not injected]


def _replace_values(source: str, values: dict[str, str]) -> str | None:
    """The source with these values in its assignments; None where a name is not assigned in it."""
    remaining = dict(values)
    lines = [line.encode() for line in source.split("\n")]  # ast counts columns in bytes
    for name, value in _assignments(source):
        if name in remaining and value.lineno == value.end_lineno:
            line = lines[value.lineno - 1]
            before = line[: value.col_offset]
            after = line[value.end_col_offset :]
            lines[value.lineno - 1] = before + remaining.pop(name).encode() + after
    return None if remaining else b"\n".join(lines).decode()


def _first_tagged(cells: list[NotebookNode], tag: str) -> NotebookNode | None:
    return next((cell for cell in cells if tag in cell.metadata.get("tags", ())), None)


def _assignments(source: str) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of each assignment to a single name."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign):
            target = node.target
        else:
            continue
        if isinstance(target, ast.Name) and node.value:
            yield target.id, node.value


def _strip_markdown(text: str) -> str:
    """Text without the signs of markdown."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w))", "", text).strip()
