"""By what a result is known: fingerprints of sources, data and notebooks; versions, machine and git for the record."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import psutil
from nbformat import NotebookNode

from shopee_od import paths
from shopee_od.datasets import DATASETS
from shopee_od.doctor import cpu_model, has_nvidia_driver, usable_cores

VERSIONS = ("tensorflow", "tf-models-official", "papermill", "numpy", "pandas")
FLAGS = ("TF_", "XLA_", "CUDA_", "NVIDIA_", "OMP_", "MKL_", "OPENBLAS_", "PYTHONHASHSEED", "SHOPEE_OD_")
"""What the names of environment variables that can change a result begin with."""


def digest(value: object) -> str:
    """sha256 of a value of JSON's types."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def notebook_key(notebook: NotebookNode, parameters: dict, base: dict, before: list[str]) -> str:
    """By what a notebook's result is known.

    parameters: those passed to it, without folders (their content counts, not their place)
    base:       fingerprints of sources, data and versions
    before:     the keys of the notebooks whose results lay there when it ran: it may have used them
    """
    cells = [[cell.cell_type, cell.source, sorted(cell.metadata.get("tags", ()))] for cell in notebook.cells]
    return digest([cells, parameters, base, before])


def sources(package: Path = paths.PACKAGE) -> str:
    """The fingerprint of the package: names and content of its Python files."""
    files = sorted(package.rglob("*.py"))
    return digest([[f.relative_to(package).as_posix(), hashlib.sha256(f.read_bytes()).hexdigest()] for f in files])


def data(dataset: str, root: Path) -> str:
    """The fingerprint of a data set's folder: cheap, without decoding a photo.

    Drawn data are known by `shopsim.json`, from which they follow; others by the content of their tables, and by
    names, lengths and times of what lies in their folders.
    """
    recipe = root / "shopsim.json"
    layout = DATASETS[dataset]
    names = [recipe.name] if recipe.is_file() else [n for each in layout.files + layout.reads for n in each.split("|")]
    return digest([[name, content(root / name)] for name in names])


def content(path: Path) -> str:
    """The fingerprint of a file (by its bytes) or of a folder (by names, lengths and times); "" where nothing is.

    Hidden files do not count; of a link that leads nowhere its name does.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    found = []
    for folder, folders, files in os.walk(path, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            place = os.path.join(folder, name)  # noqa: PTH118 - a Path for each photo costs seconds
            try:
                stat = os.stat(place)  # noqa: PTH116
                found.append([os.path.relpath(place, path), stat.st_size, stat.st_mtime_ns])
            except OSError:
                found.append([os.path.relpath(place, path)])
    return digest(found) if path.is_dir() else ""


def versions() -> dict[str, str]:
    """Python's and the libraries' that figures hang on; "" for one that is not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in VERSIONS}


def machine() -> dict:
    """The processor, how much of it may be used, memory, the system, and the flags in the environment."""
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "nvidia_driver": has_nvidia_driver(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(FLAGS)},
    }


def git(root: Path) -> dict:
    """The commit that is checked out, and whether files were changed since; None for both outside a checkout."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    changed = ask("status", "--porcelain", "--untracked-files=no")
    return {"commit": ask("rev-parse", "HEAD"), "dirty": None if changed is None else bool(changed)}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
