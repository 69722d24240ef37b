"""Plots of sliding windows and HOG: pyramid levels, gradients, glyphs, score maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from shopee_od.course.colors import BLUE, ORANGE
from shopee_od.detectors.slots import Proposals
from shopee_od.ops.hog import BINS, BLOCK

WIDTH = 9.0  # inches of a wide figure
GAP = 12  # pixels between the levels of a pyramid
BACKGROUND = 0.12  # the gray behind glyphs


def plot_pyramid_levels(
    levels: Sequence[np.ndarray], windows: Sequence[Sequence[np.ndarray]]
) -> Figure:
    """The levels of an image pyramid side by side, to one scale, with windows.

    Args:
        levels: uint8 (h, w, 3) each, the largest first.
        windows: for each level the windows (N, 4) of each shape.
    """
    total_width = sum(level.shape[1] + GAP for level in levels) - GAP
    total_height = levels[0].shape[0]
    size = (WIDTH, WIDTH * (total_height + 16) / total_width)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    left = 0
    for level, windows_by_shape in zip(levels, windows, strict=True):
        height, width = level.shape[:2]
        axes.imshow(level, extent=(left, left + width, height, 0))
        axes.text(left, height + 2, f"{height} × {width}", va="top", size=8)
        for boxes, color in zip(windows_by_shape, (BLUE, ORANGE), strict=False):
            for x1, y1, x2, y2 in boxes:
                corner = (left + x1, y1)
                axes.add_patch(
                    Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=1.2)
                )
        left += width + GAP
    axes.set(xlim=(-1, total_width + 1), ylim=(total_height + 16, -1), aspect="equal")
    axes.axis("off")
    return figure


def plot_gradients(image: np.ndarray, magnitude: np.ndarray, orientation: np.ndarray) -> Figure:
    """An image, the magnitude of its gradients, and their orientation as a hue.

    Args:
        image: uint8 (H, W, 3).
        magnitude: (H, W).
        orientation: (H, W) degrees in [0, 180).
    """
    brightness = np.clip(magnitude / np.quantile(magnitude, 0.99), 0, 1)
    hsv = np.stack([orientation / 180, np.ones_like(brightness), brightness], axis=2)
    panels = {
        "the image": image,
        "magnitude": brightness,
        "orientation, as a color": hsv_to_rgb(hsv),
    }
    size = (WIDTH, 0.4 + WIDTH / 3 * image.shape[0] / image.shape[1])
    figure = Figure(figsize=size, layout="constrained")
    for axes, (title, values) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        axes.imshow(values, cmap="gray", vmin=0, vmax=1)
        axes.set_title(title, size=9)
        axes.axis("off")
    return figure


def plot_cell_histogram(
    pixels: np.ndarray, magnitude: np.ndarray, orientation: np.ndarray, histogram: np.ndarray
) -> Figure:
    """One cell of HOG: its pixels with their gradients as arrows, and its nine numbers.

    Args:
        pixels: uint8 (8, 8, 3).
        magnitude: (8, 8).
        orientation: (8, 8) degrees in [0, 180).
        histogram: (9,).
    """
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    arrows, bars = figure.subplots(1, 2, width_ratios=[1, 1.6])
    arrows.imshow(pixels)
    angle = np.radians(orientation)
    length = magnitude / max(magnitude.max(), 1e-9)
    y, x = np.indices(magnitude.shape)
    style = {"angles": "xy", "scale_units": "xy", "scale": 1.2, "width": 0.012, "pivot": "mid"}
    arrows.quiver(x, y, length * np.cos(angle), length * np.sin(angle), color=ORANGE, **style)
    arrows.set(xticks=[], yticks=[])
    arrows.set_title("a cell, one arrow per pixel", size=9)
    bars.bar(np.arange(BINS), histogram, color=BLUE, width=0.9)
    bars.set_xticks(np.arange(BINS + 1) - 0.5, [f"{20 * k}°" for k in range(BINS + 1)])
    bars.set(xlabel="orientation of the gradient", ylabel="mean magnitude")
    bars.set_title("its nine numbers", size=9)
    bars.grid(axis="y", alpha=0.3)
    return figure


def plot_hog_glyphs(
    histograms: Mapping[str, np.ndarray], columns: int = 4, size: float = 2.2
) -> Figure:
    """HOG cells as glyphs: one line per orientation, brighter for larger magnitudes.

    Lines run along the edge, perpendicular to the gradient.

    Args:
        histograms: by title (rows, columns, 9), one panel each.
        columns: of panels.
        size: inches of a panel's width.
    """
    columns = min(columns, len(histograms))
    rows = -(-len(histograms) // columns)
    tallest = max(cells.shape[0] / cells.shape[1] for cells in histograms.values())
    figure = Figure(figsize=(size * columns, (size * tallest + 0.3) * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, (title, cells) in zip(panels, histograms.items(), strict=False):
        height, width = cells.shape[:2]
        axes.add_collection(_glyph_lines(cells))
        axes.add_patch(Rectangle((0, 0), width, height, color=str(BACKGROUND), zorder=0))
        axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
        axes.set_title(title, size=9)
        axes.set_anchor("N")
    return figure


def _glyph_lines(cells: np.ndarray) -> LineCollection:
    """One line through each cell's center for each orientation, gray to white."""
    y, x, k = np.indices(cells.shape).reshape(3, -1)
    angle = np.radians((k + 0.5) * 180 / BINS + 90)
    offset = 0.45 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    center = np.stack([x, y], axis=1) + 0.5
    scale = max(np.quantile(cells.max(axis=2), 0.98), 1e-9)
    brightness = np.clip(cells.ravel() / scale, 0, 1)
    order = np.argsort(brightness)  # the brightest on top
    segments = np.stack([center - offset, center + offset], axis=1)[order]
    colors = [str(BACKGROUND + (1 - BACKGROUND) * value) for value in brightness[order]]
    return LineCollection(list(segments), colors=colors, linewidths=1.1)


