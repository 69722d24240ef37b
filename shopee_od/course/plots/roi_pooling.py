"""Plots of RoI pooling and RoIAlign: bins and sampling points, rounding errors, pooled cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.course.colors import BLUE, DARK_GRAY, GRAY, ORANGE
from shopee_od.ops.pooling import (
    bilinear_interpolate,
    max_pool_bins,
    pooling_bins,
    quantize_rois,
)

WIDTH = 9.0  # inches
LIGHT_GRAY = "#cccccc"


def plot_pooling_example(values: np.ndarray, roi: np.ndarray, n: int) -> Figure:
    """RoI max pooling of a map of whole numbers, in three steps; the upper right bin in color.

    Args:
        values: int (H, W), one cell per number.
        roi: (4,) x1, y1, x2, y2 in cells, with fractions.
        n: bins per side.
    """
    height, width = values.shape
    x1, y1, x2, y2 = quantize_rois(np.asarray(roi)[None], 1, height, width)[0]
    cells = values[y1:y2, x1:x2]
    rows = pooling_bins(y2 - y1, n)
    columns = pooling_bins(x2 - x1, n)
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    on_map, bins, result = figure.subplots(1, 3, width_ratios=[4, 4, 3])
    for axes in (on_map, bins):
        _draw_cells(axes, values, corner=0.0)
    _outline(on_map, roi, ORANGE)
    _outline(on_map, (x1, y1, x2, y2), BLUE)
    on_map.set_title("1. Round the RoI to whole cells", size=10)
    top, bottom = rows[0] + y1
    left, right = columns[-1] + x1
    _fill(bins, (left, top, right, bottom), BLUE)
    for i, row in enumerate(rows + y1):
        for j, column in enumerate(columns + x1):
            inset = 0.06 + 0.1 * ((i + j) % 2)  # adjacent bins may share a cell
            box = np.array([column[0], row[0], column[1], row[1]])
            _outline(bins, box + np.array([inset, inset, -inset, -inset]), BLUE, 1.5)
    bins.set_title(f"2. Divide it into {n} × {n} bins", size=10)
    _draw_cells(result, max_pool_bins(cells[..., None], n)[..., 0], corner=0.0)
    _fill(result, (n - 1, 0, n, 1), BLUE)
    result.set(xticks=[], yticks=[])
    result.set_title("3. Take each maximum", size=10)
    return figure


def plot_align_example(values: np.ndarray, roi: np.ndarray, n: int) -> Figure:
    """RoIAlign of a map of whole numbers; the upper right point with its four weights.

    Args:
        values: int (H, W); the value of cell k is at coordinate k.
        roi: (4,) x1, y1, x2, y2 in cells, with fractions.
        n: sampling points per side.
    """
    y, x = _sampling_points(roi, n)
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    on_map, weights, result = figure.subplots(1, 3, width_ratios=[4, 4, 3])
    for axes in (on_map, weights):
        _draw_cells(axes, values, corner=-0.5)
        _outline(axes, roi, ORANGE)
        axes.plot(*map(np.ravel, np.meshgrid(x, y)), "o", color=BLUE, markersize=5)
    for edge in np.linspace(roi[0], roi[2], n + 1)[1:-1]:
        on_map.vlines(edge, roi[1], roi[3], ORANGE, linewidth=1.2, linestyle="--")
    for edge in np.linspace(roi[1], roi[3], n + 1)[1:-1]:
        on_map.hlines(edge, roi[0], roi[2], ORANGE, linewidth=1.2, linestyle="--")
    on_map.set_title("1. The center of each bin", size=10)
    _draw_weights(weights, x[-1], y[0], labels=True)
    weights.set_title("2. The weights of its four cells", size=10)
    sampled = bilinear_interpolate(values[..., None], y, x)[..., 0]
    _draw_cells(result, sampled, corner=0.0)
    _fill(result, (n - 1, 0, n, 1), BLUE)
    result.set(xticks=[], yticks=[])
    result.set_title("3. Take each weighted sum", size=10)
    return figure


def plot_pooling_and_align(
    strength: np.ndarray, roi: np.ndarray, quantized: np.ndarray, size: int
) -> Figure:
    """RoI pooling and RoIAlign of one RoI on a map; the first bin and its sampling point in color.

    On the left the cells of the rounded RoI, on the right the points at which RoIAlign samples; the
    RoI in orange. Both have the same scale of gray.

    Args:
        strength: (h, w) the magnitude of each cell's features.
        roi: (4,) in cells, with fractions.
        quantized: int (4,) the same, rounded to whole cells.
        size: bins per side.
    """
    rows, columns = strength.shape
    figure = Figure(figsize=(WIDTH, 0.5 + WIDTH / 2 * rows / columns), layout="constrained")
    pooling, align = figure.subplots(1, 2)
    pooling.imshow(strength, cmap="gray", extent=(0, columns, rows, 0))
    align.imshow(strength, cmap="gray")  # the center of cell k is at k
    for axes, offset in ((pooling, 0.0), (align, -0.5)):
        axes.vlines(np.arange(1, columns) + offset, offset, rows + offset, LIGHT_GRAY, lw=0.4)
        axes.hlines(np.arange(1, rows) + offset, offset, columns + offset, LIGHT_GRAY, lw=0.4)
        _outline(axes, roi, ORANGE, 2.5)
        axes.set(xlim=(offset, columns + offset), ylim=(rows + offset, offset))
        axes.set(xticks=[], yticks=[])
    x1, y1, x2, y2 = quantized
    _outline(pooling, quantized, BLUE, 2.5)
    row, column = size // 2, size // 2
    top, bottom = y1 + pooling_bins(y2 - y1, size)[row]
    left, right = x1 + pooling_bins(x2 - x1, size)[column]
    _fill(pooling, (left, top, right, bottom), BLUE, 0.6)
    _outline(pooling, (left, top, right, bottom), BLUE, 1.5)
    y, x = _sampling_points(roi, size)
    align.plot(*map(np.ravel, np.meshgrid(x, y)), "o", color=BLUE, markersize=4)
    _draw_weights(align, x[column], y[row], labels=False)
    pooling.set_title("RoI pooling: the center bin covers whole cells", size=10)
    align.set_title("RoIAlign: the center point is between four cells", size=10)
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
        label = None if cells else "whole cells"
        axes.axvline(cells * stride, color=GRAY, linewidth=1, linestyle="--", label=label)
    axes.set(xlabel="shift of box and image, pixels", ylabel="error, standard deviations")
    axes.set(ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def plot_pooled_rois(
    crops: Sequence[np.ndarray], pooled: Sequence[np.ndarray], captions: Sequence[str]
) -> Figure:
    """RoIs above their pooled cells, which share one color scale.

    Args:
        crops: uint8 (h, w, 3) each.
        pooled: (n, n) each.
        captions: one per RoI.
    """
    figure = Figure(figsize=(WIDTH, 0.5 + 2 * WIDTH / (len(crops) + 0.4)), layout="constrained")
    panels = figure.subplots(2, len(crops), squeeze=False)
    lowest = min(cells.min() for cells in pooled)
    highest = max(cells.max() for cells in pooled)
    for k, (crop, cells, caption) in enumerate(zip(crops, pooled, captions, strict=True)):
        upper, lower = panels[:, k]
        upper.imshow(crop, aspect="auto")
        upper.set_title(caption, size=9)
        shown = lower.imshow(cells, cmap="magma", vmin=lowest, vmax=highest)
        for axes in (upper, lower):
            axes.set(xticks=[], yticks=[])
            axes.set_box_aspect(1)
    figure.colorbar(shown, ax=panels[1].tolist(), label="mean magnitude")
    return figure


def _sampling_points(roi: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) rows and (n,) columns of the centers of n × n bins of an RoI (4,) in cells."""
    x1, y1, x2, y2 = roi
    centers = (np.arange(n) + 0.5) / n
    return y1 + centers * (y2 - y1), x1 + centers * (x2 - x1)


