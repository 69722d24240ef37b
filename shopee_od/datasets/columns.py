"""The columns of a Dataset's two tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

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
    "iscrowd": "bool",  # several garments in one box (COCO)
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
