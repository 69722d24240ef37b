"""Figures of notebook 05: an RoI rounded and sampled, what rounding costs, pooled cells, losses, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.lessons.colours import BLUE, ORANGE
from shopee_od.ops.losses import smooth_l1
from shopee_od.ops.pooling import bins

WIDTH = 9.0  # inches
SMOOTH = 25  # training steps that a line is the mean of


def two_ways(energy: np.ndarray, roi: np.ndarray, whole: np.ndarray, size: int) -> Figure:
    """A map (h, w), an RoI (4,) in its cells with fractions, and rounded (4,) -> RoI pooling and RoIAlign upon it.

    Left what is pooled, blue, bin by bin; right the places that are sampled. The RoI is orange in both.
    """
    high, wide = energy.shape
    figure = Figure(figsize=(WIDTH, 0.5 + WIDTH / 2 * high / wide), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(energy, cmap="gray", extent=(0, wide, high, 0))
    right.imshow(energy, cmap="gray")  # cell 0 stands at 0
    x1, y1, x2, y2 = whole
    for k, (top, bottom) in enumerate(bins(y2 - y1, size)):
        for j, (start, end) in enumerate(bins(x2 - x1, size)):
            inset = 0.1 + 0.15 * ((k + j) % 2)  # neighbours may share a cell: their lines are kept apart
            corner, sides = (x1 + start + inset, y1 + top + inset), (end - start - 2 * inset, bottom - top - 2 * inset)
            left.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=BLUE, linewidth=1))
    middles = (np.arange(size) + 0.5) / size
    across, down = (roi[k] + middles * (roi[k + 2] - roi[k]) for k in (0, 1))
    right.plot(*(each.ravel() for each in np.meshgrid(across, down)), "o", color=BLUE, markersize=4)
    for axes in (left, right):
        x1, y1, x2, y2 = roi
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=ORANGE, linewidth=2.5))
        axes.set(xticks=[], yticks=[])
    left.set_title(f"RoI pooling: whole cells, {size} × {size} bins", size=10)
    right.set_title(f"RoIAlign: {size} × {size} places between cells", size=10)
    return figure


def shift_errors(shifts: Sequence[float], errors: Mapping[str, np.ndarray], stride: int) -> Figure:
    """Pixels, and by name the error at each -> a line each; dashed where an RoI has moved by whole cells."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for (name, values), colour in zip(errors.items(), (ORANGE, BLUE), strict=True):
        axes.plot(shifts, values, "o-", color=colour, markersize=3, label=name)
    for cells in range(int(max(shifts)) // stride + 1):
        axes.axvline(cells * stride, color="#999999", linewidth=1, linestyle="--")
    axes.set(xlabel="pixels that box and photo move", ylabel="error, standard deviations", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def pooled(crops: Sequence[np.ndarray], maps: Sequence[np.ndarray], captions: Sequence[str]) -> Figure:
    """RoIs as they look, uint8 (h, w, 3), and their pooled cells (n, n) -> one above the other."""
    figure = Figure(figsize=(WIDTH, 0.5 + 2 * WIDTH / len(crops)), layout="constrained")
    upper, lower = figure.subplots(2, len(crops), squeeze=False)
    high = max(cells.max() for cells in maps)
    for above, below, crop, cells, caption in zip(upper, lower, crops, maps, captions, strict=True):
        above.imshow(crop, aspect="auto")
        below.imshow(cells, cmap="magma", vmin=0, vmax=high)
        above.set_title(caption, size=9)
        for axes in (above, below):
            axes.set(xticks=[], yticks=[])
            axes.set_box_aspect(1)
    return figure


def on_canvas(photos: Sequence[np.ndarray], size: Sequence[int]) -> list[np.ndarray]:
    """uint8 (h, w, 3) each -> uint8, each in the upper left corner of a canvas of that height and width, striped."""
    y, x = np.indices(size)
    stripes = np.where((x + y) // 8 % 2, 200, 160)[..., None].repeat(3, axis=2).astype(np.uint8)
    found = [stripes.copy() for _ in photos]
    for canvas, photo in zip(found, photos, strict=True):
        canvas[: photo.shape[0], : photo.shape[1]] = photo
    return found


def losses() -> Figure:
    """Smooth L1 and half the square, and the slope of each."""
    x = np.linspace(-4, 4, 401)
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, curves, title in (
        (left, (x**2 / 2, smooth_l1(x)), "loss"),
        (right, (x, np.clip(x, -1, 1)), "its slope: how hard it pulls"),
    ):
        for values, colour, name in zip(curves, (ORANGE, BLUE), ("L2: half the square", "smooth L1"), strict=True):
            axes.plot(x, values, color=colour, linewidth=2, label=name)
        axes.set_title(title, size=10)
        axes.set(xlabel="delta − target")
        axes.grid(alpha=0.3)
    left.legend(frameon=False, fontsize=8)
    return figure


def reached(norms: Mapping[str, float]) -> Figure:
    """The norm of the gradient by part of the network, from the photo upwards -> bars; 0 is none."""
    figure = Figure(figsize=(7, 0.9 + 0.24 * len(norms)), layout="constrained")
    axes = figure.subplots()
    axes.barh(list(norms), list(norms.values()), color=[BLUE if value else "#999999" for value in norms.values()])
    for k, value in enumerate(norms.values()):
        axes.text(value, k, f" {value:.2f}" if value else " frozen", va="center", size=8)
    axes.set(xlabel="norm of the gradient")
    axes.margins(x=0.12)
    axes.grid(axis="x", alpha=0.3)
    return figure


def learning(history: pd.DataFrame) -> Figure:
    """A row a training step: class_loss, box_loss, accuracy -> a panel each, the mean of some steps on top."""
    titles = {"class_loss": "class loss", "box_loss": "box loss", "accuracy": "RoIs with the right class"}
    mean = history.rolling(SMOOTH, min_periods=1, center=True).mean()
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    for axes, (column, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        axes.plot(history[column], color=BLUE, alpha=0.25, linewidth=0.8)
        axes.plot(mean[column], color=BLUE, linewidth=1.8)
        top = 1.02 if column == "accuracy" else history[column].quantile(0.99)
        axes.set(xlabel="step", ylim=(0, top))
        axes.set_title(title, size=10)
        axes.grid(alpha=0.3)
    return figure
