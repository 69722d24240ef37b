"""Recall of proposals against their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from shopee_od.course.colors import BLUE, GRAY, GREEN, ORANGE


def plot_recall_curves(
    first_hits: Mapping[tuple[str, float], np.ndarray], marks: Sequence[int] = (100, 300)
) -> Figure:
    """Recall against the number of proposals per image, on a logarithmic scale.

    Args:
        first_hits: by method and IoU threshold, for each ground-truth box the number of proposals
            before the first that matches it; inf where none does. At most three methods and two
            thresholds.
        marks: numbers of proposals with a vertical line.
    """
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    names = list(dict.fromkeys(name for name, _ in first_hits))
    thresholds = list(dict.fromkeys(threshold for _, threshold in first_hits))
    finite = np.concatenate([hits[np.isfinite(hits)] for hits in first_hits.values()])
    longest = max(int(finite.max(initial=0)) + 1, *marks)
    numbers = np.unique(np.geomspace(1, longest, 200).astype(int))
    for (name, threshold), hits in first_hits.items():
        axes.plot(
            numbers,
            [(hits < n).mean() for n in numbers],
            linewidth=2,
            color=(BLUE, ORANGE, GREEN)[names.index(name)],
            linestyle=("-", ":")[thresholds.index(threshold)],
            label=f"{name}, IoU {threshold}",
        )
    for mark in marks:
        axes.axvline(mark, color=GRAY, linewidth=1, linestyle="--")
    axes.set(xscale="log", xlabel="proposals per image, log scale", ylabel="recall")
    axes.set(ylim=(0, 1.02))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure
