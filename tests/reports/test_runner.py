"""papermill's traps: failing cells, dying kernels, timeouts, and parameters that are absent."""

import json
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from small_notebooks import read_provenance, tiny_data, write_notebook

from shopee_od.errors import InputError
from shopee_od.reports import make_report, runner

pytestmark = pytest.mark.slow

FAILURES = {
    "01_raises": (
        "# first\nfruit = 1 / 0",
        "ZeroDivisionError: division by zero",
        "fix this error",
    ),
    "02_killed": (
        "import os\nos.kill(os.getpid(), 9)",
        "the kernel died: it was killed or ended itself",
        "memory",
    ),
    "03_ends": ("import os; os._exit(0)", "the kernel died", "smaller --profile"),
    "04_slow": (
        "import time; time.sleep(60)",
        "it took longer than the 3 s that a cell may take",
        "--timeout 12 --resume",
    ),
    "05_leaves": (
        "import sys; sys.exit()",
        "it ended the kernel (sys.exit?)",
        "let the cell raise an error",
    ),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """(the report of notebooks that fail in five ways and one that does not, what was printed)."""
    root = tmp_path_factory.mktemp("broken")
    for name, (code, _, _) in FAILURES.items():
        write_notebook(root / "notebooks" / f"{name}.ipynb", "before = 1", code, "print('never')")
    write_notebook(root / "notebooks" / "06_good.ipynb", "2 + 2")
    with pytest.MonkeyPatch.context() as patch:
        printed = []
        patch.setattr(
            "builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words)))
        )
        arguments = {
            "data_dir": tiny_data(root / "data"),
            "notebooks": root / "notebooks",
            "out": root / "out",
        }
        report = make_report("coco", "smoke", timeout=3, **arguments)
    return report, "\n".join(printed)


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_named_with_its_cell_and_its_fix(broken, name):
    report, printed = broken
    code, error, fix = FAILURES[name]
    line = next(line for line in code.splitlines() if not line.startswith("#"))
    failure = report.entries[name].failure
    assert failure.location == f"cell 4 of 5 (`{line}`)"
    assert failure.error.startswith(error) and fix in failure.fix and "--resume" in failure.fix
    assert f"{name}: cell 4 of 5 (`{line}`): {error}" in printed
    assert not report.path(name).exists() and not report.path(name, ".html").exists()


@pytest.mark.parametrize("name", FAILURES)
def test_what_failed_does_not_look_completed(broken, name):
    notebook = nbformat.read(broken[0].path(name, ".failed.ipynb"), as_version=4)
    states = [cell.metadata.papermill.status for cell in notebook.cells if cell.cell_type == "code"]
    assert states == ["completed"] * 3 + ["failed", "pending"]
    assert any(output.output_type == "error" for output in notebook.cells[-2].outputs)
    assert notebook.metadata.papermill.exception is True
    page = BeautifulSoup(broken[0].path(name, ".failed.html").read_text(), "html.parser")
    assert FAILURES[name][1] in page.select_one(".failure pre").text


def test_the_notebooks_after_a_failure_still_run(broken):
    report, _ = broken
    assert [entry.name for entry in report.failed] == list(FAILURES)
    assert report.entries["06_good"].status == "done" and report.path("06_good").is_file()
    states = [
        tag.text for tag in BeautifulSoup(report.index.read_text(), "html.parser").select(".state")
    ]
    assert states == ["failed"] * 5 + ["done"]
    assert read_provenance(report)["notebooks"]["04_slow"]["failure"]["cell"] == 4
    assert not [path.name for path in report.folder.glob(".*.*")]


def test_parameters_are_those_that_the_notebook_has(finished):
    notebook = nbformat.read(finished.folder / "01_look.ipynb", as_version=4)
    (injected,) = [
        c.source for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", ())
    ]
    names = re.findall(r"^(\w+) =", injected, re.MULTILINE)
    assert sorted(names) == [
        "dataset",
        "output_dir",
        "profile",
        "seed",
    ]  # not data_dir, which it lacks
    assert (finished.folder / "work" / "made.txt").read_text() == "smoke 3\n"
    assert notebook.metadata.papermill.output_path == str(finished.folder / "01_look.ipynb")
    assert finished.report.entries["01_look"].peak_memory > 2**24


def test_a_notebook_without_parameters_is_refused(tmp_path):
    bare = write_notebook(tmp_path / "01_bare.ipynb", parameters="")
    with pytest.raises(InputError, match=r"01_bare.ipynb: no cell is tagged parameters; add lines"):
        runner.parameter_names(bare)
    empty = write_notebook(tmp_path / "02_empty.ipynb", parameters="# nothing yet")
    with pytest.raises(InputError, match=r"its parameters cell sets no name"):
        runner.parameter_names(empty)
    for text in ("{", json.dumps({"cells": 3})):
        (tmp_path / "03_torn.ipynb").write_text(text)
        with pytest.raises(InputError, match=r"03_torn.ipynb: not readable as a notebook"):
            runner.read_notebook(tmp_path / "03_torn.ipynb")


def test_a_kernel_that_is_not_there_is_a_failure_too(tmp_path):
    path = write_notebook(tmp_path / "01_a.ipynb", "1")
    path.write_text(path.read_text().replace('"name": "python3"', '"name": "nowhere"'))
    outcome = runner.execute(path, tmp_path / "part.ipynb", {"seed": 1}, 5)
    assert outcome.failure.location == "before its first cell"
    assert "nowhere" in outcome.failure.error
    assert "doctor" in outcome.failure.fix
