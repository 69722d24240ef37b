"""The stage comparison: accuracy against seconds per image, of this course and of the papers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from shopee_od.course.colors import BLUE, ORANGE

PAPERS = pd.DataFrame(
    [
        ("R-CNN", 47.0, 66.0),
        ("SPP-net", 2.3, 63.1),
        ("Fast R-CNN", 0.32, 66.9),
        ("Faster R-CNN", 0.198, 69.9),
    ],
    columns=["name", "seconds", "mAP"],
)
"""VGG16 trained and evaluated on VOC 2007; seconds on the GPUs of their time, without proposals
except for the last.

Source: Girshick, "Fast R-CNN", ICCV 2015, tables 1 and 4; Ren et al., "Faster R-CNN", NeurIPS
2015, tables 3 and 5.
"""


MARKERS = {
    "stage": ("o", None, ""),
    "bridge": ("o", "white", "bridging stage"),
    "this run": ("x", None, "this run"),
}
"""The marker of each kind of result, its fill color, and its label."""


def plot_stage_comparison(results: pd.DataFrame) -> Figure:
    """AP50 against seconds per image for each stage; next to it the papers' figures.

    Bars are 95% intervals, where they are known. Bridging stages are hollow, results of this run
    are crosses.

    Args:
        results: of `course.stage_comparison.load_results` or `read_results`.
    """
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    ours, papers = figure.subplots(1, 2, width_ratios=[3, 2])
    curves = (
        ("agnostic_AP50", "class-agnostic", ORANGE),
        ("AP50", "mean over classes", BLUE),
    )
    rows = results.to_dict("records")
    for column, label, color in curves:
        for row in rows:
            _plot_result(ours, row, column, color)
        ours.plot([], [], "o", color=color, label=label)
    numbers = {stage: number for number, stage in enumerate(dict.fromkeys(results.index), 1)}
    named = set()
    for stage, row in zip(results.index, rows, strict=True):
        x, high = row["seconds"], row["agnostic_AP50"]
        ours.vlines(x, row["AP50"], high, color="#bbbbbb", linewidth=1, zorder=0)
        top = np.nanmax([high, row.get("agnostic_AP50_high", high)])
        _label_point(ours, x, top, f"{numbers[stage]}")  # names would overlap
        if stage not in named:
            marker = f"${numbers[stage]}$"
            ours.plot([], [], linestyle="", marker=marker, color="black", label=row["name"])
        named.add(stage)
    for kind, (marker, fill, label) in MARKERS.items():
        if any(_kind_of(row) == kind for row in rows) and label:
            ours.plot([], [], marker, color="black", markerfacecolor=fill, label=label)
    ours.set(ylim=(0, 1.1), ylabel="AP50", title="this course, all stages on the same images")
    figure.legend(frameon=False, loc="outside lower left", ncols=2, fontsize=8)
    papers.plot(PAPERS.seconds, PAPERS.mAP, "s", color="#777777")
    for name, seconds, mean_ap in PAPERS.itertuples(index=False):
        _label_point(papers, seconds, mean_ap, name)
    papers.set(ylim=(60, 72), ylabel="mAP, %", title="the papers, VOC 2007")
    for axes in (ours, papers):
        axes.set(xscale="log", xlabel="s/image, log scale")
        axes.margins(x=0.2)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    return figure


def _plot_result(axes: Axes, row: Mapping[str, Any], column: str, color: str) -> None:
    """A point, with a bar for its interval where it has one."""
    marker, fill, _ = MARKERS[_kind_of(row)]
    value, low, high = (
        row.get(name, np.nan) for name in (column, f"{column}_low", f"{column}_high")
    )
    # An interval of the basic bootstrap need not hold the value.
    bar = None if np.isnan(low) else [[max(0.0, value - low)], [max(0.0, high - value)]]
    axes.errorbar(
        row["seconds"], value, bar, fmt=marker, color=color, markerfacecolor=fill, capsize=2
    )


def _kind_of(row: Mapping[str, Any]) -> str:
    """One of MARKERS."""
    if row.get("is_this_run") is True:
        return "this run"
    return "bridge" if row.get("is_bridge") is True else "stage"


def _label_point(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(
        text, (x, y), (0, 5), textcoords="offset points", ha="center", va="bottom", size=8
    )
