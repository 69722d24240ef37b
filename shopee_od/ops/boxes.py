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


def from_corner_and_size(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) left, top, width, height, as COCO has it -> (N, 4) x1, y1, x2, y2.

    >>> from_corner_and_size(np.array([[10, 20, 30, 40]]))
    array([[10, 20, 40, 60]])
    """
    boxes = np.asarray(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def to_corner_and_size(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) x1, y1, x2, y2 -> (N, 4) left, top, width, height.

    >>> to_corner_and_size(np.array([[10, 20, 40, 60]]))
    array([[10, 20, 30, 40]])
    """
    boxes = np.asarray(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def clip(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """(N, 4) -> (N, 4), what of each lies in a photo of this size; an empty box on its edge where nothing does.

    >>> clip(np.array([[-3, 2, 50, 9]]), 8, 40)
    array([[ 0,  2, 40,  8]])
    """
    return np.clip(boxes, 0, [width, height, width, height])


def encode(boxes: np.ndarray, proposals: np.ndarray) -> np.ndarray:
    """(N, 4), (N, 4) -> float64 (N, 4) deltas dx, dy, dw, dh: how to move and stretch each proposal onto its box.

    1. The middle moves by a share of the proposal's width and height: one network does for small and large ones.
    2. The size changes by a factor, of which the logarithm is taken: twice and half are then as far from nothing.

    Girshick et al., "Rich feature hierarchies", CVPR 2014, appendix C, equations 6 to 9. Boxes and proposals have a
    width and a height above 0.

    >>> encode(np.array([[10, 10, 30, 20]]), np.array([[0, 10, 20, 30]])).round(3)
    array([[ 0.5  , -0.25 ,  0.   , -0.693]])
    """
    middle, size = _middle_and_size(boxes)
    from_middle, from_size = _middle_and_size(proposals)
    return np.concatenate([(middle - from_middle) / from_size, np.log(size / from_size)], axis=1)


def decode(deltas: np.ndarray, proposals: np.ndarray, largest: float = np.log(1000 / 16)) -> np.ndarray:
    """(N, 4) dx, dy, dw, dh, (N, 4) -> float64 (N, 4), the proposals moved and stretched: what `encode` undoes.

    largest: dw and dh are cut off there, so that a wild one cannot overflow; the value is Detectron's.

    >>> decode(np.array([[0.5, -0.25, 0, np.log(0.5)]]), np.array([[0, 10, 20, 30]]))
    array([[10., 10., 30., 20.]])
    """
    deltas = np.asarray(deltas, np.float64).reshape(-1, 4)
    from_middle, from_size = _middle_and_size(proposals)
    middle = from_middle + deltas[:, :2] * from_size
    half = from_size * np.exp(np.minimum(deltas[:, 2:], largest)) / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def _middle_and_size(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes[:, :2] + size / 2, size
