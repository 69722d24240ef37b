"""What box regression gains: IoU before and after."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from shopee_od.course.colors import BLUE, ORANGE


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
