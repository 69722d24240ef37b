"""taxonomy.yaml as it is read and checked: the tree, and what the classes of data sets map to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from shopee_od.errors import InputError
from shopee_od.structures import GARMENT_TYPES


class TaxonomyTables(NamedTuple):
    """What a taxonomy's file holds.

    Args:
        group_of: category -> group.
        type_of: group -> garment type; "" below gaps.
        classes: data set -> class -> what it maps to.
    """

    group_of: dict[str, str]
    type_of: dict[str, str]
    classes: dict[str, dict[str, Any]]


def read_taxonomy_tables(path: Path) -> TaxonomyTables:
    """Reads and checks a taxonomy's file.

    Args:
        path: the file.
    Returns:
        Its content, where each name is known to be defined once.
    Raises:
        InputError: names the file, the entry and the fix.
    """
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
    classes = {
        str(dataset): _check_classes(
            _require_mapping(names, path, f"classes, {dataset}"), group_of, type_of, path, dataset
        )
        for dataset, names in _require_mapping(content.get("classes"), path, "classes").items()
    }
    return TaxonomyTables(group_of, type_of, classes)


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
            raise InputError(f"{path}: {where}, {group}: list its categories, as in [jacket, coat]")
        for name in (group, *categories):
            if not isinstance(name, str) or name in type_of or name in group_of:
                raise InputError(
                    f"{path}: {where}, {group}: {name!r} is used twice, or is no text; use it once"
                )
            if name == group:
                type_of[group] = garment_type
            else:
                group_of[name] = group


def _check_classes(
    names: Mapping, group_of: Mapping, type_of: Mapping, path: Path, dataset: str
) -> dict[str, Any]:
    """A data set's classes, once each is known to map to a name or a list, or to null."""
    for name, target in names.items():
        where = f"{path}: classes, {dataset}, {name}"
        for single_target in _list_targets(target, where):
            if isinstance(single_target, list):
                categories = [item for item in single_target if _is_in(item, group_of)]
                if not categories or len({*categories}) < len(single_target):
                    raise InputError(
                        f"{where}: {single_target} must be a list of different categories, "
                        "as in [top, shirt]"
                    )
            elif single_target is not None and not _is_in(single_target, {**group_of, **type_of}):
                raise InputError(
                    f"{where}: {single_target!r} is no category or group; "
                    "add it below shop, or use one of those there"
                )
    return {str(name): target for name, target in names.items()}


def _is_in(name: object, names: Mapping[str, str]) -> bool:
    return isinstance(name, str) and name in names


def _list_targets(target: object, where: str) -> Iterator[object]:
    """What a class maps to, or what it maps to by each type."""
    if not isinstance(target, Mapping):
        yield target
        return
    for garment_type, single_target in target.items():
        if garment_type not in GARMENT_TYPES:
            raise InputError(
                f"{where}: {garment_type!r} is no type; use {', '.join(GARMENT_TYPES)}"
            )
        yield single_target


def _require_mapping(value: object, path: Path, where: str) -> Mapping:
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"{path}: {where}: write names here, each with a colon and what it holds")
    return value


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
