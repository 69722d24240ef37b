"""`shopee-od doctor`: what this machine has, and the fix for each thing that is missing."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import psutil
import typer
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from shopee_od import io
from shopee_od.datasets import DATASETS
from shopee_od.detectors import load
from shopee_od.errors import InputError
from shopee_od.models import SHIPPED
from shopee_od.system import cpu_model, has_nvidia_driver, usable_cores

GIB = 2**30
# With less, training is likely to stop before it is done.
MIN_MEMORY = 4 * GIB
MIN_DISK = 5 * GIB
INSTALL = "run `make test` in the checkout, or `pip install -e .`"
GPU_LIBRARY = "nvidia-cudnn-cu12"
"""It comes with tensorflow[and-cuda], not with plain tensorflow."""


@dataclass(frozen=True)
class Check:
    """One line of the output.

    Args:
        name: what was checked.
        value: what was measured.
        ok: whether it is as it should be.
        fix: what to do where it is not.
        needed: whether the exit status is 1 where it is not.
    """

    name: str
    value: str
    ok: bool = True
    fix: str = ""
    needed: bool = True


def doctor() -> None:
    """Check software, machine, weights, detector and data; print a fix for what is missing."""
    checks = run_checks()
    typer.echo(format_checks(checks))
    raise typer.Exit(exit_status(checks))


def run_checks() -> list[Check]:
    """All checks, in the order of the output. Imports TensorFlow, which takes seconds."""
    from shopee_od.backbones.weights import WEIGHTS

    return [
        *_check_software(),
        *_check_machine(),
        *_check_tensorflow(),
        *_check_weights(WEIGHTS),
        _check_detector(SHIPPED),
        *_check_datasets(io.data_root()),
    ]


def exit_status(checks: Sequence[Check]) -> int:
    """0 where everything needed is present, else 1."""
    return 1 if _count_failures(checks) else 0


def format_checks(checks: Sequence[Check]) -> str:
    """One line per check (`ok`, `note` or `FAIL`), its fix below; the last line is a summary."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        state = "ok" if check.ok else "FAIL" if check.needed else "note"
        lines.append(f"{state:<4}  {check.name:<{width}}  {check.value}")
        if not check.ok and check.fix:
            lines.append(f"{'':<{width + 6}}  → {check.fix}")
    failures = _count_failures(checks)
    summary = f"{failures} to fix" if failures else "everything needed is present"
    return "\n".join([*lines, "", summary])


def explain_missing_gpu(
    system: str, environment: Mapping[str, str], driver: bool, cuda: bool
) -> tuple[str, str]:
    """Why TensorFlow finds no GPU, and the fix.

    Args:
        system: as in `sys.platform`.
        environment: environment variables.
        driver: whether NVIDIA's driver is loaded.
        cuda: whether this TensorFlow was built for CUDA.
    """
    if system == "darwin":
        return "TensorFlow on macOS uses the CPU", "use --profile laptop, or train under Linux"
    if environment.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides it", "unset CUDA_VISIBLE_DEVICES"
    if not driver:
        return (
            "no NVIDIA driver",
            "without a GPU, use --profile laptop; with one, install NVIDIA's driver",
        )
    install = "pip install -e '.[gpu]' (with .venv/bin/pip in the checkout)"
    if not cuda:
        return "the driver is installed, but this TensorFlow is for the CPU only", install
    try:
        metadata.version(GPU_LIBRARY)
    except metadata.PackageNotFoundError:
        return "the driver is installed, but CUDA's libraries are missing", install
    return (
        "the versions of the driver and of CUDA's libraries do not fit",
        "see `nvidia-smi` and update the driver",
    )


def _count_failures(checks: Sequence[Check]) -> int:
    return sum(check.needed and not check.ok for check in checks)


def _check_software() -> Iterator[Check]:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    fix = "use WSL2: TensorFlow Text has no Windows wheel (README.md, Windows)"
    yield Check("system", system, sys.platform in ("linux", "darwin"), fix)
    try:
        package = metadata.metadata("shopee-od")
    except metadata.PackageNotFoundError:
        yield Check("shopee-od", "not installed", False, INSTALL)
        return
    yield Check("shopee-od", f"{package['Version']} at {io.PACKAGE}")
    version = platform.python_version()
    specifier = package["Requires-Python"]
    yield Check(
        "Python",
        f"{version} ({specifier} needed)",
        version in SpecifierSet(specifier),
        f"install a Python {specifier}, then {INSTALL}",
    )
    for line in metadata.requires("shopee-od") or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _check_dependency(requirement)


