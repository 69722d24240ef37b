"""The form of every notebook: its opening, parameters, short cells, solvable exercises."""

import ast
import re
import subprocess
import sys
from statistics import median

import pytest
from course import NOTEBOOKS, code_cells, read_notebook

for_each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
PARAMETERS = {
    "profile": "laptop",
    "dataset": "shopsim",
    "data_dir": "",
    "output_dir": "",
    "seed": 0,
}
EXERCISE = re.compile(r"^checks\.(\w+)\((\w+)\)$", re.M)
SOLUTION = re.compile(
    r"<details><summary>Solution</summary>\s*```python\n(.*?)```.*?</details>", re.S
)


def list_exercises():
    for path in NOTEBOOKS:
        for index, cell in enumerate(read_notebook(path).cells):
            if cell.cell_type != "code":
                continue
            for check, function in EXERCISE.findall(cell.source):
                yield pytest.param(path, index, check, function, id=f"{path.stem}-{check}")


def test_the_notebooks_are_there():
    assert {"00_start_here", "07_train", "08_evaluate", "09_tag_photos"} <= {
        path.stem for path in NOTEBOOKS
    }


@for_each_notebook
def test_it_opens_with_what_it_is_for(path):
    first, second = read_notebook(path).cells[:2]
    number = path.stem.split("_")[0]
    assert first.source.startswith(f"# {number} · ")
    for part in ("**You will be able to**", "**You need first**", "**Time and memory**"):
        assert part in first.source
    assert second.metadata.tags == ["parameters"]


@for_each_notebook
def test_its_parameters_are_those_of_all_notebooks(path):
    tree = ast.parse(read_notebook(path).cells[1].source)
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body}
    assert values.items() >= PARAMETERS.items()
    assert values.keys() - PARAMETERS.keys() <= {"photos", "model"}


@for_each_notebook
def test_its_cells_are_short_and_prose_is_between_them(path):
    notebook = read_notebook(path)
    lines = [len(source.splitlines()) for source in code_cells(notebook)]
    assert max(lines) <= 25 and median(lines) <= 8
    cell_types = [cell.cell_type for cell in notebook.cells]
    assert not any(cell_types[k : k + 3] == ["code"] * 3 for k in range(2, len(cell_types)))


@for_each_notebook
def test_its_lines_of_code_are_short(path):
    lines = [line for source in code_cells(read_notebook(path)) for line in source.splitlines()]
    assert max(map(len, lines)) <= 88


@for_each_notebook
def test_it_asserts_its_values_and_records_them(path):
    source = "\n".join(code_cells(read_notebook(path)))
    assert len(re.findall(r"^expect\(", source, re.M)) >= 3
    assert len(re.findall(r"^record\(", source, re.M)) == 1


@for_each_notebook
def test_it_closes_with_a_summary_and_its_papers(path):
    notebook = read_notebook(path)
    last = notebook.cells[-2].source + "\n" + notebook.cells[-1].source
    assert notebook.cells[-1].cell_type == "markdown"
    assert "## Summary" in last and "## Papers" in last


@for_each_notebook
def test_it_is_for_any_python_3_kernel(path):
    notebook = read_notebook(path)
    assert notebook.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_all_are_stripped_of_outputs():
    keys = "metadata.papermill cell.metadata.papermill"
    command = [sys.executable, "-m", "nbstripout", "--verify", "--extra-keys", keys]
    run = subprocess.run([*command, *map(str, NOTEBOOKS)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@for_each_notebook
def test_it_names_no_layer_and_no_path_of_this_machine(path):
    text = path.read_text(encoding="utf-8")
    assert "get_layer" not in text
    assert not re.search(r"/(work|home|root|tmp)/", text)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "index", "check", "function"), list_exercises())
def test_an_exercise_has_a_stub_a_hint_and_a_solution_that_is_correct(path, index, check, function):
    from shopee_od.course import checks

    cells = read_notebook(path).cells
    task, stub, hint = cells[index - 1 : index + 2]
    assert task.cell_type == "markdown" and re.match("#{2,3} Exercise", task.source)
    assert re.search(r"<details><summary>Hint( 1)?</summary>", hint.source)
    solution = SOLUTION.search(hint.source)[1]
    for source, state in ((EXERCISE.sub("", stub.source), "not attempted"), (solution, "correct")):
        names = run_imports(cells[:index])
        exec(compile(source, path.name, "exec"), names)
        outcome = getattr(checks, check)(names[function])
        assert outcome.state == state, outcome


def test_every_check_belongs_to_an_exercise():
    """Each check's docstring starts with the number of its notebook."""
    from shopee_od.course import checks

    used = {param.values[2] for param in list_exercises()}
    numbers = {path.name[:2] for path in NOTEBOOKS}
    defined = {
        name
        for name, value in vars(checks).items()
        if getattr(value, "__annotations__", {}).get("answer")
        and re.match(r"Notebook (\d\d): ", value.__doc__)[1] in numbers
    }
    assert used == defined


def run_imports(cells) -> dict:
    """The names that the notebook has imported up to here."""
    names = {}
    for cell in cells:
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)
            tree.body = [
                node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
            ]
            exec(compile(tree, "imports", "exec"), names)
    return names
