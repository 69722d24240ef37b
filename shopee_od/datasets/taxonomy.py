"""The shop's own shelves: one tree of types, groups and categories, on which every data set's classes find a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from shopee_od.datasets.dataset import Dataset
from shopee_od.types import TYPES, InputError

DEFAULT = Path(__file__).with_name("taxonomy.yaml")
LEVELS = ("category", "group", "type")
SAME_CLASSES = {"shopsim": "deepfashion", "deepfashion-women": "deepfashion", "voc": "coco"}
"""Data sets that have another one's classes."""


@dataclass(frozen=True)
class Taxonomy:
    """group_of: category -> group; type_of: group -> type, "" for a gap; classes: data set -> class -> place.

    A place is the name of a category or a group, a mapping by the box's type, or None for what is not sold here.
    gaps: the groups that hardly any data set for training has.
    """

    path: Path
    group_of: Mapping[str, str]
    type_of: Mapping[str, str]
    classes: Mapping[str, Mapping[str, object]]
    gaps: tuple[str, ...]

    def names(self, level: str) -> tuple[str, ...]:
        """All names of a level, in the file's order."""
        if level not in LEVELS:
            raise InputError(f"level {level!r}: choose one of {', '.join(LEVELS)}")
        return {"category": tuple(self.group_of), "group": tuple(self.type_of), "type": TYPES}[level]

    def knows(self, dataset: str) -> bool:
        """Whether the classes of this data set have their places here."""
        return SAME_CLASSES.get(dataset, dataset) in self.classes

    def unplaced(self, dataset: str, classes: Sequence[str]) -> list[str]:
        """Those of a data set's classes that have no place here."""
        held = self.classes.get(SAME_CLASSES.get(dataset, dataset), {})
        return [name for name in classes if name not in held]

    def place(self, dataset: str, name: str, kind: str = "", level: str = "group") -> str:
        """A data set's class, the box's type if it is known -> its name at `level`; "" where that cannot be told.

        Raises InputError where the data set or the class is not in the taxonomy.
        """
        vocabulary = SAME_CLASSES.get(dataset, dataset)
        if vocabulary not in self.classes:
            raise InputError(f"{self.path}: no classes of {vocabulary!r}; add them below classes")
        if name not in self.classes[vocabulary]:
            raise InputError(f"{self.path}: classes, {vocabulary}: {name!r} has no place; give it one, or null")
        place = self.classes[vocabulary][name]
        if isinstance(place, Mapping):
            place = place.get(kind)
        if place is None or level == "category":
            return place if place in self.group_of else ""
        group = self.group_of.get(place, place)
        return group if level == "group" else self.type_of[group] or kind

    def relabel(self, dataset: Dataset, level: str = "group") -> Dataset:
        """The data set with the names of `level` for classes; boxes that have none there are left out, and counted."""
        names = self.names(level)
        placed = self.of_boxes(dataset, level)
        known = np.array([name != "" for name in placed], bool)
        for label in dataset.boxes.label[~known]:
            dataset.problems.add(f"no {level} in the taxonomy: box left out", dataset.classes[label])
        labels = np.array([names.index(name) for name in placed if name], "int32")
        boxes = dataset.boxes[known].assign(label=labels).reset_index(drop=True)
        return dataset.with_classes(names, boxes)

    def of_boxes(self, dataset: Dataset, level: str = "group") -> list[str]:
        """The name at `level` of each of the data set's boxes; "" where it cannot be told."""
        pairs = list(zip(dataset.boxes.label, dataset.boxes.type, strict=True))
        known = {pair: self.place(dataset.name, dataset.classes[pair[0]], pair[1], level) for pair in set(pairs)}
        return [known[pair] for pair in pairs]

    def of_classes(self, dataset: str, classes: Sequence[str], types: Sequence[str], level: str = "group") -> list[str]:
        """The name at `level` of each class of a detector that was trained on `dataset`."""
        return [self.place(dataset, name, kind, level) for name, kind in zip(classes, types, strict=True)]

    def __str__(self) -> str:
        """The tree; beneath each category or group the classes that land there."""
        landing: dict[str, list[str]] = {}
        for dataset, classes in self.classes.items():
            for name, place in classes.items():
                places = place.items() if isinstance(place, Mapping) else [("", place)]
                for kind, where in places:
                    landing.setdefault(where, []).append(f"{dataset}: {name}{f' ({kind})' if kind else ''}")
        lines = []
        for kind in (*TYPES, ""):
            lines.append(kind or "gaps: hardly any data set for training has these; reported apart")
            for group in (group for group, t in self.type_of.items() if t == kind):
                lines.append(f"  {group}{_listed(landing.get(group))}")
                members = [category for category, g in self.group_of.items() if g == group]
                lines += [f"    {category}{_listed(landing.get(category))}" for category in members]
        return "\n".join(lines)


