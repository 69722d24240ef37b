"""Anchors: boxes of a few shapes at every cell of a pyramid, which the RPN scores and moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def anchor_shapes(level: int, size: float, scales: int, ratios: Sequence[float]) -> np.ndarray:
    """A pyramid level -> float64 (scales · ratios, 2): width and height of its anchors, in pixels of the canvas.

    Each has the area of a square of size · 2^level · 2^(k / scales) pixels a side, and width : height = ratio.

    >>> anchor_shapes(3, 4, 1, [0.25, 1])
    array([[16., 64.],
           [32., 32.]])
    """
    sides = size * 2**level * 2 ** (np.arange(scales) / scales)
    root = np.sqrt(np.asarray(ratios, np.float64))
    return np.stack([sides[:, None] * root, sides[:, None] / root], axis=2).reshape(-1, 2)


def centres(length: int, stride: int) -> np.ndarray:
    """A side of the canvas -> float64 (cells,): the middles of its cells, in pixels."""
    return (np.arange(-(-length // stride)) + 0.5) * stride


def anchors(
    height: int, width: int, levels: Sequence[int], size: float, scales: int, ratios: Sequence[float]
) -> np.ndarray:
    """A canvas in pixels -> float64 (N, 4), x1, y1, x2, y2: level by level, row by row, cell by cell.

    They may reach out of the canvas. Ren, He, Girshick and Sun, "Faster R-CNN", NeurIPS 2015, section 3.1.1, on the
    levels of a pyramid (Lin et al., CVPR 2017, section 4.1); equal to Model Garden's.
    """
    every = []
    for level in levels:
        x, y = np.meshgrid(centres(width, 2**level), centres(height, 2**level))
        middle = np.stack([x, y], axis=2)[:, :, None]
        half = anchor_shapes(level, size, scales, ratios) / 2
        every.append(np.concatenate([middle - half, middle + half], axis=3).reshape(-1, 4))
    return np.concatenate(every)


def best_anchor(
    boxes: np.ndarray, height: int, width: int, levels: Sequence[int], size: float, scales: int, ratios: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """(M, 4) boxes on a canvas -> (M,) the highest IoU that any anchor has with each, (M, 4) that anchor.

    Without comparing each box with all anchors: of one shape, the anchor whose middle is nearest to the box's overlaps
    it most, since what two boxes share can only shrink as they move apart. So a level and shape give one candidate.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    middle, box_size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    best, chosen = np.full(len(boxes), -1.0), np.zeros((len(boxes), 4))
    for level in levels:
        cells = -(-np.array([width, height]) // 2**level)
        near = (np.clip(middle // 2**level, 0, cells - 1) + 0.5) * 2**level
        for shape in anchor_shapes(level, size, scales, ratios):
            anchor = np.concatenate([near - shape / 2, near + shape / 2], axis=1)
            both = np.minimum(anchor[:, 2:], boxes[:, 2:]) - np.maximum(anchor[:, :2], boxes[:, :2])
            shared = np.maximum(both, 0).prod(axis=1)
            overlap = shared / (shape.prod() + box_size.prod(axis=1) - shared)
            better = overlap > best
            best[better], chosen[better] = overlap[better], anchor[better]
    return best, chosen
