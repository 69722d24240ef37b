"""Plots of feature maps: the bins of a spatial pyramid, a region on the map, image scales."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.course.colors import BLUE, DARK_GRAY, GRAY, ORANGE
from shopee_od.ops.pooling import max_pool_bins, pooling_bins

WIDTH = 9.0  # inches


def plot_pyramid_bins(cells: np.ndarray, levels: Sequence[int]) -> Figure:
    """Spatial pyramid pooling of a map of whole numbers; the last bin of each level in orange.

    Above, the bins of each level on the map; below, their maxima.

    Args:
        cells: int (h, w).
        levels: bins per side, one panel each.
    """
    height, width = cells.shape
    panel = min(2.4, WIDTH / len(levels))
    size = (panel * len(levels), 0.6 + 1.75 * panel * height / width)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    panels = figure.subplots(2, len(levels), height_ratios=[4, 3], squeeze=False)
    for (on_map, result), n in zip(panels.T, levels, strict=True):
        rows = pooling_bins(height, n)
        columns = pooling_bins(width, n)
        _write_values(on_map, cells)
        for i, (top, bottom) in enumerate(rows):
            for j, (left, right) in enumerate(columns):
                inset = 0.07 + 0.09 * ((i + j) % 2)  # adjacent bins may share a cell
                _outline(on_map, (left, top, right, bottom), BLUE, inset, linewidth=1.5)
        last = np.array([columns[-1][0], rows[-1][0], width, height])
        _fill(on_map, last)
        _write_values(result, max_pool_bins(cells[..., None], n)[..., 0])
        _fill(result, np.array([n - 1, n - 1, n, n]))
        on_map.set_title(f"{n} × {n} bins" if n > 1 else "1 bin", size=10)
        result.set_title(f"{n * n} maxima" if n > 1 else "1 maximum", size=10)
    return figure


def plot_region_on_map(
    image: np.ndarray, energy: np.ndarray, region: np.ndarray, quantized: np.ndarray
) -> Figure:
    """A region and the cells it is pooled from, on the image and on its feature map.

    Args:
        image: uint8 (H, W, 3).
        energy: (h, w) the magnitude of each cell's features.
        region: (4,) in cells, with fractions; drawn in orange.
        quantized: int (4,) the cells it is rounded to; drawn in blue.
    """
    rows, columns = energy.shape
    height, width = image.shape[:2]
    figure = Figure(figsize=(WIDTH, 0.5 + WIDTH / 2 * height / width), layout="constrained")
    on_image, on_map = figure.subplots(1, 2)
    extent = (0, columns, rows, 0)
    on_image.imshow(image, extent=extent, aspect="auto")
    on_map.imshow(energy, cmap="magma", extent=extent, aspect="auto")
    for axes in (on_image, on_map):
        axes.set_xticks(range(columns + 1), [])
        axes.set_yticks(range(rows + 1), [])
        axes.grid(color="white", linewidth=0.6, alpha=0.6)
        axes.tick_params(length=0)
        axes.set_box_aspect(height / width)
        _outline(axes, quantized, BLUE)
        _outline(axes, region, ORANGE)
    on_image.set_title("the image and the cells of its map", size=10)
    on_map.set_title(f"the map, {rows} × {columns} cells: magnitude of the features", size=10)
    return figure


def plot_similarity(own_crop: np.ndarray, other_crops: np.ndarray, coverage: np.ndarray) -> Figure:
    """How similar a region's features on the map are to those of crops.

    Args:
        own_crop: (N,) cosine similarity of each region with its own crop.
        other_crops: (M,) cosine similarity with the crops of other regions.
        coverage: (N,) the share of the image that each region covers.
    """
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    histogram, scatter = figure.subplots(1, 2)
    bins = np.linspace(min(0, own_crop.min(), other_crops.min()), 1, 31)
    panels = ((other_crops, GRAY, "another region's crop"), (own_crop, BLUE, "its own crop"))
    for values, color, name in panels:
        weights = np.full(len(values), 1 / len(values))
        histogram.hist(values, bins, weights=weights, color=color, alpha=0.75, label=name)
    histogram.set(xlabel="cosine similarity of a region's features with …", ylabel="share")
    figure.legend(frameon=False, loc="outside upper left", ncols=2)
    scatter.plot(coverage, own_crop, "o", color=BLUE, markersize=4, alpha=0.7)
    scatter.set(xlim=(0, 1.02), ylim=(None, 1.02))
    scatter.set(
        xlabel="share of the image that the region covers", ylabel="similarity with its own crop"
    )
    scatter.grid(alpha=0.3)
    return figure


def plot_image_scales(
    image: np.ndarray,
    sizes: Sequence[tuple[int, int]],
    boxes: np.ndarray,
    scale_indices: np.ndarray,
    side: int = 224,
    max_boxes: int = 12,
) -> Figure:
    """The scaled images in their true proportions, each with regions that are pooled from it.

    Args:
        image: uint8 (H, W, 3).
        sizes: height and width of each scaled image.
        boxes: (N, 4) regions in pixels of the image.
        scale_indices: int (N,) which scaled image each region is pooled from.
        side: pixels of a square of the network's training size, in orange in each image.
        max_boxes: of the regions of each image so many are drawn, spread evenly over their order.
    """
    widths = [width for _, width in sizes]
    tallest = max(height for height, _ in sizes)
    size = (WIDTH, 0.6 + WIDTH * tallest / sum(widths))
    figure = Figure(figsize=size, layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(sizes), width_ratios=widths))
    for k, (axes, (height, width)) in enumerate(zip(panels, sizes, strict=True)):
        axes.imshow(image, extent=(0, width, height, 0))
        factors = np.tile([width / image.shape[1], height / image.shape[0]], 2)
        selected = boxes[scale_indices == k] * factors
        count = min(max_boxes, len(selected))
        for box in selected[np.linspace(0, len(selected) - 1, count).astype(int)]:
            _outline(axes, box, BLUE, linewidth=1.2, alpha=0.8)
        center = np.array([width, height, width, height]) / 2
        square = center + np.array([-side, -side, side, side]) / 2
        _outline(axes, square, ORANGE, linewidth=2.5)
        drawn = f",\n{count} of them drawn" if count < len(selected) else ""
        axes.set_title(f"{height} × {width}: {len(selected)} regions{drawn}", size=9)
        axes.set_anchor("S")
        _remove_frame(axes)
    return figure


def _write_values(axes: Axes, values: np.ndarray) -> None:
    """Whole numbers in a grid of cells."""
    height, width = values.shape
    axes.set(xlim=(-0.03, width + 0.03), ylim=(height + 0.03, -0.03), aspect="equal")
    for (y, x), value in np.ndenumerate(values):
        axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=GRAY, linewidth=0.6))
        axes.text(x + 0.5, y + 0.5, value, ha="center", va="center", color=DARK_GRAY)
    _remove_frame(axes)


def _fill(axes: Axes, box: np.ndarray) -> None:
    x1, y1, x2, y2 = box
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, color=ORANGE, alpha=0.35, linewidth=0))


def _outline(
    axes: Axes,
    box: Sequence[float] | np.ndarray,
    color: str,
    inset: float = 0.0,
    linewidth: float = 2.0,
    alpha: float = 1.0,
) -> None:
    """A box's outline, `inset` inside it."""
    x1, y1, x2, y2 = box
    axes.add_patch(
        Rectangle(
            (x1 + inset, y1 + inset),
            x2 - x1 - 2 * inset,
            y2 - y1 - 2 * inset,
            fill=False,
            edgecolor=color,
            linewidth=linewidth,
            alpha=alpha,
        )
    )


def _remove_frame(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
