"""The disk cache: what is slow to compute, stored under a key of all that it depends on.

platformdirs finds the folder. The entries are .npz and JSON files of our own: joblib.Memory would
store pickles, which this project never reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path
from tqdm import tqdm

from shopee_od.errors import InputError
from shopee_od.io import atomic_file

Arrays = Mapping[str, np.ndarray]
SECONDS = "seconds"
FILES_PER_TASK = 64
THREADS = 8
_is_enabled = ContextVar("is_enabled", default=True)


def cache_dir() -> Path:
    """The user's cache folder for this package: on Linux `~/.cache/shopee_od`."""
    return user_cache_path("shopee_od", appauthor=False)


def make_key(*parts: object) -> str:
    """A sha256 that changes with any part: arrays by their bytes, everything else by its repr."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(repr((part.shape, part.dtype)).encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()


def read_arrays(file: Path) -> dict[str, np.ndarray] | None:
    """The arrays of an .npz file by name; None where it is absent or damaged."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return None


def write_arrays(file: Path, arrays: Arrays, compress: bool = False) -> None:
    """Writes arrays by name as an .npz file, whole or not at all."""
    with atomic_file(file) as temporary, temporary.open("wb") as out:
        save: Callable[..., None] = np.savez_compressed if compress else np.savez
        save(out, **arrays)


@contextmanager
def disabled() -> Iterator[None]:
    """Within it no arrays are read from the cache or stored in it: all is computed, and timed."""
    token = _is_enabled.set(False)
    try:
        yield
    finally:
        _is_enabled.reset(token)


def get(kind: str, key: str) -> dict[str, np.ndarray] | None:
    """The arrays stored under a key, and the `seconds` they took; None where there are none."""
    return read_arrays(_path(kind, key)) if _is_enabled.get() else None


def get_or_compute(kind: str, key: str, compute: Callable[[], Arrays]) -> dict[str, np.ndarray]:
    """The arrays stored under a key, computed and stored where there are none.

    The `seconds` that it takes are stored with them, unless `compute` counts them itself. Where
    the disk cannot be written to, nothing is stored.

    Args:
        kind: a folder of the cache.
        key: from `make_key`.
        compute: returns arrays by name.
    """
    cached = get(kind, key)
    if cached is not None:
        return cached
    start = time.perf_counter()
    arrays = dict(compute())
    arrays = {SECONDS: np.asarray(time.perf_counter() - start)} | arrays
    if _is_enabled.get():
        with suppress(OSError):
            write_arrays(_path(kind, key), arrays)
    return arrays


def get_or_compute_per_file(
    compute: Callable[[Path], Any], root: Path, names: Sequence[str], version: str
) -> list:
    """What `compute` makes of each file, reused while the file's length and time stay the same.

    A cache that is damaged or cannot be written is ignored.

    Args:
        compute: a file -> JSON's types; an InputError that it raises is its result.
        root: the folder of the files.
        names: relative to it.
        version: of `compute`; change it when `compute` changes.
    Returns:
        The results in the order of `names`.
    """
    root = Path(root)
    file = (
        cache_dir()
        / f"{version}-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.json"
    )
    known = _read_facts(file)
    stamps = {name: _stamp(f"{root}/{name}") for name in names}
    new = [
        name for name, stamp in stamps.items() if not stamp or known.get(name, ("",))[0] != stamp
    ]
    results = dict(zip(new, _compute_all(compute, root, new, version), strict=True))
    facts = {
        name: [stamps[name], value]
        for name, value in results.items()
        if not isinstance(value, InputError)
    }
    if facts:
        known.update(facts)
        _write_facts(file, known)
    return [results[name] if name in results else known[name][1] for name in names]


def _path(kind: str, key: str) -> Path:
    return cache_dir() / kind / key[:2] / f"{key}.npz"


def _compute_all(
    compute: Callable[[Path], Any], root: Path, names: Sequence[str], version: str
) -> list:
    def compute_some(some: Sequence[str]) -> list:
        return [_result_or_error(compute, root / name) for name in some]

    tasks = [names[i : i + FILES_PER_TASK] for i in range(0, len(names), FILES_PER_TASK)]
    title = f"Reading {version.split('-')[0]}"
    results = []
    with (
        ThreadPoolExecutor(THREADS) as pool,
        tqdm(total=len(names), desc=title, unit="file", delay=2, mininterval=1) as bar,
    ):
        for part in pool.map(compute_some, tasks):
            results += part
            bar.update(len(part))
    return results


def _result_or_error(compute: Callable[[Path], Any], file: Path) -> Any:
    try:
        return compute(file)
    except InputError as e:
        return e


def _stamp(file: str) -> str:
    """A file's length and time; "" where they cannot be read."""
    try:
        stat = os.stat(file)  # noqa: PTH116 - a Path for each file is slow
    except (OSError, ValueError):
        return ""
    return f"{stat.st_size}.{stat.st_mtime_ns}"


def _read_facts(file: Path) -> dict[str, list]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {name: [stamp, value] for name, (stamp, value) in known.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _write_facts(file: Path, known: dict[str, list]) -> None:
    with suppress(OSError), atomic_file(file) as temporary:
        temporary.write_text(json.dumps(known, separators=(",", ":")), encoding="utf-8")
