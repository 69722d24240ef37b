"""Figures of notebook 04: the bins of a pyramid, a region's window on the map, likeness of features, and the cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.detectors.spp_network import STRIDE, FeatureMap, scaled
from shopee_od.lessons.colours import BLUE, ORANGE
from shopee_od.ops.pooling import bins

WIDTH = 9.0  # inches


def pyramid(cells: np.ndarray, levels: Sequence[int]) -> Figure:
    """A map (h, w) of small numbers -> a panel a level: the cells, its bins, and in each the maximum in orange."""
    height, width = cells.shape
    figure = Figure(figsize=(WIDTH, 0.5 + WIDTH / len(levels) * height / width), layout="constrained")
    for axes, n in zip(np.atleast_1d(figure.subplots(1, len(levels))), levels, strict=True):
        axes.imshow(np.ones((height, width)), cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
        largest = np.zeros((height, width), bool)
        for k, (top, bottom) in enumerate(bins(height, n)):
            for j, (left, right) in enumerate(bins(width, n)):
                part = cells[top:bottom, left:right]
                largest[top:bottom, left:right] |= part == part.max()
                inset = 0.08 + 0.1 * ((k + j) % 2)  # neighbours may share a cell: their lines are kept apart
                size = (right - left - 2 * inset, bottom - top - 2 * inset)
                axes.add_patch(Rectangle((left + inset, top + inset), *size, fill=False, edgecolor=BLUE, linewidth=2))
        for (y, x), value in np.ndenumerate(cells):
            bold = "bold" if largest[y, x] else "normal"
            axes.text(
                x + 0.5,
                y + 0.5,
                value,
                ha="center",
                va="center",
                weight=bold,
                color=ORANGE if largest[y, x] else "#555555",
            )
        axes.set_title(f"{n} × {n} bins, {n * n} maxima" if n > 1 else "1 bin, 1 maximum", size=10)
        _bare(axes)
    return figure


def window(photo: np.ndarray, roi: np.ndarray, seen: FeatureMap, cells: np.ndarray) -> Figure:
    """uint8 (H, W, 3), an RoI (4,) in its pixels, a map of it, the RoI's whole cells (4,) -> both, side by side.

    Left the photo with the map's cells drawn on it, right the map; the RoI in orange, its cells in blue.
    """
    (high, wide), (height, width) = seen.cells.shape[:2], photo.shape[:2]
    figure = Figure(figsize=(WIDTH, 0.5 + WIDTH / 2 * height / width), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(photo, extent=(0, wide, high, 0), aspect="auto")
    right.imshow(seen.energy, cmap="magma", extent=(0, wide, high, 0), aspect="auto")
    on_map = seen.project(roi[None])[0] / STRIDE
    for axes in (left, right):
        axes.set_xticks(range(wide + 1), [])
        axes.set_yticks(range(high + 1), [])
        axes.grid(color="white", linewidth=0.6, alpha=0.6)
        axes.tick_params(length=0)
        axes.set_box_aspect(height / width)
        for box, colour in ((cells, BLUE), (on_map, ORANGE)):
            x1, y1, x2, y2 = box
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=2.5))
    left.set_title("the photo and the cells of its map", size=10)
    right.set_title(f"the map, {high} × {wide} cells: how much there is in each", size=10)
    return figure


def likeness(same: np.ndarray, other: np.ndarray, share: np.ndarray) -> Figure:
    """Cosine similarities (N,) of regions' features with those of their crops, (M,) with those of other regions'; what
    share of the photo each of the N covers -> two histograms, and likeness by size.
    """
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    edges = np.linspace(min(0, same.min(), other.min()), 1, 31)
    for values, colour, name in ((other, "#999999", "another region's crop"), (same, BLUE, "its own crop")):
        left.hist(values, edges, weights=np.full(len(values), 1 / len(values)), color=colour, alpha=0.75, label=name)
    left.set(xlabel="cosine similarity of a region's features and those of …", ylabel="share")
    left.legend(frameon=False)
    right.plot(share, same, "o", color=BLUE, markersize=4, alpha=0.7)
    right.set(
        xlabel="share of the photo that the region covers",
        ylabel="with its own crop",
        xlim=(0, 1.02),
        ylim=(None, 1.02),
    )
    right.grid(alpha=0.3)
    return figure


def seconds(each: Mapping[str, Mapping[str, float]]) -> Figure:
    """By detector, by step: seconds a photo -> a bar a detector, its steps one after another."""
    steps = list(dict.fromkeys(step for parts in each.values() for step in parts))
    colours = dict(zip(steps, ("#999999", ORANGE, BLUE, "#009E73", "#CC79A7"), strict=False))
    figure = Figure(figsize=(WIDTH, 1.2 + 0.5 * len(each)), layout="constrained")
    axes = figure.subplots()
    for row, parts in enumerate(each.values()):
        start = 0.0
        for step, took in parts.items():
            axes.barh(row, took, left=start, color=colours[step], height=0.6, label=step)
            start += took
        axes.text(start, row, f" {start:.2f} s", va="center")
    axes.set_yticks(range(len(each)), list(each))
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(xlabel="seconds a photo")
    named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(named.values(), named.keys(), frameon=False, loc="outside lower center", ncols=len(named))
    return figure


def scales(photo: np.ndarray, sides: Sequence[int], boxes: np.ndarray, chosen: np.ndarray) -> Figure:
    """uint8 (H, W, 3), shorter sides of the scaled photos, RoIs (N, 4), which scale each takes -> all to one scale."""
    sizes = [scaled(photo, side).shape[:2] for side in sides]
    widest = sum(width for _, width in sizes)
    figure = Figure(figsize=(WIDTH, 0.4 + WIDTH * max(height for height, _ in sizes) / widest), layout="constrained")
    panels = figure.subplots(1, len(sides), width_ratios=[width for _, width in sizes])
    for k, (axes, (height, width)) in enumerate(zip(np.atleast_1d(panels), sizes, strict=True)):
        axes.imshow(photo, extent=(0, width, height, 0))
        by = np.array([width, height] * 2) / np.array([photo.shape[1], photo.shape[0]] * 2)
        for x1, y1, x2, y2 in boxes[chosen == k] * by:
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=BLUE, linewidth=0.8, alpha=0.6))
        axes.set_title(f"{height} × {width}: {(chosen == k).sum()} regions", size=9)
        axes.set_anchor("S")
        _bare(axes)
    return figure


def _bare(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
