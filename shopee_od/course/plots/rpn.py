"""Plots of Faster R-CNN: anchors, maps by pyramid level, an RPN in training, class scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from shopee_od.course.colors import BLUE, GRAY, ORANGE
from shopee_od.drawing import PALETTE, draw_heat_map

WIDTH = 9.0  # inches
SMOOTHING_STEPS = 15  # training steps that a smooth line is the mean of


def plot_anchors_by_level(
    image: np.ndarray, canvas: Sequence[int], scale: float, anchors: Mapping[int, np.ndarray]
) -> Figure:
    """One panel per pyramid level: its cells' centers as dots, and the anchors of one cell.

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
    size = (WIDTH, 0.4 + WIDTH / len(anchors) * aspect)
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
