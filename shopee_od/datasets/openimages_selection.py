"""Which photos of Open Images, and which rows about them, a download takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from tqdm import tqdm

from shopee_od.datasets.csv_stream import group_rows
from shopee_od.datasets.openimages_csv import (
    BOX_COLUMNS,
    GARMENTS,
    PHOTO_COLUMNS,
    PHOTO_ID,
    find_columns,
    has_unlabeled_garment,
    parse_box,
    split_row,
)
from shopee_od.errors import InputError


def match_classes(names: Iterable[str]) -> list[str]:
    """The garments of these names.

    Args:
        names: capital letters do not matter.
    Returns:
        Names of GARMENTS, sorted, each once.
    Raises:
        InputError: there is no such garment; it lists similar ones.
    """
    known = {name.lower(): name for name in GARMENTS}
    garments = [name.strip() for name in names if name.strip()]
    if not garments:
        raise InputError(f"no class is named; choose from {', '.join(GARMENTS)}")
    for name in garments:
        if name.lower() not in known:
            similar = [known[match] for match in get_close_matches(name.lower(), known, cutoff=0.5)]
            hint = f"did you mean {' or '.join(similar)}? There" if similar else "there"
            raise InputError(
                f"Open Images has no garment {name!r}; {hint} are {', '.join(GARMENTS)}"
            )
    return sorted({known[name.lower()] for name in garments})


def select_photos(
    file: Path, classes: Iterable[str], photos: int, progress: bool = True
) -> list[str]:
    """The first photos of some classes in a file of boxes, which is read a row at a time.

    Args:
        file: of boxes.
        classes: names of garments.
        photos: at most so many of each class.
        progress: whether to show a progress bar.
    Returns:
        The photos' ids, in the file's order.
    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    selector = BoxSelector(str(file), classes, photos)
    photo_ids = []
    try:
        total = file.stat().st_size
        bar = tqdm(total=total, unit="B", unit_scale=True, desc=file.name, disable=not progress)
        with bar, file.open(encoding="utf-8-sig", errors="replace") as lines:
            selector.start(next(lines, "").rstrip("\n"))
            for photo_id, rows in group_rows(line.rstrip("\n") for line in lines):
                if selector.is_done:
                    break
                if selector.select(photo_id, rows):
                    photo_ids.append(photo_id)
                bar.update(sum(len(row) + 1 for row in rows))
    except OSError as e:
        raise InputError(f"{file}: not readable ({e.strerror}); download it again") from None
    return photo_ids


class BoxSelector:
    """Selects the rows of the first photos of some classes: a `csv_stream.Selector`.

    Args:
        url: of the file, or its path, for the message.
        classes: names of garments.
        photos: of each class.
    """

    def __init__(self, url: str, classes: Iterable[str], photos: int) -> None:
        self._url = url
        self._remaining = dict.fromkeys(classes, photos)
        self._positions: list[int] = []
        self._num_columns = 0

    @property
    def is_done(self) -> bool:
        """As `Selector` describes it."""
        return not any(self._remaining.values())

    def start(self, header: str) -> None:
        """As `Selector` describes it."""
        names = split_row(header)
        self._num_columns = len(names)
        self._positions = find_columns(self._url, names, BOX_COLUMNS)

    def select(self, key: str, rows: Sequence[str]) -> list[str]:
        """As `Selector` describes it."""
        if not PHOTO_ID.fullmatch(key):
            return []
        boxes = []
        known_rows = []
        for row in rows:
            fields = row.split(",")
            if len(fields) == self._num_columns:
                box = parse_box([fields[position] for position in self._positions])
                if box is not None:
                    boxes.append(box)
                    known_rows.append(row)
        names = {box.name for box in boxes if box.is_counted and self._remaining.get(box.name)}
        if not names or has_unlabeled_garment(boxes):
            return []
        for name in names:
            self._remaining[name] -= 1
        return known_rows


class PhotoSelector:
    """Selects the rows of some photos: a `csv_stream.Selector`.

    Args:
        url: of the file, for the message.
        photo_ids: the photos.
    """

    def __init__(self, url: str, photo_ids: Iterable[str]) -> None:
        self._url = url
        self._remaining = set(photo_ids)

    @property
    def is_done(self) -> bool:
        """As `Selector` describes it."""
        return not self._remaining

    def start(self, header: str) -> None:
        """As `Selector` describes it."""
        find_columns(self._url, split_row(header), PHOTO_COLUMNS)

    def select(self, key: str, rows: Sequence[str]) -> list[str]:
        """As `Selector` describes it."""
        if key not in self._remaining:
            return []
        self._remaining.remove(key)
        return [rows[0]]
