"""Figures of notebook 09: precision and recall against the threshold, and tags by category."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from shopee_od.evaluation.curves import Curve
from shopee_od.lessons.colours import BLUE, ORANGE

LINES = {"precision": BLUE, "recall": ORANGE, "F1": "#555555"}


def against_threshold(curve: Curve, threshold: float) -> Figure:
    """Precision, recall and F1 of the detections at or above each threshold, and the threshold in use.

    Where no detection is left, precision is not defined and its line ends.
    """
    at = np.linspace(0.01, 0.99, 99)
    precision, recall = np.array([curve.at(t) for t in at]).T
    both = np.nan_to_num(precision) + recall
    f1 = np.divide(2 * np.nan_to_num(precision) * recall, both, out=np.zeros_like(both), where=both > 0)
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for (name, colour), values, style in zip(LINES.items(), (precision, recall, f1), ("-", "-", ":"), strict=True):
        axes.plot(at, values, style, color=colour, linewidth=2, label=name)
    axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label=f"in use: {threshold:.2f}")
    axes.set(xlabel="threshold: the lowest score that becomes a tag", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def by_category(counts: pd.DataFrame) -> Figure:
    """A row a category, a column a count -> a bar each, the first category on top."""
    figure = Figure(figsize=(7, 1 + 0.3 * len(counts)), layout="constrained")
    axes = figure.subplots()
    counts.iloc[::-1].plot.barh(ax=axes, legend=counts.shape[1] > 1, color=BLUE, width=0.7)
    axes.set(xlabel="tags", ylabel="")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="x", alpha=0.3)
    return figure
