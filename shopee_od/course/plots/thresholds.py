"""Plots of tags: precision and recall against the threshold, tags by category."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from shopee_od.course.colors import BLUE, DARK_GRAY, ORANGE
from shopee_od.evaluation.curves import PRCurve


def plot_threshold_tradeoff(curve: PRCurve, threshold: float) -> Figure:
    """Precision, recall and F1 of the detections at or above each threshold.

    Precision is not defined where no detection is left, so its line ends there.

    Args:
        curve: of all classes together.
        threshold: the one in use, marked by a vertical line.
    """
    thresholds = np.linspace(0.01, 0.99, 99)
    precision, recall = np.array([curve.at_threshold(t) for t in thresholds]).T
    defined = np.nan_to_num(precision)
    total = defined + recall
    f1 = np.divide(2 * defined * recall, total, out=np.zeros_like(total), where=total > 0)
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(thresholds, precision, color=BLUE, linewidth=2, label="precision")
    axes.plot(thresholds, recall, color=ORANGE, linewidth=2, label="recall")
    axes.plot(thresholds, f1, ":", color=DARK_GRAY, linewidth=2, label="F1")
    label = f"in use: {threshold:.2f}"
    axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label=label)
    axes.set(xlabel="threshold: the lowest score that becomes a tag", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def plot_category_counts(counts: pd.DataFrame) -> Figure:
    """Tags by category as bars.

    Args:
        counts: one row per category, the first on top; one column per kind of count.
    """
    figure = Figure(figsize=(7, 1 + 0.3 * len(counts)), layout="constrained")
    axes = figure.subplots()
    counts.iloc[::-1].plot.barh(ax=axes, legend=counts.shape[1] > 1, color=BLUE, width=0.7)
    axes.set(xlabel="tags", ylabel="")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="x", alpha=0.3)
    return figure
