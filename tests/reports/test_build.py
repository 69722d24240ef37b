"""A report as a whole: what it writes, refuses and keeps, and what --resume runs again."""

import json
import shutil

import nbformat
import pytest
from bs4 import BeautifulSoup
from small_notebooks import read_provenance, write_notebook

from shopee_od.errors import InputError
from shopee_od.reports import fingerprints, make_report, runner
from shopee_od.reports import index as index_module
from shopee_od.reports.state import Report

pytestmark = pytest.mark.slow


@pytest.fixture
def again(finished, tmp_path):
    """Makes a copy of the shared report again: again(only=["01"]) resumes unless told otherwise."""
    root = tmp_path / "copy"
    shutil.copytree(finished.root, root)
    arguments = finished.arguments | {
        key: root / finished.arguments[key].name for key in ("data_dir", "out", "notebooks")
    }

    def call(**changed):
        return make_report(**arguments | {"resume": True} | changed)

    call.folder, call.notebooks, call.data = (
        root / "out" / "tiny",
        root / "notebooks",
        root / "data",
    )
    return call


@pytest.fixture
def ran(monkeypatch) -> list[str]:
    """The names of the notebooks that are run from here on."""
    names, execute = [], runner.execute
    monkeypatch.setattr(
        runner, "execute", lambda path, *rest: names.append(path.stem) or execute(path, *rest)
    )
    return names


def refuse(call, **changed) -> str:
    with pytest.raises(InputError) as error:
        call(**changed)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_report_has_pages_metrics_and_provenance(finished):
    names = {path.name for path in finished.folder.iterdir()}
    assert names == {
        "01_look.ipynb",
        "01_look.html",
        "02_after.ipynb",
        "02_after.html",
        "work",
        ".lock",
    } | {*("index.html", "metrics.json", "provenance.json")}
    metrics = json.loads((finished.folder / "metrics.json").read_text())
    assert metrics == {
        "01_look": {"AP50": 0.5, "photos": 200, "name": "tiny", "none": None},
        "02_after": {},
    }
    assert list(metrics["01_look"]) == ["AP50", "photos", "name", "none"]
    about = read_provenance(finished)
    assert about["parameters"]["seed"] == 3 and about["parameters"]["profile"] == "smoke"
    assert (
        about["data"] == fingerprints.hash_dataset("coco", finished.arguments["data_dir"])
        and len(about["sources"]) == 64
    )
    assert set(about["versions"]) >= {
        "python",
        "tensorflow",
        "tf-models-official",
        "papermill",
        "numpy",
        "pandas",
    }
    assert (
        about["machine"]["environment"]["TF_CPP_MIN_LOG_LEVEL"] == "3"
        and about["machine"]["cores"] >= 1
    )
    assert set(about["git"]) == {"commit", "dirty"}
    look = about["notebooks"]["01_look"]
    assert (
        look["status"] == "done"
        and look["seconds"] > 0
        and look["peak_memory"] > 0
        and len(look["key"]) == 64
    )


def test_the_index_shows_notebooks_headlines_metrics_and_reference(
    finished, again, monkeypatch, tmp_path
):
    path = tmp_path / "results" / "coco_smoke.json"
    path.parent.mkdir()
    path.write_text('{"metrics": {"01_look": {"AP50": 0.4321}}}')
    monkeypatch.setattr(index_module, "project_root", lambda: tmp_path)
    page = BeautifulSoup(again().index.read_text(), "html.parser")
    assert [a["href"] for a in page.select("h2 a")] == ["01_look.html", "02_after.html"]
    assert [part.text for part in page.select(".headline > *")] == ["0.5", "AP50"]
    assert [cell.text for cell in page.select("article tbody tr")[0]("td")] == [
        "AP50",
        "0.5",
        "0.4321",
    ]
    assert (
        "It says what it is about: boxes and links." in page.text and "profile smoke" in page.text
    )
    assert not page("script") and not page("link")


def test_resume_skips_what_is_done(again, ran):
    before = {path.name: path.read_bytes() for path in again.folder.glob("*.ipynb")}
    assert not again().failed and ran == []
    assert {path.name: path.read_bytes() for path in again.folder.glob("*.ipynb")} == before


def test_a_changed_notebook_runs_again_and_those_after_it(again, ran):
    write_notebook(again.notebooks / "02_after.ipynb", "'changed'")
    again()
    assert ran == ["02_after"]
    write_notebook(
        again.notebooks / "01_look.ipynb",
        "from pathlib import Path",
        "Path(output_dir, 'x').touch()",
    )
    report = again()
    assert ran == ["02_after", "01_look", "02_after"]
    assert (
        report.metrics == {"01_look": {}, "02_after": {}}
        and read_provenance(report)["notebooks"]["02_after"]["key"]
    )


def test_changed_data_run_all_notebooks_again_and_lose_nothing(again, ran):
    (again.data / "images" / "new.jpg").touch()
    write_notebook(again.notebooks / "02_after.ipynb", "1 / 0")
    report = again()
    assert ran == ["01_look", "02_after"] and [entry.name for entry in report.failed] == [
        "02_after"
    ]
    assert (again.folder / "work.before" / "made.txt").exists() and (
        again.folder / "work" / "made.txt"
    ).exists()
    write_notebook(again.notebooks / "02_after.ipynb", "1")
    assert not again().failed and not (again.folder / "work.before").exists()


