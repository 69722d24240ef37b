"""Where things lie: the project's root, data, reports and runs; and writing a file so that it is whole or absent."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shopee_od.types import InputError

PACKAGE = Path(__file__).resolve().parent
WEIGHTS = PACKAGE / "weights"


def project_root() -> Path:
    """The checkout: the nearest folder at or above the working directory that is one, else the package's own."""
    for folder in (Path.cwd(), *Path.cwd().parents, PACKAGE.parent):
        if (folder / "pyproject.toml").is_file() and (folder / "shopee_od").is_dir():
            return folder
    return Path.cwd()


def data_root() -> Path:
    """`$SHOPEE_OD_DATA`, else `data/` in the project's root."""
    return Path(os.environ.get("SHOPEE_OD_DATA") or project_root() / "data")


def inside(root: Path, relative: str, where: str) -> Path:
    """`relative`, a path that a data file gave, below `root`. Raises InputError where its words would leave it.

    Links that the user laid below `root` are followed: data sets are often put together from several disks.
    """
    pure = Path(str(relative).replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or "\0" in str(relative) or not pure.parts:
        raise InputError(f"{where}: the path {str(relative)!r} leaves {root}; use paths below it")
    return Path(root) / pure


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to, renamed to `path` when the block ends well, else removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=path.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` to fill, which takes its place when the block ends well, else is removed.

    Where `path` is a link, what it leads to is replaced.
    """
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield part
        part.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_json(path: Path, value: object) -> None:
    with whole_file(path) as part:
        part.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> object:
    """Raises InputError that names the file where it is absent or not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as e:
        raise InputError(f"{path}: not readable as JSON ({e})") from None
