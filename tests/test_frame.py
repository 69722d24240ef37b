"""pyproject.toml, environment.yml, requirements.lock, Makefile, CI and README agree."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from PIL import Image

from shopee_od.datasets import DATASETS, open_dataset

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WANTED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def lock_entries() -> dict[str, list[tuple[Requirement, str]]]:
    """name -> its entries in the lock: the requirement and the whole text, hashes included."""
    entries = {}
    for entry in re.split(r"\n(?=[a-z0-9])", LOCK, flags=re.IGNORECASE)[1:]:
        requirement = Requirement(re.split(r"\\\n|\s--hash", entry)[0].strip())
        entries.setdefault(canonicalize_name(requirement.name), []).append((requirement, entry))
    return entries


def make(*arguments: str, cwd: Path = ROOT, path: str | None = None) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    environment["PATH"] = path or environment["PATH"]
    command = [shutil.which("make"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_conda_asks_for_what_pyproject_asks_for():
    asked = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    (pip,) = [entry["pip"] for entry in asked if isinstance(entry, dict)]
    assert sorted(pip) == sorted([*WANTED, "-e ."])
    assert f"python {PROJECT['requires-python']}" in asked


def test_the_lock_holds_what_pyproject_asks_for():
    entries = lock_entries()
    for line in WANTED:
        wanted = Requirement(line)
        found = entries.get(canonicalize_name(wanted.name))
        assert found, f"{wanted.name} is not in the lock: make lock"
        for locked, _ in found:
            (pin,) = locked.specifier
            assert pin.operator == "==" and wanted.specifier.contains(pin.version), (
                line,
                str(locked),
            )


def test_the_lock_serves_every_python_that_pyproject_allows():
    for name, found in lock_entries().items():
        for python in ("3.11", "3.12"):
            for platform in ("linux", "darwin"):
                there = {
                    "python_version": python,
                    "python_full_version": f"{python}.4",
                    "sys_platform": platform,
                }
                fits = [r for r, _ in found if r.marker is None or r.marker.evaluate(there)]
                assert len(fits) <= 1, f"{name} is locked twice for Python {python} on {platform}"
    setuptools = lock_entries()["setuptools"][0][0]
    (pin,) = setuptools.specifier
    assert Version(pin.version) >= Version("77")  # builds the package itself, without isolation


def test_every_entry_of_the_lock_has_hashes_and_none_an_address():
    for name, found in lock_entries().items():
        for _, entry in found:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), (
                f"{name} has no hash: make lock"
            )
    assert len(lock_entries()) > 100
    assert not re.search(r"://|--(extra-)?index-url|--find-links|^-[if] | @ ", LOCK, re.MULTILINE)


def test_ci_runs_the_tests():
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n") and "set -euo pipefail" in text
    assert text.rstrip().endswith("\nmake lint\nmake types\nmake test")
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_make_knows_every_target_that_it_lists():
    listed = re.findall(r"^  make ([a-z-]+) +", make().stdout, re.MULTILINE)
    assert listed[0] == "help" and {"test", "test-fast", "lab", "lint", "types"} <= {*listed}
    assert {"api", "reports", "bench-data", "lock", "clean"} <= {*listed}
    for target in listed:
        done = make("-n", target, "PYTHON=python3")
        assert done.returncode == 0, (target, done.stderr)
    plan = make("-n", "test", "PYTHON=python3").stdout.rstrip()
    assert plan.endswith(".venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder")


def test_the_readme_names_only_targets_that_there_are():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_the_readme_names_only_files_that_there_are():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for file in re.findall(r"\]\(([^):#]+)\)", text):
        assert (ROOT / file).exists(), file
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        assert re.search(rf"^#+ {anchor.replace('-', ' ')}$", text, re.MULTILINE | re.I), anchor
    for recipe in re.findall(r"\| `([\w/]+(?:\.py)?)`.* \|$", text, re.MULTILINE):
        assert (ROOT / "shopee_od" / "detectors" / recipe).exists(), recipe
    layout = re.findall(
        r"^    ( *)([\w/.]+(?:/|\.py))(?:   |$)", text.partition("## Layout")[2], re.MULTILINE
    )
    parents: dict[int, Path] = {-1: ROOT}
    for indent, name in layout:
        depth = len(indent) // 2
        parents[depth] = parents[depth - 1] / name
        assert parents[depth].exists(), name
    assert len(layout) > 20


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of what `make` needs, and a python3.11 that only knows how to pretend."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def fake_python(folder: Path, fit: bool = True, venv: bool = True, pip: bool = True) -> str:
    """A Python that answers as one of that kind would; its calls are added to calls.txt."""
    script = f"""#!/bin/sh
echo "$@" >> "{folder}/calls.txt"
case "$2" in
  venv) {"true" if venv else "exit 1"}; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  pip) exit {0 if pip else 1} ;;
  pytest) echo "3 passed in 0.01s" ;;
  *version_info\\[:2\\]*) echo 3.11 ;;
  *) exit {0 if fit else 1} ;;
