"""Plots of sliding windows: pyramid levels, windows on the image, score maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from shopee_od import drawing
from shopee_od.course.colors import BLUE, ORANGE
from shopee_od.detectors.slots import Proposals
from shopee_od.ops.boxes import box_iou

WIDTH = 9.0  # inches of a wide figure
GAP = 12  # pixels between the levels of a pyramid
NARROW = 0.08  # of the figure: the size of a level that is narrower is written vertically


def plot_pyramid_levels(
    levels: Sequence[np.ndarray], windows: Sequence[Sequence[np.ndarray]]
) -> Figure:
    """The levels of an image pyramid side by side, to one scale, with windows.

    Args:
        levels: uint8 (h, w, 3) each, the largest first.
        windows: for each level the windows (N, 4) of each shape.
    """
    total_width = sum(level.shape[1] + GAP for level in levels) - GAP
    total_height = levels[0].shape[0]
    narrowest = min(level.shape[1] for level in levels)
    below = 0.25 if narrowest >= NARROW * total_width else 0.7  # inches, for the levels' sizes
    size = (WIDTH, WIDTH * total_height / total_width + below)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    left = 0
    for level, windows_by_shape in zip(levels, windows, strict=True):
        height, width = level.shape[:2]
        axes.imshow(level, extent=(left, left + width, height, 0))
        rotation = 90 if width < NARROW * total_width else 0
        axes.text(left, height + 2, f"{height} × {width}", va="top", size=8, rotation=rotation)
        for boxes, color in zip(windows_by_shape, (BLUE, ORANGE), strict=False):
            for x1, y1, x2, y2 in boxes:
                corner = (left + x1, y1)
                axes.add_patch(
                    Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=1.2)
                )
        left += width + GAP
    room = below * total_width / WIDTH
    axes.set(xlim=(-1, total_width + 1), ylim=(total_height + room, -1), aspect="equal")
    axes.axis("off")
    return figure


def draw_best_windows(
    image: np.ndarray, gt_box: np.ndarray, windows: Mapping[int, np.ndarray]
) -> Image.Image:
    """For each level a picture of the window that fits a ground-truth box best, with its IoU.

    Args:
        image: uint8 (H, W, 3).
        gt_box: (4,).
        windows: by the height of the level its windows (N, 4), in pixels of the image.
    """
    pictures = []
    captions = []
    for height, candidates in windows.items():
        iou = box_iou(candidates, gt_box[None])[:, 0]
        layers = [
            drawing.Layer(candidates[[iou.argmax()]], "uncovered"),
            drawing.Layer(gt_box[None], "ground_truth"),
        ]
        pictures.append(drawing.draw_layers(image, layers))
        captions.append(f"level of {height}: IoU {iou.max():.2f}")
    columns = max(1, -(-len(pictures) // 2))
    return drawing.make_contact_sheet(pictures, columns, captions, cell=300)


def make_score_map(
    image: np.ndarray, boxes: Sequence[np.ndarray], scores: Sequence[np.ndarray]
) -> np.ndarray:
    """The best score of the windows centered at each pixel, for `plot_heat_maps`.

    Args:
        image: uint8 (H, W, 3).
        boxes: for each level its windows (N, 4), row by row.
        scores: for each level (rows, columns), the scores of its windows.
    Returns:
        float (H, W): NaN where no window is centered.
    """
    score_map = np.full(image.shape[:2], -np.inf)
    for windows, values in zip(boxes, scores, strict=True):
        if not values.size:
            continue
        x = (windows[:, 0] + windows[:, 2]) / 2
        y = (windows[:, 1] + windows[:, 3]) / 2
        rows = slice(round(y.min()), round(y.max() + 1))
        columns = slice(round(x.min()), round(x.max() + 1))
        area = score_map[rows, columns]
        pixels = Image.fromarray(np.asarray(values, np.float32))
        enlarged = pixels.resize(area.shape[::-1], Image.Resampling.BILINEAR)
        np.maximum(area, np.asarray(enlarged), out=area)
    return np.where(np.isfinite(score_map), score_map, np.nan)


def split_by_level(
    windows: Proposals, scores: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Windows of an image and their scores (N,) -> boxes and scores as in `make_score_map`."""
    counts = [grid.rows * grid.columns for grid in windows.grids]
    boxes = np.split(windows.boxes, np.cumsum(counts)[:-1])
    values = np.split(np.asarray(scores), np.cumsum(counts)[:-1])
    grids = zip(values, windows.grids, strict=True)
    return boxes, [part.reshape(grid.rows, grid.columns) for part, grid in grids]
