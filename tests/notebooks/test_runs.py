"""The notebooks in the smoke profile: a report of all but one, and that one alone by papermill."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from course import NOTEBOOKS

from shopee_od.reports.metrics import collect_metrics

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ALONE = "08_evaluate"
"""Each notebook takes most of a minute, so none runs twice: this one is left out of the report."""
IN_REPORT = [path for path in NOTEBOOKS if path.stem != ALONE]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The folder of these tests' data and reports, with ShopSim and a user's photos."""
    root = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-m", "shopee_od.cli", "data", "make", "shopsim", "--photos", "96"]
    data_dir = root / "data" / "shopsim"
    subprocess.run([*command, "--data-dir", str(data_dir)], check=True, capture_output=True)
    photos = root / "my photos"
    photos.mkdir()
    for k, path in enumerate(sorted((data_dir / "Img").rglob("*.jpg"))[:3]):
        shutil.copy(path, photos / f"{k}.jpg")
    (photos / "broken.jpg").write_bytes(b"no photo")
    return root


@pytest.fixture(scope="module")
def environment(root):
    """With the data in `root`, and TensorFlow without its messages."""
    return os.environ | {"SHOPEE_OD_DATA": str(root / "data"), "TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.fixture(scope="module")
def report(root, environment):
    """The course as a report, with a user's photos in notebooks 00 and 09."""
    command = [sys.executable, "-m", "shopee_od.cli", "report", "--profile", "smoke"]
    command += ["--out", str(root / "reports"), "--photos", str(root / "my photos")]
    for path in IN_REPORT:
        command += ["--only", path.stem]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    return root / "reports" / "shopsim"


@pytest.fixture(scope="module")
def alone(root, environment):
    """The notebook that plain papermill executes from the notebooks' folder; 07 has not run."""
    executed = root / f"{ALONE}.ipynb"
    parameters = {
        "profile": "smoke",
        "output_dir": root / "alone",
        "data_dir": root / "data" / "shopsim",
    }
    command = [sys.executable, "-m", "papermill", f"{ALONE}.ipynb", str(executed)]
    for name, value in parameters.items():
        command += ["-p", name, str(value)]
    folder = ROOT / "notebooks"
    run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    assert run.returncode == 0, run.stderr[-3000:]
    return nbformat.read(executed, as_version=4)


def printed_text(notebook: nbformat.NotebookNode) -> str:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return "\n".join(output.get("text", "") for cell in cells for output in cell.outputs)


def test_the_notebooks_run_in_order(report):
    for path in IN_REPORT:
        assert (report / path.name).is_file() and (report / f"{path.stem}.html").is_file()
    assert not list(report.glob("*.failed.*"))


def test_their_metrics_are_collected(report, alone):
    metrics = json.loads((report / "metrics.json").read_text())
    assert set(metrics) >= {path.stem for path in IN_REPORT}
    text = json.dumps(metrics | {ALONE: collect_metrics(alone)})
    for name in ("AP50", "AP", "agnostic_AP50", "photos_with_a_hit", "val_AP50"):
        assert f'"{name}"' in text
    assert '"seconds_per_photo"' in text


def test_the_pages_read_offline_and_show_their_figures(report):
    for path in IN_REPORT:
        page = (report / f"{path.stem}.html").read_text(encoding="utf-8")
        assert "data:image/png;base64," in page and "&lt;Figure size" not in page
        assert "<script src=" not in page and "$$" not in page


def test_later_notebooks_use_the_detector_that_07_trained(report):
    assert (report / "work" / "train" / "detector" / "detector.json").is_file()
    assert not (report / "work" / "small").exists()


def test_the_first_notebook_tags_a_users_own_photos_without_tensorflow(report):
    text = printed_text(nbformat.read(report / "00_start_here.ipynb", as_version=4))
    assert "4 photos: your own, 4 of 4" in text and "TensorFlow imported: 0" in text
    assert json.loads((report / "metrics.json").read_text())["00_start_here"]["photos"] == 3


def test_a_users_own_photos_are_tagged(report):
    executed = nbformat.read(report / "09_tag_photos.ipynb", as_version=4)
    assert "3 photos tagged, 1 could not be read or drawn" in printed_text(executed)


def test_a_notebook_runs_alone_by_plain_papermill_from_its_own_folder(alone, root):
    assert "Notebook 07 has not run here" in printed_text(alone)
    assert (root / "alone" / "small" / "detector" / "detector.json").is_file()
