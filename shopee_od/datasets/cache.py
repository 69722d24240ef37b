"""What is slow to learn from many files (sizes, masks' boxes): learnt once, kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from shopee_od.datasets.photos import upright_size
from shopee_od.paths import whole_file
from shopee_od.types import InputError

CHUNK = 64
WORKERS = 8


def cache_home() -> Path:
    """`$XDG_CACHE_HOME/shopee_od`, else `~/.cache/shopee_od`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shopee_od"


def per_file(learn: Callable[[Path], object], root: Path, names: Sequence[str], version: str) -> list:
    """`learn(root / name)` for each of `names`, in their order; an InputError it raises stands in its place.

    What it returned (JSON's types) is kept under `version` and taken from there as long as a file's length
    and time stay; change `version` when `learn` changes. A cache that is damaged or cannot be written is
    done without.
    """
    root = Path(root)
    store = cache_home() / f"{version}-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.json"
    known = _load(store)
    stamps = {name: _stamp(f"{root}/{name}") for name in names}
    new = [name for name, stamp in stamps.items() if not stamp or known.get(name, ("",))[0] != stamp]
    learnt = dict(zip(new, _learn_all(learn, root, new, version), strict=True))
    fresh = {name: [stamps[name], value] for name, value in learnt.items() if not isinstance(value, InputError)}
    if fresh:
        known.update(fresh)
        _save(store, known)
    return [learnt[name] if name in learnt else known[name][1] for name in names]


def photo_sizes(root: Path, names: Sequence[str]) -> list[tuple[int, int] | InputError]:
    """(width, height) in pixels of each upright photo, or the InputError that reading its header raised."""
    sizes = per_file(upright_size, root, names, "sizes-1")
    return [size if isinstance(size, InputError) else tuple(size) for size in sizes]


def _learn_all(learn: Callable[[Path], object], root: Path, names: Sequence[str], version: str) -> list:
    def learn_some(some: Sequence[str]) -> list:
        return [_attempt(learn, root / name) for name in some]

    chunks = [names[i : i + CHUNK] for i in range(0, len(names), CHUNK)]
    title = f"Reading {version.split('-')[0]}"
    results = []
    with (
        ThreadPoolExecutor(WORKERS) as pool,
        tqdm(total=len(names), desc=title, unit="file", delay=2, mininterval=1) as bar,
    ):
        for part in pool.map(learn_some, chunks):
            results += part
            bar.update(len(part))
    return results


def _attempt(learn: Callable[[Path], object], file: Path) -> object:
    try:
        return learn(file)
    except InputError as e:
        return e


def _stamp(file: str) -> str:
    """A file's length and time; "" where it cannot be looked at."""
    try:
        stat = os.stat(file)  # noqa: PTH116 - a Path for each of 239,557 files costs seconds
    except (OSError, ValueError):
        return ""
    return f"{stat.st_size}.{stat.st_mtime_ns}"


def _load(store: Path) -> dict[str, list]:
    try:
        known = json.loads(store.read_text(encoding="utf-8"))
        return {name: [stamp, value] for name, (stamp, value) in known.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _save(store: Path, known: dict[str, list]) -> None:
    try:
        with whole_file(store) as part:
            part.write_text(json.dumps(known, separators=(",", ":")), encoding="utf-8")
    except OSError:
        pass
