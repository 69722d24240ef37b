"""A taxonomy of garment types, groups and categories that the classes of every data set map to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError
from shopee_od.structures import GARMENT_TYPES

DEFAULT_PATH = Path(__file__).with_name("taxonomy.yaml")
LEVELS = ("category", "group", "type")
SAME_CLASSES = {"shopsim": "deepfashion", "deepfashion-women": "deepfashion", "voc": "coco"}
"""Data sets that have another one's classes."""


@dataclass(frozen=True)
class Taxonomy:
    """The tree, and what each data set's classes map to.

    Args:
        path: its file.
        group_of: category -> group.
        type_of: group -> garment type; "" for an unsupported group, whose type is the box's own.
        classes: data set -> class -> category or group; or a mapping of it by the box's type; or
            None for a class that is no garment of this taxonomy.
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
        return SAME_CLASSES.get(dataset, dataset) in self.classes

    def unmapped_classes(self, dataset: str, classes: Sequence[str]) -> list[str]:
        """Those of a data set's classes that are not in the taxonomy."""
        known = self.classes.get(SAME_CLASSES.get(dataset, dataset), {})
        return [name for name in classes if name not in known]

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
            The name; "" where the class is too coarse for the level, or is no garment here.
        Raises:
            InputError: the data set or the class is not in the taxonomy.
        """
        vocabulary = SAME_CLASSES.get(dataset, dataset)
        if vocabulary not in self.classes:
            raise InputError(f"{self.path}: no classes of {vocabulary!r}; add them below classes")
        if name not in self.classes[vocabulary]:
            raise InputError(
                f"{self.path}: classes, {vocabulary}: {name!r} is missing; "
                "give it a category or a group, or null"
            )
        target = self.classes[vocabulary][name]
        if isinstance(target, Mapping):
            target = target.get(garment_type)
        if target is None:
            return ""
        if level == "category":
            return target if target in self.group_of else ""
        group = self.group_of.get(target, target)
        return group if level == "group" else self.type_of[group] or garment_type

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
        pairs = list(zip(dataset.boxes.label, dataset.boxes.type, strict=True))
        names = {
            (label, garment_type): self.map_class(
                dataset.name, dataset.classes[label], garment_type, level
            )
            for label, garment_type in set(pairs)
        }
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
            problems.add(f"no {level} in the taxonomy: box left out", dataset.classes[label])
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

    def _classes_by_target(self) -> dict[str, list[str]]:
        """Category or group -> the classes that map to it, as text."""
        mapped: dict[str, list[str]] = {}
        for dataset, classes in self.classes.items():
            for name, target in classes.items():
                targets = target if isinstance(target, Mapping) else {"": target}
                for garment_type, target_name in targets.items():
                    suffix = f" ({garment_type})" if garment_type else ""
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
    content = _require_mapping(_read_yaml(path), path, "the file")
    unknown = content.keys() - {"shop", "gaps", "classes"}
    if unknown:
        raise InputError(
            f"{path}: {sorted(map(str, unknown))[0]!r} is no part; use shop, gaps and classes"
        )
    shop = _require_mapping(content.get("shop"), path, "shop")
    group_of: dict[str, str] = {}
    type_of: dict[str, str] = {}
    for garment_type, groups in shop.items():
        if garment_type not in GARMENT_TYPES:
            raise InputError(
                f"{path}: shop: {garment_type!r} is no type; use {', '.join(GARMENT_TYPES)}"
            )
        where = f"shop, {garment_type}"
        groups = _require_mapping(groups, path, where)
        _add_groups(groups, garment_type, group_of, type_of, path, where)
    if content.get("gaps"):
        groups = _require_mapping(content["gaps"], path, "gaps")
        _add_groups(groups, "", group_of, type_of, path, "gaps")
    unsupported = tuple(group for group, garment_type in type_of.items() if not garment_type)
    targets = {*group_of, *type_of}
    classes = {
        str(dataset): _check_classes(
            _require_mapping(names, path, f"classes, {dataset}"), targets, path, dataset
        )
        for dataset, names in _require_mapping(content.get("classes"), path, "classes").items()
    }
    return Taxonomy(path, group_of, type_of, classes, unsupported)


def _read_yaml(path: Path) -> object:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"{path}: not readable ({e})") from None
    except (yaml.YAMLError, RecursionError) as e:
        raise InputError(f"{path}: not YAML as it should be ({' '.join(str(e).split())})") from None


def _add_groups(
    groups: Mapping,
    garment_type: str,
    group_of: dict[str, str],
    type_of: dict[str, str],
    path: Path,
    where: str,
) -> None:
    """Adds the groups of a type and their categories to `type_of` and `group_of`."""
    for group, categories in groups.items():
        if not isinstance(categories, list) or not categories:
            raise InputError(
                f"{path}: {where}, {group}: list its categories, as in [Jackets, Coats]"
            )
        for name in (group, *categories):
            if not isinstance(name, str) or name in type_of or name in group_of:
                raise InputError(
                    f"{path}: {where}, {group}: {name!r} is used twice, or is no text; use it once"
                )
            if name == group:
                type_of[group] = garment_type
            else:
                group_of[name] = group


def _check_classes(names: Mapping, targets: set[str], path: Path, dataset: str) -> dict[str, Any]:
    """A data set's classes, once each is known to map to a category or group, or to null."""
    for name, target in names.items():
        by_type = target.items() if isinstance(target, Mapping) else [(GARMENT_TYPES[0], target)]
        where = f"{path}: classes, {dataset}, {name}"
        for garment_type, target_name in by_type:
            if garment_type not in GARMENT_TYPES:
                raise InputError(
                    f"{where}: {garment_type!r} is no type; use {', '.join(GARMENT_TYPES)}"
                )
            if target_name is None:
                continue
            if not isinstance(target_name, str) or target_name not in targets:
                raise InputError(
                    f"{where}: {target_name!r} is no category or group; "
                    "add it below shop, or use one of those there"
                )
    return {str(name): target for name, target in names.items()}


def _require_mapping(value: object, path: Path, where: str) -> Mapping:
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"{path}: {where}: write names here, each with a colon and what it holds")
    return value


def _format_classes(names: list[str] | None) -> str:
    return f"  ← {'; '.join(names)}" if names else ""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which also refuses a key that is used twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str) or keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is used twice, or is no text", node.start_mark
                )
        return super().construct_mapping(node, deep)
