"""The package as others get it: a wheel, installed elsewhere, and its API reference."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, so that the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copy(ROOT / name, copy)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shopee_od", copy / "shopee_od", ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "-w", "dist"], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = (copy / "dist").glob("shopee_od-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs the installed command in an empty folder; the other packages are this environment's."""
    site = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = os.environ | {"PYTHONPATH": str(site), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("SHOPEE_OD_DATA", None)

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, str(site / "bin" / "shopee-od"), *arguments]
        return subprocess.run(
            command, cwd=elsewhere, env=environment, capture_output=True, text=True
        )

    run.site = site
    run.folder = elsewhere
    return run


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "shopee_od/py.typed",
        "shopee_od/datasets/taxonomy.yaml",
        "shopee_od/backbones/weights/efficientnet_lite0.npz",
        "shopee_od/backbones/weights/efficientnet_lite0.json",
        "shopee_od/reports/templates/index.html",
    ):
        assert name in names
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"shopee_od"}


def test_it_makes_shopsim_outside_the_checkout(installed):
    done = installed("data", "make", "shopsim", "--photos", "32")
    assert done.returncode == 0, done.stderr
    assert (installed.folder / "data" / "shopsim" / "shopsim.json").is_file()


def test_the_doctor_knows_where_it_is_installed(installed):
    done = installed("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(installed.site) in done.stdout and str(ROOT / "shopee_od") not in done.stdout


def test_it_detects_outside_the_checkout(installed, smoke_run, tmp_path):
    smoke_run.detector.save(tmp_path / "detector")
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    out = tmp_path / "tagged"
    model = str(tmp_path / "detector")
    done = installed("detect", str(tmp_path / "photo.png"), "--model", model, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert (out / "tags.csv").is_file() and (out / "photo.jpg").is_file()


def test_the_api_reference_shows_shapes_and_arguments(tmp_path):
    command = [sys.executable, "-m", "pdoc", "--docformat", "google", "-o", str(tmp_path)]
    subprocess.run([*command, "shopee_od.ops.boxes"], check=True, capture_output=True)
    page = (tmp_path / "shopee_od" / "ops" / "boxes.html").read_text(encoding="utf-8")
    assert "box_iou" in page and "Pairwise intersection over union" in page
    assert "<h6" in page and "Arguments:" in page
