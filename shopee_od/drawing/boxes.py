"""Boxes with tags on an image: detections, ground truth, and layers of boxes in general."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from shopee_od.drawing.canvas import make_canvas
from shopee_od.drawing.primitives import (
    Color,
    Rectangle,
    clip_to_canvas,
    compute_font_size,
    draw_banner,
    draw_box,
    draw_tag,
)
from shopee_od.drawing.styles import PALETTE, STYLES, class_color
from shopee_od.structures import Detections

if TYPE_CHECKING:
    import pandas as pd

NO_GARMENT = "no garment"


@dataclass(frozen=True)
class Layer:
    """Boxes of one role.

    Args:
        boxes: float (N, 4) x1, y1, x2, y2 in pixels of the image, the best first.
        role: a key of `STYLES`.
        tags: N texts, or none.
        colors: N colors, or none; they count only for a role whose style has no color.
    """

    boxes: np.ndarray
    role: str = "detection"
    tags: Sequence[str] = ()
    colors: Sequence[Color] = ()


def make_class_layer(
    boxes: np.ndarray,
    labels: np.ndarray | None,
    scores: np.ndarray | None,
    classes: Sequence[str] | None,
) -> Layer:
    """Boxes in the colors of their classes, with class and score where both are known.

    Args:
        boxes: (N, 4) in pixels of the image.
        labels: (N,); None: the boxes have no color of their own.
        scores: (N,), or None.
        classes: names, by label, or None.
    """
    if labels is None:
        return Layer(boxes)
    labels = labels.astype(int)
    tags = []
    if classes is not None and scores is not None:
        tags = [f"{classes[n]} {score:.2f}" for n, score in zip(labels, scores, strict=True)]
    return Layer(boxes, "detection", tags, [class_color(label) for label in labels])


def make_color_layer(boxes: np.ndarray, color: Color) -> Layer:
    """Boxes of one color, without tags."""
    return Layer(boxes, colors=[color] * len(boxes))


def draw_detections(
    image: np.ndarray | Image.Image,
    detections: Detections,
    classes: Sequence[str],
    ground_truth: pd.DataFrame | None = None,
    tags: Sequence[str] | None = None,
) -> Image.Image:
    """Draws a box with class and score for each detection.

    Args:
        image: uint8 (H, W, 3), or a Pillow image. Small images are enlarged and very large ones
            shrunk, so that tags can be read.
        detections: boxes in pixels of the image. Without any, a banner says "no garment".
        classes: names, by label.
        ground_truth: rows of `Dataset.boxes`, drawn below the detections.
        tags: a text for each detection; None: its class and score.
    Returns:
        A new RGB image.
    """
    layer = make_class_layer(
        detections.boxes, detections.labels, detections.scores, classes if tags is None else None
    )
    layers = [] if ground_truth is None else _ground_truth_layers(ground_truth, None)
    layers.append(layer if tags is None else replace(layer, tags=tags))
    return draw_layers(image, layers, banner="" if len(detections) else NO_GARMENT)


def draw_ground_truth(
    image: np.ndarray | Image.Image, boxes: pd.DataFrame, classes: Sequence[str] | None = None
) -> Image.Image:
    """Draws labeled boxes in dashed green, and those to be ignored in dashed gray.

    Those that are crowds too have no tag: garments of any class may be in them.

    Args:
        image: uint8 (H, W, 3), or a Pillow image.
        boxes: rows of `Dataset.boxes`. Without any, a banner says "no garment".
        classes: names, by label; None: boxes have no tags.
    Returns:
        A new RGB image.
    """
    layers = _ground_truth_layers(boxes, classes)
    return draw_layers(image, layers, banner="" if len(boxes) else NO_GARMENT)


def draw_layers(
    image: np.ndarray | Image.Image, layers: Iterable[Layer], banner: str = ""
) -> Image.Image:
    """Draws layers of boxes, and then all tags.

    Args:
        image: uint8 (H, W, 3), or a Pillow image.
        layers: the lowest first. Boxes are clipped to the image; a box outside it is not drawn.
        banner: a text across the top.
    Returns:
        A new RGB image, of the size that `make_canvas` gives.
    """
    canvas, scale = make_canvas(image)
    font_size = compute_font_size(canvas.size)
    tags: list[tuple[Rectangle, str, Color]] = []
    for layer in layers:
        style = STYLES[layer.role]
        line_width = max(2, round(font_size * style.width / 5))
        for i in reversed(range(len(layer.boxes))):  # the best box last, on top of the others
            rectangle = clip_to_canvas(layer.boxes[i] * scale, canvas.size)
            if rectangle is None:
                continue
            color = style.color or (layer.colors[i] if len(layer.colors) else PALETTE[0])
            draw_box(canvas, rectangle, color, line_width, style.dashed)
            if len(layer.tags) and layer.tags[i]:
                tags.append((rectangle, layer.tags[i], color))
    occupied: list[Rectangle] = []
    for rectangle, text, color in reversed(tags):  # the best box's tag is placed first
        occupied.append(draw_tag(canvas, rectangle, text, color, font_size, occupied))
    if banner:
        draw_banner(canvas, banner)
    return canvas


def _ground_truth_layers(boxes: pd.DataFrame, classes: Sequence[str] | None) -> list[Layer]:
    """Rows of `Dataset.boxes` as a layer of those to be ignored and one of the others."""
    layers = []
    corners = boxes[["x1", "y1", "x2", "y2"]].to_numpy()
    labels = boxes["label"].to_numpy()
    ignored = boxes["ignore"].to_numpy(bool)
    any_class = ignored & boxes["iscrowd"].to_numpy(bool)
    names = None
    if classes is not None:
        pairs = zip(labels, any_class, strict=True)
        names = np.array(["" if is_any else str(classes[label]) for label, is_any in pairs], object)
    for role, selected in (("ignore", ignored), ("ground_truth", ~ignored)):
        tags = [] if names is None else names[selected].tolist()
        layers.append(Layer(corners[selected], role, tags))
    return layers