def _draw_weights(axes: Axes, x: float, y: float, labels: bool) -> None:
    """A sampling point and its four nearest cells, the more opaque the larger their weight."""
    left, top = np.floor([x, y])
    for row in (top, top + 1):
        for column in (left, left + 1):
            weight = (1 - abs(y - row)) * (1 - abs(x - column))
            box = (column - 0.5, row - 0.5, column + 0.5, row + 0.5)
            _fill(axes, box, BLUE, 0.1 + weight)
            if not labels:
                _outline(axes, box, BLUE, 1.5)
            else:
                text = f"× {weight:.3g}"
                axes.text(column, row + 0.33, text, ha="center", va="center", size=7, color=BLUE)
    axes.plot([x], [y], "o", color=ORANGE, markeredgecolor="white", markersize=8, zorder=5)


def _draw_cells(axes: Axes, values: np.ndarray, corner: float) -> None:
    """A grid of numbers; the first cell's upper left corner is at (`corner`, `corner`)."""
    height, width = values.shape
    axes.set(xlim=(corner, corner + width), ylim=(corner + height, corner), aspect="equal")
    axes.set(xticks=range(width + (corner == 0)), yticks=range(height + (corner == 0)))
    axes.tick_params(length=0, labelsize=7, labelcolor=GRAY)
    for spine in axes.spines.values():
        spine.set_color(LIGHT_GRAY)
    for k in range(1, width):
        axes.axvline(corner + k, color=LIGHT_GRAY, linewidth=0.8, zorder=0)
    for k in range(1, height):
        axes.axhline(corner + k, color=LIGHT_GRAY, linewidth=0.8, zorder=0)
    for (y, x), value in np.ndenumerate(values):
        place = (x + corner + 0.5, y + corner + 0.5)
        axes.text(*place, f"{value:g}", ha="center", va="center", color=DARK_GRAY, size=12)


def _outline(
    axes: Axes, box: Sequence[float] | np.ndarray, color: str, linewidth: float = 2.0
) -> None:
    x1, y1, x2, y2 = box
    rectangle = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, lw=linewidth)
    axes.add_patch(rectangle)


def _fill(axes: Axes, box: Sequence[float] | np.ndarray, color: str, alpha: float = 0.25) -> None:
    x1, y1, x2, y2 = box
    rectangle = Rectangle((x1, y1), x2 - x1, y2 - y1, facecolor=color, alpha=alpha, linewidth=0)
    axes.add_patch(rectangle)
