"""Figures of notebook 01: boxes by class, their sizes and shapes, and where in the photo garments lie."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.lessons.colours import BLUE, ORANGE

GRID = 40  # cells a side of the heat map


def by_class(counts: pd.DataFrame) -> Figure:
    """A row a class, a column a split: boxes -> stacked bars, the first class on top."""
    figure = Figure(figsize=(7, 1.2 + 0.28 * len(counts)), layout="constrained")
    axes = figure.subplots()
    counts.iloc[::-1].plot.barh(stacked=True, ax=axes, width=0.75, color=[BLUE, ORANGE, "#777777", "#CC79A7"])
    axes.set(xlabel="boxes", ylabel="")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False)
    return figure


def shapes(share: np.ndarray, aspect: np.ndarray) -> Figure:
    """Each box's share of its photo, and its width over its height -> two histograms."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.hist(share, np.linspace(0, 1, 26), color=BLUE)
    left.set(xlabel="share of the photo that the box covers", ylabel="boxes")
    ticks = [0.125, 0.25, 0.5, 1, 2, 4]
    right.hist(np.log2(aspect), np.linspace(-3, 2, 31), color=BLUE)
    right.set_xticks(np.log2(ticks), [f"{tick:g}" for tick in ticks])
    right.set(xlabel="width : height")
    return figure


def positions(boxes: np.ndarray, groups: np.ndarray) -> Figure:
    """(N, 4) boxes in photos of a unit square, each one's type -> how often each spot is inside one, a map a type."""
    names = [name for name in ("upper", "lower", "full", "") if (groups == name).any()]
    figure = Figure(figsize=(2.3 * max(len(names), 1) + 0.8, 2.9), layout="constrained")
    middle = (np.arange(GRID) + 0.5) / GRID
    for axes, name in zip(np.atleast_1d(figure.subplots(1, max(len(names), 1))), names, strict=False):
        x1, y1, x2, y2 = boxes[groups == name].T[:, :, None]
        inside_x, inside_y = (x1 <= middle) & (middle < x2), (y1 <= middle) & (middle < y2)
        often = np.einsum("ny,nx->yx", inside_y.astype(float), inside_x.astype(float)) / len(x1)
        drawn = axes.imshow(often, cmap="magma", vmin=0, vmax=1, extent=(0, 1, 1, 0))
        axes.set(title=f"{name or 'type not known'} ({len(x1):,})", xticks=[], yticks=[])
    if names:
        figure.colorbar(drawn, ax=figure.axes, label="share of boxes")
    return figure


def overlap(a: np.ndarray, b: np.ndarray) -> Figure:
    """Two boxes -> both, and what they share."""
    figure = Figure(figsize=(4.2, 3.2), layout="constrained")
    axes = figure.subplots()
    for box, colour, name in ((a, BLUE, "a"), (b, ORANGE, "b")):
        x1, y1, x2, y2 = box
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=2))
        axes.text(x1 + 2, y1 + 2, name, color=colour, va="top", size=14)
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    if (high > low).all():
        axes.add_patch(Rectangle(low, *(high - low), color="#009E73", alpha=0.35))
    axes.set(xlim=(0, 200), ylim=(160, 0), xlabel="x, pixels", ylabel="y, pixels, downwards", aspect="equal")
    return figure
