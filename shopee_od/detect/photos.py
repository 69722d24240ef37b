"""Which photos are read, and which file each drawn photo is written to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from shopee_od.datasets.photos import list_photos
from shopee_od.errors import InputError


def plan_output_files(paths: Iterable[str | Path], out: Path) -> dict[Path, Path]:
    """Finds the photos below `paths` and gives each its file below `out`.

    A photo in a folder keeps its path below that folder. No two photos have the same output file,
    also on file systems that ignore case. A photo given twice counts once. Files in `out` do not
    count, since an earlier run has written them.

    Args:
        paths: photos, or folders of photos.
        out: the folder for drawn photos.
    Returns:
        The output file by photo, in order.
    Raises:
        InputError: `out` is a file, or there are no photos.
    """
    roots = [Path(path) for path in paths]
    if out.exists() and not out.is_dir():
        raise InputError(
            f"{format_path(out)} is a file; name a folder for the drawn photos and tags"
        )
    outputs: dict[Path, Path] = {}
    used: set[str] = set()
    for root in roots:
        for photo in list_photos([root]):
            if photo in outputs or out.resolve() in photo.resolve().parents:
                continue
            relative = photo.relative_to(root) if root.is_dir() else Path(photo.name)
            outputs[photo] = _unused_file(out / relative.with_suffix(".jpg"), used)
            used.add(str(outputs[photo]).casefold())
    if not outputs:
        names = ", ".join(map(format_path, roots))
        raise InputError(
            f"{names}: no photos found (those in {format_path(out)} do not count);"
            " name photos or folders of photos"
        )
    return outputs


def format_path(file: Path) -> str:
    """A path as text that can be written to any file; bytes that are not UTF-8 become �."""
    return os.fsencode(file).decode("utf-8", "replace")


def _unused_file(file: Path, used: set[str]) -> Path:
    """The file, with a number added to its name where that is used already."""
    candidate = file
    number = 1
    while str(candidate).casefold() in used:
        number += 1
        candidate = file.with_name(f"{file.stem}-{number}{file.suffix}")
    return candidate
