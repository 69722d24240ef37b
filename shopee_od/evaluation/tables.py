"""Metrics as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NOTES = """\
class-agnostic: all garments as one class, after NMS across classes
AR1, AR10, AR100: recall, averaged over the IoU thresholds 0.50 to 0.95 and over the classes, with
  at most 1, 10, 100 detections per image and class"""


def format_table(metrics: Mapping[str, Any]) -> str:
    """Formats metrics as lines of text: means with intervals, then by type and by class.

    Args:
        metrics: from `score` or `evaluate`.
    Returns:
        Several tables, with a blank line between two.
    """
    blocks = [
        _format_headline(metrics),
        _align(_overall_rows(metrics)) + "\n" + NOTES,
        _align(_group_rows("type", metrics["per_type"])),
    ]
    if metrics["per_class"]:
        blocks.append(_align(_group_rows("class", _sort_by_ap(metrics["per_class"]))))
    if metrics.get("left_out"):
        reasons = "\n".join(metrics["left_out"].values())
        blocks.append(f"Images that cannot be read, left out:\n{reasons}")
    if metrics.get("shop"):
        blocks.append(_format_cross_dataset(metrics["shop"]))
    elif metrics["unknown_classes"]:
        names = ", ".join(metrics["unknown_classes"])
        blocks.append(
            f"Classes that the detector does not know: {names}.\n"
            "Their boxes count by type and class-agnostic only."
        )
    return "\n\n".join(blocks)


def _format_headline(metrics: Mapping[str, Any]) -> str:
    """How many images and boxes, s/image, and image-level recall."""
    seconds = metrics["seconds_per_photo"]
    speed = "" if seconds is None else f", {seconds:.3g} s/image"
    share = _format_value(metrics["photos_with_a_hit"], ".0%")
    interval = _format_interval(metrics["intervals"]["photos_with_a_hit"], ".0%")
    return (
        f"{metrics['photos']:,} images, {metrics['agnostic']['boxes']:,} boxes{speed}\n"
        "images with at least one garment found (of those with garments), "
        f"at scores of at least {metrics['threshold']:.2f}: {share}{interval}"
    )


def _overall_rows(metrics: Mapping[str, Any]) -> list[list[str]]:
    """The mean over classes, and all garments as one class."""
    intervals = metrics["intervals"]
    agnostic = metrics["agnostic"]
    means = [
        _format_value(metrics[name]) + _format_interval(intervals[name])
        for name in ("AP", "AP50", "AP75")
    ]
    recalls = [_format_value(metrics[name]) for name in ("AR1", "AR10", "AR100")]
    agnostic_ap50 = _format_value(agnostic["AP50"]) + _format_interval(intervals["agnostic_AP50"])
    return [
        ["", "AP", "AP50", "AP75", "AR1", "AR10", "AR100"],
        ["mean over classes", *means, *recalls],
        ["class-agnostic", _format_value(agnostic["AP"]), agnostic_ap50, "", "", "", ""],
    ]


def _group_rows(title: str, groups: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """One row per type, class or name: boxes, AP and AP50."""
    rows = [
        [name, f"{group['boxes']:,}", _format_value(group["AP"]), _format_value(group["AP50"])]
        for name, group in groups.items()
    ]
    return [[title, "boxes", "AP", "AP50"], *rows]


def _sort_by_ap(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Highest AP first, those without one last."""
    rising = sorted(groups.items(), key=lambda item: -1 if item[1]["AP"] is None else item[1]["AP"])
    return dict(reversed(rising))


def _format_cross_dataset(metrics: Mapping[str, Any]) -> str:
    """What `evaluate_cross_dataset` returned: each name, the mean, and the groups without data."""
    mean = [
        "mean of those the detector has",
        "",
        _format_value(metrics["AP"]),
        _format_value(metrics["AP50"]),
    ]
    rows = [*_group_rows(f"taxonomy {metrics['level']}", metrics["per_name"]), mean]
    gaps = [
        f"{name}: {gap['boxes']:,} boxes, {_format_value(gap['found'], '.0%')} of them detected, "
        "as any class"
        for name, gap in metrics["gaps"].items()
        if gap["boxes"]
    ]
    if not gaps:
        return _align(rows) + "\n"
    title = "Groups that hardly any training set has, not in the mean:"
    return "\n".join([_align(rows), "", title, *gaps])


def _format_value(value: float | None, form: str = ".3f") -> str:
    return "–" if value is None else format(value, form)


def _format_interval(interval: Sequence[float] | None, form: str = ".2f") -> str:
    if interval is None:
        return ""
    return f" ({format(interval[0], form)} to {format(interval[1], form)})"


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as aligned lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
