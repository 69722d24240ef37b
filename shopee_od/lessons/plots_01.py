"""Figures of notebook 01: boxes by class, sizes, shapes and places; what a shop's collage and size chart look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from shopee_od.lessons.colours import BLUE, ORANGE

GRID = 40  # cells a side of the heat map
QUARTER = 300  # pixels a side of a photo in a collage


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


def collage(photos: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Four photos uint8 (H, W, 3), the boxes (N, 4) of each -> one square picture of them, and all boxes in it."""
    picture, placed = Image.new("RGB", (2 * QUARTER, 2 * QUARTER), "white"), []
    for k, (photo, own) in enumerate(zip(photos, boxes, strict=True)):
        height, width = photo.shape[:2]
        scale = QUARTER / max(height, width)
        small = Image.fromarray(photo).resize((round(width * scale), round(height * scale)))
        corner = (k % 2 * QUARTER + (QUARTER - small.width) // 2, k // 2 * QUARTER + (QUARTER - small.height) // 2)
        picture.paste(small, corner)
        placed.append(np.asarray(own) * scale + [*corner, *corner])
    return np.asarray(picture), np.concatenate(placed)


def size_chart() -> np.ndarray:
    """A picture uint8 (H, W, 3) as shops hang beside their photos: a garment's outline, and a table of its sizes."""
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    shirt, table = figure.subplots(2, 1)
    x = [2, 3.4, 4, 6, 6.6, 8, 9.5, 8.6, 7.5, 7.5, 2.5, 2.5, 1.4, 0.5]
    y = [9, 9.6, 9, 9, 9.6, 9, 6, 5.5, 7, 0.5, 0.5, 7, 5.5, 6]
    shirt.fill(x, y, facecolor="#f2f2f2", edgecolor="black")
    shirt.annotate("", (2.5, 4), (7.5, 4), arrowprops={"arrowstyle": "<->"})
    shirt.text(5, 4.2, "bust", ha="center")
    shirt.set(aspect="equal")
    rows = [[size, 84 + 4 * k, 58 + k, 36 + k] for k, size in enumerate(("S", "M", "L", "XL"))]
    names = ["in cm", "bust", "length", "shoulder"]
    cells = table.table(rows, colLabels=names, loc="center", cellLoc="center")
    cells.auto_set_font_size(False)
    cells.set_fontsize(11)
    cells.scale(1, 1.6)
    for axes in (shirt, table):
        axes.axis("off")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
