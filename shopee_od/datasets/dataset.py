"""`Dataset`: photos and their boxes as two pandas tables, and the account of what reading them repaired."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shopee_od.types import InputError

if TYPE_CHECKING:
    from shopee_od.datasets.taxonomy import Taxonomy

IMAGE_COLUMNS = {
    "image_id": "int64",  # unique
    "path": "object",  # absolute
    "width": "int64",  # pixels of the upright photo
    "height": "int64",
    "split": "object",  # train, val, test or ""
    "source": "object",  # shop, consumer, street, ... or ""
    "item": "object",  # photos of one item share it; ""
}
BOX_COLUMNS = {
    "box_id": "int64",  # unique
    "image_id": "int64",
    "x1": "float32",  # pixels of the upright photo; x2 and y2 exclusive
    "y1": "float32",
    "x2": "float32",
    "y2": "float32",
    "label": "int32",  # 0-based into Dataset.classes
    "type": "object",  # upper, lower, full or ""
    "ignore": "bool",  # neither counts nor costs
    "iscrowd": "bool",  # several garments in one box (COCO)
}
CORNERS = ["x1", "y1", "x2", "y2"]
SPLITS = ("train", "val", "test")


class Problems:
    """What reading repaired, dropped or refused: counted by kind, with the first few places of each.

    >>> problems = Problems()
    >>> problems.add("box outside the photo: clipped", "list_bbox.txt row 12")
    >>> problems.counts
    {'box outside the photo: clipped': 1}
    """

    KEPT = 5

    def __init__(self):
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[str]] = {}

    def add(self, kind: str, where: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < self.KEPT:
            examples.append(where)

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        lines = []
        for kind, count in sorted(self.counts.items(), key=lambda item: -item[1]):
            places = "; ".join(self.examples[kind])
            lines.append(f"{count:>7,} × {kind} ({places}{'; …' if count > self.KEPT else ''})")
        return "\n".join(lines) or "no problems"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Photos and boxes. `images` holds a row a photo, `boxes` a row a box (IMAGE_COLUMNS, BOX_COLUMNS)."""

    name: str
    root: Path
    classes: tuple[str, ...]
    images: pd.DataFrame
    boxes: pd.DataFrame
    problems: Problems = field(default_factory=Problems)

    @classmethod
    def build(
        cls,
        name: str,
        root: Path,
        classes: Iterable[str],
        images: Iterable[dict] | pd.DataFrame,
        boxes: Iterable[dict] | pd.DataFrame,
        problems: Problems | None = None,
    ) -> Dataset:
        """Tables or rows -> a Dataset with the right columns and types, checked once, here, for every reader."""
        images = _table(images, IMAGE_COLUMNS)
        boxes = _table(boxes, BOX_COLUMNS)
        classes = tuple(classes)
        if not len(images):
            first = (
                next((f"; {kind}: {places[0]}" for kind, places in problems.examples.items()), "") if problems else ""
            )
            raise InputError(f"{root}: no photos{first}; see data/README.md for the layout of {name}")
        for table, column in ((images, "image_id"), (boxes, "box_id")):
            twice = table[column][table[column].duplicated()]
            if len(twice):
                raise InputError(f"{root}: {column} {twice.iloc[0]} stands for two rows; make the ids unique")
        strangers = set(boxes.image_id) - set(images.image_id)
        if strangers:
            raise InputError(f"{root}: boxes for image_id {min(strangers)}, which is no photo here; remove them")
        if len(boxes) and not boxes.label.between(0, len(classes) - 1).all():
            raise InputError(f"{root}: a label is outside 0–{len(classes) - 1}; there are {len(classes)} classes")
        return cls(name, Path(root), classes, images, boxes, problems or Problems())

    def __len__(self) -> int:
        return len(self.images)

    def split(self, name: str) -> Dataset:
        """The photos of "train", "val" or "test"; "all" is every photo. Raises InputError where there are none."""
        if name == "all":
            return self
        found = self.images[self.images.split == name]
        if not len(found):
            there = sorted({s for s in self.images.split if s}) or ["all"]
            raise InputError(f"{self.name} at {self.root} has no photos in split {name!r}; it has {there}")
        return self.take(found.image_id)

    def take(self, image_ids: Iterable[int]) -> Dataset:
        """These photos, in this order, with their boxes."""
        ids = np.asarray(list(image_ids), np.int64)
        images = self.images.set_index("image_id", drop=False).loc[ids].reset_index(drop=True)
        boxes = self.boxes[self.boxes.image_id.isin(ids)].reset_index(drop=True)
        return replace(self, images=images, boxes=boxes)

    def without(self, image_ids: Iterable[int]) -> Dataset:
        """All photos but these."""
        return self.take(self.images.image_id[~self.images.image_id.isin(list(image_ids))])

    def with_boxes(self) -> Dataset:
        """The photos that have a box to learn from. Raises InputError where none has."""
        found = self.images.image_id[self.images.image_id.isin(self.boxes.image_id[self.counts])]
        if not len(found):
            raise InputError(f"{self.name} at {self.root}: no training photo has a box; label some first")
        return self.take(found)

    def sample(self, n: int, seed: int = 0) -> Dataset:
        """`n` photos (all of them where there are fewer), the same ones for the same seed, in the old order."""
        if n >= len(self):
            return self
        chosen = np.random.default_rng(seed).choice(len(self), n, replace=False)
        return self.take(self.images.image_id.to_numpy()[np.sort(chosen)])

    def fingerprint(self) -> str:
        """sha256 of the classes, the photos' names and sizes, and the boxes: another one where a label changed."""
        digest = hashlib.sha256(repr(self.classes).encode())
        names = [os.path.relpath(path, self.root) for path in self.images.path]
        photos = self.images[["image_id", "width", "height"]].assign(name=names)
        for table in (photos, self.boxes.drop(columns="box_id")):
            digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
        return digest.hexdigest()

    def boxes_of(self, image_id: int) -> pd.DataFrame:
        """The rows of one photo's boxes."""
        return self.boxes[self.boxes.image_id == image_id]

    def counted_boxes_of(self, image_id: int) -> pd.DataFrame:
        """The rows of those of its boxes that count."""
        return self.boxes[(self.boxes.image_id == image_id) & self.counts]

    @property
    def counts(self) -> np.ndarray:
        """bool (M,), for each row of `boxes`: it counts, being neither an ignore nor a crowd box."""
        return ~(self.boxes.ignore | self.boxes.iscrowd).to_numpy()

    @property
    def types(self) -> tuple[str, ...]:
        """For each class the type that most of its boxes have; "" where none says."""
        known = self.boxes[self.boxes.type != ""]
        most = known.groupby("label").type.agg(lambda t: t.value_counts().index[0])
        return tuple(str(most.get(label, "")) for label in range(len(self.classes)))

    def with_classes(self, classes: Iterable[str], boxes: pd.DataFrame) -> Dataset:
        """The same photos under other classes: `boxes` as those of this data set, their labels into `classes`."""
        return replace(self, classes=tuple(classes), boxes=boxes)

    def relabel(self, taxonomy: Taxonomy, level: str = "group") -> Dataset:
        """Its classes as the shop has them, at the level category, group or type; see `taxonomy.Taxonomy.relabel`."""
        return taxonomy.relabel(self, level)


def _table(rows: Iterable[dict] | pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows), columns=list(columns))
    for column, default in (
        ("ignore", False),
        ("iscrowd", False),
        ("type", ""),
        ("source", ""),
        ("item", ""),
    ):
        if column in columns:
            filled = table[column] if column in table else pd.Series(default, index=table.index, dtype=object)
            table = table.assign(**{column: filled.where(filled.notna(), default)})
    return table[list(columns)].astype(columns).reset_index(drop=True)