esac
"""
    path = folder / "fake" / "python3.11"
    path.parent.mkdir(exist_ok=True)
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_the_set_up_is_done_once_and_again_when_the_lock_changes(checkout):
    python = f"PYTHON={fake_python(checkout)}"
    calls = checkout / "calls.txt"
    done = make("test", python, cwd=checkout)
    assert done.returncode == 0 and done.stdout.endswith("3 passed in 0.01s\n")
    assert (
        "-m pip install" in calls.read_text()
        and "--require-hashes -r requirements.lock" in calls.read_text()
    )
    calls.unlink()
    make("test", python, cwd=checkout)
    assert calls.read_text() == "-m pytest -n 2 --dist loadfile --no-loadscope-reorder\n"
    later = (checkout / ".venv" / ".ready").stat().st_mtime + 10
    os.utime(checkout / "requirements.lock", (later, later))
    calls.unlink()
    make("test", python, cwd=checkout)
    assert "--require-hashes" in calls.read_text()


def test_a_set_up_that_breaks_off_leaves_no_stamp_and_starts_anew(checkout):
    done = make("test", f"PYTHON={fake_python(checkout, pip=False)}", cwd=checkout)
    assert done.returncode != 0 and "passed" not in done.stdout
    assert not (checkout / ".venv" / ".ready").exists()
    (checkout / ".venv" / "half").touch()
    done = make("test", f"PYTHON={fake_python(checkout)}", cwd=checkout)
    assert done.returncode == 0 and not (checkout / ".venv" / "half").exists()


def test_an_unfit_python_is_refused_with_the_mend(checkout):
    unfit = make("test", f"PYTHON={fake_python(checkout, fit=False)}", cwd=checkout)
    assert unfit.returncode != 0 and "is not Python 3.11 or 3.12: make PYTHON=" in unfit.stdout
    bare = make("test", f"PYTHON={fake_python(checkout, venv=False)}", cwd=checkout)
    assert bare.returncode != 0 and "sudo apt-get install python3.11-venv" in bare.stdout
    assert not (checkout / ".venv").exists()
    none = make("test", cwd=checkout, path=tools_without_python(checkout))
    assert (
        none.returncode != 0 and "Python 3.11 or 3.12 is needed and none was found" in none.stdout
    )


def tools_without_python(folder: Path) -> str:
    """A PATH with nothing but what the Makefile's shell lines call."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "rm", "touch"):
        (tools / name).symlink_to(shutil.which(name))
    return str(tools)


def test_reports_draw_shopsim_and_run_the_notebooks():
    plan = make("-n", "reports", "PYTHON=python3").stdout.split("\n")
    calls = [line.split("shopee-od ")[1].strip() for line in plan if "bin/shopee-od " in line]
    assert calls == ["data make shopsim", "report --dataset shopsim --profile laptop --resume"]


def test_reports_of_other_data_are_the_same_run():
    given = (
        "DATASET=ccp",
        "DATA_DIR=a folder/ccp",
        "PROFILE=smoke",
        "NAME=mine",
        "PHOTOS=shop photos",
    )
    plan = make("-n", "reports", "PYTHON=python3", *given).stdout
    call = "report --dataset ccp --profile smoke --resume --data-dir 'a folder/ccp' --name mine"
    call += " --photos 'shop photos'"
    assert (
        shlex.split(plan.split("bin/shopee-od ")[1]) == shlex.split(call)
        and "data make" not in plan
    )
    assert "data make" not in make("-n", "reports", "PYTHON=python3", "DATA_DIR=mine").stdout
    assert (
        make("-n", "reports", "PYTHON=python3", "DATASET=deepfashion").stdout.count(
            "bin/shopee-od "
        )
        == 1
    )


def test_make_takes_nothing_for_reports_from_the_environment(monkeypatch):
    """Windows' Linux has the machine's name in NAME."""
    plan = make("-n", "reports", "PYTHON=python3").stdout
    for name in ("NAME", "DATA_DIR", "DATASET", "PROFILE", "PHOTOS"):
        monkeypatch.setenv(name, "DESKTOP-1")
    assert make("-n", "reports", "PYTHON=python3").stdout == plan


def test_notebooks_are_committed_through_nbstripout():
    attributes = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    assert "*.ipynb filter=nbstripout diff=ipynb" in attributes
    keys = '--extra-keys "metadata.papermill cell.metadata.papermill"'
    for name in (".gitattributes", "README.md", "Makefile"):
        assert keys in (ROOT / name).read_text(encoding="utf-8"), name


@pytest.mark.slow
def test_lint_refuses_a_notebook_with_outputs(checkout):
    notebook = checkout / "one.ipynb"
    cell = {"cell_type": "code", "execution_count": 1, "id": "a", "metadata": {}, "source": "1"}
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook.write_text(json.dumps(content), encoding="utf-8")
    tools = checkout / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name in ("ruff", "nbstripout"):
        (tools / name).symlink_to(Path(sys.executable).parent / name)
    (checkout / ".venv" / ".ready").touch()
    refused = make("lint", cwd=checkout)
    assert refused.returncode != 0 and "one.ipynb" in refused.stdout + refused.stderr
    subprocess.run([tools / "nbstripout", notebook], check=True)
    cleaned = make("lint", cwd=checkout)
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr


def test_the_example_of_own_labels_can_be_read(tmp_path):
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (tmp_path / "annotations.json").write_text(example, encoding="utf-8")
    (tmp_path / "images").mkdir()
    for image in json.loads(example)["images"]:
        Image.new("RGB", (image["width"], image["height"])).save(
            tmp_path / "images" / image["file_name"]
        )
    data = open_dataset("coco", tmp_path)
    assert not data.problems, str(data.problems)
    assert data.classes == ("dress",) and data.types == ("full",)
    assert data.boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[120, 90, 430, 710]]


def test_data_readme_tells_of_every_data_set_and_its_files():
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for name, layout in DATASETS.items():
        assert name in text and f"data/{layout.folder or name}/" in text, name
        for path in layout.files:
            assert any(other in text for other in path.split("|")), (name, path)


def test_the_licence_is_whole():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert "Copyright 2026 The shopee_od authors" in text and len(text.splitlines()) == 202
    assert PROJECT["license"] == "Apache-2.0"
