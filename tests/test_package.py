"""The package as others get it: a wheel, installed elsewhere, and its API reference."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shopee_od.models import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow
SHIPPED_FILES = [
    file.relative_to(ROOT).as_posix() for file in SHIPPED.glob("*") if file.name[0] != "."
]
"""The files of the shipped detector; none in a checkout without it."""
DETECTOR_FILES = ("detector.json", "network.tflite", "variables.npz")
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """A copy of what is built from, so that the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copy(ROOT / name, copy)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shopee_od", copy / "shopee_od", ignore=ignored)
    return copy


@pytest.fixture(scope="module")
def wheel(sources) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "-w", "dist"], cwd=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = (sources / "dist").glob("shopee_od-*.whl")
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
    assert set(SHIPPED_FILES) <= set(names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"shopee_od"}


def test_the_source_distribution_holds_the_weights_and_the_shipped_detector(sources, wheel):
    code = "from setuptools.build_meta import build_sdist; build_sdist('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=sources, check=True, capture_output=True)
    (archive,) = (sources / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {*SHIPPED_FILES, "shopee_od/backbones/weights/efficientnet_lite0.npz"} <= names


def test_the_shipped_detector_opens_outside_the_checkout(installed, tmp_path):
    if not SHIPPED_FILES:
        pytest.skip(f"no detector at {SHIPPED} in this checkout")
    assert {f"{SHIPPED.relative_to(ROOT).as_posix()}/{name}" for name in DETECTOR_FILES} <= {
        *SHIPPED_FILES
    }
    Image.new("RGB", (90, 70)).save(tmp_path / "photo.png")
    done = installed("detect", str(tmp_path / "photo.png"), "--out", str(tmp_path / "tagged"))
    assert done.returncode == 0, done.stderr
    assert "0 garments in 1 photos" in done.stdout


def test_it_makes_shopsim_outside_the_checkout(installed):
    done = installed("data", "make", "shopsim", "--photos", "32")
    assert done.returncode == 0, done.stderr
    assert (installed.folder / "data" / "shopsim" / "shopsim.json").is_file()


def test_the_doctor_knows_where_it_is_installed(installed):
    done = installed("doctor")
    assert (done.returncode == 0) == bool(SHIPPED_FILES), done.stdout + done.stderr
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
