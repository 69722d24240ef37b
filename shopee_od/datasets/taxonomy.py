"""A taxonomy of garment types, groups and categories that the classes of every data set map to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.taxonomy_tree import format_tree
from shopee_od.datasets.taxonomy_yaml import read_taxonomy_tables
from shopee_od.errors import InputError
from shopee_od.io import hash_file
from shopee_od.structures import GARMENT_TYPES

DEFAULT_PATH = Path(__file__).with_name("taxonomy.yaml")
LEVELS = ("category", "group", "type")
SAME_CLASSES = {
    "shopsim": "deepfashion",
    "deepfashion-women": "deepfashion",
    "ccp-cutouts": "ccp",
    "clothing-cutouts": "clothing",
    "voc": "coco",
}
"""Data sets that have another one's classes."""
JOINED = "+"
"""Part of the name of a data set whose classes are the taxonomy's categories (`join_datasets`)."""


@dataclass(frozen=True)
class Taxonomy:
    """The tree, and what each data set's classes map to.

    Args:
        path: its file.
        group_of: category -> group.
        type_of: group -> garment type; "" for an unsupported group, whose type is the box's own.
        classes: data set -> class -> category; or a group or list of categories, where it is one
            of these; or a mapping of these by the box's type; or None for a class that is no
            garment of this taxonomy.
        unsupported_groups: those that hardly any data set for training has boxes of.
        sha256: of the file, in hexadecimal.
    """

    path: Path
    group_of: Mapping[str, str]
    type_of: Mapping[str, str]
    classes: Mapping[str, Mapping[str, Any]]
    unsupported_groups: tuple[str, ...]
    sha256: str

    @property
    def identity(self) -> str:
        """The file's name and sha256: other contents have another identity."""
        return f"{self.path.name} sha256 {self.sha256}"

    def names(self, level: str) -> tuple[str, ...]:
        """All names of a level, in the file's order.

        Args:
            level: one of LEVELS.
        Returns:
            The names; those of unsupported groups too.
        Raises:
            InputError: it is not one of LEVELS.
        """
        if level not in LEVELS:
            raise InputError(f"level {level!r}: choose one of {', '.join(LEVELS)}")
        return {
            "category": tuple(self.group_of),
            "group": tuple(self.type_of),
            "type": GARMENT_TYPES,
        }[level]

    def has_dataset(self, dataset: str) -> bool:
        """Whether the classes of a data set of this name are in the taxonomy.

        Args:
            dataset: its name.
        """
        return JOINED in dataset or SAME_CLASSES.get(dataset, dataset) in self.classes

    def unmapped_classes(self, dataset: str, classes: Sequence[str]) -> list[str]:
        """The classes of a data set that are not in the taxonomy.

        Args:
            dataset: its name.
            classes: its classes.
        Returns:
            Those of `classes`; all where the taxonomy lacks the data set.
        """
        known = self._targets(dataset) if self.has_dataset(dataset) else {}
        return [name for name in classes if name not in known]

    def candidates(self, dataset: str, name: str, garment_type: str = "") -> tuple[str, ...]:
        """The categories that a garment of a class may have.

        Args:
            dataset: the data set of the class. A joined one has the categories as classes.
            name: of the class.
            garment_type: of the box; "" where it is not known.
        Returns:
            One category where the class tells it; several where it does not tell which; none for
            what is no garment of this taxonomy.
        Raises:
            InputError: the data set or the class is not in the taxonomy.
        """
        targets = self._targets(dataset)
        if name not in targets:
            raise InputError(
                f"{self.path}: classes, {SAME_CLASSES.get(dataset, dataset)}: {name!r} is missing; "
                "give it a category or a group, or null"
            )
        target = targets[name]
        if not isinstance(target, Mapping):
            return self._expand(target)
        if garment_type:
            return self._expand(target.get(garment_type))
        return self._sort(name for part in target.values() for name in self._expand(part))

    def box_candidates(self, dataset: Dataset) -> list[tuple[str, ...]]:
        """The categories that each of a data set's boxes may have, as `candidates` gives them.

        A box that is not `certain` may have any category of its type; where its type is not known,
        any category of a supported group. A box of `any_class_mask` may have all categories.

        Args:
            dataset: its classes are in the taxonomy.
        Returns:
            For each row of its `boxes`, in the file's order.
        Raises:
            InputError: as `candidates`.
        """
        boxes = dataset.boxes
        keys = list(
            zip(boxes.label, boxes.type, boxes.certain, dataset.any_class_mask, strict=True)
        )
        candidates = {key: self._key_candidates(dataset, *key) for key in set(keys)}
        return [candidates[key] for key in keys]

    def map_class(
        self, dataset: str, name: str, garment_type: str = "", level: str = "group"
    ) -> str:
        """The name of a class at a level.

        Args:
            dataset: its data set.
            name: of the class.
            garment_type: of the box, where it is known.
            level: one of LEVELS.
        Returns:
            The name that all its categories share; "" where they share none, or it is no garment
            here.
        Raises:
            InputError: the data set or the class is not in the taxonomy.
        """
        return self._shared_name(self.candidates(dataset, name, garment_type), garment_type, level)

    def map_classes(
        self, dataset: str, classes: Sequence[str], types: Sequence[str], level: str = "group"
    ) -> list[str]:
        """The name at a level of each class of a detector.

        Args:
            dataset: what the detector was trained on.
            classes: the detector's.
            types: their garment types.
            level: one of LEVELS.
        Returns:
            The names, as `map_class` gives them.
        Raises:
            InputError: as `map_class`.
        """
        return [
            self.map_class(dataset, name, garment_type, level)
            for name, garment_type in zip(classes, types, strict=True)
        ]

    def map_boxes(self, dataset: Dataset, level: str = "group") -> list[str]:
        """The name at a level of each of a data set's boxes, as `map_class` gives it.

        Args:
            dataset: its classes are in the taxonomy.
            level: one of LEVELS.
        Returns:
            For each row of its `boxes` the name that all its categories share, or "".
        Raises:
            InputError: as `map_class` and `names`.
        """
        pairs = list(zip(self.box_candidates(dataset), dataset.boxes.type, strict=True))
        names = {pair: self._shared_name(*pair, level) for pair in set(pairs)}
        return [names[pair] for pair in pairs]

    def relabel(self, dataset: Dataset, level: str = "group") -> Dataset:
        """The data set with the names of a level as its classes.

        Args:
            dataset: stays as it is.
            level: one of LEVELS.
        Returns:
            A new data set, without the boxes that have no name at this level, unless garments of
            any class may be in them; its `problems` count those left out.
        Raises:
            InputError: as `map_class` and `names`.
        """
        names = self.names(level)
        box_names = self.map_boxes(dataset, level)
        known = np.array([name != "" for name in box_names], bool) | dataset.any_class_mask
        problems = ProblemLog(dataset.problems)
        for label in dataset.boxes.label[~known]:
            problems.add(f"no {level} in the taxonomy: box left out", dataset.label_names[label])
        labels = np.array([names.index(name) if name else 0 for name in box_names], "int32")
        boxes = dataset.boxes.assign(label=labels)[known].reset_index(drop=True)
        return dataset.with_classes(names, boxes, problems.freeze())

    def __str__(self) -> str:
        """The tree; under each category or group the classes that map to it."""
        return format_tree(self.group_of, self.type_of, self.classes)

    def _targets(self, dataset: str) -> Mapping[str, Any]:
        """Class -> what it maps to."""
        if JOINED in dataset:
            return {category: category for category in self.group_of}
        vocabulary = SAME_CLASSES.get(dataset, dataset)
        if vocabulary not in self.classes:
            raise InputError(f"{self.path}: no classes of {vocabulary!r}; add them below classes")
        return self.classes[vocabulary]

    def _expand(self, target: str | Sequence[str] | None) -> tuple[str, ...]:
        """The categories of what a class maps to."""
        if target is None:
            return ()
        names = [target] if isinstance(target, str) else target
        return self._sort(
            category for category, group in self.group_of.items() if {category, group} & {*names}
        )

    def _sort(self, categories: Iterable[str]) -> tuple[str, ...]:
        """Each once, in the file's order."""
        return tuple(sorted({*categories}, key=list(self.group_of).index))

    def _key_candidates(
        self, dataset: Dataset, label: int, garment_type: str, certain: bool, is_any_class: bool
    ) -> tuple[str, ...]:
        """The categories that a box of this label and type may have."""
        if is_any_class:
            return tuple(self.group_of)
        if not certain:
            types = (garment_type,) if garment_type else GARMENT_TYPES
            return self._sort(
                c for c, group in self.group_of.items() if self.type_of[group] in types
            )
        labels = [*((k,) for k in range(len(dataset.classes))), *dataset.coarse_labels][label]
        return self._sort(
            category
            for k in labels
            for category in self.candidates(dataset.name, dataset.classes[k], garment_type)
        )

    def _shared_name(self, categories: Sequence[str], garment_type: str, level: str) -> str:
        """The name at a level that all of some categories share, or ""."""
        self.names(level)
        groups = {self.group_of[category] for category in categories}
        names = {
            "category": {*categories},
            "group": groups,
            "type": {self.type_of[group] or garment_type for group in groups},
        }[level]
        return names.pop() if len(names) == 1 else ""


def read_taxonomy(path: str | Path | None = None) -> Taxonomy:
    """Reads a taxonomy.

    Args:
        path: its file; by default the one that comes with the package.
    Returns:
        The taxonomy, checked.
    Raises:
        InputError: names the file, the entry and the fix: a name used twice or not defined, a type
            that does not exist, or a structure that is not the one described at the file's head.
    """
    path = Path(path) if path else DEFAULT_PATH
    group_of, type_of, classes = read_taxonomy_tables(path)
    unsupported = tuple(group for group, garment_type in type_of.items() if not garment_type)
    return Taxonomy(path, group_of, type_of, classes, unsupported, hash_file(path))
