"""What `shopee-od doctor` says: what this machine has, and the mend for each thing it lacks."""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from shopee_od import paths
from shopee_od.datasets import DATASETS
from shopee_od.types import InputError

GIB = 2**30
ENOUGH_MEMORY, ENOUGH_DISK = 4 * GIB, 5 * GIB  # below these, training is likely to stop half-way
INSTALL = "run `make test` in the checkout, or `pip install -e .`"
GPU_LIBRARY = "nvidia-cudnn-cu12"  # comes with tensorflow[and-cuda], not with plain tensorflow


@dataclass(frozen=True)
class Check:
    """One line of the report. What is not `needed` may be missing and the status still be 0."""

    name: str
    value: str
    ok: bool = True
    mend: str = ""
    needed: bool = True


def report() -> list[Check]:
    """Every check, in the order of reading. Imports TensorFlow, which takes seconds."""
    return [*_software(), *_machine(), *_tensorflow(), *_weights(paths.WEIGHTS), *_data(paths.data_root())]


def status(checks: list[Check]) -> int:
    """0 where everything needed is there, else 1."""
    return int(any(check.needed and not check.ok for check in checks))


def text(checks: list[Check]) -> str:
    """One line a check (`ok`, `note` or `FAIL`), its mend beneath, and the verdict last."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        mark = "ok" if check.ok else "FAIL" if check.needed else "note"
        lines.append(f"{mark:<4}  {check.name:<{width}}  {check.value}")
        if not check.ok and check.mend:
            lines.append(f"{'':<{width + 6}}  → {check.mend}")
    failed = sum(check.needed and not check.ok for check in checks)
    verdict = f"{failed} to mend" if failed else "everything needed is there"
    return "\n".join([*lines, "", verdict])


def _software() -> Iterator[Check]:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    mend = "use WSL2: TensorFlow Text has no Windows wheel (README.md, Windows)"
    yield Check("system", system, sys.platform in ("linux", "darwin"), mend)
    try:
        about = metadata.metadata("shopee-od")
    except metadata.PackageNotFoundError:
        yield Check("shopee-od", "not installed", False, INSTALL)
        return
    yield Check("shopee-od", f"{about['Version']} at {paths.PACKAGE}")
    version, wanted = platform.python_version(), about["Requires-Python"]
    fits = version in SpecifierSet(wanted)
    yield Check("Python", f"{version} ({wanted} needed)", fits, f"install a Python {wanted}, then {INSTALL}")
    for line in metadata.requires("shopee-od") or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _dependency(requirement)


def _dependency(requirement: Requirement) -> Check:
    wanted = str(requirement.specifier)
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Check(requirement.name, f"missing ({wanted} needed)", False, INSTALL)
    fits = requirement.specifier.contains(version, prereleases=True)
    return Check(requirement.name, f"{version} ({wanted} needed)", fits, INSTALL)


def _machine() -> Iterator[Check]:
    yield Check("CPU", f"{cpu_model()}, {usable_cores()} of {psutil.cpu_count()} cores usable")
    memory = psutil.virtual_memory()
    yield Check(
        "memory",
        f"{memory.total / GIB:.1f} GiB, {memory.available / GIB:.1f} GiB free",
        memory.available >= ENOUGH_MEMORY,
        "close other programs, or use --profile smoke",
        needed=False,
    )
    root = paths.project_root()
    free = shutil.disk_usage(root).free
    mend = "make room; records and checkpoints of a run need a few GiB"
    yield Check("disk", f"{free / GIB:.1f} GiB free at {root}", free >= ENOUGH_DISK, mend, needed=False)


def usable_cores() -> int:
    """How many of the processor's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count()


def cpu_model() -> str:
    """The processor's own name, as far as the system tells."""
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return platform.processor() or platform.machine()


def _tensorflow() -> Iterator[Check]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its start-up chatter would drown the report
    start = time.perf_counter()
    try:
        tf = importlib.import_module("tensorflow")
    except Exception as e:  # a broken wheel raises whatever it likes, and the report must go on
        yield Check("TensorFlow", f"cannot be imported: {type(e).__name__}: {e}", False, INSTALL)
        return
    yield Check("TensorFlow", f"imported in {time.perf_counter() - start:.1f} s")
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
        yield Check("GPU", ", ".join(names))
        return
    reason, mend = why_no_gpu(sys.platform, os.environ, has_nvidia_driver(), tf.test.is_built_with_cuda())
    yield Check("GPU", f"none: {reason}", False, mend, needed=False)


def has_nvidia_driver() -> bool:
    """Whether NVIDIA's driver is loaded, under Linux or WSL2."""
    return any(Path(p).exists() for p in ("/proc/driver/nvidia/version", "/usr/lib/wsl/lib/libcuda.so.1"))


def why_no_gpu(system: str, environment: Mapping[str, str], driver: bool, cuda: bool) -> tuple[str, str]:
    """Why TensorFlow sees no GPU, and the mend. `cuda`: whether this TensorFlow was built for CUDA."""
    if system == "darwin":
        return "TensorFlow on macOS uses the CPU", "keep to --profile laptop, or train under Linux"
    if environment.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides it", "unset CUDA_VISIBLE_DEVICES"
    if not driver:
        return (
            "no NVIDIA driver",
            "without a GPU: keep to --profile laptop; with one: install NVIDIA's driver",
        )
    install = "pip install -e '.[gpu]' (with .venv/bin/pip in the checkout)"
    if not cuda:
        return "a driver is there, but this TensorFlow is for the CPU only", install
    try:
        metadata.version(GPU_LIBRARY)
    except metadata.PackageNotFoundError:
        return "a driver is there, but CUDA's libraries are missing", install
    return "driver and libraries are there but do not fit", "see `nvidia-smi`: bring the driver up to date"


def _weights(folder: Path) -> Iterator[Check]:
    mend = "reinstall shopee-od; in a checkout: git checkout shopee_od/weights"
    names = sorted({path.stem for suffix in ("npz", "json") for path in folder.glob(f"*.{suffix}")})
    if not names:
        yield Check("pretrained weights", f"none in {folder}", False, mend)
    for name in names:
        problem = _weights_problem(folder / f"{name}.npz")
        yield Check(f"weights {name}", problem or "sha256 as on its card", not problem, mend)


def _weights_problem(path: Path) -> str:
    """What is wrong with a file of weights: "" where its sha256 is its card's."""
    if not path.is_file():
        return f"{path.name} is missing"
    try:
        card = paths.read_json(path.with_suffix(".json"))
    except InputError as e:
        return str(e)
    if not isinstance(card, dict) or "sha256" not in card:
        return f"{path.stem}.json gives no sha256"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return "" if digest == card["sha256"] else "damaged: its sha256 is not its card's"


def _data(root: Path) -> Iterator[Check]:
    for name, layout in DATASETS.items():
        place = root / (layout.folder or name)
        missing = layout.missing(place)
        if not missing:
            yield Check(f"data {name}", f"at {place}")
            continue
        value = f"{place} lacks {', '.join(missing)}" if place.is_dir() else f"not at {place}"
        mend = f"shopee-od data download {name}; where it lies elsewhere: set SHOPEE_OD_DATA or use --data-dir"
        yield Check(f"data {name}", value, False, mend, needed=False)
