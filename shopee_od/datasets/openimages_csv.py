"""Open Images' files of boxes and of photos: CSV with millions of rows, read one at a time."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopee_od.datasets.cleaning import parse_four_numbers
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError
from shopee_od.ops.boxes import box_iou

GARMENTS = {
    "Brassiere": "upper",
    "Coat": "upper",
    "Dress": "full",
    "Jacket": "upper",
    "Jeans": "lower",
    "Miniskirt": "lower",
    "Shirt": "upper",
    "Shorts": "lower",
    "Skirt": "lower",
    "Swimwear": "",
    "Trousers": "lower",
}
"""Class -> where it is worn; swimwear may be anywhere."""
WORN_ALONE = frozenset({"Brassiere", "Dress", "Swimwear"})
"""With these a person often wears no other garment that Open Images has a class for."""
OUTFITS = ("Clothing", "Sports uniform", "Suit")
"""Classes that do not tell the garment, or whose boxes hold several."""
PEOPLE = ("Boy", "Girl", "Man", "Person", "Woman")

CLASS_IDS = {
    "Brassiere": "/m/01gmv2",
    "Coat": "/m/01xygc",
    "Dress": "/m/01d40f",
    "Jacket": "/m/032b3c",
    "Jeans": "/m/0fly7",
    "Miniskirt": "/m/01cmb2",
    "Shirt": "/m/01n4qj",
    "Shorts": "/m/01bfm9",
    "Skirt": "/m/02wv6h6",
    "Swimwear": "/m/01gkx_",
    "Trousers": "/m/07mhn",
    "Clothing": "/m/09j2d",
    "Sports uniform": "/m/0h8mhzd",
    "Suit": "/m/01xyhv",
    "Boy": "/m/01bl7v",
    "Girl": "/m/05r655",
    "Man": "/m/04yx4",
    "Person": "/m/01g317",
    "Woman": "/m/03bt1vf",
}
"""As in oidv7-class-descriptions-boxable.csv."""
CLASS_NAMES = {class_id: name for name, class_id in CLASS_IDS.items()}

BOX_COLUMNS = (
    "ImageID",
    "LabelName",
    "XMin",
    "YMin",
    "XMax",
    "YMax",
    "IsGroupOf",
    "IsDepiction",
    "IsInside",
)
PHOTO_COLUMNS = ("ImageID", "Rotation")
PHOTO_ID = re.compile("[0-9a-f]{16}")
SAME_IOU = 0.5
"""Boxes of two classes that overlap so much are of the same garment."""


@dataclass(frozen=True)
class LabeledBox:
    """One row of a file of boxes.

    Args:
        name: one of CLASS_IDS.
        corners: x1, y1, x2, y2, relative to the photo; NaN where they are no numbers.
        is_group: it holds more than five objects that overlap.
        is_depiction: a drawing or a statue of the object.
        is_inside: the photo was taken inside the object.
        location: file and row.
    """

    name: str
    corners: tuple[float, float, float, float]
    is_group: bool = False
    is_depiction: bool = False
    is_inside: bool = False
    location: str = ""

    @property
    def is_counted(self) -> bool:
        """Whether it is of one real garment, as training and evaluation need."""
        flags = (self.is_group, self.is_depiction, self.is_inside)
        return self.name in GARMENTS and not any(flags)


def has_unlabeled_garment(boxes: Sequence[LabeledBox]) -> bool:
    """Whether a garment of a photo may have no box, as far as its other boxes tell.

    That is so where a person wears neither one of WORN_ALONE nor an upper and a lower garment that
    have boxes, where there is a group of people, and where a box of OUTFITS is on no garment.

    Args:
        boxes: all boxes of the photo.
    Returns:
        True where a garment may have none.
    """
    garments = [box for box in boxes if box.is_counted]
    corners = np.array([box.corners for box in garments]).reshape(-1, 4)
    centers = (corners[:, :2] + corners[:, 2:]) / 2
    for box in boxes:
        if box.is_depiction or box.is_inside:
            continue
        if box.name in OUTFITS:
            if not (box_iou(np.array([box.corners]), corners) >= SAME_IOU).any():
                return True
        elif box.name in PEOPLE:
            is_worn = ((centers >= box.corners[:2]) & (centers <= box.corners[2:])).all(axis=1)
            worn = {garments[k].name for k in np.flatnonzero(is_worn)}
            has_both = {"upper", "lower"} <= {GARMENTS[name] for name in worn}
            if box.is_group or not (has_both or worn & WORN_ALONE):
                return True
    return False


def read_boxes(
    file: Path, photo_ids: Sequence[str], problems: ProblemLog
) -> dict[str, list[LabeledBox]]:
    """The boxes of some photos, in the order of `photo_ids`.

    Args:
        file: of boxes.
        photo_ids: the photos; rows of others are skipped.
        problems: to count rows in that cannot be used.
    Returns:
        By photo id the boxes of CLASS_IDS; an empty list for a photo without any.
    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    boxes: dict[str, list[LabeledBox]] = {photo_id: [] for photo_id in photo_ids}
    for location, values in _read_rows(file, BOX_COLUMNS, problems):
        if values[0] not in boxes:
            problems.add("box of a photo that is not used: left out", location)
            continue
        box = parse_box(values, location)
        if box is None:
            problems.add("box of another class: left out", location)
        else:
            boxes[values[0]].append(box)
    return boxes


