"""Files: where the project and its data are, JSON, and atomic writing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shopee_od.errors import InputError

PACKAGE = Path(__file__).resolve().parent


def project_root() -> Path:
    """The checkout at or above the working directory, else the one that holds the package."""
    for folder in (Path.cwd(), *Path.cwd().parents, PACKAGE.parent):
        if (folder / "pyproject.toml").is_file() and (folder / "shopee_od").is_dir():
            return folder
    return Path.cwd()


def data_root() -> Path:
    """`$SHOPEE_OD_DATA`, else `data/` in the project's root; an absolute path."""
    return Path(os.environ.get("SHOPEE_OD_DATA") or project_root() / "data").absolute()


def path_inside(root: Path, relative: str, where: str) -> Path:
    """A path that a data file gave, below `root`.

    Links that the user made below `root` are followed: a data set may be on several disks.

    Args:
        root: the folder that the path must not leave.
        relative: the path as the data file has it.
        where: the file and row that gave it, for the message.
    Raises:
        InputError: the path would leave `root`.
    """
    pure = Path(str(relative).replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or "\0" in str(relative) or not pure.parts:
        raise InputError(f"{where}: the path {str(relative)!r} leaves {root}; use paths below it")
    return Path(root) / pure


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary file to write to; it becomes `path` if the block succeeds, else it is removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name[:40]}.", suffix=path.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder to fill; it becomes `path` when the block succeeds, else it is removed.

    Where `path` is a link, its target is replaced.
    """
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        temporary.chmod(0o755)
        previous = temporary.with_name(f"{temporary.name}.previous")
        if path.exists():
            path.rename(previous)
        temporary.replace(path)
        shutil.rmtree(previous, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: Path, value: object) -> None:
    """Writes a value as indented JSON, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def read_json(path: Path) -> object:
    """The value of a JSON file. Raises InputError where it is absent or not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as e:
        raise InputError(f"{path}: not readable as JSON ({e})") from None


def read_if_present(path: Path) -> object:
    """The value of a JSON file; None where it is absent or damaged."""
    try:
        return read_json(path)
    except InputError:
        return None


def hash_file(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
