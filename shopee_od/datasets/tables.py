"""DeepFashion's text files: the count, the columns' names, then a row a photo, padded with blanks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od.datasets.cache import photo_sizes
from shopee_od.datasets.cleaning import clean_boxes, report
from shopee_od.datasets.dataset import CORNERS, Problems
from shopee_od.paths import inside
from shopee_od.types import InputError

Place = Callable[[int], str]
"""Where the k-th row stands, in words."""


def photos_root(root: Path) -> Path:
    """The folder that the photos' names start from. Raises InputError where there is none."""
    for folder in (root / "Img", root):
        if (folder / "img").is_dir():
            return folder
    raise InputError(f"{root}: there is no img/ and no Img/img/; unpack the data set's photos there")


def read_rows(path: Path, columns: tuple[str, ...], problems: Problems) -> pd.DataFrame:
    """A table of strings by its columns' names, and `line`, each row's number in the file.

    Split by hand: pandas' reader knows neither which line was short nor a quotation mark in a name.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except OSError as e:
        raise InputError(f"{path}: not readable ({e.strerror}); unpack the data set's {path.parent.name}/") from None
    count, names = [*(line.split() for line in lines[:2]), [], []][:2]
    if len(count) != 1 or not count[0].isdecimal() or any(names.count(column) != 1 for column in columns):
        raise InputError(f"{path}: row 1 must be the count and row 2 name {' '.join(columns)}; fetch it again")
    rows, filled, wanted = [], 0, [names.index(column) for column in columns]
    for number, fields in enumerate(map(str.split, lines[2:]), 3):
        filled += bool(fields)
        if len(fields) == len(names):
            rows.append((*(fields[i] for i in wanted), number))
        elif fields:
            problems.add(f"row without its {len(names)} columns: dropped", f"{path.name} row {number}")
    if int(count[0]) != filled:
        problems.add("wrong count in row 1: every row was read", f"{path.name}: {count[0]}, not {filled}")
    return pd.DataFrame(rows, columns=[*columns, "line"])


def place_in(file: str | Path, rows: pd.DataFrame) -> Place:
    """For `problems`: the k-th of `rows` -> the file and the row's number there."""
    name, lines = Path(file).name, rows.line.to_numpy()
    return lambda k: f"{name} row {lines[k]}"


def with_parts(
    rows: pd.DataFrame, photos: Path, parts: tuple[str, ...], file: str | Path, problems: Problems
) -> pd.DataFrame:
    """Adds the ids and the parts of `image_name` after img/, under these names; drops other paths and repeats.

    The ids are the row's number from 0, whatever else is left out.
    """
    pattern = "/".join(rf"(?P<{part}>[^/\\\x00]+)" for part in parts)
    found = rows.image_name.str.extract(f"^img/{pattern}$")
    fine = found.notna().all(axis=1) & ~found.isin([".", ".."]).any(axis=1)
    place = place_in(file, rows)
    for k in np.flatnonzero(~fine):
        try:
            inside(photos, rows.image_name.iloc[k], place(k))
            problems.add(f"path is not img/{'/'.join(parts)}: dropped", place(k))
        except InputError as e:
            problems.add("path leaves the data set: dropped", str(e))
    twice = rows.image_name.duplicated()
    report(problems, "second row for a photo: dropped", fine & twice, place)
    rows = rows.assign(**found, image_id=rows.line - 3, box_id=rows.line - 3)
    return rows[fine & ~twice]


def with_sizes(rows: pd.DataFrame, photos: Path, file: str | Path, problems: Problems) -> pd.DataFrame:
    """Adds width and height of the upright photos; drops those that are absent or not readable."""
    sizes = photo_sizes(photos, rows.image_name.tolist())
    bad = np.array([isinstance(size, InputError) for size in sizes], bool)
    place = place_in(file, rows)
    report(problems, "photo absent or not readable: dropped", bad, lambda k: f"{place(k)}: {sizes[k]}")
    read = np.array([size for size in sizes if not isinstance(size, InputError)], np.int64).reshape(-1, 2)
    return rows[~bad].assign(width=read[:, 0], height=read[:, 1])


def with_boxes(rows: pd.DataFrame, file: str | Path, problems: Problems) -> pd.DataFrame:
    """Adds x1, y1, x2, y2 inside the photo, of the columns x_1 to y_2; drops photos whose box is of no use."""
    given = rows[["x_1", "y_1", "x_2", "y_2"]].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    boxes, usable = clean_boxes(given, rows.width, rows.height, problems, place_in(file, rows))
    return rows.assign(**dict(zip(CORNERS, boxes.T, strict=True)))[usable]
