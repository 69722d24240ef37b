"""Figures of notebook 06: the cells of a pyramid with their anchors, an RPN that learns, scores of RoIs by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.draw import PALETTE, Colour, heat_map
from shopee_od.lessons.colours import BLUE, ORANGE

WIDTH = 9.0  # inches
GREEN: Colour = (0, 158, 115)  # anchors and RoIs that are taken for a garment
GREY: Colour = (150, 150, 150)  # and those that are neither taken for one nor for none
SMOOTH = 15  # training steps that a line is the mean of


def cells(photo: np.ndarray, canvas: Sequence[int], by: float, anchors: Mapping[int, np.ndarray]) -> Figure:
    """uint8 (H, W, 3), its canvas, canvas pixels a photo's pixel, by level the anchors (A, 4) of one cell ->
    a panel a level: the photo on its canvas, each cell's middle a dot, that cell's anchors around it.
    """
    high, wide = canvas
    every = np.concatenate(list(anchors.values()))
    low, top = np.minimum(every.min(axis=0)[:2], 0), np.maximum(every.max(axis=0)[2:], [wide, high])
    shape = (top[1] - low[1]) / (top[0] - low[0])
    figure = Figure(figsize=(WIDTH, 0.4 + WIDTH / len(anchors) * shape), layout="constrained")
    for axes, (level, boxes) in zip(np.atleast_1d(figure.subplots(1, len(anchors))), anchors.items(), strict=True):
        axes.imshow(photo, extent=(0, photo.shape[1] * by, photo.shape[0] * by, 0), alpha=0.75)
        axes.add_patch(Rectangle((0, 0), wide, high, fill=False, edgecolor="#999999", linewidth=0.8))
        x, y = np.meshgrid(*((np.arange(side // 2**level) + 0.5) * 2**level for side in (wide, high)))
        axes.plot(x.ravel(), y.ravel(), ".", color="white", markersize=1 + level / 2, markeredgewidth=0)
        _boxes(axes, boxes, ["#{:02x}{:02x}{:02x}".format(*PALETTE[k]) for k in range(len(boxes))])
        axes.set(xlim=(low[0] - 2, top[0] + 2), ylim=(top[1] + 2, low[1] - 2), xticks=[], yticks=[])
        axes.set_title(f"level {level}: {x.size:,} cells of {2**level} × {2**level}", size=9)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def by_level(photo: np.ndarray, maps: Mapping[int, np.ndarray]) -> tuple[list, list[str]]:
    """uint8 (H, W, 3), by level (h, w) -> heat maps, and what stands below each, for `draw.contact_sheet`."""
    captions = [f"level {k}, {v.shape[0]} × {v.shape[1]}: {v.min():.2f} to {v.max():.2f}" for k, v in maps.items()]
    return [heat_map(photo, each) for each in maps.values()], captions


def learning(losses: np.ndarray, recalls: Mapping[int, Mapping[str, float]]) -> Figure:
    """(steps, 2) class and box loss; by step, by name a recall -> the losses, and beside them how recall rises."""
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    width = max(1, min(SMOOTH, len(losses) // 4))
    for values, colour, name in zip(losses.T, (BLUE, ORANGE), ("class loss", "box loss"), strict=True):
        left.plot(values, color=colour, alpha=0.25, linewidth=0.8)
        mean = np.convolve(values, np.ones(width) / width, "valid")
        left.plot(np.arange(len(mean)) + (width - 1) / 2, mean, color=colour, linewidth=1.8, label=name)
    left.set(xlabel="step", yscale="log", title="losses, log scale")
    looks = [(colour, style) for colour in (ORANGE, BLUE) for style in ("-", ":")]
    for name, (colour, style) in zip(next(iter(recalls.values())), looks, strict=True):
        right.plot(list(recalls), [each[name] for each in recalls.values()], f"o{style}", color=colour, label=name)
    right.set(xlabel="step", ylim=(0, 1.03), title="share of boxes met, validation photos")
    for axes in (left, right):
        axes.title.set_size(10)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    return figure


def class_scores(scores: np.ndarray, names: Sequence[str]) -> Figure:
    """(K, 1 + C) probabilities of RoIs, background first; C names -> a row an RoI, a column a class."""
    figure = Figure(figsize=(WIDTH, 1.5 + 0.26 * len(scores)), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(scores, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(scores):
        if value >= 0.05:
            colour = "white" if value > 0.5 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", size=7, color=colour)
    axes.set_xticks(range(len(names) + 1), ["background", *names], rotation=45, ha="right", size=8)
    axes.set_yticks(range(len(scores)), [f"proposal {k + 1}" for k in range(len(scores))], size=8)
    figure.colorbar(shown, ax=axes, label="probability")
    return figure


def _boxes(axes: Axes, boxes: np.ndarray, colours: Sequence[str]) -> None:
    for (x1, y1, x2, y2), colour in zip(boxes, colours, strict=True):
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=1.5))
