"""A report as a whole: what it writes, refuses and keeps; what --resume passes over and runs again; kills."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from bs4 import BeautifulSoup
from small_notebooks import held, tiny_data, write_notebook
from typer.testing import CliRunner

from shopee_od.cli import app
from shopee_od.reports import keys, make_report
from shopee_od.reports import report as reports
from shopee_od.types import InputError


@pytest.fixture
def again(made, tmp_path):
    """Makes the shared report again, in a copy: again(only=["01"], …) resumes unless told otherwise."""
    root = tmp_path / "copy"
    shutil.copytree(made.root, root)
    arguments = made.arguments | {key: root / made.arguments[key].name for key in ("data_dir", "out", "notebooks")}

    def call(**changed):
        return make_report(**arguments | {"resume": True} | changed)

    call.folder, call.notebooks, call.data = root / "out" / "tiny", root / "notebooks", root / "data"
    return call


@pytest.fixture
def ran(monkeypatch) -> list[str]:
    """The names of the notebooks that are run from here on."""
    names, execute = [], reports.runner.execute
    monkeypatch.setattr(reports.runner, "execute", lambda path, *rest: names.append(path.stem) or execute(path, *rest))
    return names


def refusal(call, **changed) -> str:
    with pytest.raises(InputError) as error:
        call(**changed)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_report_holds_pages_metrics_and_where_they_come_from(made):
    names = {path.name for path in made.folder.iterdir()}
    assert names == {"01_look.ipynb", "01_look.html", "02_after.ipynb", "02_after.html", "work", ".lock"} | {
        *("index.html", "metrics.json", "provenance.json")
    }
    metrics = json.loads((made.folder / "metrics.json").read_text())
    assert metrics == {"01_look": {"AP50": 0.5, "photos": 200, "name": "tiny", "none": None}, "02_after": {}}
    assert list(metrics["01_look"]) == ["AP50", "photos", "name", "none"]
    about = held(made)
    assert about["parameters"]["seed"] == 3 and about["parameters"]["profile"] == "smoke"
    assert about["data"] == keys.data("coco", made.arguments["data_dir"]) and len(about["sources"]) == 64
    assert set(about["versions"]) >= {"python", "tensorflow", "tf-models-official", "papermill", "numpy", "pandas"}
    assert about["machine"]["environment"]["TF_CPP_MIN_LOG_LEVEL"] == "3" and about["machine"]["cores"] >= 1
    assert set(about["git"]) == {"commit", "dirty"}
    look = about["notebooks"]["01_look"]
    assert look["status"] == "done" and look["seconds"] > 0 and look["peak_memory"] > 0 and len(look["key"]) == 64


def test_the_index_shows_notebooks_headlines_metrics_and_reference(made, again, monkeypatch, tmp_path):
    path = tmp_path / "reports" / "reference.json"
    path.parent.mkdir()
    path.write_text('{"coco/smoke": {"01_look": {"AP50": 0.4321}}}')
    monkeypatch.setattr(reports.paths, "project_root", lambda: tmp_path)
    page = BeautifulSoup(again().index.read_text(), "html.parser")
    assert [a["href"] for a in page.select("h2 a")] == ["01_look.html", "02_after.html"]
    assert [part.text for part in page.select(".headline > *")] == ["0.5", "AP50"]
    assert [cell.text for cell in page.select("article tbody tr")[0]("td")] == ["AP50", "0.5", "0.4321"]
    assert "It says what it is about: boxes and links." in page.text and "profile smoke" in page.text
    assert not page("script") and not page("link")


def test_resume_passes_over_what_is_done(again, ran):
    before = {path.name: path.read_bytes() for path in again.folder.glob("*.ipynb")}
    assert not again().failed and ran == []
    assert {path.name: path.read_bytes() for path in again.folder.glob("*.ipynb")} == before


def test_a_changed_notebook_runs_again_and_those_after_it(again, ran):
    write_notebook(again.notebooks / "02_after.ipynb", "'changed'")
    again()
    assert ran == ["02_after"]
    write_notebook(again.notebooks / "01_look.ipynb", "from pathlib import Path", "Path(output_dir, 'x').touch()")
    report = again()
    assert ran == ["02_after", "01_look", "02_after"]
    assert report.metrics == {"01_look": {}, "02_after": {}} and held(report)["notebooks"]["02_after"]["key"]


def test_changed_data_start_what_notebooks_made_anew_and_lose_nothing(again, ran):
    (again.data / "images" / "new.jpg").touch()
    write_notebook(again.notebooks / "02_after.ipynb", "1 / 0")
    report = again()
    assert ran == ["01_look", "02_after"] and [entry.name for entry in report.failed] == ["02_after"]
    assert (again.folder / "work.before" / "made.txt").exists() and (again.folder / "work" / "made.txt").exists()
    write_notebook(again.notebooks / "02_after.ipynb", "1")
    assert not again().failed and not (again.folder / "work.before").exists()


def test_a_second_change_before_all_is_well_loses_nothing_either(again):
    (again.data / "images" / "new.jpg").touch()
    write_notebook(again.notebooks / "02_after.ipynb", "1 / 0")
    again()
    (again.folder / "work" / "made.txt").write_text("days of training")
    (again.data / "images" / "newer.jpg").touch()
    again()
    assert (again.folder / "work.before-2" / "made.txt").read_text() == "days of training"
    write_notebook(again.notebooks / "02_after.ipynb", "1")
    assert not again().failed and not list(again.folder.glob("work.before*"))


def test_only_some_run_beside_what_the_others_made(again, ran):
    (again.data / "images" / "new.jpg").touch()
    report = again(only=["02_after"])
    assert ran == ["02_after"] and not (again.folder / "work.before").exists()
    again(only=["02"])
    assert ran == ["02_after"]
    assert report.entries["01_look"].status == "done" and (again.folder / "01_look.html").exists()
    states = [tag.text for tag in BeautifulSoup(report.index.read_text(), "html.parser").select(".state")]
    assert states == ["outdated", "done"]
    again()
    assert ran == ["02_after", "01_look", "02_after"]  # the first was made of other data


def test_a_rerun_that_fails_keeps_the_earlier_result(again, ran):
    good = (again.folder / "02_after.ipynb").read_bytes()
    shutil.copy(again.notebooks / "02_after.ipynb", again.notebooks / "kept")
    write_notebook(again.notebooks / "02_after.ipynb", "1 / 0")
    report = again()
    assert [entry.name for entry in report.failed] == ["02_after"]
    assert (again.folder / "02_after.ipynb").read_bytes() == good
    assert "an earlier run that went well" in report.index.read_text()
    shutil.copy(again.notebooks / "kept", again.notebooks / "02_after.ipynb")
    assert not again().failed and ran == ["02_after"]
    assert not list(again.folder.glob("*.failed.*"))


def test_a_damaged_record_is_made_anew(again, ran):
    metrics = (again.folder / "metrics.json").read_bytes()
    (again.folder / "metrics.json").unlink()
    again()
    assert ran == [] and (again.folder / "metrics.json").read_bytes() == metrics
    (again.folder / "provenance.json").write_text('{"notebooks": {"01_look": ')
    (again.folder / ".index.html.x.html").touch()
    assert not again().failed and ran == ["01_look", "02_after"]
    assert not list(again.folder.glob(".*.html"))


def test_refusals_name_the_mend_and_leave_the_report_alone(again, tmp_path):
    before = {path: path.read_bytes() for path in again.folder.rglob("*") if path.is_file()}
    assert "holds a report: --resume finishes it; else give another --name, or remove it" in refusal(
        again, resume=False
    )
    assert "was made with seed 3, not 4; give another --name" in refusal(again, seed=4)
    assert "--only 05: there is no such notebook; choose from 01_look, 02_after" in refusal(again, only=["05"])
    assert "no notebook to run has a parameter 'photos'; leave --photos away" in refusal(again, given={"photos": "x"})
    assert "profile 'huge' is not known" in refusal(again, profile="huge")
    assert "no data set 'imagenet'" in refusal(again, dataset="imagenet")
    assert "annotations.json, images missing" in refusal(again, data_dir=tmp_path / "nowhere")
    assert "there are no notebooks here" in refusal(again, notebooks=tmp_path)
    for name in ("", "..", "a/b", ".hidden"):
        assert "it names a folder" in refusal(again, name=name)
    (again.notebooks / "03_bare.ipynb").write_bytes(write_notebook(tmp_path / "x.ipynb", parameters="").read_bytes())
    assert "no cell is tagged parameters" in refusal(again)
    assert {path: path.read_bytes() for path in again.folder.rglob("*") if path.is_file()} == before


def test_two_reports_are_not_written_into_one_folder(again, made):
    report = reports.Report(again.folder, list(again.notebooks.glob("*.ipynb")), made.report.parameters)
    with report.locked():
        assert "another report is being written here" in refusal(again)
    assert not again().failed


def test_keys_tell_contents_not_places(tmp_path):
    notebook = nbformat.read(write_notebook(tmp_path / "01_a.ipynb", "1"), as_version=4)
    key = keys.notebook_key(notebook, {"seed": 0}, {"data": "a"}, [])
    assert key == keys.notebook_key(notebook, {"seed": 0}, {"data": "a"}, [])
    assert len({key, keys.notebook_key(notebook, {"seed": 1}, {"data": "a"}, [])}) == 2
    assert key != keys.notebook_key(notebook, {"seed": 0}, {"data": "b"}, [])
    assert key != keys.notebook_key(notebook, {"seed": 0}, {"data": "a"}, ["k"])
    notebook.cells[-1].metadata["tags"] = ["slow"]
    assert key != keys.notebook_key(notebook, {"seed": 0}, {"data": "a"}, [])
    one, two = tiny_data(tmp_path / "one"), tiny_data(tmp_path / "two")
    assert keys.data("coco", one) == keys.data("coco", two)
    (two / "annotations.json").write_text("{ }")
    assert keys.data("coco", one) != keys.data("coco", two)
    for root in (one, two):
        (root / "shopsim.json").write_text("{}")  # the recipe from which drawn data follow
    assert keys.data("coco", one) == keys.data("coco", two)
    (tmp_path / "m.py").write_text("1")
    before = keys.sources(tmp_path)
    (tmp_path / "m.py").write_text("2")
    assert keys.sources(tmp_path) != before
    assert keys.content(tmp_path / "absent") == ""


@pytest.fixture
def slow(tmp_path):
    """A command that makes a report whose second notebook waits until there is a file `go`."""
    write_notebook(tmp_path / "notebooks" / "01_first.ipynb", "1")
    wait = "import time\nfrom pathlib import Path\nPath(output_dir, 'waits').touch()\n"
    wait += "while not Path(output_dir, 'go').exists(): time.sleep(0.05)"
    write_notebook(tmp_path / "notebooks" / "02_slow.ipynb", wait)
    # A shell's background job ignores Ctrl-C, and hands that down.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from shopee_od.cli import main; main()"
    command = [sys.executable, "-c", code, "report", "--dataset", "coco", "--profile", "smoke", "--name", "slow"]
    command += ["--data-dir", tiny_data(tmp_path / "data"), "--out", tmp_path / "out"]
    return [str(word) for word in [*command, "--notebooks", tmp_path / "notebooks", "--resume"]]


def broken_off(command, folder, how) -> subprocess.CompletedProcess:
    """Starts the command, sends it `how` while its second notebook runs, and waits for its end."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        deadline = time.monotonic() + 60
        while not (folder / "work" / "waits").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, how)
        if how == signal.SIGKILL:  # its kernel, which outlives it for a second, holds the pipes
            process.wait(30)
            (folder / "work" / "waits").unlink()
            return None
        try:
            said, complaint = process.communicate(timeout=60)
        finally:
            process.kill()
    (folder / "work" / "waits").unlink()
    return subprocess.CompletedProcess(command, process.returncode, said, complaint)


