"""What every notebook keeps to: its opening, its parameters, short cells, exercises that can be solved."""

import ast
import re
import subprocess
import sys
from statistics import median

import pytest
from course import NOTEBOOKS, code, read

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
PARAMETERS = {"profile": "laptop", "dataset": "shopsim", "data_dir": "", "output_dir": "", "seed": 0}
EXERCISE = re.compile(r"^checks\.(\w+)\((\w+)\)$", re.M)
SOLUTION = re.compile(r"<details><summary>Solution</summary>\s*```python\n(.*?)```\s*</details>", re.S)


def exercises():
    for path in NOTEBOOKS:
        cells = read(path).cells
        for at, cell in enumerate(cells):
            for check, function in EXERCISE.findall(cell.source) if cell.cell_type == "code" else ():
                yield pytest.param(path, at, check, function, id=f"{path.stem}-{check}")


def test_the_notebooks_are_there():
    assert {"07_train", "08_evaluate", "09_tag_photos"} <= {path.stem for path in NOTEBOOKS}


@every
def test_it_opens_with_what_it_is_for(path):
    first, second = read(path).cells[:2]
    number = path.stem.split("_")[0]
    assert first.source.startswith(f"# {number} · ")
    for part in ("**You will be able to**", "**You need first**", "**Time and memory**"):
        assert part in first.source
    assert second.metadata.tags == ["parameters"]


@every
def test_its_parameters_are_those_of_all_notebooks(path):
    tree = ast.parse(read(path).cells[1].source)
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body}
    assert values.items() >= PARAMETERS.items()
    assert values.keys() - PARAMETERS.keys() <= {"photos"}


@every
def test_its_cells_are_short_and_prose_stands_between(path):
    notebook = read(path)
    lines = [len(source.splitlines()) for source in code(notebook)]
    assert max(lines) <= 25 and median(lines) <= 8
    kinds = [cell.cell_type for cell in notebook.cells]
    assert not any(kinds[k : k + 3] == ["code"] * 3 for k in range(2, len(kinds)))


@every
def test_it_asserts_its_figures_and_records_them(path):
    source = "\n".join(code(read(path)))
    assert len(re.findall(r"^expect\(", source, re.M)) >= 3
    assert len(re.findall(r"^record\(", source, re.M)) == 1


@every
def test_it_closes_with_a_summary_and_its_papers(path):
    notebook = read(path)
    last = notebook.cells[-2].source + "\n" + notebook.cells[-1].source
    assert notebook.cells[-1].cell_type == "markdown"
    assert "## Summary" in last and "## Papers" in last


@every
def test_it_is_stripped_and_for_any_python_3_kernel(path):
    notebook = read(path)
    assert notebook.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    keys = "metadata.papermill cell.metadata.papermill"
    command = [sys.executable, "-m", "nbstripout", "--verify", "--extra-keys", keys, str(path)]
    assert subprocess.run(command, capture_output=True).returncode == 0


@every
def test_it_names_no_layer_and_no_place_of_this_machine(path):
    text = path.read_text(encoding="utf-8")
    assert "get_layer" not in text
    assert not re.search(r"/(work|home|root|tmp)/", text)


@pytest.mark.parametrize(("path", "at", "check", "function"), exercises())
def test_an_exercise_has_a_stub_a_hint_and_a_solution_that_is_correct(path, at, check, function):
    from shopee_od.lessons import checks

    cells = read(path).cells
    task, stub, help_ = cells[at - 1 : at + 2]
    assert task.cell_type == "markdown" and task.source.startswith("## Exercise")
    assert "<details><summary>Hint</summary>" in help_.source
    solution = SOLUTION.search(help_.source)[1]
    for source, state in ((EXERCISE.sub("", stub.source), "not attempted"), (solution, "correct")):
        names = _imported(cells[:at])
        exec(compile(source, path.name, "exec"), names)
        outcome = getattr(checks, check)(names[function])
        assert outcome.state == state, outcome


def test_every_check_belongs_to_an_exercise():
    """Of the notebooks that are there: a check says at its docstring's start which one's it is."""
    from shopee_od.lessons import checks

    asked = {param.values[2] for param in exercises()}
    there = {name: value for name, value in vars(checks).items() if getattr(value, "__annotations__", {}).get("answer")}
    numbers = {path.name[:2] for path in NOTEBOOKS}
    of_these = {name for name, check in there.items() if re.match(r"Notebook (\d\d): ", check.__doc__)[1] in numbers}
    assert asked == of_these


def _imported(cells) -> dict:
    """The names that the notebook has imported up to here."""
    names = {}
    for cell in cells:
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)
            tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
            exec(compile(tree, "imports", "exec"), names)
    return names
