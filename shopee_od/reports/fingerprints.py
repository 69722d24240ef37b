"""Fingerprints of sources, data and notebooks; versions, machine and git commit for the record."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from nbformat import NotebookNode

from shopee_od import io
from shopee_od.datasets import DATASETS
from shopee_od.system import cpu_model, has_nvidia_driver, usable_cores

LIBRARIES = ("tensorflow", "tf-models-official", "papermill", "numpy", "pandas")
ENVIRONMENT_PREFIXES = (
    "TF_",
    "XLA_",
    "CUDA_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "PYTHONHASHSEED",
    "SHOPEE_OD_",
)
"""Prefixes of environment variables that can change a result."""


def hash_json(value: object) -> str:
    """sha256 of a value of JSON's types."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def notebook_key(
    notebook: NotebookNode, parameters: Mapping, base: Mapping, previous_keys: Sequence[str]
) -> str:
    """The key of a notebook's result: another one where anything that it depends on is different.

    Args:
        notebook: its cells and their tags count, outputs do not.
        parameters: those passed to it, without folders: their content counts, not their path.
        base: fingerprints of sources, data and versions.
        previous_keys: of the notebooks before it that have results, which it may use.
    """
    cells = [
        [cell.cell_type, cell.source, sorted(cell.metadata.get("tags", ()))]
        for cell in notebook.cells
    ]
    return hash_json([cells, parameters, base, previous_keys])


def hash_sources(package: Path = io.PACKAGE) -> str:
    """The fingerprint of a package: names and contents of its Python files and its detectors.

    A detector is identified by its `detector.json`, which has the hash of its network.
    """
    files = [*package.rglob("*.py"), *package.rglob("detector.json")]
    rows = [
        [file.relative_to(package).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()]
        for file in sorted(files)
    ]
    return hash_json(rows)


def hash_dataset(dataset: str, root: Path) -> str:
    """The fingerprint of a data set's folder: fast, without decoding a photo.

    A synthetic data set is identified by `shopsim.json`, which determines its images; others by the
    contents of their tables and by names, sizes and times of the files in their folders.
    """
    recipe = root / "shopsim.json"
    layout = DATASETS[dataset]
    if recipe.is_file():
        names = [recipe.name]
    else:
        names = [
            name for entry in layout.files + layout.optional_files for name in entry.split("|")
        ]
    return hash_json([[name, hash_path(root / name)] for name in names])


def hash_path(path: Path) -> str:
    """The fingerprint of a file (its bytes) or of a folder (names, sizes and times); "" if absent.

    Hidden files do not count; of a broken link only the name does.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not path.is_dir():
        return ""
    rows = []
    for folder, folders, files in os.walk(path, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            # A Path for each photo would cost seconds.
            full_name = os.path.join(folder, name)  # noqa: PTH118
            relative = os.path.relpath(full_name, path)
            try:
                stat = os.stat(full_name)  # noqa: PTH116
                rows.append([relative, stat.st_size, stat.st_mtime_ns])
            except OSError:
                rows.append([relative])
    return hash_json(rows)


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that results depend on; "" for one not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}


def describe_machine() -> dict[str, Any]:
    """The processor, usable cores, memory, the system, and the flags in the environment."""
    environment = {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(ENVIRONMENT_PREFIXES)
    }
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "nvidia_driver": has_nvidia_driver(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "environment": environment,
    }


def git_state(root: Path) -> dict[str, Any]:
    """The commit, and whether files were changed since; None for both outside a checkout."""
    status = _run_git(root, "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": _run_git(root, "rev-parse", "HEAD"),
        "dirty": None if status is None else bool(status),
    }


def _run_git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
