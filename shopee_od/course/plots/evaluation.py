"""Plots of an evaluation: precision-recall curves, confusion, errors, recall by size, intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shopee_od.course.colors import BLUE, ORANGE
from shopee_od.drawing import class_color
from shopee_od.evaluation.curves import PRCurve

WIDTH = 7.0  # inches
RECALLS = np.linspace(0, 1, 101)
RECALL_LABEL = "recall: share of the boxes detected"
PRECISION_LABEL = "precision: share of the\ndetections that are correct"


def plot_pr_curve(curve: PRCurve, name: str) -> Figure:
    """A class's precision-recall curve: every detection, the envelope, and the area that is AP."""
    figure, axes = _make_figure(3.8)
    envelope = np.nan_to_num(curve.interpolated_precision)
    correct = curve.correct
    axes.fill_between(RECALLS, envelope, color=BLUE, alpha=0.15, label="area: AP")
    axes.step(RECALLS, envelope, where="mid", color=BLUE, label="envelope")
    axes.plot(curve.recall, curve.precision, color="#777777", linewidth=0.8)
    for mask, marker, color, label in (
        (correct, "o", "#117733", "correct"),
        (~correct, "x", ORANGE, "wrong"),
    ):
        axes.plot(
            curve.recall[mask],
            curve.precision[mask],
            marker,
            label=label,
            color=color,
            markersize=4,
            clip_on=False,
        )
    title = f"{name}: AP50 {_format_ap(curve.ap)}"
    axes.set(title=title, xlabel=RECALL_LABEL, ylabel=PRECISION_LABEL)
    _finish_unit_axes(axes)
    return figure


def plot_pr_curves(
    curves: Mapping[str, PRCurve], others: Mapping[str, PRCurve] | None = None
) -> Figure:
    """The envelopes of all classes, the highest AP50 first in the legend.

    Args:
        curves: by class, in the order of the classes' colors.
        others: drawn in black and dashed, the class-agnostic curve for example.
    """
    figure, axes = _make_figure(4.6)
    for name, curve in (others or {}).items():
        _plot_envelope(axes, curve, name, color="black", linestyle="--", linewidth=2)
    items = list(curves.items())
    for k in sorted(range(len(items)), key=lambda k: -np.nan_to_num(items[k][1].ap)):
        name, curve = items[k]
        if curve.num_gt:
            line = "-" if k % 2 else "-."  # neighbors in the palette differ in line, too
            _plot_envelope(axes, curve, name, color=_hex(k), linestyle=line, linewidth=1.6)
    axes.set(xlabel=RECALL_LABEL, ylabel=PRECISION_LABEL)
    _finish_unit_axes(axes)
    return figure


def plot_intervals(rows: pd.DataFrame) -> Figure:
    """Metrics as dots with their intervals.

    Args:
        rows: by name; columns value, low and high, NaN where unknown.
    """
    figure, axes = _make_figure(0.9 + 0.28 * len(rows))
    y = np.arange(len(rows))[::-1]
    axes.hlines(y, rows.low, rows.high, color=BLUE, linewidth=3, alpha=0.4)
    axes.plot(rows.value, y, "o", color=BLUE, markersize=5)
    axes.set(xlim=(0, 1), xlabel="value and 95% interval", yticks=y, yticklabels=rows.index)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="x", alpha=0.3)
    return figure


def plot_confusion(matrix: pd.DataFrame) -> Figure:
    """A confusion matrix: counts, colored by the share of their row.

    Args:
        matrix: one row per true class and one for background, columns the detector's classes.
    """
    size = len(matrix)
    figure, axes = _make_figure(min(7.0, 1.9 + 0.42 * size))
    counts = matrix.to_numpy()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in zip(*np.nonzero(counts), strict=True):
        color = "white" if share[i, j] > 0.5 else "black"
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", size=8, color=color)
    axes.axhline(size - 1.5, color="black", linewidth=1)
    axes.axvline(size - 1.5, color="black", linewidth=1)
    axes.set(xlabel="predicted", ylabel="ground truth")
    axes.set_xticks(range(size), matrix.columns, rotation=45, ha="right", size=8)
    axes.set_yticks(range(size), matrix.index, size=8)
    return figure


def plot_error_costs(costs: pd.DataFrame) -> Figure:
    """How often each type of error occurs, next to what AP50 would gain without it.

    Args:
        costs: by type; columns count and gain.
    """
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    counts, gains = figure.subplots(1, 2, sharey=True)
    y = np.arange(len(costs))[::-1]
    panels = ((counts, costs["count"], ",.0f"), (gains, costs.gain, "+.3f"))
    for axes, values, form in panels:
        lengths = np.nan_to_num(values)
        axes.barh(y, lengths, color=[_hex(k) for k in range(len(costs))])
        for row, value, length in zip(y, values, lengths, strict=True):
            axes.text(max(length, 0), row, f" {value:{form}}", va="center", size=8)
        axes.margins(x=0.25)
        axes.grid(axis="x", alpha=0.3)
    counts.set(yticks=y, yticklabels=costs.index, xlabel="number of errors")
    gains.set(xlabel="AP50 gained if fixed")
    return figure


def plot_recall_by_size(rows: pd.DataFrame) -> Figure:
    """Recall for groups of boxes by the share of the image that they cover.

    Args:
        rows: one per group; columns low, high, boxes and recall.
    """
    figure, axes = _make_figure(3.2)
    x = np.arange(len(rows))
    axes.bar(x, rows.recall, color=BLUE, width=0.8)
    for k, (recall, boxes) in enumerate(zip(rows.recall, rows.boxes, strict=True)):
        text = f"{boxes} box{'es' if boxes != 1 else ''}"
        axes.text(k, recall, text, ha="center", va="bottom", size=8)
    names = [
        f"{100 * low:.3g}–{100 * high:.3g}%" for low, high in zip(rows.low, rows.high, strict=True)
    ]
    axes.set_xticks(x, names)
    axes.set(xlabel="share of the image that the box covers", ylim=(0, 1.1))
    axes.set(ylabel="recall at the threshold")
    axes.grid(axis="y", alpha=0.3)
    return figure


def _make_figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _plot_envelope(
    axes: Axes, curve: PRCurve, name: str, color: str, linestyle: str, linewidth: float
) -> None:
    axes.plot(
        RECALLS,
        curve.interpolated_precision,
        label=f"{name} {_format_ap(curve.ap)}",
        color=color,
        linestyle=linestyle,
        linewidth=linewidth,
    )


def _finish_unit_axes(axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def _format_ap(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _hex(k: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*class_color(k))
