"""A taxonomy of garment types, groups and categories that the classes of every data set map to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.taxonomy_yaml import read_taxonomy_tables
from shopee_od.errors import InputError
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
    """

    path: Path
    group_of: Mapping[str, str]
    type_of: Mapping[str, str]
    classes: Mapping[str, Mapping[str, Any]]
    unsupported_groups: tuple[str, ...]

    def names(self, level: str) -> tuple[str, ...]:
        """All names of a level, in the file's order.

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
        """Whether the classes of this data set are in the taxonomy."""
        return JOINED in dataset or SAME_CLASSES.get(dataset, dataset) in self.classes

    def unmapped_classes(self, dataset: str, classes: Sequence[str]) -> list[str]:
        """Those of a data set's classes that are not in the taxonomy."""
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
        any category of a supported group.
        """
        boxes = dataset.boxes
        keys = list(zip(boxes.label, boxes.type, boxes.certain, strict=True))
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
        Raises:
            InputError: as `map_class`.
        """
        return [
            self.map_class(dataset, name, garment_type, level)
            for name, garment_type in zip(classes, types, strict=True)
        ]

    def map_boxes(self, dataset: Dataset, level: str = "group") -> list[str]:
        """The name at a level of each of a data set's boxes, as `map_class` gives it."""
        pairs = list(zip(self.box_candidates(dataset), dataset.boxes.type, strict=True))
        names = {pair: self._shared_name(*pair, level) for pair in set(pairs)}
        return [names[pair] for pair in pairs]

    def relabel(self, dataset: Dataset, level: str = "group") -> Dataset:
        """The data set with the names of a level as its classes.

        Args:
            dataset: stays as it is.
            level: one of LEVELS.
        Returns:
            A new data set, without the boxes that have no name at this level; its `problems` count
            them.
        Raises:
            InputError: as `map_class` and `names`.
        """
        names = self.names(level)
        box_names = self.map_boxes(dataset, level)
        known = np.array([name != "" for name in box_names], bool)
        problems = ProblemLog(dataset.problems)
        for label in dataset.boxes.label[~known]:
            problems.add(f"no {level} in the taxonomy: box left out", dataset.label_names[label])
        labels = np.array([names.index(name) for name in box_names if name], "int32")
        boxes = dataset.boxes[known].assign(label=labels).reset_index(drop=True)
        return dataset.with_classes(names, boxes, problems.freeze())

    def __str__(self) -> str:
        """The tree; under each category or group the classes that map to it."""
        mapped = self._classes_by_target()
        lines = []
        for garment_type in (*GARMENT_TYPES, ""):
            lines.append(
                garment_type
                or "unsupported: hardly any data set for training has these; evaluated separately"
            )
            for group in (group for group, t in self.type_of.items() if t == garment_type):
                lines.append(f"  {group}{_format_classes(mapped.get(group))}")
                lines += [
                    f"    {category}{_format_classes(mapped.get(category))}"
                    for category, category_group in self.group_of.items()
                    if category_group == group
                ]
        return "\n".join(lines)

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
        self, dataset: Dataset, label: int, garment_type: str, certain: bool
    ) -> tuple[str, ...]:
        """The categories that a box of this label and type may have."""
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

    def _classes_by_target(self) -> dict[str, list[str]]:
        """Category or group -> the classes that map to it, as text."""
        mapped: dict[str, list[str]] = {}
        for dataset, classes in self.classes.items():
            for name, target in classes.items():
                targets = target if isinstance(target, Mapping) else {"": target}
                for garment_type, target_names in targets.items():
                    suffix = f" ({garment_type})" if garment_type else ""
                    if isinstance(target_names, list):
                        suffix += f" (one of {', '.join(target_names)})"
                    else:
                        target_names = [target_names]
                    for target_name in target_names:
                        mapped.setdefault(target_name, []).append(f"{dataset}: {name}{suffix}")
        return mapped


def read_taxonomy(path: str | Path | None = None) -> Taxonomy:
    """Reads a taxonomy.

    Args:
        path: its file; by default the one that comes with the package.
    Raises:
        InputError: names the file, the entry and the fix: a name used twice or not defined, a type
            that does not exist, or a structure that is not the one described at the file's head.
    """
    path = Path(path) if path else DEFAULT_PATH
    group_of, type_of, classes = read_taxonomy_tables(path)
    unsupported = tuple(group for group, garment_type in type_of.items() if not garment_type)
    return Taxonomy(path, group_of, type_of, classes, unsupported)


def _format_classes(names: list[str] | None) -> str:
    return f"  ← {'; '.join(names)}" if names else ""
