"""`Dataset`: photos and their boxes as two pandas tables, and the problems in reading them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od.datasets.columns import (
    BOX_COLUMNS,
    DEFAULTS,
    IMAGE_COLUMNS,
    add_ignore_regions,
    build_table,
    check_tables,
)
from shopee_od.datasets.problems import ProblemLog, Problems
from shopee_od.errors import InputError

CORNERS = ["x1", "y1", "x2", "y2"]
LAID = "laid"
"""The source of photos of garments laid flat: turned by 90°, they are still such photos."""


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
        taxonomy: file name and sha256 of the taxonomy whose categories are the classes; "" where
            they are the data set's own.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    images: pd.DataFrame
    boxes: pd.DataFrame
    problems: Problems = Problems()
    coarse_labels: tuple[tuple[int, ...], ...] = ()
    taxonomy: str = ""

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
        taxonomy: str = "",
    ) -> Dataset:
        """A Dataset from rows or tables: the one place that checks them, for all readers.

        Args:
            name: of the data set.
            root: its folder.
            classes: their names, in the order of the labels.
            images: rows with IMAGE_COLUMNS; `source`, `item` and `dataset` (by default `name`) may
                be absent.
            boxes: rows with BOX_COLUMNS; `type`, `ignore`, `iscrowd` and `certain` may be absent.
            problems: those so far; nothing in its `incomplete_photos` is taken for background
                (`add_ignore_regions`).
            coarse_labels: as the class describes them.
            taxonomy: as the class describes it.
        Returns:
            The data set, with whole tables.
        Raises:
            InputError: no photos, an id used twice, a box without its photo, or a label without
                its class.
        """
        images = build_table(images, IMAGE_COLUMNS, DEFAULTS | {"dataset": name})
        boxes = build_table(boxes, BOX_COLUMNS, DEFAULTS)
        classes = tuple(classes)
        if problems and classes:
            boxes = add_ignore_regions(boxes, images, problems.incomplete_photos)
        recorded = problems.freeze() if problems else Problems()
        if not len(images):
            first = "".join(f"; {p.kind}: {p.examples[0]}" for p in recorded.entries[:1])
            raise InputError(
                f"{root}: no photos{first}; see data/README.md for the layout of {name}"
            )
        num_labels = len(classes) + len(coarse_labels)
        check_tables(root, images, boxes, num_labels)
        return cls(name, Path(root), classes, images, boxes, recorded, coarse_labels, taxonomy)

    def __len__(self) -> int:
        return len(self.images)

    def split(self, name: str) -> Dataset:
        """The photos of one split.

        Args:
            name: "train", "val" or "test"; "all" is every photo.
        Returns:
            They, with their boxes.
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
        """These photos, in this order, with their boxes.

        Args:
            image_ids: of photos of this data set.
        """
        ids = np.asarray(list(image_ids), np.int64)
        images = self.images.set_index("image_id", drop=False).loc[ids].reset_index(drop=True)
        boxes = self.boxes[self.boxes.image_id.isin(ids)].reset_index(drop=True)
        return replace(self, images=images, boxes=boxes)

    def drop(self, image_ids: Iterable[int]) -> Dataset:
        """All photos but these.

        Args:
            image_ids: of any photos.
        """
        return self.take(self.images.image_id[~self.images.image_id.isin(list(image_ids))])

    def with_boxes(self) -> Dataset:
        """The photos that have a counted box, one to train on.

        Returns:
            They, with all their boxes.
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
        Returns:
            They, with their boxes.
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
        """The rows of one photo's boxes.

        Args:
            image_id: of a photo of this data set.
        """
        return self.boxes[self.boxes.image_id == image_id]

    def counted_boxes_of(self, image_id: int) -> pd.DataFrame:
        """The rows of one photo's counted boxes (see `counted_mask`).

        Args:
            image_id: of a photo of this data set.
        """
        return self.boxes[(self.boxes.image_id == image_id) & self.counted_mask]

    @property
    def counted_mask(self) -> np.ndarray:
        """bool (M,), for each row of `boxes`: it counts in training and evaluation.

        Boxes marked `ignore` or `iscrowd` do not.
        """
        return ~(self.boxes.ignore | self.boxes.iscrowd).to_numpy()

    @property
    def any_class_mask(self) -> np.ndarray:
        """bool (M,), for each row of `boxes`: garments of any class may be in it.

        These are crowds that are to be ignored; their label does not matter.
        """
        return (self.boxes.ignore & self.boxes.iscrowd).to_numpy()

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
        """float64 (classes,): the counted boxes of each class.

        A box of a coarse label counts in equal parts for each class that it may be.
        """
        labels = self.boxes.label[self.counted_mask]
        counts = np.bincount(labels, minlength=len(self.label_names)).astype(float)
        totals = counts[: len(self.classes)]
        for classes, count in zip(self.coarse_labels, counts[len(self.classes) :], strict=True):
            totals[list(classes)] += count / len(classes)
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
        Returns:
            A new data set; this one stays.
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
