"""Non-maximum suppression: which box removes which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from shopee_od import drawing
from shopee_od.course.colors import BLUE, DARK_GRAY, ORANGE
from shopee_od.ops.boxes import box_iou

PANEL = 4.2  # inches


def plot_suppression(
    boxes: np.ndarray, scores: np.ndarray, kept: Sequence[int], iou_threshold: float
) -> Figure:
    """Boxes before and after NMS: an arrow leads from each box that is kept to those it removes.

    Args:
        boxes: (N, 4).
        scores: (N,).
        kept: indices that NMS keeps, the highest score first.
        iou_threshold: the highest IoU that two kept boxes may have.
    """
    low = boxes[:, :2].min(axis=0) - 1
    high = boxes[:, 2:].max(axis=0) + 1
    width, height = high - low
    size = (2 * PANEL, PANEL * height / width + 0.3)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    before, after = figure.subplots(1, 2)
    gone = [k for k in range(len(boxes)) if k not in kept]
    removed = {k: _find_remover(boxes, k, kept, iou_threshold) for k in gone}
    for axes in (before, after):
        axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
        axes.axis("off")
    for k in reversed(range(len(boxes))):  # the first on top
        tag = f"{k}: {scores[k]:.2f}"
        _draw_box(before, boxes[k], tag, BLUE)
        if k in removed:
            _draw_box(after, boxes[k], "", ORANGE, dashed=True)
        else:
            _draw_box(after, boxes[k], tag, BLUE)
    for k, remover in removed.items():
        _draw_arrow(after, boxes[remover], boxes[k], str(k))
    before.set_title(f"{len(boxes)} boxes with their scores", size=9)
    after.set_title(f"{len(kept)} kept; an arrow leads to each box they remove", size=9)
    return figure


def draw_suppression(
    image: np.ndarray,
    boxes: np.ndarray,
    scores: np.ndarray,
    kept: Sequence[int],
    iou_threshold: float,
) -> Image.Image:
    """Boxes on an image before and after NMS: a removed box names the box that removes it.

    Args:
        image: uint8 (H, W, 3).
        boxes: (N, 4).
        scores: (N,).
        kept: indices that NMS keeps, the highest score first.
        iou_threshold: the highest IoU that two kept boxes may have.
    """
    tags = [f"{k}: {score:.2f}" for k, score in enumerate(scores)]
    gone = [k for k in range(len(boxes)) if k not in kept]
    removed = [f"{k} by {_find_remover(boxes, k, kept, iou_threshold)}" for k in gone]
    remaining = list(kept)
    pictures = [
        drawing.draw_layers(image, [drawing.Layer(boxes, "kept", tags)]),
        drawing.draw_layers(
            image,
            [
                drawing.Layer(boxes[gone], "rejected", removed),
                drawing.Layer(boxes[remaining], "kept", [tags[k] for k in remaining]),
            ],
        ),
    ]
    captions = [f"before: {len(boxes)} boxes", f"after: {len(remaining)} boxes"]
    return drawing.make_contact_sheet(pictures, 2, captions, cell=520)


def _find_remover(boxes: np.ndarray, k: int, kept: Sequence[int], iou_threshold: float) -> int:
    """The highest-scoring kept box that overlaps box k by more than the threshold."""
    overlaps = box_iou(boxes[[k]], boxes[list(kept)])[0] > iou_threshold
    return int(kept[overlaps.argmax()])


def _draw_box(axes: Axes, box: np.ndarray, tag: str, color: str, dashed: bool = False) -> None:
    x1, y1, x2, y2 = box
    rectangle = Rectangle(
        (x1, y1),
        x2 - x1,
        y2 - y1,
        facecolor="none",
        edgecolor=color,
        linestyle="--" if dashed else "-",
        linewidth=1.0 if dashed else 1.8,
    )
    axes.add_patch(rectangle)
    if tag:
        frame = {"facecolor": color, "edgecolor": "none", "pad": 1.2}
        axes.text(x1, y1, tag, size=7.5, color="white", va="bottom", bbox=frame)


def _draw_arrow(axes: Axes, start: np.ndarray, end: np.ndarray, name: str) -> None:
    """Between lower right corners, from the box that is kept to the one that it removes."""
    x, y = end[2:].tolist()
    style = {"arrowstyle": "-|>", "color": DARK_GRAY, "linewidth": 1.0, "shrinkA": 0}
    axes.annotate("", (x, y), tuple(start[2:].tolist()), arrowprops=style)
    axes.text(x, y, name, size=8, color=ORANGE, weight="bold", ha="left", va="top")
