"""Hard negatives: the windows that are mined, and how mining changes the margins of an SVM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from shopee_od import drawing
from shopee_od.course.colors import BLUE, GRAY, GREEN, ORANGE


def draw_mistakes(
    images: Sequence[np.ndarray], boxes: Sequence[np.ndarray], captions: Sequence[str]
) -> Image.Image:
    """Training images, each with one window that was mined from it, in two rows.

    Args:
        images: uint8 (H, W, 3) each.
        boxes: (4,) each, in pixels of its image.
        captions: one per image.
    """
    frames = [[drawing.Layer(box[None], "uncovered")] for box in boxes]
    pairs = zip(images, frames, strict=True)
    pictures = [drawing.draw_layers(image, layers) for image, layers in pairs]
    columns = max(1, -(-len(pictures) // 2))
    return drawing.make_contact_sheet(pictures, columns, captions, cell=230)


def plot_margins(before: np.ndarray, after: np.ndarray, positives: np.ndarray) -> Figure:
    """Signed distances from one class's SVM, in units of its margin.

    Args:
        before: (N,) of the negatives, before hard-negative mining.
        after: (N,) of the same negatives, after it.
        positives: (M,) of the class's own boxes, after it.
    """
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    low = min(before.min(), after.min())
    high = max(1.5, before.max(), positives.max())
    bins = np.linspace(low, high, 60).tolist()
    curves = (
        (before, ORANGE, "negatives, first SVM"),
        (after, BLUE, "negatives, after mining"),
    )
    for scores, color, label in curves:
        axes.hist(scores, bins, color=color, label=label, histtype="step", linewidth=1.5)
    axes.hist(positives, bins, color=GREEN, alpha=0.6, label="positives, after mining")
    axes.axvspan(-1, 1, color=GRAY, alpha=0.15)
    axes.set(yscale="log", ylabel="regions, log scale")
    axes.set(xlabel="score; inside the margin, from −1 to 1, gray")
    figure.legend(frameon=False, loc="outside right upper")
    return figure
