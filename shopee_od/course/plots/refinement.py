"""Box regression: the deltas of a box, and the IoU before and after it is moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.course.colors import BLUE, GREEN, ORANGE


def plot_deltas(proposal: Sequence[float], box: Sequence[float], unit: float = 10) -> Figure:
    """A proposal and its box, with an arrow from one center to the other.

    Args:
        proposal: x1, y1, x2, y2 in pixels; in orange.
        box: x1, y1, x2, y2 in pixels; in green.
        unit: pixels between the lines of the grid.
    """
    corners = np.array([proposal, box], float)
    low = corners[:, :2].min(axis=0) - unit / 2
    high = corners[:, 2:].max(axis=0) + unit / 2
    figure = Figure(figsize=(5.2, 2.6), layout="constrained", facecolor="white")
    axes = figure.subplots()
    styles = ((proposal, ORANGE, "proposal", "--"), (box, GREEN, "ground-truth box", "-"))
    centers = []
    for (x1, y1, x2, y2), color, name, line in styles:
        outline = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, label=name)
        outline.set(linewidth=2.5, linestyle=line)
        axes.add_patch(outline)
        centers.append(((x1 + x2) / 2, (y1 + y2) / 2))
        axes.plot(*centers[-1], "o", color=color, markersize=7)
    axes.annotate("", centers[1], centers[0], arrowprops={"arrowstyle": "->", "color": BLUE})
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.set_xticks(np.arange(np.ceil(low[0] / unit), high[0] / unit) * unit)
    axes.set_yticks(np.arange(np.ceil(low[1] / unit), high[1] / unit) * unit)
    axes.set(xlabel="x, pixels", ylabel="y, pixels")
    axes.grid(alpha=0.4)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


def plot_refinement(before: np.ndarray, after: np.ndarray) -> Figure:
    """IoU of proposals with their ground-truth box, before and after box regression.

    Args:
        before: (N,).
        after: (N,).
    """
    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    scatter, histogram = figure.subplots(1, 2)
    scatter.plot(before, after, "o", color=BLUE, markersize=3, alpha=0.5)
    scatter.plot([0, 1], [0, 1], color="black", linewidth=1)
    scatter.set(xlim=(0.45, 1), ylim=(0.2, 1), xlabel="IoU before", ylabel="IoU after")
    bins = np.linspace(0.2, 1, 33)
    style = {"histtype": "step", "linewidth": 1.5}
    histogram.hist(before, bins, color=ORANGE, label="before", **style)
    histogram.hist(after, bins, color=BLUE, label="after", **style)
    histogram.set(xlabel="IoU", ylabel="proposals")
    histogram.legend(frameon=False, loc="upper left")
    for axes in (scatter, histogram):
        axes.grid(alpha=0.3)
    return figure