def parse_box(values: Sequence[str], location: str = "") -> LabeledBox | None:
    """A row's box; None where it is not of CLASS_IDS.

    Args:
        values: of BOX_COLUMNS. A flag is 1, 0, or -1 where it is unknown.
        location: file and row.
    Returns:
        The box; its corners may be NaN.
    """
    _, class_id, *corners, is_group, is_depiction, is_inside = values
    if class_id not in CLASS_NAMES:
        return None
    return LabeledBox(
        CLASS_NAMES[class_id],
        parse_four_numbers(corners),
        is_group == "1",
        is_depiction == "1",
        is_inside == "1",
        location,
    )


def read_photo_ids(file: Path, problems: ProblemLog) -> list[str]:
    """The ids, sorted, of the photos in a file of photos that are stored upright.

    Args:
        file: of photos.
        problems: to count rows in that cannot be used.
    Returns:
        16 hexadecimal digits each.
    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    photo_ids = set()
    for location, (photo_id, rotation) in _read_rows(file, PHOTO_COLUMNS, problems):
        if not PHOTO_ID.fullmatch(photo_id):
            problems.add("ImageID that is not 16 hexadecimal digits: dropped", location)
        elif photo_id in photo_ids:
            problems.add("second row for a photo: dropped", location)
        elif rotation not in ("", "nan", "0", "0.0"):  # empty: Flickr has the photo no longer
            problems.add("photo that is stored rotated: left out", location)
        else:
            photo_ids.add(photo_id)
    return sorted(photo_ids)


def _read_rows(
    file: Path, columns: Sequence[str], problems: ProblemLog
) -> Iterator[tuple[str, list[str]]]:
    """File and row, and the values of `columns`, of each row that is whole."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            names = split_row(next(lines, ""))
            positions = find_columns(str(file), names, columns)
            for number, line in enumerate(lines, 2):
                fields = split_row(line)
                location = f"{file.name} row {number}"
                if len(fields) == len(names):
                    yield location, [fields[position] for position in positions]
                elif line.strip():
                    problems.add(f"row without its {len(names)} columns: dropped", location)
    except OSError as e:
        raise InputError(f"{file}: not readable ({e.strerror}); download it again") from None


def split_row(line: str) -> list[str]:
    """The fields of one row: an unpaired quotation mark spoils no other row.

    Args:
        line: with or without its line end.
    Returns:
        The fields; none where the row cannot be split.
    """
    try:
        return next(csv.reader([line]), [])
    except csv.Error:  # a field is too long
        return []


def find_columns(name: str, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """The positions of columns.

    Args:
        name: of the file, or its address, for the message.
        header: row 1.
        columns: their names.
    Returns:
        For each of `columns` its position in `header`.
    Raises:
        InputError: one is missing, or there twice.
    """
    missing = [column for column in columns if header.count(column) != 1]
    if missing:
        raise InputError(f"{name}: row 1 must name the column {missing[0]}; download it again")
    return [header.index(column) for column in columns]
