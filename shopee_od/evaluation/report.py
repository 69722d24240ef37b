"""Figures as text for a terminal."""

from __future__ import annotations


def table(result: dict) -> str:
    """What `score` or `evaluate` returned -> lines of text: means with intervals, by type, by class."""
    blocks = [_headline(result), _columns(_overall(result)), _columns(_groups("type", result["per_type"]))]
    if result["per_class"]:
        best_first = sorted(
            result["per_class"].items(), key=lambda item: -1 if item[1]["AP"] is None else item[1]["AP"]
        )
        blocks.append(_columns(_groups("class", dict(reversed(best_first)))))
    if result.get("left_out"):
        blocks.append("Photos that cannot be read, left out:\n" + "\n".join(result["left_out"].values()))
    if result.get("shop"):
        blocks.append(_shop(result["shop"]))
    elif result["unknown_classes"]:
        names = ", ".join(result["unknown_classes"])
        blocks.append(f"The model does not know {names}: scored by type and as any garment only.")
    return "\n\n".join(blocks)


def _headline(result: dict) -> str:
    seconds = result["seconds_per_photo"]
    speed = "" if seconds is None else f", {seconds:.3g} s a photo"
    hit, interval = result["photos_with_a_hit"], result["intervals"]["photos_with_a_hit"]
    return (
        f"{result['photos']:,} photos, {result['agnostic']['boxes']:,} boxes{speed}\n"
        f"photos with a garment found, at scores of at least {result['threshold']:.2f}: "
        f"{_figure(hit, '.0%')}{_between(interval, '.0%')}"
    )


def _overall(result: dict) -> list[list[str]]:
    intervals, anything = result["intervals"], result["agnostic"]
    means = [f"{_figure(result[n])}{_between(intervals[n])}" for n in ("AP", "AP50", "AP75")]
    recalls = [_figure(result[n]) for n in ("AR1", "AR10", "AR100")]
    any50 = f"{_figure(anything['AP50'])}{_between(intervals['agnostic_AP50'])}"
    return [
        ["", "AP", "AP50", "AP75", "AR1", "AR10", "AR100"],
        ["mean over classes", *means, *recalls],
        ["any garment", _figure(anything["AP"]), any50, "", "", "", ""],
    ]


def _groups(title: str, groups: dict[str, dict]) -> list[list[str]]:
    rows = [[name, f"{g['boxes']:,}", _figure(g["AP"]), _figure(g["AP50"])] for name, g in groups.items()]
    return [[title, "boxes", "AP", "AP50"], *rows]


def _shop(shop: dict) -> str:
    """What `across` returned -> lines: each name of the shop's, the mean, and the gaps."""
    mean = ["mean of those it knows", "", _figure(shop["AP"]), _figure(shop["AP50"])]
    rows = [*_groups(f"shop's {shop['level']}", shop["per_name"]), mean]
    gaps = [
        f"{name}: {gap['boxes']:,} boxes, {_figure(gap['found'], '.0%')} of them found, whatever they were called"
        for name, gap in shop["gaps"].items()
        if gap["boxes"]
    ]
    apart = "\nApart, since hardly any data set for training has them:\n" if gaps else ""
    return _columns(rows) + "\n" + apart + "\n".join(gaps)


def _figure(value: float | None, form: str = ".3f") -> str:
    return "–" if value is None else format(value, form)


def _between(interval: list[float] | None, form: str = ".2f") -> str:
    return "" if interval is None else f" ({_figure(interval[0], form)} to {_figure(interval[1], form)})"


def _columns(rows: list[list[str]]) -> str:
    """Rows of cells -> aligned lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
