"""Anchors: boxes of a few shapes at every cell of a feature map, which the RPN scores and moves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def anchor_shapes(
    level: int, anchor_size: float, num_scales: int, aspect_ratios: Sequence[float]
) -> np.ndarray:
    """Widths and heights of the anchors of one pyramid level.

    Each anchor has the area of a square with sides of anchor_size · 2^level · 2^(k / num_scales)
    pixels, for k from 0 to num_scales - 1.

    Args:
        level: pyramid level; its cells have sides of 2^level pixels.
        anchor_size: side of the smallest square anchor, in cells.
        num_scales: number of sizes per level.
        aspect_ratios: width : height.
    Returns:
        float64 (num_scales · ratios, 2) width, height in pixels; size by size.

    >>> anchor_shapes(3, 4, 1, [0.25, 1])
    array([[16., 64.],
           [32., 32.]])
    """
    sides = anchor_size * 2**level * 2 ** (np.arange(num_scales) / num_scales)
    return shapes_of_area(sides, aspect_ratios)


def shapes_of_area(sides: Sequence[float], aspect_ratios: Sequence[float]) -> np.ndarray:
    """Widths and heights of boxes with the areas of some squares.

    Args:
        sides: of the squares, in pixels.
        aspect_ratios: width : height.
    Returns:
        float64 (sides · ratios, 2) width, height in pixels; size by size.

    >>> shapes_of_area([32, 64], [1, 4])
    array([[ 32.,  32.],
           [ 64.,  16.],
           [ 64.,  64.],
           [128.,  32.]])
    """
    root = np.sqrt(np.asarray(aspect_ratios, np.float64))
    squares = np.asarray(sides, np.float64)[:, None]
    return np.stack([squares * root, squares / root], axis=2).reshape(-1, 2)


def cell_centers(length: int, stride: int) -> np.ndarray:
    """Centers of the cells along one side of the canvas: float64 (cells,), in pixels.

    >>> cell_centers(20, 8)
    array([ 4., 12., 20.])
    """
    return (np.arange(math.ceil(length / stride)) + 0.5) * stride


def anchor_grid(height: int, width: int, stride: int, shapes: np.ndarray) -> np.ndarray:
    """The anchors of one map: boxes of the same shapes at each cell.

    Args:
        height: height of the canvas in pixels.
        width: width of the canvas in pixels.
        stride: side of a cell in pixels.
        shapes: (A, 2) width, height in pixels.
    Returns:
        float64 (cells · A, 4) x1, y1, x2, y2 in pixels; row by row, cell by cell. They may extend
        beyond the canvas.
    Source: Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1.1.

    >>> anchor_grid(16, 32, 16, np.array([[16, 8]]))
    array([[ 0.,  4., 16., 12.],
           [16.,  4., 32., 12.]])
    """
    x, y = np.meshgrid(cell_centers(width, stride), cell_centers(height, stride))
    center = np.stack([x, y], axis=2)[:, :, None]
    half = np.asarray(shapes, np.float64) / 2
    return np.concatenate([center - half, center + half], axis=3).reshape(-1, 4)


def generate_anchors(
    height: int,
    width: int,
    levels: Sequence[int],
    anchor_size: float,
    num_scales: int,
    aspect_ratios: Sequence[float],
) -> np.ndarray:
    """All anchors of a pyramid. They may extend beyond the canvas. Equal to Model Garden's.

    Args:
        height: height of the canvas in pixels.
        width: width of the canvas in pixels.
        levels: pyramid levels; the cells of level k have sides of 2^k pixels.
        anchor_size: as in `anchor_shapes`.
        num_scales: as in `anchor_shapes`.
        aspect_ratios: as in `anchor_shapes`.
    Returns:
        float64 (N, 4) x1, y1, x2, y2 in pixels; level by level, row by row, cell by cell.
    Source: Lin et al., "Feature Pyramid Networks", CVPR 2017, section 4.1.
    """
    anchors = []
    for level in levels:
        shapes = anchor_shapes(level, anchor_size, num_scales, aspect_ratios)
        anchors.append(anchor_grid(height, width, 2**level, shapes))
    return np.concatenate(anchors)


def best_anchors(
    boxes: np.ndarray,
    height: int,
    width: int,
    levels: Sequence[int],
    anchor_size: float,
    num_scales: int,
    aspect_ratios: Sequence[float],
) -> tuple[np.ndarray, np.ndarray]:
    """The anchor with the highest IoU for each box, without comparing all pairs.

    The area that two boxes share can only shrink as their centers move apart. So among anchors of
    one shape the one nearest to the box overlaps it most: each level and shape has one candidate.

    Args:
        boxes: (M, 4) x1, y1, x2, y2 in pixels of the canvas.
        height: the canvas and its anchors, as in `generate_anchors`.
        width: likewise.
        levels: likewise.
        anchor_size: likewise.
        num_scales: likewise.
        aspect_ratios: likewise.
    Returns:
        iou: float64 (M,) the highest IoU of each box with any anchor.
        anchors: float64 (M, 4) that anchor.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    best_iou = np.full(len(boxes), -1.0)
    best = np.zeros((len(boxes), 4))
    for level in levels:
        stride = 2**level
        num_cells = np.ceil(np.array([width, height]) / stride)
        nearest_cell = np.clip(centers // stride, 0, num_cells - 1)
        anchor_center = (nearest_cell + 0.5) * stride
        for shape in anchor_shapes(level, anchor_size, num_scales, aspect_ratios):
            anchor = np.concatenate([anchor_center - shape / 2, anchor_center + shape / 2], axis=1)
            start = np.maximum(anchor[:, :2], boxes[:, :2])
            end = np.minimum(anchor[:, 2:], boxes[:, 2:])
            shared = np.maximum(end - start, 0).prod(axis=1)
            iou = shared / (shape.prod() + areas - shared)
            better = iou > best_iou
            best_iou[better] = iou[better]
            best[better] = anchor[better]
    return best_iou, best
