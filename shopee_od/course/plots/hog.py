"""Plots of HOG: gradients, the histogram of a cell, cells and templates as glyphs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.course.colors import BLUE, ORANGE
from shopee_od.ops.hog import BINS, BLOCK

WIDTH = 9.0  # inches of a wide figure
BACKGROUND = 0.12  # the gray behind glyphs


def plot_gradients(image: np.ndarray, magnitude: np.ndarray, orientation: np.ndarray) -> Figure:
    """An image, the magnitude of its gradients, and their orientation as a hue, with a key.

    Args:
        image: uint8 (H, W, 3).
        magnitude: (H, W).
        orientation: (H, W) degrees in [0, 180).
    """
    brightness = np.clip(magnitude / np.quantile(magnitude, 0.99), 0, 1)
    panels = {
        "the image": image,
        "magnitude": brightness,
        "orientation, as a color": _orientation_colors(orientation, brightness),
    }
    size = (WIDTH, 0.4 + WIDTH / 3.5 * image.shape[0] / image.shape[1])
    figure = Figure(figsize=size, layout="constrained")
    *axes, key = figure.subplots(1, 4, width_ratios=[2, 2, 2, 1])
    for panel, (title, values) in zip(axes, panels.items(), strict=True):
        panel.imshow(values, cmap="gray", vmin=0, vmax=1)
        panel.set_title(title, size=9)
        panel.axis("off")
    _draw_orientation_key(key)
    return figure


def _orientation_colors(orientation: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Degrees in [0, 180) as hues, (H, W) each -> (H, W, 3) in 0 to 1."""
    return hsv_to_rgb(np.stack([orientation / 180, np.ones_like(brightness), brightness], axis=2))


def _draw_orientation_key(axes: Axes) -> None:
    """A disk whose hue is the orientation of the gradient toward each direction."""
    y, x = np.mgrid[-1:1:129j, -1:1:129j]
    orientation = np.degrees(np.arctan2(y, x)) % 180
    disk = _orientation_colors(orientation, np.ones_like(x))
    radius = np.hypot(x, y)
    disk[(radius > 1) | (radius < 0.4)] = 1
    axes.imshow(disk, extent=(-1, 1, 1, -1))
    for angle in (0, 45, 90, 135):
        x, y = 1.25 * np.cos(np.radians(angle)), 1.25 * np.sin(np.radians(angle))
        axes.text(x, y, f"{angle}°", size=8, ha="center", va="center")
    axes.set(xlim=(-1.6, 1.6), ylim=(1.6, -1.6))
    axes.set_title("direction of\nthe gradient", size=9)
    axes.axis("off")


def plot_cell_histogram(
    pixels: np.ndarray, magnitude: np.ndarray, orientation: np.ndarray, histogram: np.ndarray
) -> Figure:
    """One cell of HOG: its pixels with their gradients as lines, and its nine numbers.

    A line has no head, because an orientation has no sign.

    Args:
        pixels: uint8 (8, 8, 3).
        magnitude: (8, 8).
        orientation: (8, 8) degrees in [0, 180).
        histogram: (9,).
    """
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    lines, bars = figure.subplots(1, 2, width_ratios=[1, 1.6])
    lines.imshow(pixels)
    angle = np.radians(orientation)
    length = magnitude / max(magnitude.max(), 1e-9)
    y, x = np.indices(magnitude.shape)
    style = {"angles": "xy", "scale_units": "xy", "scale": 1.2, "width": 0.012, "pivot": "mid"}
    style |= {"headwidth": 0, "headlength": 0, "headaxislength": 0}
    lines.quiver(x, y, length * np.cos(angle), length * np.sin(angle), color=ORANGE, **style)
    lines.set(xticks=[], yticks=[])
    lines.set_title("a cell, one line per pixel", size=9)
    bars.bar(np.arange(BINS), histogram, color=BLUE, width=0.9)
    bars.set_xticks(np.arange(BINS + 1) - 0.5, [f"{20 * k}°" for k in range(BINS + 1)])
    bars.set(xlabel="orientation of the gradient", ylabel="mean magnitude")
    bars.set_title("its nine numbers", size=9)
    bars.grid(axis="y", alpha=0.3)
    return figure


def plot_hog_glyphs(
    histograms: Mapping[str, np.ndarray], columns: int = 4, size: float = 2.2
) -> Figure:
    """HOG cells as glyphs: one line per orientation, brighter for larger values.

    Lines run along the edge, perpendicular to the gradient. All panels have one scale.

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
    largest = np.concatenate([cells.max(axis=2).ravel() for cells in histograms.values()])
    brightest = max(np.quantile(largest, 0.98), 1e-9)
    for axes in panels:
        axes.axis("off")
    for axes, (title, cells) in zip(panels, histograms.items(), strict=False):
        height, width = cells.shape[:2]
        axes.add_collection(_glyph_lines(cells / brightest))
        axes.add_patch(Rectangle((0, 0), width, height, color=str(BACKGROUND), zorder=0))
        axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
        axes.set_title(title, size=9)
        axes.set_anchor("N")
    return figure


def _glyph_lines(cells: np.ndarray) -> LineCollection:
    """One line through each cell's center for each orientation, gray at 0, white from 1."""
    y, x, k = np.indices(cells.shape).reshape(3, -1)
    angle = np.radians((k + 0.5) * 180 / BINS + 90)
    offset = 0.45 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    center = np.stack([x, y], axis=1) + 0.5
    brightness = np.clip(cells.ravel(), 0, 1)
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
