"""Plots of selective search: segments, how they are grouped, and the crops of proposals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from skimage.color import label2rgb
from skimage.segmentation import mark_boundaries

from shopee_od import drawing
from shopee_od.course.colors import ORANGE

WIDTH = 9.0  # inches
TINY_COLORS = {"w": "#d5dbe3", "l": "#a9d3a0", "d": "#5f9a58", "p": "#e9c46a"}
"""Of a wall, a light and a dark cloth, and a pocket."""


def draw_regions(image: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Each region in its mean color, with white borders.

    Args:
        image: uint8 (H, W, 3).
        segments: int (H, W) the region of each pixel.
    Returns:
        uint8 (2H - 1, 2W - 1, 3).
    """
    mean = label2rgb(segments, image, kind="avg", bg_label=-1)
    marked = np.asarray(mark_boundaries(mean, segments, color=(1, 1, 1), mode="subpixel"))
    return (255 * np.clip(marked, 0, 1)).astype(np.uint8)  # enlarging overshoots


def plot_grouping_steps(letters: np.ndarray, steps: Sequence[np.ndarray]) -> Figure:
    """A tiny image, and its regions after each merge; the box of each new region in orange.

    Args:
        letters: str (H, W) the color of each pixel, keys of TINY_COLORS.
        steps: int (H, W) each, the region of each pixel; the newest has the highest number.
    """
    height, width = letters.shape
    columns = len(steps) + 1
    panel = min(2.2, WIDTH / columns)
    size = (panel * columns, 0.35 + panel * height / width)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    first, *panels = figure.subplots(1, columns)
    _fill_pixels(first, letters)
    for (y, x), letter in np.ndenumerate(letters):
        first.text(x + 0.5, y + 0.5, letter, ha="center", va="center", size=8)
    first.set_title("colors of the pixels", size=9)
    for count, (axes, labels) in enumerate(zip(panels, steps, strict=True)):
        _fill_pixels(axes, letters)
        _draw_borders(axes, labels)
        for region in np.unique(labels):
            y, x = _label_position(labels == region)
            axes.text(x + 0.5, y + 0.5, region, ha="center", va="center", size=10, weight="bold")
        if count:
            rows, cols = np.nonzero(labels == labels.max())
            corner = (cols.min() + 0.08, rows.min() + 0.08)
            sides = (np.ptp(cols) + 0.84, np.ptp(rows) + 0.84)
            axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=ORANGE, linewidth=3))
        regions = len(np.unique(labels))
        name = "region" if regions == 1 else "regions"
        axes.set_title(f"{regions} {name}" + (f", merge {count}" if count else ""), size=9)
    return figure


def draw_warped_crops(
    image: np.ndarray,
    boxes: np.ndarray,
    crop_boxes: np.ndarray,
    crops: np.ndarray,
    captions: Sequence[str],
) -> Image.Image:
    """Regions on the image, each above its crop.

    Args:
        image: uint8 (H, W, 3).
        boxes: (N, 4) the regions, in blue.
        crop_boxes: (N, 4) the regions with context, in dashed orange.
        crops: uint8 (N, side, side, 3).
        captions: one per region.
    """
    pictures = []
    for box, crop_box in zip(boxes, crop_boxes, strict=True):
        layers = [drawing.Layer(box[None], "kept"), drawing.Layer(crop_box[None], "before")]
        pictures.append(drawing.draw_layers(image, layers))
    below = [drawing.make_contact_sheet([crop], cell=300) for crop in crops]
    texts = [*captions, *[""] * len(crops)]
    return drawing.make_contact_sheet([*pictures, *below], len(boxes), texts, cell=200)


def _fill_pixels(axes: Axes, letters: np.ndarray) -> None:
    height, width = letters.shape
    for (y, x), letter in np.ndenumerate(letters):
        color = TINY_COLORS[letter]
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=color, edgecolor="white", linewidth=0.5))
    axes.set(xlim=(-0.06, width + 0.06), ylim=(height + 0.06, -0.06), aspect="equal")
    axes.axis("off")


def _draw_borders(axes: Axes, labels: np.ndarray) -> None:
    """Black lines where two regions touch, and around the image."""
    padded = np.pad(labels, 1, constant_values=-1)
    for y, x in np.argwhere(padded[1:-1, :-1] != padded[1:-1, 1:]):
        axes.plot([x, x], [y, y + 1], color="black", linewidth=1.5)
    for y, x in np.argwhere(padded[:-1, 1:-1] != padded[1:, 1:-1]):
        axes.plot([x, x + 1], [y, y], color="black", linewidth=1.5)


def _label_position(mask: np.ndarray) -> np.ndarray:
    """Row and column of the region's pixel that is closest to its center."""
    pixels = np.argwhere(mask)
    return pixels[((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1).argmin()]
