"""Plots of RoI pooling and RoIAlign: bins and sampling points, rounding errors, pooled cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.course.colors import BLUE, GRAY, ORANGE
from shopee_od.ops.pooling import pooling_bins

WIDTH = 9.0  # inches


def plot_pooling_and_align(
    energy: np.ndarray, roi: np.ndarray, quantized: np.ndarray, size: int
) -> Figure:
    """RoI pooling and RoIAlign of one RoI on a map.

    On the left the bins that RoI pooling takes the maximum of, on the right the points at which
    RoIAlign samples; the RoI in orange.

    Args:
        energy: (h, w) the magnitude of each cell's features.
        roi: (4,) in cells, with fractions.
        quantized: int (4,) the same, rounded to whole cells.
        size: bins per side.
    """
    rows, columns = energy.shape
    figure = Figure(figsize=(WIDTH, 0.5 + WIDTH / 2 * rows / columns), layout="constrained")
    pooling, align = figure.subplots(1, 2)
    pooling.imshow(energy, cmap="gray", extent=(0, columns, rows, 0))
    align.imshow(energy, cmap="gray")  # the center of cell k is at k
    x1, y1, x2, y2 = quantized
    for i, (top, bottom) in enumerate(pooling_bins(y2 - y1, size)):
        for j, (left, right) in enumerate(pooling_bins(x2 - x1, size)):
            inset = 0.1 + 0.15 * ((i + j) % 2)  # adjacent bins may share a cell
            corner = (x1 + left + inset, y1 + top + inset)
            sides = (right - left - 2 * inset, bottom - top - 2 * inset)
            pooling.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=BLUE, linewidth=1))
    centers = (np.arange(size) + 0.5) / size
    x1, y1, x2, y2 = roi
    x, y = np.meshgrid(x1 + centers * (x2 - x1), y1 + centers * (y2 - y1))
    align.plot(x.ravel(), y.ravel(), "o", color=BLUE, markersize=4)
    for axes in (pooling, align):
        axes.add_patch(
            Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=ORANGE, linewidth=2.5)
        )
        axes.set(xticks=[], yticks=[])
    pooling.set_title(f"RoI pooling: whole cells, {size} × {size} bins", size=10)
    align.set_title(f"RoIAlign: {size} × {size} points between cells", size=10)
    return figure


def plot_shift_errors(
    shifts: Sequence[float] | np.ndarray, errors: Mapping[str, np.ndarray], stride: int
) -> Figure:
    """How much pooled values change when image and box move together.

    Args:
        shifts: (N,) pixels.
        errors: by method (N,), in standard deviations of the map.
        stride: pixels per cell; a dashed line marks shifts by whole cells.
    """
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for (name, values), color in zip(errors.items(), (ORANGE, BLUE), strict=True):
        axes.plot(shifts, values, "o-", color=color, markersize=3, label=name)
    for cells in range(int(max(shifts)) // stride + 1):
        axes.axvline(cells * stride, color=GRAY, linewidth=1, linestyle="--")
    axes.set(xlabel="shift of box and image, pixels", ylabel="error, standard deviations")
    axes.set(ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def plot_pooled_rois(
    crops: Sequence[np.ndarray], pooled: Sequence[np.ndarray], captions: Sequence[str]
) -> Figure:
    """RoIs above their pooled cells.

    Args:
        crops: uint8 (h, w, 3) each.
        pooled: (n, n) each, to one color scale.
        captions: one per RoI.
    """
    figure = Figure(figsize=(WIDTH, 0.5 + 2 * WIDTH / len(crops)), layout="constrained")
    panels = figure.subplots(2, len(crops), squeeze=False)
    highest = max(cells.max() for cells in pooled)
    for k, (crop, cells, caption) in enumerate(zip(crops, pooled, captions, strict=True)):
        upper, lower = panels[:, k]
        upper.imshow(crop, aspect="auto")
        upper.set_title(caption, size=9)
        lower.imshow(cells, cmap="magma", vmin=0, vmax=highest)
        for axes in (upper, lower):
            axes.set(xticks=[], yticks=[])
            axes.set_box_aspect(1)
    return figure
