"""`Dataset`: photos and their boxes as two pandas tables, and the problems in reading them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od.datasets.problems import ProblemLog, Problems
from shopee_od.errors import InputError

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
    "ignore": "bool",  # neither trained on nor evaluated
    "iscrowd": "bool",  # several garments in one box (COCO)
}
CORNERS = ["x1", "y1", "x2", "y2"]
SPLITS = ("train", "val", "test")
_DEFAULTS = {"ignore": False, "iscrowd": False, "type": "", "source": "", "item": ""}


def assign_split(position: int) -> str:
    """The split of a photo by its position, where a data set gives none.

    Of every ten photos the 2nd is val, the 3rd and the 8th are test: photos that are added at the
    end change no other's split.

    Args:
        position: from 0, in the order of the file.
    Returns:
        One of SPLITS.

    >>> [assign_split(k) for k in range(4)]
    ['train', 'val', 'test', 'train']
    """
    return {1: "val", 2: "test", 7: "test"}.get(position % 10, "train")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Photos and their boxes.

    Args:
        name: of the data set, as in `shopee_od.datasets.DATASETS`.
        root: its folder.
        classes: their names; a box's label is an index into them.
        images: one row per photo, IMAGE_COLUMNS.
        boxes: one row per box, BOX_COLUMNS.
        problems: what reading it repaired, dropped or refused.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    images: pd.DataFrame
    boxes: pd.DataFrame
    problems: Problems = Problems()

    @classmethod
    def build(
        cls,
        name: str,
        root: Path,
        classes: Iterable[str],
        images: Iterable[dict] | pd.DataFrame,
        boxes: Iterable[dict] | pd.DataFrame,
        problems: ProblemLog | None = None,
    ) -> Dataset:
        """A Dataset from rows or tables: the one place that checks them, for all readers.

        Args:
            name: of the data set.
            root: its folder.
            classes: their names, in the order of the labels.
            images: rows with IMAGE_COLUMNS; `source` and `item` may be absent.
            boxes: rows with BOX_COLUMNS; `type`, `ignore` and `iscrowd` may be absent.
            problems: those found so far.
        Raises:
            InputError: no photos, an id used twice, a box without its photo, or a label without
                its class.
        """
        images = _build_table(images, IMAGE_COLUMNS)
        boxes = _build_table(boxes, BOX_COLUMNS)
        classes = tuple(classes)
        recorded = problems.freeze() if problems else Problems()
        if not len(images):
            first = "".join(f"; {p.kind}: {p.examples[0]}" for p in recorded.entries[:1])
            raise InputError(
                f"{root}: no photos{first}; see data/README.md for the layout of {name}"
            )
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
        if len(boxes) and not boxes.label.between(0, len(classes) - 1).all():
            raise InputError(
                f"{root}: a label is outside 0–{len(classes) - 1}; there are {len(classes)} classes"
            )
        return cls(name, Path(root), classes, images, boxes, recorded)

    def __len__(self) -> int:
        return len(self.images)

    def split(self, name: str) -> Dataset:
        """The photos of one split.

        Args:
            name: "train", "val" or "test"; "all" is every photo.
        Raises:
            InputError: the split has no photos.
        """
        if name == "all":
            return self
        images = self.images[self.images.split == name]
        if not len(images):
            splits = sorted({split for split in self.images.split if split}) or ["all"]
            raise InputError(
                f"{self.name} at {self.root} has no photos in split {name!r}; it has {splits}"
            )
        return self.take(images.image_id)

    def take(self, image_ids: Iterable[int]) -> Dataset:
        """These photos, in this order, with their boxes."""
        ids = np.asarray(list(image_ids), np.int64)
        images = self.images.set_index("image_id", drop=False).loc[ids].reset_index(drop=True)
        boxes = self.boxes[self.boxes.image_id.isin(ids)].reset_index(drop=True)
        return replace(self, images=images, boxes=boxes)

    def drop(self, image_ids: Iterable[int]) -> Dataset:
        """All photos but these."""
        return self.take(self.images.image_id[~self.images.image_id.isin(list(image_ids))])

    def with_boxes(self) -> Dataset:
        """The photos that have a counted box, one to train on.

        Raises:
            InputError: no photo has one.
        """
        labeled = self.boxes.image_id[self.counted_mask]
        image_ids = self.images.image_id[self.images.image_id.isin(labeled)]
        if not len(image_ids):
            raise InputError(
                f"{self.name} at {self.root}: no training photo has a box; label some first"
            )
        return self.take(image_ids)

    def sample(self, n: int, seed: int = 0) -> Dataset:
        """`n` photos at random, in the order of `images`; all where there are no more than `n`.

        Args:
            n: how many.
            seed: the same seed gives the same photos.
        """
        if n >= len(self):
            return self
        rows = np.random.default_rng(seed).choice(len(self), n, replace=False)
        return self.take(self.images.image_id.to_numpy()[np.sort(rows)])

    def fingerprint(self) -> str:
        """sha256 of the classes, the photos' names and sizes, and the boxes."""
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
        """The rows of one photo's counted boxes (see `counted_mask`)."""
        return self.boxes[(self.boxes.image_id == image_id) & self.counted_mask]

    @property
    def counted_mask(self) -> np.ndarray:
        """bool (M,), for each row of `boxes`: it counts in training and evaluation.

        Boxes marked `ignore` or `iscrowd` do not.
        """
        return ~(self.boxes.ignore | self.boxes.iscrowd).to_numpy()

    @property
    def types(self) -> tuple[str, ...]:
        """For each class the garment type of most of its boxes; "" where none is known."""
        known = self.boxes[self.boxes.type != ""]
        most = known.groupby("label").type.agg(lambda types: types.value_counts().index[0])
        return tuple(str(most.get(label, "")) for label in range(len(self.classes)))

    def with_classes(
        self, classes: Iterable[str], boxes: pd.DataFrame, problems: Problems | None = None
    ) -> Dataset:
        """The same photos under other classes.

        Args:
            classes: the new names.
            boxes: as `boxes`, with labels into `classes`.
            problems: the new data set's; by default this one's.
        """
        problems = self.problems if problems is None else problems
        return replace(self, classes=tuple(classes), boxes=boxes, problems=problems)


def _build_table(rows: Iterable[dict] | pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """The table with just these columns, of these types; optional ones that are absent filled."""
    if isinstance(rows, pd.DataFrame):
        table = rows
    else:
        table = pd.DataFrame(list(rows), columns=list(columns))
    for column, default in _DEFAULTS.items():
        if column not in columns:
            continue
        if column in table:
            values = table[column]
        else:
            values = pd.Series(default, index=table.index, dtype=object)
        table = table.assign(**{column: values.where(values.notna(), default)})
    return table[list(columns)].astype(columns).reset_index(drop=True)
