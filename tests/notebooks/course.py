"""The notebooks, for tests that look into them."""

import ast
from pathlib import Path
from typing import Any

import nbformat

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def read_notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def find_notebook(name: str) -> Path:
    """The notebook of this name, without its ending."""
    [path] = [path for path in NOTEBOOKS if path.stem == name]
    return path


def find_cell(path: Path, text: str) -> str:
    """The one code cell of a notebook that contains a text."""
    [source] = [source for source in code_cells(read_notebook(path)) if text in source]
    return source


def load_functions(path: Path, *functions: str, **names: Any) -> dict[str, Any]:
    """Functions as a notebook's page defines them.

    Args:
        path: of the notebook; all its imports are run, too.
        functions: their names.
        names: what else the functions need, from other cells.
    Returns:
        The namespace in which they are defined: a function's globals.
    """
    for source in code_cells(read_notebook(path)):
        tree = ast.parse(source)
        tree.body = [
            node
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            or (isinstance(node, ast.FunctionDef) and node.name in functions)
        ]
        exec(compile(tree, path.name, "exec"), names)
    assert set(functions) <= names.keys()
    return names
