"""What is slow to work out for a photo, proposals or features: kept on disk by a key of all that it depends on."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from shopee_od.datasets.cache import cache_home
from shopee_od.paths import whole_file

SECONDS = "seconds"


def key_of(*parts) -> str:
    """Arrays by their bytes, all else by how it is printed -> sha256: another one where any part is another."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(repr((part.shape, part.dtype)).encode())
            digest.update(np.ascontiguousarray(part))
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()


def held(kind: str, key: str) -> dict[str, np.ndarray] | None:
    """The arrays kept under a key, and the `seconds` they took; None where there are none, or they are damaged."""
    try:
        with np.load(_file(kind, key), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def kept(kind: str, key: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays kept under a key; where there are none, `make` makes them.

    The `seconds` that it takes are kept beside, if it does not count them itself. A disk that cannot be written to is
    done without.
    """
    there = held(kind, key)
    if there is not None:
        return there
    start = time.perf_counter()
    made = make()
    made = {SECONDS: np.float64(time.perf_counter() - start)} | made
    try:
        with whole_file(_file(kind, key)) as part:
            np.savez(part, **made)
    except OSError:
        pass
    return made


def _file(kind: str, key: str) -> Path:
    return cache_home() / kind / key[:2] / f"{key}.npz"
