"""A taxonomy as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shopee_od.structures import GARMENT_TYPES


def format_tree(
    group_of: Mapping[str, str],
    type_of: Mapping[str, str],
    classes: Mapping[str, Mapping[str, Any]],
) -> str:
    """The tree of a taxonomy; under each category or group the classes that map to it.

    Args:
        group_of: category -> group.
        type_of: group -> garment type; "" for an unsupported group.
        classes: data set -> class -> what it maps to, as `Taxonomy` has them.
    Returns:
        One line for each type, group and category.
    """
    classes_of = _list_classes(classes)
    lines = []
    for garment_type in (*GARMENT_TYPES, ""):
        lines.append(
            garment_type
            or "unsupported: hardly any data set for training has these; evaluated separately"
        )
        for group in (group for group, t in type_of.items() if t == garment_type):
            lines.append(f"  {group}{_format_classes(classes_of.get(group))}")
            lines += [
                f"    {category}{_format_classes(classes_of.get(category))}"
                for category, category_group in group_of.items()
                if category_group == group
            ]
    return "\n".join(lines)


def _list_classes(classes: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Category or group -> the classes that map to it, as text."""
    classes_of: dict[str, list[str]] = {}
    for dataset, names in classes.items():
        for name, target in names.items():
            targets = target if isinstance(target, Mapping) else {"": target}
            for garment_type, target_names in targets.items():
                suffix = f" ({garment_type})" if garment_type else ""
                if isinstance(target_names, list):
                    suffix += f" (one of {', '.join(target_names)})"
                else:
                    target_names = [target_names]
                for target_name in target_names:
                    classes_of.setdefault(target_name, []).append(f"{dataset}: {name}{suffix}")
    return classes_of


def _format_classes(names: Sequence[str] | None) -> str:
    return f"  ← {'; '.join(names)}" if names else ""
