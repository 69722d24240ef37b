"""Executed notebooks as HTML pages that read offline: figures inside, math as MathML, no script, nothing fetched."""

from __future__ import annotations

import ast
import copy
import html
import logging
import re
from pathlib import Path

from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader, pass_context
from latex2mathml.converter import convert
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from shopee_od.lessons.metrics import figure
from shopee_od.paths import whole_file

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["figure"] = figure
REMOTE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
REMOTE_CSS = re.compile(r"@import[^;]*;|url\(\s*['\"]?(https?:)?//[^)]*\)", re.IGNORECASE)
FETCHING = ("src", "srcset", "data", "poster", "background")


def title_of(notebook: NotebookNode, otherwise: str) -> str:
    """The first heading, as plain text."""
    for cell in notebook.cells:
        found = re.search(r"^#{1,3}\s+(.+?)\s*#*$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            return _plain(found[1])
    return otherwise


def description_of(notebook: NotebookNode) -> str:
    """The first paragraph under the first heading, as plain text; "" where there is none."""
    text = "\n\n".join(cell.source for cell in notebook.cells[:3] if cell.cell_type == "markdown")
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.strip().splitlines() if not line.startswith("#")]
        if lines and re.match(r"[\w*_`\"'“(\[]", lines[0]):
            return _plain(" ".join(lines))
    return ""


def write_page(notebook: NotebookNode, path: Path, folder: Path, **shown) -> None:
    """Writes an executed notebook to `path`; pictures named in its text are looked for in `folder`.

    shown: what page.html names besides: report, entry, failure, before, after.
    """
    code = "\n".join(
        (
            HtmlFormatter(style="default").get_style_defs(".highlight"),
            "@media (prefers-color-scheme: dark) {",
            HtmlFormatter(style="github-dark").get_style_defs(".highlight"),
            "}",
        )
    )
    write(path, "page.html", body=Markup(body(notebook, folder)), code_css=Markup(code), **shown)


def write(path: Path, template: str, **shown) -> None:
    """Fills one of the templates, with the style that they share."""
    css = Markup((Path(__file__).with_name("templates") / "style.css").read_text(encoding="utf-8"))
    text = TEMPLATES.get_template(template).render(css=css, **shown)
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def body(notebook: NotebookNode, folder: Path) -> str:
    """The cells of an executed notebook as HTML that fetches nothing."""
    exporter = _Exporter(template_name="basic", embed_images=True)
    exporter.log.setLevel(logging.ERROR)  # it warns of figures without an alternative text
    made, _ = exporter.from_notebook_node(_for_a_page(notebook), {"metadata": {"path": str(folder)}})
    return offline(made)


def offline(text: str) -> str:
    """HTML without scripts, and without anything that a browser would fetch; links to click on stay."""
    soup = BeautifulSoup(text, "html.parser")
    for element in soup(["script", "link", "base", "iframe"]):
        if element.name != "iframe" or not str(element.get("src", "")).startswith("data:"):
            element.decompose()
    for style in soup("style"):
        style.string = REMOTE_CSS.sub("", style.get_text())
    for element in soup.select("[style]"):
        element["style"] = REMOTE_CSS.sub("", element["style"])
    for attribute in FETCHING:
        for element in soup.find_all(attrs={attribute: REMOTE}):
            if element.name == "img":
                link = soup.new_tag("a", href=element.get("src", element[attribute]))
                link.string = element.get("alt") or "picture on the web"
                element.replace_with(link)
            else:
                element.decompose()
    return str(soup)


def mathml(tex: str, display: str) -> str:
    """TeX -> MathML, `display` inline or block; TeX that cannot be converted stays readable as it is."""
    try:
        return convert(tex.strip(), display=display)
    except Exception:  # the converter raises many kinds on TeX that it does not know
        return f'<code class="tex">{html.escape(tex.strip())}</code>'


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def _html_embed_images(self, html: str) -> str:
        """As nbconvert's own, which parses each block alone and so closes a <details> that text follows."""

        def embedded(match: re.Match) -> str:
            return f"{match[1]}{match[2]}{self._src_to_base64(match[3]) or match[3]}{match[2]}"

        return re.sub(r"""(<img\b[^>]*?\bsrc=)(["'])(.*?)\2""", embedded, html, flags=re.IGNORECASE | re.DOTALL)


class _Exporter(HTMLExporter):
    @pass_context
    def markdown2html(self, context, source):
        renderer = _Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=True,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
        )
        return MarkdownWithMath(renderer=renderer).render(source)


def _for_a_page(notebook: NotebookNode) -> NotebookNode:
    """A copy with one parameters cell instead of two, and of each output what a page can show."""
    page = copy.deepcopy(notebook)
    page.cells = _one_parameters_cell(page.cells)
    for cell in page.cells:
        for output in cell.get("outputs", ()):
            shown = output.get("data", {})
            if "text/latex" in shown and "text/html" not in shown:
                shown["text/html"] = mathml(shown["text/latex"].strip().strip("$"), "block")
            if "text/plain" in shown or "text/html" in shown:
                for live in ("application/javascript", "application/vnd.jupyter.widget-view+json"):
                    shown.pop(live, None)
    page.metadata.pop("widgets", None)
    return page


def _one_parameters_cell(cells: list) -> list:
    """The parameters cell, its comments kept, with the values that papermill injected in a cell of their own."""
    default = next((c for c in cells if "parameters" in c.metadata.get("tags", ())), None)
    injected = next((c for c in cells if "injected-parameters" in c.metadata.get("tags", ())), None)
    if default is None or injected is None:
        return cells
    try:
        values = {name: ast.unparse(node.value) for name, node in _assignments(injected.source)}
        lines = [line.encode() for line in default.source.split("\n")]
        for name, node in _assignments(default.source):
            start, end = (node.value.lineno, node.value.col_offset), (node.value.end_lineno, node.value.end_col_offset)
            if name in values and start[0] == end[0]:
                line = lines[start[0] - 1]
                lines[start[0] - 1] = line[: start[1]] + values.pop(name).encode() + line[end[1] :]
    except SyntaxError:
        return cells
    if values:
        return cells
    default.source = b"\n".join(lines).decode()
    default.execution_count = injected.execution_count
    return [cell for cell in cells if cell is not injected]


def _assignments(source: str):
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and node.value:
            yield target.id, node


def _plain(markdown: str) -> str:
    """Without the signs of markdown."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"(\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w))", "", text).strip()