def read_taxonomy(path: str | Path | None = None) -> Taxonomy:
    """The taxonomy of a file, by default the one that comes with the package.

    Raises InputError that names the file, the place in it and the mend: a name that stands twice or nowhere, a type
    that is none, a shape that is not the one described at the file's head.
    """
    path = Path(path) if path else DEFAULT
    try:
        held = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"{path}: not readable ({e})") from None
    except (yaml.YAMLError, RecursionError) as e:
        raise InputError(f"{path}: not YAML as it should be ({' '.join(str(e).split())})") from None
    held = _mapping(held, path, "the file")
    unknown = held.keys() - {"shop", "gaps", "classes"}
    if unknown:
        raise InputError(f"{path}: {sorted(map(str, unknown))[0]!r} is no part; use shop, gaps and classes")
    shelves = [*_mapping(held.get("shop"), path, "shop").items()]
    shelves += [("", held["gaps"])] if held.get("gaps") else []
    group_of, type_of = {}, {}
    for kind, groups in shelves:
        where = f"shop, {kind}" if kind else "gaps"
        if kind not in (*TYPES, ""):
            raise InputError(f"{path}: shop: {kind!r} is no type; use {', '.join(TYPES)}")
        for group, categories in _mapping(groups, path, where).items():
            if not isinstance(categories, list) or not categories:
                raise InputError(f"{path}: {where}, {group}: list its categories, as in [Jackets, Coats]")
            for name in (group, *categories):
                if not isinstance(name, str) or name in type_of or name in group_of:
                    raise InputError(f"{path}: {where}, {group}: {name!r} stands twice, or is no text; use it once")
                if name == group:
                    type_of[group] = kind
                else:
                    group_of[name] = group
    gaps = tuple(group for group, kind in type_of.items() if not kind)
    classes = {
        str(dataset): _places(_mapping(names, path, f"classes, {dataset}"), {*group_of, *type_of}, path, dataset)
        for dataset, names in _mapping(held.get("classes"), path, "classes").items()
    }
    return Taxonomy(path, group_of, type_of, classes, gaps)


def _places(names: Mapping, known: set[str], path: Path, dataset: str) -> dict[str, object]:
    for name, place in names.items():
        by_type = place.items() if isinstance(place, Mapping) else [(TYPES[0], place)]
        for kind, where in by_type:
            if kind not in TYPES:
                raise InputError(f"{path}: classes, {dataset}, {name}: {kind!r} is no type; use {', '.join(TYPES)}")
            if where is not None and not (isinstance(where, str) and where in known):
                raise InputError(
                    f"{path}: classes, {dataset}, {name}: {where!r} is no category or group; "
                    "add it below shop, or use one of those there"
                )
    return {str(name): place for name, place in names.items()}


def _mapping(value, path: Path, where: str) -> Mapping:
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"{path}: {where}: here belong names with a colon and what stands below them")
    return value


def _listed(names: list[str] | None) -> str:
    return f"  ← {'; '.join(names)}" if names else ""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which also refuses a key that stands twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str) or keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands twice, or is no text", node.start_mark
                )
        return super().construct_mapping(node, deep)
