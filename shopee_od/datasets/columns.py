"""The columns of a Dataset's two tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from shopee_od.errors import InputError

IMAGE_COLUMNS = {
    "image_id": "int64",  # unique
    "path": "object",  # absolute
    "width": "int64",  # pixels of the upright photo
    "height": "int64",
    "split": "object",  # train, val, test or ""
    "source": "object",  # shop, consumer, street, laid (flat), ... or ""
    "item": "object",  # photos of one item share it; ""
    "dataset": "object",  # the name of the data set that it is from
}
BOX_COLUMNS = {
    "box_id": "int64",  # unique
    "image_id": "int64",
    "x1": "float32",  # pixels of the upright photo; x2 and y2 exclusive
    "y1": "float32",
    "x2": "float32",
    "y2": "float32",
    "label": "int32",  # 0-based into Dataset.label_names
    "type": "object",  # upper, lower, full or ""
    "ignore": "bool",  # neither trained on nor evaluated
    "iscrowd": "bool",  # several garments in one box (COCO); to be ignored too: of any class
    "certain": "bool",  # False: the box is right, its class may be another one
}
DEFAULTS = {
    "ignore": False,
    "iscrowd": False,
    "certain": True,
    "type": "",
    "source": "",
    "item": "",
}
"""The value of each column that readers may leave out."""


def build_table(
    rows: Iterable[dict] | pd.DataFrame, columns: dict[str, str], defaults: Mapping[str, Any]
) -> pd.DataFrame:
    """The table with just these columns, of these types; optional ones that are absent filled.

    Args:
        rows: dictionaries, or a table.
        columns: the name and the type of each.
        defaults: the value of each column that may be absent.
    Returns:
        A new table, numbered from 0.
    """
    if isinstance(rows, pd.DataFrame):
        table = rows
    else:
        table = pd.DataFrame(list(rows), columns=list(columns))
    for column, default in defaults.items():
        if column not in columns:
            continue
        if column in table:
            values = table[column]
        else:
            values = pd.Series(default, index=table.index, dtype=object)
        table = table.assign(**{column: values.where(values.notna(), default)})
    return table[list(columns)].astype(columns).reset_index(drop=True)


def add_ignore_regions(
    boxes: pd.DataFrame, images: pd.DataFrame, incomplete_photos: Iterable[int]
) -> pd.DataFrame:
    """The boxes, and one over the whole of each photo that lost a label.

    Nobody knows where the garment of the lost label is, so nothing in the photo is background: it
    is neither learned from nor evaluated, but for the photo's other boxes.

    Args:
        boxes: with BOX_COLUMNS.
        images: with IMAGE_COLUMNS.
        incomplete_photos: image_ids; those that are not in `images` do not matter.
    Returns:
        With BOX_COLUMNS; the boxes that were added are marked `ignore` and `iscrowd`.
    """
    photos = images[images.image_id.isin([*incomplete_photos])]
    if not len(photos):
        return boxes
    first_id = boxes.box_id.max() + 1 if len(boxes) else 0
    regions = pd.DataFrame(
        {
            "box_id": range(first_id, first_id + len(photos)),
            "image_id": photos.image_id.to_numpy(),
            "x1": 0,
            "y1": 0,
            "x2": photos.width.to_numpy(),
            "y2": photos.height.to_numpy(),
            "label": 0,
            "type": "",
            "ignore": True,
            "iscrowd": True,
            "certain": True,
        }
    )
    return pd.concat([boxes, regions.astype(BOX_COLUMNS)], ignore_index=True)


def check_tables(root: Path, images: pd.DataFrame, boxes: pd.DataFrame, num_labels: int) -> None:
    """Checks that ids are unique, and that each box has its photo and a label.

    Args:
        root: the data set's folder, for the message.
        images: with IMAGE_COLUMNS.
        boxes: with BOX_COLUMNS.
        num_labels: labels are 0 to `num_labels` - 1.
    Raises:
        InputError: names the id or the label.
    """
    for table, column in ((images, "image_id"), (boxes, "box_id")):
        repeated = table[column][table[column].duplicated()]
        if len(repeated):
            raise InputError(
                f"{root}: {column} {repeated.iloc[0]} is used for two rows; make the ids unique"
            )
    unknown = set(boxes.image_id) - set(images.image_id)
    if unknown:
        raise InputError(
            f"{root}: boxes for image_id {min(unknown)}, which is no photo here; remove them"
        )
    if len(boxes) and not boxes.label.between(0, num_labels - 1).all():
        raise InputError(
            f"{root}: a label is outside 0–{num_labels - 1}; name a class for each label"
        )
