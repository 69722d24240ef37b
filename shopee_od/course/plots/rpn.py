"""Plots of Faster R-CNN: anchors, maps by pyramid level, an RPN in training, class scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from shopee_od.course.colors import BLUE, GRAY, GRAY_RGB, GREEN_RGB, ORANGE
from shopee_od.drawing import (
    PALETTE,
    Layer,
    draw_heat_map,
    draw_layers,
    make_color_layer,
    make_contact_sheet,
)
from shopee_od.ops.anchors import anchor_grid, anchor_shapes
from shopee_od.ops.boxes import box_iou
from shopee_od.ops.label_assignment import FG, IGNORE
from shopee_od.profiles import Profile

WIDTH = 9.0  # inches
PANEL_WIDTH = 4.2
JOINT_CURVES = {
    "rpn_class_loss": "RPN: class loss",
    "rpn_box_loss": "RPN: box loss",
    "class_loss": "head: class loss",
    "box_loss": "head: box loss",
    "accuracy": "head: RoI accuracy",
}
"""What is measured in joint training, and its title."""
SMOOTHING_STEPS = 15  # training steps that a smooth line is the mean of
MAX_IGNORED = 12
MAX_BACKGROUND = 60
CELL = 300  # pixels per picture


def plot_anchors_by_level(
    image: np.ndarray, canvas: Sequence[int], scale: float, anchors: Mapping[int, np.ndarray]
) -> Figure:
    """One panel per map: its cells' centers as dots, and the anchors of one cell.

    Args:
        image: uint8 (H, W, 3).
        canvas: height and width in pixels.
        scale: canvas pixels per image pixel.
        anchors: by level (A, 4) in canvas pixels.
    """
    height, width = canvas
    boxes = np.concatenate(list(anchors.values()))
    low = np.minimum(boxes[:, :2].min(axis=0), 0)
    high = np.maximum(boxes[:, 2:].max(axis=0), [width, height])
    aspect = (high[1] - low[1]) / (high[0] - low[0])
    panel_width = min(WIDTH / len(anchors), PANEL_WIDTH)
    size = (panel_width * len(anchors), 0.4 + panel_width * aspect)
    figure = Figure(figsize=size, layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(anchors)))
    for axes, (level, level_anchors) in zip(panels, anchors.items(), strict=True):
        extent = (0, image.shape[1] * scale, image.shape[0] * scale, 0)
        axes.imshow(image, extent=extent, alpha=0.75)
        axes.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=GRAY, linewidth=0.8))
        stride = 2**level
        x, y = np.meshgrid(
            (np.arange(width // stride) + 0.5) * stride,
            (np.arange(height // stride) + 0.5) * stride,
        )
        style = {"color": "white", "markersize": 1 + level / 2, "markeredgewidth": 0}
        axes.plot(x.ravel(), y.ravel(), ".", **style)
        for k, (x1, y1, x2, y2) in enumerate(level_anchors):
            color = "#{:02x}{:02x}{:02x}".format(*PALETTE[k])
            axes.add_patch(
                Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=1.5)
            )
        axes.set(xlim=(low[0] - 2, high[0] + 2), ylim=(high[1] + 2, low[1] - 2))
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"level {level}: {x.size:,} cells of {stride} × {stride}", size=9)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def plot_pyramid_anchors(image: np.ndarray, profile: Profile) -> Figure:
    """One panel per pyramid level: the anchors of the central cell of the image's canvas.

    Args:
        image: uint8 (H, W, 3).
        profile: whose levels, canvas and anchors they are.
    """
    height, width = image.shape[:2]
    canvas = profile.canvas(width, height)
    central = {}
    for level in range(profile.min_level, profile.max_level + 1):
        sizes = (profile.anchor_size, profile.anchor_scales, profile.anchor_ratios)
        shapes = anchor_shapes(level, *sizes)
        rows, columns = (side // 2**level for side in canvas)
        cells = anchor_grid(*canvas, 2**level, shapes).reshape(rows, columns, -1, 4)
        central[level] = cells[rows // 2, columns // 2]
    scale = min(canvas[0] / height, canvas[1] / width)
    return plot_anchors_by_level(image, canvas, scale, central)


def draw_anchor_labels(
    image: np.ndarray,
    anchors: np.ndarray,
    labels: np.ndarray,
    gt_boxes: np.ndarray,
    uncovered: np.ndarray,
) -> Image.Image:
    """The foreground anchors and the ignored ones closest to ground truth; a box that has no
    anchor.

    Args:
        image: uint8 (H, W, 3).
        anchors: (N, 4) in pixels of the image.
        labels: (N,) of them.
        gt_boxes: (M, 4), dashed.
        uncovered: (1, 4) a box that all anchors overlap little, drawn with the best of them.
    Returns:
        A contact sheet of two pictures.
    """
    iou = box_iou(anchors, gt_boxes).max(axis=1, initial=0)
    ignored = np.flatnonzero(labels == IGNORE)
    closest = ignored[np.argsort(-iou[ignored])][:MAX_IGNORED]
    best = box_iou(uncovered, anchors).argmax(axis=1)
    layers = [
        make_color_layer(anchors[closest], GRAY_RGB),
        make_color_layer(anchors[labels == FG], GREEN_RGB),
        Layer(gt_boxes, "ground_truth"),
    ]
    uncovered_layers = [Layer(anchors[best], "before"), Layer(uncovered, "uncovered")]
    pictures = [draw_layers(image, part) for part in (layers, uncovered_layers)]
    captions = ["green: foreground; gray: ignored", "red: a flat box; orange: its best anchor"]
    return make_contact_sheet(pictures, captions=captions, cell=CELL)


def draw_sampled_anchors(
    image: np.ndarray,
    foreground: np.ndarray,
    background: np.ndarray,
    moved: np.ndarray,
    gt_boxes: np.ndarray,
) -> Image.Image:
    """The anchors that a step is trained on, and where the deltas of the foreground lead.

    Args:
        image: uint8 (H, W, 3).
        foreground: (N, 4) in pixels of the image.
        background: (K, 4); some of them are drawn.
        moved: (N, 4) the foreground, moved by its deltas.
        gt_boxes: (M, 4), dashed.
    Returns:
        A contact sheet of two pictures.
    """
    layers = [
        Layer(background[:MAX_BACKGROUND], "rejected"),
        make_color_layer(foreground, GREEN_RGB),
        Layer(gt_boxes, "ground_truth"),
    ]
    moved_layers = [Layer(foreground, "before"), Layer(moved, "after")]
    pictures = [draw_layers(image, part) for part in (layers, moved_layers)]
    captions = ["green: foreground; red: some background", "orange: before; blue: moved"]
    return make_contact_sheet(pictures, captions=captions, cell=CELL)


def draw_proposals(
    image: np.ndarray,
    proposals: Mapping[str, np.ndarray],
    gt_boxes: np.ndarray | None = None,
    count: int = 10,
) -> Image.Image:
    """The first proposals of several proposers, or of one at several times, next to each other.

    Args:
        image: uint8 (H, W, 3).
        proposals: by caption (N, 4), the best first.
        gt_boxes: (M, 4), dashed.
        count: how many of each are drawn.
    """
    ground_truth = [] if gt_boxes is None else [Layer(gt_boxes, "ground_truth")]
    pictures = [
        draw_layers(image, [Layer(boxes[:count], "kept"), *ground_truth])
        for boxes in proposals.values()
    ]
    return make_contact_sheet(pictures, len(proposals), list(proposals), cell=CELL)


def draw_level_maps(
    image: np.ndarray, maps: Mapping[int, np.ndarray]
) -> tuple[list[Image.Image], list[str]]:
    """A heat map of each pyramid level and its caption, for `drawing.make_contact_sheet`.

    Args:
        image: uint8 (H, W, 3).
        maps: by level (h, w).
    """
    pictures = [draw_heat_map(image, values) for values in maps.values()]
    captions = []
    for level, values in maps.items():
        rows, columns = values.shape
        value_range = f"{values.min():.2f} to {values.max():.2f}"
        captions.append(f"level {level}, {rows} × {columns}: {value_range}")
    return pictures, captions


def plot_rpn_training(losses: np.ndarray, recalls: Mapping[int, Mapping[str, float]]) -> Figure:
    """Losses of an RPN by training step, and how the recall of its proposals rises.

    Args:
        losses: (steps, 2) class loss and box loss.
        recalls: by step, by name.
    """
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    length = max(1, min(SMOOTHING_STEPS, len(losses) // 4))
    curves = zip(losses.T, (BLUE, ORANGE), ("class loss", "box loss"), strict=True)
    for values, color, name in curves:
        left.plot(values, color=color, alpha=0.25, linewidth=0.8)
        mean = np.convolve(values, np.ones(length) / length, "valid")
        steps = np.arange(len(mean)) + (length - 1) / 2
        left.plot(steps, mean, color=color, linewidth=1.8, label=name)
    left.set(xlabel="step", yscale="log", title="losses, log scale")
    styles = [(color, line) for color in (ORANGE, BLUE) for line in ("-", ":")]
    for name, (color, line) in zip(next(iter(recalls.values())), styles, strict=True):
        values = [recall[name] for recall in recalls.values()]
        right.plot(list(recalls), values, f"o{line}", color=color, label=name)
    right.set(xlabel="step", ylim=(0, 1.03), title="recall, validation images")
    for axes in (left, right):
        axes.title.set_size(10)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    return figure


def plot_joint_training(history: pd.DataFrame, background_share: float) -> Figure:
    """The four losses of Faster R-CNN and its RoI accuracy by step, with a moving average.

    Args:
        history: one row per step: rpn_class_loss, rpn_box_loss, class_loss, box_loss, accuracy.
        background_share: of the sampled RoIs; a dashed line marks the accuracy of a network that
            predicts background for all of them.
    """
    mean = history.rolling(SMOOTHING_STEPS, min_periods=1, center=True).mean()
    figure = Figure(figsize=(WIDTH, 2.3), layout="constrained")
    panels = figure.subplots(1, len(JOINT_CURVES))
    for axes, (column, title) in zip(panels, JOINT_CURVES.items(), strict=True):
        color = ORANGE if column.startswith("rpn") else BLUE
        axes.plot(history[column], color=color, alpha=0.25, linewidth=0.8)
        axes.plot(mean[column], color=color, linewidth=1.8)
        top = 1.02 if column == "accuracy" else history[column].quantile(0.99)
        axes.set(xlabel="step", ylim=(0, top))
        axes.set_title(title, size=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    axes.axhline(background_share, color=ORANGE, linestyle="--", linewidth=1.5)
    return figure


def plot_class_scores(scores: np.ndarray, classes: Sequence[str]) -> Figure:
    """Class probabilities of RoIs as a matrix.

    Args:
        scores: (N, 1 + K), background first.
        classes: K names.
    """
    figure = Figure(figsize=(WIDTH, 1.5 + 0.26 * len(scores)), layout="constrained")
    axes = figure.subplots()
    matrix = axes.imshow(scores, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(scores):
        if value >= 0.05:
            color = "white" if value > 0.5 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", size=7, color=color)
    columns = ["background", *classes]
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", size=8)
    axes.set_yticks(range(len(scores)), [f"proposal {k + 1}" for k in range(len(scores))], size=8)
    figure.colorbar(matrix, ax=axes, label="probability")
    return figure
