"""Figures of notebook 02: a pyramid with its windows, gradients, HOG as glyphs, and where a template fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from shopee_od.lessons.colours import BLUE, ORANGE
from shopee_od.ops.hog import BINS, BLOCK

WIDTH, GAP = 9.0, 12  # inches of a wide figure; pixels between the levels of a pyramid
BACK = 0.12  # the grey behind glyphs


def levels(photos: Sequence[np.ndarray], windows: Sequence[Sequence[np.ndarray]]) -> Figure:
    """A pyramid's levels uint8 (h, w, 3), for each a list of windows (N, 4), a kind each -> all to one scale."""
    wide = sum(photo.shape[1] + GAP for photo in photos) - GAP
    high = photos[0].shape[0]
    figure = Figure(figsize=(WIDTH, WIDTH * (high + 16) / wide), layout="constrained")
    axes, left = figure.subplots(), 0
    for photo, kinds in zip(photos, windows, strict=True):
        height, width = photo.shape[:2]
        axes.imshow(photo, extent=(left, left + width, height, 0))
        axes.text(left, height + 2, f"{height} × {width}", va="top", size=8)
        for boxes, colour in zip(kinds, (BLUE, ORANGE), strict=False):
            for x1, y1, x2, y2 in boxes:
                axes.add_patch(
                    Rectangle((left + x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=1.2)
                )
        left += width + GAP
    axes.set(xlim=(-1, wide + 1), ylim=(high + 16, -1), aspect="equal")
    axes.axis("off")
    return figure


def gradients(photo: np.ndarray, strength: np.ndarray, direction: np.ndarray) -> Figure:
    """uint8 (H, W, 3), (H, W), (H, W) in degrees -> the photo, how strong its edges are, and which way they run."""
    bright = np.clip(strength / np.quantile(strength, 0.99), 0, 1)
    hue = hsv_to_rgb(np.stack([direction / 180, np.ones_like(bright), bright], axis=2))
    shown = {"the photo": photo, "strength": bright, "direction, as a colour": hue}
    figure = Figure(figsize=(WIDTH, 0.4 + WIDTH / 3 * photo.shape[0] / photo.shape[1]), layout="constrained")
    for axes, (title, picture) in zip(figure.subplots(1, 3), shown.items(), strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(title, size=9)
        axes.axis("off")
    return figure


def one_cell(patch: np.ndarray, strength: np.ndarray, direction: np.ndarray, histogram: np.ndarray) -> Figure:
    """A cell's pixels (8, 8, 3), their gradients, and its 9 numbers -> an arrow a pixel, a bar a direction."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.6])
    left.imshow(patch)
    angle, length = np.radians(direction), strength / max(strength.max(), 1e-9)
    y, x = np.indices(strength.shape)
    across, down = length * np.cos(angle), length * np.sin(angle)
    left.quiver(x, y, across, down, color=ORANGE, angles="xy", scale_units="xy", scale=1.2, width=0.012, pivot="mid")
    left.set(xticks=[], yticks=[])
    left.set_title("a cell, an arrow a pixel", size=9)
    right.bar(np.arange(BINS), histogram, color=BLUE, width=0.9)
    right.set_xticks(np.arange(BINS + 1) - 0.5, [f"{20 * k}°" for k in range(BINS + 1)])
    right.set(xlabel="direction of the gradient", ylabel="mean strength")
    right.set_title("its nine numbers", size=9)
    right.grid(axis="y", alpha=0.3)
    return figure


def glyphs(pictures: Mapping[str, np.ndarray], columns: int = 4, size: float = 2.2) -> Figure:
    """Cells (rows, columns, 9) by title -> a panel each; size: inches of a panel's width.

    In each cell a line for each direction, the brighter the stronger. It runs along the edge, which is across the
    gradient.
    """
    columns, rows = min(columns, len(pictures)), -(-len(pictures) // columns)
    tallest = max(cells.shape[0] / cells.shape[1] for cells in pictures.values())
    figure = Figure(figsize=(size * columns, (size * tallest + 0.3) * rows), layout="constrained")
    for axes in (panels := figure.subplots(rows, columns, squeeze=False).ravel()):
        axes.axis("off")
    for axes, (title, cells) in zip(panels, pictures.items(), strict=False):
        axes.add_collection(_lines(cells))
        high, wide = cells.shape[:2]
        axes.add_patch(Rectangle((0, 0), wide, high, color=str(BACK), zorder=0))
        axes.set(xlim=(0, wide), ylim=(high, 0), aspect="equal")
        axes.set_title(title, size=9)
        axes.set_anchor("N")
    return figure


def _lines(cells: np.ndarray) -> LineCollection:
    """A line through the middle of each cell for each direction, its grey from that of the ground to white."""
    y, x, k = np.indices(cells.shape).reshape(3, -1)
    along = np.radians((k + 0.5) * 180 / BINS + 90)
    reach = 0.45 * np.stack([np.cos(along), np.sin(along)], axis=1)
    middle = np.stack([x, y], axis=1) + 0.5
    bright = np.clip(cells.ravel() / max(np.quantile(cells.max(axis=2), 0.98), 1e-9), 0, 1)
    order = np.argsort(bright)  # the strongest on top
    ends = np.stack([middle - reach, middle + reach], axis=1)[order]
    return LineCollection(ends, colors=[str(BACK + (1 - BACK) * each) for each in bright[order]], linewidths=1.1)


def of_cells(template: np.ndarray) -> np.ndarray:
    """An SVM's weights for blocks (rows, columns, 36) -> (rows + 1, columns + 1, 9): each cell's, of all its blocks."""
    rows, columns = template.shape[:2]
    cells = np.zeros((rows + BLOCK - 1, columns + BLOCK - 1, BINS))
    for part, (i, j) in enumerate(np.ndindex(BLOCK, BLOCK)):
        cells[i : i + rows, j : j + columns] += template[:, :, part * BINS : (part + 1) * BINS]
    return cells


def where(photo: np.ndarray, found: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """uint8 (H, W, 3); windows (N, 4) and scores (N,), row by row, size by size -> float (H, W), for `draw.heat_map`.

    At each place the best score that a window has whose middle lies there; the lowest of all where there is none.
    """
    maps = []
    for boxes, scores in found:
        if len(boxes):
            x, y = ((boxes[:, k] + boxes[:, k + 2]) / 2 for k in (0, 1))
            columns, rows = len(np.unique(boxes[:, 0])), len(np.unique(boxes[:, 1]))
            maps.append((x, y, np.asarray(scores, np.float32).reshape(rows, columns)))
    lowest = min((each.min() for _, _, each in maps), default=0.0)
    best = np.full(photo.shape[:2], lowest)
    for x, y, each in maps:
        left, top, right, bottom = (round(side) for side in (x.min(), y.min(), x.max() + 1, y.max() + 1))
        there = best[top:bottom, left:right]
        stretched = Image.fromarray(each).resize(there.shape[::-1], Image.Resampling.BILINEAR)
        np.maximum(there, np.asarray(stretched), out=there)
    return best
