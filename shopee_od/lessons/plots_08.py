"""Figures of notebook 08: precision–recall curves, the confusion matrix, the cost of errors, recall by size, intervals.

Each returns a matplotlib Figure, which a notebook shows as a cell's last value.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shopee_od.draw import class_colour
from shopee_od.evaluation.curves import Curve
from shopee_od.evaluation.errors import KINDS
from shopee_od.lessons.colours import BLUE, ORANGE

WIDTH = 7.0  # inches: a page's text
RECALL, PRECISION = "recall: share of the boxes found", "precision: share of the\ndetections that are right"


def one_curve(curve: Curve, name: str) -> Figure:
    """A class's curve, a mark for each detection, the envelope over it, and the area whose size is AP."""
    figure, axes = _figure(3.8)
    right = curve.hit
    axes.fill_between(np.linspace(0, 1, 101), np.nan_to_num(curve.at_recalls), color=BLUE, alpha=0.15, label="area: AP")
    axes.step(np.linspace(0, 1, 101), np.nan_to_num(curve.at_recalls), where="mid", color=BLUE, label="envelope")
    axes.plot(curve.recall, curve.precision, color="#777777", linewidth=0.8)
    axes.plot(
        curve.recall[right], curve.precision[right], "o", color="#117733", markersize=4, clip_on=False, label="right"
    )
    axes.plot(
        curve.recall[~right], curve.precision[~right], "x", color=ORANGE, markersize=4, clip_on=False, label="wrong"
    )
    axes.set(title=f"{name}: AP50 {_said(curve.ap)}", xlabel=RECALL, ylabel=PRECISION)
    _unit(axes)
    return figure


def curves(of_each: Mapping[str, Curve], others: Mapping[str, Curve] | None = None) -> Figure:
    """The envelope of each class in its colour, by falling AP50; `others` (any garment, say) in black, dashed."""
    figure, axes = _figure(4.6)
    for name, curve in (others or {}).items():
        _envelope(axes, curve, name, color="black", linestyle="--", linewidth=2)
    best_first = sorted(enumerate(of_each.items()), key=lambda each: -np.nan_to_num(each[1][1].ap))
    for k, (name, curve) in best_first:
        if curve.boxes:
            style = "-" if k % 2 else "-."  # neighbours in the palette differ in line too
            _envelope(axes, curve, name, color=_hex(k), linestyle=style, linewidth=1.6)
    axes.set(xlabel=RECALL, ylabel=PRECISION)
    _unit(axes)
    return figure


def intervals(rows: pd.DataFrame) -> Figure:
    """Rows by name with figure, low and high (NaN where not known) -> a dot with its interval each."""
    figure, axes = _figure(0.9 + 0.28 * len(rows))
    at = np.arange(len(rows))[::-1]
    axes.hlines(at, rows.low, rows.high, color=BLUE, linewidth=3, alpha=0.4)
    axes.plot(rows.figure, at, "o", color=BLUE, markersize=5)
    axes.set(xlim=(0, 1), xlabel="the figure, and its 95% interval", yticks=at, yticklabels=rows.index)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="x", alpha=0.3)
    return figure


def confusion(matrix: pd.DataFrame) -> Figure:
    """A confusion matrix -> its counts, coloured by the share of their row."""
    size = len(matrix)
    figure, axes = _figure(min(7.0, 1.9 + 0.42 * size))
    counts = matrix.to_numpy()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in zip(*np.nonzero(counts), strict=True):
        axes.text(j, i, counts[i, j], ha="center", va="center", size=8, color="white" if share[i, j] > 0.5 else "black")
    axes.axhline(size - 1.5, color="black", linewidth=1)
    axes.axvline(size - 1.5, color="black", linewidth=1)
    axes.set(xlabel="what the detector says", ylabel="what there is")
    axes.set_xticks(range(size), matrix.columns, rotation=45, ha="right", size=8)
    axes.set_yticks(range(size), matrix.index, size=8)
    return figure


def errors(costs: pd.DataFrame) -> Figure:
    """`errors.costs` -> how often each kind is, beside what AP50 would gain without it."""
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    at = np.arange(len(costs))[::-1]
    colours = [_hex(k) for k in range(len(KINDS))]
    left.barh(at, costs["count"], color=colours)
    right.barh(at, costs.gain.fillna(0), color=colours)
    for axes, values, form in ((left, costs["count"], ",.0f"), (right, costs.gain, "+.3f")):
        for y, value in zip(at, values, strict=True):
            axes.text(max(np.nan_to_num(value), 0), y, f" {value:{form}}", va="center", size=8)
        axes.margins(x=0.25)
        axes.grid(axis="x", alpha=0.3)
    left.set(yticks=at, yticklabels=costs.index, xlabel="how many")
    right.set(xlabel="AP50 gained if mended")
    return figure


def by_size(rows: pd.DataFrame) -> Figure:
    """`sizes.recall_by_size` -> a bar a group of sizes, the number of boxes over it."""
    figure, axes = _figure(3.2)
    at = np.arange(len(rows))
    axes.bar(at, rows.recall, color=BLUE, width=0.8)
    for x, recall, boxes in zip(at, rows.recall, rows.boxes, strict=True):
        axes.text(x, recall, f"{boxes} box{'es' if boxes != 1 else ''}", ha="center", va="bottom", size=8)
    names = [f"{100 * low:.3g}–{100 * high:.3g}%" for low, high in zip(rows.low, rows.high, strict=True)]
    axes.set_xticks(at, names)
    axes.set(xlabel="the box's share of its photo", ylabel="recall at the threshold", ylim=(0, 1.1))
    axes.grid(axis="y", alpha=0.3)
    return figure


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _envelope(axes: Axes, curve: Curve, name: str, **style) -> None:
    axes.plot(np.linspace(0, 1, 101), curve.at_recalls, label=f"{name} {_said(curve.ap)}", **style)


def _unit(axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def _said(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _hex(k: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*class_colour(k))