def test_a_second_change_before_all_is_done_loses_nothing_either(again):
    (again.data / "images" / "new.jpg").touch()
    write_notebook(again.notebooks / "02_after.ipynb", "1 / 0")
    again()
    (again.folder / "work" / "made.txt").write_text("days of training")
    (again.data / "images" / "newer.jpg").touch()
    again()
    assert (again.folder / "work.before-2" / "made.txt").read_text() == "days of training"
    write_notebook(again.notebooks / "02_after.ipynb", "1")
    assert not again().failed and not list(again.folder.glob("work.before*"))


def test_only_some_run_with_what_the_others_wrote(again, ran):
    (again.data / "images" / "new.jpg").touch()
    report = again(only=["02_after"])
    assert ran == ["02_after"] and not (again.folder / "work.before").exists()
    again(only=["02"])
    assert ran == ["02_after"]
    assert report.entries["01_look"].status == "done" and (again.folder / "01_look.html").exists()
    states = [
        tag.text for tag in BeautifulSoup(report.index.read_text(), "html.parser").select(".state")
    ]
    assert states == ["outdated", "done"]
    again()
    assert ran == ["02_after", "01_look", "02_after"]  # the first was made with other data


def test_a_rerun_that_fails_keeps_the_earlier_result(again, ran):
    good = (again.folder / "02_after.ipynb").read_bytes()
    shutil.copy(again.notebooks / "02_after.ipynb", again.notebooks / "kept")
    write_notebook(again.notebooks / "02_after.ipynb", "1 / 0")
    report = again()
    assert [entry.name for entry in report.failed] == ["02_after"]
    assert (again.folder / "02_after.ipynb").read_bytes() == good
    assert "an earlier run without errors" in report.index.read_text()
    shutil.copy(again.notebooks / "kept", again.notebooks / "02_after.ipynb")
    assert not again().failed and ran == ["02_after"]
    assert not list(again.folder.glob("*.failed.*"))


def test_a_damaged_record_is_rebuilt(again, ran):
    metrics = (again.folder / "metrics.json").read_bytes()
    (again.folder / "metrics.json").unlink()
    again()
    assert ran == [] and (again.folder / "metrics.json").read_bytes() == metrics
    (again.folder / "provenance.json").write_text('{"notebooks": {"01_look": ')
    (again.folder / ".index.html.x.html").touch()
    assert not again().failed and ran == ["01_look", "02_after"]
    assert not list(again.folder.glob(".*.html"))


def test_refusals_name_the_fix_and_leave_the_report_alone(again, tmp_path):
    before = {path: path.read_bytes() for path in again.folder.rglob("*") if path.is_file()}
    assert "holds a report: finish it with --resume, give another --name, or remove it" in refuse(
        again, resume=False
    )
    assert "was made with seed 3, not 4; give another --name" in refuse(again, seed=4)
    assert "--only 05: there is no such notebook; choose from 01_look, 02_after" in refuse(
        again, only=["05"]
    )
    assert "no notebook to run has a parameter 'photos'; leave out --photos" in refuse(
        again, extra_parameters={"photos": "x"}
    )
    assert "profile 'huge' is not known" in refuse(again, profile="huge")
    assert "no data set 'imagenet'" in refuse(again, dataset="imagenet")
    assert "annotations.json, images missing" in refuse(again, data_dir=tmp_path / "nowhere")
    assert "there are no notebooks here" in refuse(again, notebooks=tmp_path)
    for name in ("", "..", "a/b", ".hidden"):
        assert "it names a folder" in refuse(again, name=name)
    (again.notebooks / "03_bare.ipynb").write_bytes(
        write_notebook(tmp_path / "x.ipynb", parameters="").read_bytes()
    )
    assert "no cell is tagged parameters" in refuse(again)
    assert {path: path.read_bytes() for path in again.folder.rglob("*") if path.is_file()} == before


def test_provenance_keeps_its_keys_and_those_of_an_earlier_failure_are_read(again):
    write_notebook(again.notebooks / "02_after.ipynb", "1 / 0")
    row = read_provenance(again())["notebooks"]["02_after"]
    assert row["says"] == "It says what it is about: boxes and links."
    assert set(row["failure"]) == {"cell", "cells", "line", "error", "mend", "place", "seconds"}
    report = again(only=["01"])
    assert report.failed[0].failure.fix == row["failure"]["mend"]
    assert report.failed[0].failure.location == row["failure"]["place"]


def test_two_reports_are_not_written_into_one_folder(again, finished):
    report = Report(again.folder, list(again.notebooks.glob("*.ipynb")), finished.report.parameters)
    with report.lock():
        assert "another report is being written here" in refuse(again)
    assert not again().failed


def test_the_user_s_photos_reach_the_notebook_that_takes_them(again, tmp_path, ran):
    notebook = write_notebook(
        again.notebooks / "03_tag.ipynb",
        "from pathlib import Path",
        "len(list(Path(photos).iterdir()))",
        parameters="photos = ''",
    )
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a.jpg").touch()
    report = again(extra_parameters={"photos": str(mine)})
    assert (
        nbformat.read(report.path(notebook.stem), as_version=4)
        .cells[-1]
        .outputs[0]
        .data["text/plain"]
        == "1"
    )
    again(extra_parameters={"photos": str(mine)})
    (mine / "b.jpg").touch()
    again(extra_parameters={"photos": str(mine)})
    assert ran == ["03_tag", "03_tag"]