def template_to_cells(template: np.ndarray) -> np.ndarray:
    """The weights that an SVM gives each cell, summed over the blocks that contain it.

    Args:
        template: (rows, columns, 36) weights of blocks.
    Returns:
        (rows + 1, columns + 1, 9).
    """
    rows, columns = template.shape[:2]
    cells = np.zeros((rows + BLOCK - 1, columns + BLOCK - 1, BINS))
    for part, (i, j) in enumerate(np.ndindex(BLOCK, BLOCK)):
        cells[i : i + rows, j : j + columns] += template[:, :, part * BINS : (part + 1) * BINS]
    return cells


def make_score_map(image: np.ndarray, windows: Proposals, scores: np.ndarray) -> np.ndarray:
    """The best score of the windows centered at each pixel, for `drawing.draw_heat_map`.

    Args:
        image: uint8 (H, W, 3).
        windows: N windows with their grids.
        scores: (N,); grids with scores of -inf are left out.
    Returns:
        float (H, W): the lowest of all scores where no window is centered.
    """
    grids = []
    start = 0
    for grid in windows.grids:
        end = start + grid.rows * grid.columns
        boxes = windows.boxes[start:end]
        values = np.asarray(scores[start:end], np.float32).reshape(grid.rows, grid.columns)
        if np.isfinite(values).all():
            x = (boxes[:, 0] + boxes[:, 2]) / 2
            y = (boxes[:, 1] + boxes[:, 3]) / 2
            grids.append((x, y, values))
        start = end
    lowest = min((values.min() for _, _, values in grids), default=0.0)
    score_map = np.full(image.shape[:2], lowest)
    for x, y, values in grids:
        rows = slice(round(y.min()), round(y.max() + 1))
        columns = slice(round(x.min()), round(x.max() + 1))
        area = score_map[rows, columns]
        enlarged = Image.fromarray(values).resize(area.shape[::-1], Image.Resampling.BILINEAR)
        np.maximum(area, np.asarray(enlarged), out=area)
    return score_map
