"""All notebooks in the smoke profile: as a report, and by plain papermill from another folder, each alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from course import NOTEBOOKS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where data and reports of these tests lie; TensorFlow is kept quiet."""
    root = tmp_path_factory.mktemp("runs")
    return root, os.environ | {"SHOPEE_OD_DATA": str(root / "data"), "TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.fixture(scope="module")
def report(place):
    """The whole course as a report."""
    root, environment = place
    made = [sys.executable, "-m", "shopee_od.cli", "data", "make", "shopsim", "--photos", "96"]
    subprocess.run(made, check=True, env=environment, capture_output=True)
    command = [sys.executable, "-m", "shopee_od.cli", "report", "--profile", "smoke", "--out", str(root / "reports")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return root / "reports" / "shopsim"


def test_all_notebooks_run_in_order(report):
    for path in NOTEBOOKS:
        assert (report / path.name).is_file() and (report / f"{path.stem}.html").is_file()
    assert not list(report.glob("*.failed.*"))


def test_their_metrics_are_gathered(report):
    metrics = json.loads((report / "metrics.json").read_text())
    text = json.dumps(metrics)
    assert set(metrics) >= {path.stem for path in NOTEBOOKS}
    for name in ("AP50", "AP", "agnostic_AP50", "photos_with_a_hit", "seconds_per_photo", "val_AP50"):
        assert f'"{name}"' in text


def test_the_pages_read_offline_and_show_their_figures(report):
    for path in NOTEBOOKS:
        page = (report / f"{path.stem}.html").read_text(encoding="utf-8")
        assert "data:image/png;base64," in page and "&lt;Figure size" not in page
        assert "<script src=" not in page and "$$" not in page


def test_later_notebooks_took_the_detector_that_07_trained(report):
    assert (report / "work" / "train" / "detector" / "detector.json").is_file()
    assert not (report / "work" / "small").exists()


@pytest.mark.parametrize("name", ["08_evaluate", "09_tag_photos"])
def test_a_notebook_runs_alone_by_plain_papermill_from_its_own_folder(name, place, report, tmp_path):
    root, environment = place
    output = root / "alone"  # shared, so that only the first has to train
    made = tmp_path / "made.ipynb"
    command = [sys.executable, "-m", "papermill", f"{name}.ipynb", str(made), "-p", "profile", "smoke"]
    command += ["-p", "output_dir", str(output), "-p", "data_dir", str(root / "data" / "shopsim")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT / "notebooks")
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "Notebook 07 has not run here" in "\n".join(_printed(made))
    assert (output / "small" / "detector" / "detector.json").is_file()


def test_a_user_s_own_photos_are_tagged(place, report, tmp_path):
    root, environment = place
    photos = tmp_path / "my photos"
    photos.mkdir()
    for k, path in enumerate(sorted((root / "data" / "shopsim" / "Img").rglob("*.jpg"))[:3]):
        shutil.copy(path, photos / f"{k}.jpg")
    (photos / "broken.jpg").write_bytes(b"no photo")
    made = tmp_path / "made.ipynb"
    command = [sys.executable, "-m", "papermill", "notebooks/09_tag_photos.ipynb", str(made), "-p", "profile", "smoke"]
    command += ["-p", "output_dir", str(report / "work"), "-p", "data_dir", str(root / "data" / "shopsim")]
    ran = subprocess.run(
        [*command, "-p", "photos", str(photos)], env=environment, capture_output=True, text=True, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "3 photos tagged, 1 could not be read or drawn" in "\n".join(_printed(made))


def _printed(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    return [out.get("text", "") for cell in cells if cell.cell_type == "code" for out in cell.outputs]