def test_stopped_by_hand_and_killed_a_report_is_true_and_resume_finishes(slow, tmp_path):
    folder = tmp_path / "out" / "slow"
    stopped = broken_off(slow, folder, signal.SIGINT)
    assert stopped.returncode == 130 and "stopped; the same command with --resume goes on" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    states = json.loads((folder / "provenance.json").read_text())["notebooks"]
    assert [row["status"] for row in states.values()] == ["done", "not run"] and not list(folder.glob(".*.ipynb"))

    broken_off(slow, folder, signal.SIGKILL)
    index = (folder / "index.html").read_text()
    assert [tag.text for tag in BeautifulSoup(index, "html.parser").select(".state")] == ["done", "running"]
    assert "it was broken off here: the same\ncommand with --resume finishes it" in index
    assert (folder / ".02_slow.ipynb").exists() and not (folder / "02_slow.ipynb").exists()

    (folder / "work" / "go").touch()
    done = subprocess.run(slow, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"report: {folder / 'index.html'}\n" and "01_first: done before" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("02_slow: cell 3/3, 00:0")  # one line, updated in place
    assert (folder / "02_slow.html").exists() and not list(folder.glob(".*.ipynb"))


def test_the_command_ends_with_1_where_a_notebook_failed(tmp_path):
    write_notebook(tmp_path / "notebooks" / "01_bad.ipynb", "1 / 0")
    words = ["report", "--dataset", "coco", "--profile", "smoke", "--data-dir", tiny_data(tmp_path / "data")]
    words += ["--out", tmp_path / "out", "--notebooks", tmp_path / "notebooks"]
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 1 and "failed: 01_bad, cell 3 of 3 (`1 / 0`)" in result.output
    assert f"report: {tmp_path / 'out' / 'coco' / 'index.html'}" in result.output  # named after the data set
    with pytest.raises(InputError, match="there is no such folder"):
        CliRunner().invoke(app, ["report", "--photos", str(tmp_path / "none")], catch_exceptions=False)


def test_the_user_s_photos_reach_the_notebook_that_takes_them(again, tmp_path, ran):
    notebook = write_notebook(
        again.notebooks / "03_tag.ipynb", "from pathlib import Path", "len(list(Path(photos).iterdir()))",
        parameters="photos = ''",
    )  # fmt: skip
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a.jpg").touch()
    report = again(given={"photos": str(mine)})
    assert nbformat.read(report.path(notebook.stem), as_version=4).cells[-1].outputs[0].data["text/plain"] == "1"
    again(given={"photos": str(mine)})
    (mine / "b.jpg").touch()
    again(given={"photos": str(mine)})
    assert ran == ["03_tag", "03_tag"]


def test_data_are_known_by_all_that_their_reader_reads(tmp_path):
    for name in ("Annotations/a.xml", "JPEGImages/a.jpg", "ImageSets/Main/test.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    before = keys.data("voc", tmp_path)
    (tmp_path / "JPEGImages" / ".DS_Store").touch()
    assert keys.data("voc", tmp_path) == before
    (tmp_path / "ImageSets" / "Main" / "test.txt").write_text("")
    assert keys.data("voc", tmp_path) != before
    category = tmp_path / "category"
    (category / "Anno").mkdir(parents=True)
    known = {keys.data("deepfashion-category", category)}
    for name in ("list_bbox.txt", "list_category_img.txt", "list_category_cloth.txt"):
        (category / "Anno" / name).touch()
        known.add(keys.data("deepfashion-category", category))
    assert len(known) == 4


def test_a_link_that_leads_nowhere_is_known_by_its_name(tmp_path):
    before = keys.content(tmp_path)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert keys.content(tmp_path) not in ("", before)
