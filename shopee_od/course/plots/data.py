"""Plots of a data set: classes, sizes, shapes, positions, IoU, images by source, collages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from shopee_od.course.colors import BLUE, GRAY, GREEN, ORANGE, PURPLE
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.drawing import Layer, draw_ground_truth, draw_layers, make_contact_sheet

SPLITS = ("train", "val", "test", "no split")  # in the order of the bars
GRID_CELLS = 40  # per side of a map of positions
QUARTER = 300  # pixels per side of an image in a collage


def plot_class_counts(counts: pd.DataFrame) -> Figure:
    """Boxes per class as stacked bars.

    Args:
        counts: one row per class, the first on top; one column for each of SPLITS that there is.
    """
    counts = counts[[name for name in SPLITS if name in counts]]
    figure = Figure(figsize=(7, 1.2 + 0.28 * len(counts)), layout="constrained")
    axes = figure.subplots()
    colors = [BLUE, ORANGE, GRAY, PURPLE]
    counts.iloc[::-1].plot.barh(stacked=True, ax=axes, width=0.75, color=colors)
    axes.set(xlabel="boxes", ylabel="")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False)
    return figure


def plot_box_shapes(coverage: np.ndarray, aspect: np.ndarray) -> Figure:
    """Histograms of the size and the shape of boxes.

    Args:
        coverage: (N,) the share of its image that each box covers.
        aspect: (N,) width over height.
    """
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    sizes, shapes = figure.subplots(1, 2)
    sizes.hist(coverage, np.linspace(0, 1, 26), color=BLUE)
    sizes.set(xlabel="share of the image that the box covers", ylabel="boxes")
    ticks = [0.125, 0.25, 0.5, 1, 2, 4]
    shapes.hist(np.log2(aspect), np.linspace(-3, 2, 31), color=BLUE)
    shapes.set_xticks(np.log2(ticks), [f"{tick:g}" for tick in ticks])
    shapes.set(xlabel="width : height")
    return figure


def plot_box_positions(boxes: np.ndarray, types: np.ndarray) -> Figure:
    """How often each point of an image is inside a box, one map per garment type.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 as shares of the image's width and height.
        types: (N,) "upper", "lower", "full" or "".
    """
    names = [name for name in ("upper", "lower", "full", "") if (types == name).any()]
    panels = max(len(names), 1)
    figure = Figure(figsize=(2.3 * panels + 0.8, 2.9), layout="constrained")
    centers = (np.arange(GRID_CELLS) + 0.5) / GRID_CELLS
    image = None
    for axes, name in zip(np.atleast_1d(figure.subplots(1, panels)), names, strict=False):
        x1, y1, x2, y2 = boxes[types == name].T[:, :, None]
        inside_x = (x1 <= centers) & (centers < x2)
        inside_y = (y1 <= centers) & (centers < y2)
        share = np.einsum("ny,nx->yx", inside_y.astype(float), inside_x.astype(float)) / len(x1)
        image = axes.imshow(share, cmap="magma", vmin=0, vmax=1, extent=(0, 1, 1, 0))
        axes.set(title=f"{name or 'type not known'} ({len(x1):,})", xticks=[], yticks=[])
    if image is not None:
        figure.colorbar(image, ax=figure.axes, label="share of boxes")
    return figure


def plot_intersection(box1: np.ndarray, box2: np.ndarray) -> Figure:
    """Two boxes (4,) with corners at whole numbers, on a grid of pixels, and their intersection."""
    right, bottom = np.maximum(box1[2:], box2[2:]) + 1
    figure = Figure(figsize=(5.2, 0.8 + 4.4 * bottom / right), layout="constrained")
    axes = figure.subplots()
    start = np.maximum(box1[:2], box2[:2])
    end = np.minimum(box1[2:], box2[2:])
    if (end > start).all():
        axes.add_patch(Rectangle(start, *(end - start), color=GREEN, alpha=0.35, linewidth=0))
    for box, color, name in ((box1, BLUE, "box1"), (box2, ORANGE, "box2")):
        x1, y1, x2, y2 = box
        axes.add_patch(
            Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=3)
        )
        label = f"{name}: {x1}, {y1}, {x2}, {y2}"
        axes.text(x1 + 0.1, y1 - 0.1, label, color=color, va="bottom", size=11)
    axes.set(xlim=(0, right), ylim=(bottom, 0), aspect="equal")
    axes.set(xticks=range(right + 1), yticks=range(bottom + 1))
    axes.set(xlabel="x, pixels", ylabel="y, pixels, downward")
    axes.grid(alpha=0.5)
    return figure


def draw_shifted_boxes(image: np.ndarray, box: np.ndarray, ious: Sequence[float]) -> Image.Image:
    """A ground-truth box, and next to each other copies of it that are shifted right and down.

    Args:
        image: uint8 (H, W, 3).
        box: (4,) x1, y1, x2, y2, dashed in each picture.
        ious: the IoU of each copy with `box`.
    """
    pictures = []
    captions = []
    for iou in ious:
        # Shifted by a share s of both sides, IoU = (1 - s)² / (2 - (1 - s)²).
        share = 1 - np.sqrt(2 * iou / (1 + iou))
        shift = share * np.tile(box[2:] - box[:2], 2)
        layers = [Layer(box[None], "ground_truth"), Layer((box + shift)[None], "after")]
        pictures.append(draw_layers(image, layers))
        captions.append(f"IoU {iou}: shifted by {share:.0%} of its width and height")
    return make_contact_sheet(pictures, captions=captions, cell=300)


def draw_samples_by_source(dataset: Dataset, num_images: int, seed: int) -> Image.Image:
    """Images of each source with their labeled boxes: shop photos, consumers' photos.

    Args:
        dataset: if it names no sources, twice as many images of it.
        num_images: of each source.
        seed: of the sample.
    """
    sources = [name for name in dataset.images.source.unique() if name]
    parts = [dataset.take(dataset.images.image_id[dataset.images.source == s]) for s in sources]
    samples = [part.sample(min(num_images, len(part)), seed) for part in parts]
    samples = samples or [dataset.sample(min(2 * num_images, len(dataset)), seed)]
    pictures = []
    captions = []
    for sample in samples:
        for row in sample.images.itertuples():
            rows = sample.boxes_of(row.image_id)
            pictures.append(draw_ground_truth(read_photo(row.path), rows))
            names = ", ".join(dataset.label_names[label] for label in rows.label)
            captions.append(f"{row.source}: {names}" if row.source else names)
    return make_contact_sheet(pictures, num_images, captions, cell=240)


def draw_collage_and_chart(collage: np.ndarray, boxes: np.ndarray) -> Image.Image:
    """A collage with its boxes (N, 4) and, in red, one box around all of them; a size chart."""
    hull = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    layers = [Layer(boxes, "ground_truth"), Layer(hull[None], "rejected")]
    captions = [
        f"a collage: {len(boxes)} labeled garments; in red, one box around all of them",
        "a size chart: no garment",
    ]
    pictures: list[np.ndarray | Image.Image] = [draw_layers(collage, layers), draw_size_chart()]
    return make_contact_sheet(pictures, captions=captions, cell=420)


def make_collage(
    images: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Four images in one.

    Args:
        images: four, uint8 (H, W, 3).
        boxes: (N, 4) for each.
    Returns:
        collage: uint8 (H, W, 3), square.
        boxes: (M, 4) all boxes, in pixels of the collage.
    """
    collage = Image.new("RGB", (2 * QUARTER, 2 * QUARTER), "white")
    moved = []
    for k, (image, image_boxes) in enumerate(zip(images, boxes, strict=True)):
        height, width = image.shape[:2]
        scale = QUARTER / max(height, width)
        small = Image.fromarray(image).resize((round(width * scale), round(height * scale)))
        left = k % 2 * QUARTER + (QUARTER - small.width) // 2
        top = k // 2 * QUARTER + (QUARTER - small.height) // 2
        collage.paste(small, (left, top))
        moved.append(np.asarray(image_boxes) * scale + [left, top, left, top])
    return np.asarray(collage), np.concatenate(moved)


def draw_size_chart() -> np.ndarray:
    """uint8 (H, W, 3): a size chart as shops publish it, a garment's outline above a table."""
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    outline, table = figure.subplots(2, 1)
    x = [2, 3.4, 4, 6, 6.6, 8, 9.5, 8.6, 7.5, 7.5, 2.5, 2.5, 1.4, 0.5]
    y = [9, 9.6, 9, 9, 9.6, 9, 6, 5.5, 7, 0.5, 0.5, 7, 5.5, 6]
    outline.fill(x, y, facecolor="#f2f2f2", edgecolor="black")
    outline.annotate("", (2.5, 4), (7.5, 4), arrowprops={"arrowstyle": "<->"})
    outline.text(5, 4.2, "bust", ha="center")
    outline.set(aspect="equal")
    rows = [[size, 84 + 4 * k, 58 + k, 36 + k] for k, size in enumerate(("S", "M", "L", "XL"))]
    headings = ["in cm", "bust", "length", "shoulder"]
    cells = table.table(rows, colLabels=headings, loc="center", cellLoc="center")
    cells.auto_set_font_size(False)
    cells.set_fontsize(11)
    cells.scale(1, 1.6)
    for axes in (outline, table):
        axes.axis("off")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
