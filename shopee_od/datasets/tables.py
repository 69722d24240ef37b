"""DeepFashion's text files: the count, the columns' names, then one row per photo, space-padded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od.datasets.cleaning import clean_boxes
from shopee_od.datasets.dataset import CORNERS
from shopee_od.datasets.photos import photo_sizes
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError
from shopee_od.io import path_inside


def find_photos_root(root: Path) -> Path:
    """The folder that the photos' names start from: `root/Img`, or `root`.

    Args:
        root: the data set's folder.
    Returns:
        The folder that has img/.
    Raises:
        InputError: neither has img/.
    """
    for folder in (root / "Img", root):
        if (folder / "img").is_dir():
            return folder
    raise InputError(
        f"{root}: there is no img/ and no Img/img/; unpack the data set's photos there"
    )


def read_rows(path: Path, columns: tuple[str, ...], problems: ProblemLog) -> pd.DataFrame:
    """A table of strings.

    Args:
        path: the text file.
        columns: those to read, by their names in row 2; others are skipped.
        problems: to count rows in that have too few or too many columns.
    Returns:
        `columns` and `line`, each row's number in the file.
    Raises:
        InputError: the file cannot be read, or its first two rows are not as they must be.
    """
    # Split here: pandas' reader neither tells which line was short nor allows a quotation mark in
    # a name.
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except OSError as e:
        raise InputError(
            f"{path}: not readable ({e.strerror}); unpack the data set's {path.parent.name}/"
        ) from None
    count = lines[0].split()
    names = lines[1].split() if len(lines) > 1 else []
    is_count = len(count) == 1 and count[0].isdecimal()
    if not is_count or any(names.count(column) != 1 for column in columns):
        raise InputError(
            f"{path}: row 1 must be the count and row 2 name {' '.join(columns)}; fetch it again"
        )
    positions = [names.index(column) for column in columns]
    rows = []
    filled = 0
    for number, line in enumerate(lines[2:], 3):
        fields = line.split()
        filled += bool(fields)
        if len(fields) == len(names):
            rows.append((*(fields[i] for i in positions), number))
        elif fields:
            problems.add(
                f"row without its {len(names)} columns: dropped", f"{path.name} row {number}"
            )
    if int(count[0]) != filled:
        problems.add(
            "wrong count in row 1: every row was read", f"{path.name}: {count[0]}, not {filled}"
        )
    return pd.DataFrame(rows, columns=[*columns, "line"])


def locate_rows(file: str | Path, rows: pd.DataFrame) -> Callable[[int], str]:
    """A function of k that gives the file and the row number of the k-th of `rows`.

    Args:
        file: that the rows are from.
        rows: with `line`.
    Returns:
        What `problems` calls the k-th row.
    """
    name = Path(file).name
    lines = rows.line.to_numpy()
    return lambda k: f"{name} row {lines[k]}"


def add_path_parts(
    rows: pd.DataFrame,
    photos: Path,
    parts: tuple[str, ...],
    file: str | Path,
    problems: ProblemLog,
) -> pd.DataFrame:
    """Adds the ids, and the folders and the name of each photo as columns.

    The ids are the row's number from 0, whichever rows are dropped. Rows with other paths, and
    second rows for a photo, are dropped.

    Args:
        rows: with `image_name` and `line`.
        photos: the folder that the names start from.
        parts: the new columns, one for each part of the path after img/.
        file: that the rows are from.
        problems: to count dropped rows in.
    Returns:
        The rows that are not dropped, with `parts`, image_id and box_id.
    """
    pattern = "/".join(rf"(?P<{part}>[^/\\\x00]+)" for part in parts)
    columns = rows.image_name.str.extract(f"^img/{pattern}$")
    valid = columns.notna().all(axis=1) & ~columns.isin([".", ".."]).any(axis=1)
    where = locate_rows(file, rows)
    for k in np.flatnonzero(~valid).tolist():
        try:
            path_inside(photos, rows.image_name.iloc[k], where(k))
            problems.add(f"path is not img/{'/'.join(parts)}: dropped", where(k))
        except InputError as e:
            problems.add("path leaves the data set: dropped", str(e))
    repeated = rows.image_name.duplicated()
    problems.add_rows("second row for a photo: dropped", valid & repeated, where)
    rows = rows.join(columns).assign(image_id=rows.line - 3, box_id=rows.line - 3)
    return rows[valid & ~repeated]


def add_sizes(
    rows: pd.DataFrame, photos: Path, file: str | Path, problems: ProblemLog
) -> pd.DataFrame:
    """Adds width and height of the upright photos; drops those that are absent or not readable.

    Args:
        rows: with `image_name` and `line`.
        photos: the folder that the names start from.
        file: that the rows are from.
        problems: to count dropped rows in.
    Returns:
        The rows that are not dropped, with the sizes in pixels.
    """
    sizes = photo_sizes(photos, rows.image_name.tolist())
    bad = np.array([isinstance(size, InputError) for size in sizes], bool)
    where = locate_rows(file, rows)
    problems.add_rows(
        "photo absent or not readable: dropped", bad, lambda k: f"{where(k)}: {sizes[k]}"
    )
    read = [size for size in sizes if not isinstance(size, InputError)]
    widths, heights = np.array(read, np.int64).reshape(-1, 2).T
    return rows[~bad].assign(width=widths, height=heights)


def add_boxes(rows: pd.DataFrame, file: str | Path, problems: ProblemLog) -> pd.DataFrame:
    """Adds x1 to y2, inside the photo, from x_1 to y_2; drops photos whose box is unusable.

    Args:
        rows: with x_1 to y_2 as text, width and height.
        file: that the rows are from.
        problems: to count repairs and dropped rows in.
    Returns:
        The rows that are not dropped, with the corners in pixels.
    """
    columns = rows[["x_1", "y_1", "x_2", "y_2"]].apply(pd.to_numeric, errors="coerce")
    boxes, usable = clean_boxes(
        columns.to_numpy(np.float64),
        rows.width.to_numpy(),
        rows.height.to_numpy(),
        rows.image_id.to_numpy(),
        problems,
        locate_rows(file, rows),
    )
    return rows.assign(**dict(zip(CORNERS, boxes.T, strict=True)))[usable]
