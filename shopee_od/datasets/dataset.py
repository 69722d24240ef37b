"""`Dataset`: photos and their boxes as two pandas tables, and the problems in reading them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od.datasets.columns import BOX_COLUMNS, DEFAULTS, IMAGE_COLUMNS, build_table
from shopee_od.datasets.problems import ProblemLog, Problems
from shopee_od.errors import InputError

CORNERS = ["x1", "y1", "x2", "y2"]
SPLITS = ("train", "val", "test")
LAID = "laid"
"""The source of photos of garments laid flat: turned by 90°, they are still such photos."""


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
        coarse_labels: a box whose label is len(classes) + k may be any of the classes
            coarse_labels[k], which are indices into `classes`: its source does not tell which.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    images: pd.DataFrame
    boxes: pd.DataFrame
    problems: Problems = Problems()
    coarse_labels: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def build(
        cls,
        name: str,
        root: Path,
        classes: Iterable[str],
        images: Iterable[dict] | pd.DataFrame,
        boxes: Iterable[dict] | pd.DataFrame,
        problems: ProblemLog | None = None,
        coarse_labels: tuple[tuple[int, ...], ...] = (),
    ) -> Dataset:
        """A Dataset from rows or tables: the one place that checks them, for all readers.

        Args:
            name: of the data set.
            root: its folder.
            classes: their names, in the order of the labels.
            images: rows with IMAGE_COLUMNS; `source`, `item` and `dataset` (by default `name`) may
                be absent.
            boxes: rows with BOX_COLUMNS; `type`, `ignore`, `iscrowd` and `certain` may be absent.
            problems: those found so far.
            coarse_labels: as the class describes them.
        Raises:
            InputError: no photos, an id used twice, a box without its photo, or a label without
                its class.
        """
        images = build_table(images, IMAGE_COLUMNS, DEFAULTS | {"dataset": name})
        boxes = build_table(boxes, BOX_COLUMNS, DEFAULTS)
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
        num_labels = len(classes) + len(coarse_labels)
        if len(boxes) and not boxes.label.between(0, num_labels - 1).all():
            raise InputError(
                f"{root}: a label is outside 0–{num_labels - 1}; there are {len(classes)} classes"
            )
        return cls(name, Path(root), classes, images, boxes, recorded, coarse_labels)

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
        if self.coarse_labels:
            digest.update(repr(self.coarse_labels).encode())
        names = [os.path.relpath(path, self.root) for path in self.images.path]
        photos = self.images[["image_id", "width", "height"]].assign(name=names)
        boxes = self.boxes.drop(columns="box_id")
        if boxes.certain.all():
            boxes = boxes.drop(columns="certain")  # runs begun before there was the column resume
        for table in (photos, boxes):
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
        """For each class the garment type of most of its boxes; "" where none is known.

        Of a class without boxes of its own, those of coarse labels count that may be it.
        """
        known = self.boxes[self.boxes.type != ""]
        by_label = dict(list(known.groupby("label").type))
        coarse = known[~(known.ignore | known.iscrowd)]
        types = []
        for label in range(len(self.classes)):
            labels = [len(self.classes) + k for k, c in enumerate(self.coarse_labels) if label in c]
            candidates = by_label.get(label, coarse.type[coarse.label.isin(labels)])
            types.append(str(candidates.value_counts().index[0]) if len(candidates) else "")
        return tuple(types)

    def count_boxes(self) -> np.ndarray:
        """float64 (classes,): the boxes of each class.

        A box of a coarse label counts in equal parts for each class that it may be.
        """
        counts = np.bincount(self.boxes.label, minlength=len(self.label_names)).astype(float)
        totals = counts[: len(self.classes)]
        for labels, count in zip(self.coarse_labels, counts[len(self.classes) :], strict=True):
            totals[list(labels)] += count / len(labels)
        return totals

    @property
    def label_names(self) -> tuple[str, ...]:
        """The name of every label: the classes, then the coarse labels, as in "top or shirt"."""
        coarse = (
            "any class"
            if len(labels) == len(self.classes)
            else " or ".join(self.classes[c] for c in labels)
            for labels in self.coarse_labels
        )
        return (*self.classes, *coarse)

    def with_classes(
        self,
        classes: Iterable[str],
        boxes: pd.DataFrame,
        problems: Problems | None = None,
        coarse_labels: tuple[tuple[int, ...], ...] = (),
    ) -> Dataset:
        """The same photos under other classes.

        Args:
            classes: the new names.
            boxes: as `boxes`, with labels into `classes`, then into `coarse_labels`.
            problems: the new data set's; by default this one's.
            coarse_labels: the new data set's.
        """
        return replace(
            self,
            classes=tuple(classes),
            boxes=boxes,
            problems=self.problems if problems is None else problems,
            coarse_labels=coarse_labels,
        )

    def without_coarse_labels(self) -> Dataset:
        """The same photos, where boxes of coarse labels are to be ignored.

        Their label is the first class that they may be. Detectors that need one class per box are
        trained on this.
        """
        if not self.coarse_labels:
            return self
        coarse = self.boxes.label >= len(self.classes)
        first_classes = [labels[0] for labels in self.coarse_labels]
        class_of_label = np.array([*range(len(self.classes)), *first_classes], np.int32)
        boxes = self.boxes.assign(
            label=class_of_label[self.boxes.label], ignore=self.boxes.ignore | coarse
        )
        return self.with_classes(self.classes, boxes)
