"""Several heat maps of one image, on one scale, with a color bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.drawing import STYLES
from shopee_od.drawing.canvas import to_pil
from shopee_od.drawing.heat_map import COLOR_STOPS, OPACITY, compute_magnitude

WIDTH = 9.0  # inches
GT_COLOR = np.array(STYLES["ground_truth"].color) / 255
COLORS = LinearSegmentedColormap.from_list("heat", np.array(COLOR_STOPS) / 255)


def plot_heat_maps(
    image: np.ndarray,
    maps: Mapping[str, np.ndarray],
    label: str,
    limits: tuple[float, float] | None = None,
    gt_boxes: np.ndarray | None = None,
    columns: int = 4,
) -> Figure:
    """Heat maps over an image. One color is one value in all of them; the bar shows which.

    Args:
        image: uint8 (H, W, 3).
        maps: by title float (h, w) of any size, which covers the image; of a feature map (h, w, C)
            the mean magnitude of its channels is shown.
        label: what the values are, for the color bar.
        limits: the values of the darkest and the lightest color; without it the lowest and the
            highest of all maps.
        gt_boxes: (M, 4) in pixels of the image, outlined in dashed green.
        columns: panels per row at most.
    """
    values = {title: compute_magnitude(cells) for title, cells in maps.items()}
    if limits is None:
        finite = [cells[np.isfinite(cells)] for cells in values.values()]
        limits = (min(map(np.min, finite)), max(map(np.max, finite)))
    height, width = image.shape[:2]
    columns = min(columns, len(values))
    rows = -(-len(values) // columns)
    panel_width = min(WIDTH / (columns + 0.4), 3.4)
    size = (panel_width * (columns + 0.4), (panel_width * height / width + 0.3) * rows)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    gray = np.asarray(to_pil(image).convert("L"))
    extent = (0, width, height, 0)
    for axes in panels:
        axes.axis("off")
    colors: dict[str, Any] = {"cmap": COLORS, "vmin": limits[0], "vmax": limits[1]}
    line: dict[str, Any] = {"fill": False, "edgecolor": GT_COLOR, "linestyle": "--"}
    for axes, (title, cells) in zip(panels, values.items(), strict=False):
        axes.imshow(gray, cmap="gray", vmin=0, vmax=255, extent=extent)
        style: dict[str, Any] = {"extent": extent, "interpolation": "bilinear", "alpha": OPACITY}
        axes.imshow(cells, **colors, **style)
        for x1, y1, x2, y2 in gt_boxes if gt_boxes is not None else ():
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, linewidth=1.5, **line))
        axes.set_title(title, size=9)
    scale = ScalarMappable(Normalize(*limits), COLORS)
    figure.colorbar(scale, ax=list(panels), label=label, fraction=0.04, pad=0.02)
    return figure
