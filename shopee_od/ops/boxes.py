"""Boxes as arrays: float (N, 4), x1, y1, x2, y2 in pixels, x2 and y2 exclusive."""

from __future__ import annotations

import numpy as np


def area(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) -> float64 (N,), square pixels; 0 for an empty or reversed box.

    >>> area(np.array([[0, 0, 4, 2]]))
    array([8.])
    """
    boxes = np.asarray(boxes, np.float64)
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, 4), (M, 4) -> float64 (N, M): the area that two boxes share over the area that they cover together.

    1. The shared part starts at the later of the two starts and ends at the earlier of the two ends.
    2. What both cover is the sum of the areas less the shared part, which that sum holds twice.

    0 where two boxes do not meet, and for an empty box.

    >>> iou(np.array([[0, 0, 2, 2]]), np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 0, 4, 2]])).round(3)
    array([[1.   , 0.333, 0.   ]])
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    start = np.maximum(a[:, None, :2], b[None, :, :2])
    end = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.maximum(end - start, 0).prod(axis=2)
    covered = area(a)[:, None] + area(b)[None, :] - shared
    return np.divide(shared, covered, out=np.zeros_like(shared), where=shared > 0)