def _check_dependency(requirement: Requirement) -> Check:
    specifier = str(requirement.specifier)
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Check(requirement.name, f"missing ({specifier} needed)", False, INSTALL)
    fits = requirement.specifier.contains(version, prereleases=True)
    return Check(requirement.name, f"{version} ({specifier} needed)", fits, INSTALL)


def _check_machine() -> Iterator[Check]:
    yield Check("CPU", f"{cpu_model()}, {usable_cores()} of {psutil.cpu_count()} cores usable")
    memory = psutil.virtual_memory()
    yield Check(
        "memory",
        f"{memory.total / GIB:.1f} GiB, {memory.available / GIB:.1f} GiB free",
        memory.available >= MIN_MEMORY,
        "close other programs, or use --profile smoke",
        needed=False,
    )
    root = io.project_root()
    free = shutil.disk_usage(root).free
    yield Check(
        "disk",
        f"{free / GIB:.1f} GiB free at {root}",
        free >= MIN_DISK,
        "free some space; records and checkpoints of a run need a few GiB",
        needed=False,
    )


def _check_tensorflow() -> Iterator[Check]:
    # Its start-up messages would hide the output.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    start = time.perf_counter()
    try:
        tf = importlib.import_module("tensorflow")
    except Exception as e:  # a broken wheel can raise anything, and the other checks must still run
        yield Check("TensorFlow", f"cannot be imported: {type(e).__name__}: {e}", False, INSTALL)
        return
    yield Check("TensorFlow", f"imported in {time.perf_counter() - start:.1f} s")
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details
        yield Check("GPU", ", ".join(details(gpu).get("device_name", gpu.name) for gpu in gpus))
        return
    reason, fix = explain_missing_gpu(
        sys.platform, os.environ, has_nvidia_driver(), tf.test.is_built_with_cuda()
    )
    yield Check("GPU", f"none: {reason}", False, fix, needed=False)


def _check_weights(folder: Path) -> Iterator[Check]:
    fix = "reinstall shopee-od; in a checkout: git checkout shopee_od/backbones/weights"
    names = sorted({path.stem for suffix in ("npz", "json") for path in folder.glob(f"*.{suffix}")})
    if not names:
        yield Check("pretrained weights", f"none in {folder}", False, fix)
    for name in names:
        problem = _find_weights_problem(folder / f"{name}.npz")
        yield Check(f"weights {name}", problem or "sha256 matches its card", not problem, fix)


def _find_weights_problem(path: Path) -> str:
    """What is wrong with a file of weights; "" where its sha256 matches its card."""
    if not path.is_file():
        return f"{path.name} is missing"
    try:
        card = io.read_json(path.with_suffix(".json"))
    except InputError as e:
        return str(e)
    if not isinstance(card, dict) or "sha256" not in card:
        return f"{path.stem}.json gives no sha256"
    is_whole = io.hash_file(path) == card["sha256"]
    return "" if is_whole else "damaged: its sha256 does not match its card"


def _check_detector(folder: Path) -> Check:
    """The detector that comes with the package."""
    fix = "reinstall shopee-od; in a checkout: git checkout shopee_od/models"
    try:
        detector = load(folder)
        list(detector.detect([np.zeros((32, 32, 3), np.uint8)]))  # checks the network's sha256
        parameters = detector.num_parameters  # reads the variables, which `train` starts from
    except InputError as e:
        return Check("shipped detector", str(e), False, fix)
    value = f"{detector.name}: sha256 matches, {parameters:,} parameters"
    return Check("shipped detector", value)


def _check_datasets(root: Path) -> Iterator[Check]:
    for name, layout in DATASETS.items():
        folder = root / (layout.folder or name)
        missing = layout.missing_files(folder)
        if not missing:
            yield Check(f"data {name}", f"at {folder}")
            continue
        value = f"{folder} lacks {', '.join(missing)}" if folder.is_dir() else f"not at {folder}"
        fix = f"shopee-od data download {name}; if it is elsewhere: SHOPEE_OD_DATA or --data-dir"
        yield Check(f"data {name}", value, False, fix, needed=False)
