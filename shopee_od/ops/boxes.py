"""Boxes as arrays: float (N, 4), x1, y1, x2, y2 in pixels, x2 and y2 exclusive."""

from __future__ import annotations

import numpy as np


def box_area(boxes: np.ndarray) -> np.ndarray:
    """Area of boxes; 0 for an empty or reversed box.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
    Returns:
        float64 (N,) square pixels.

    >>> box_area([[0, 0, 4, 2]])
    array([8.])
    """
    x1, y1, x2, y2 = np.asarray(boxes, np.float64).T
    return np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0)


def box_iou(boxes1: np.ndarray, boxes2: np.ndarray) -> np.ndarray:
    """Pairwise intersection over union of two sets of boxes.

    1. The shared rectangle starts at the later of the two starts and ends at the earlier of the
       two ends.
    2. The union is the sum of the areas minus the shared area, which that sum counts twice.

    Args:
        boxes1: (N, 4) x1, y1, x2, y2 in pixels, x2 and y2 exclusive.
        boxes2: (M, 4).
    Returns:
        float64 (N, M) in [0, 1]; 0 where two boxes do not overlap, and for an empty box.
    Source: Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010, section 4.2.

    >>> box_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [2, 0, 4, 2]]).round(3)
    array([[1.   , 0.333, 0.   ]])
    """
    # A column of boxes1 against a row of boxes2.
    x1, y1, x2, y2 = np.asarray(boxes1, np.float64).T[:, :, None]
    other_x1, other_y1, other_x2, other_y2 = np.asarray(boxes2, np.float64).T[:, None, :]
    width = np.minimum(x2, other_x2) - np.maximum(x1, other_x1)
    height = np.minimum(y2, other_y2) - np.maximum(y1, other_y1)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    union = box_area(boxes1)[:, None] + box_area(boxes2)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def xywh_to_xyxy(boxes: np.ndarray) -> np.ndarray:
    """COCO's (N, 4) left, top, width, height -> (N, 4) x1, y1, x2, y2.

    >>> xywh_to_xyxy([[10, 20, 30, 40]])
    array([[10, 20, 40, 60]])
    """
    boxes = np.asarray(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def xyxy_to_xywh(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) x1, y1, x2, y2 -> COCO's (N, 4) left, top, width, height.

    >>> xyxy_to_xywh([[10, 20, 40, 60]])
    array([[10, 20, 30, 40]])
    """
    boxes = np.asarray(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def clip_boxes(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Clip boxes to an image.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        height: height of the image.
        width: width of the image.
    Returns:
        (N, 4); a box outside the image becomes an empty box on its edge.

    >>> clip_boxes([[-3, 2, 50, 9]], 8, 40)
    array([[ 0,  2, 40,  8]])
    """
    return np.clip(boxes, 0, [width, height, width, height])


def mirror_boxes(boxes: np.ndarray, width: int) -> np.ndarray:
    """Boxes of an image -> those of its mirror image, left for right.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        width: of the image.
    Returns:
        (N, 4).

    >>> mirror_boxes([[0, 2, 10, 9]], 40)
    array([[30,  2, 40,  9]])
    """
    return np.asarray(boxes)[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0]


def encode_boxes(boxes: np.ndarray, proposals: np.ndarray) -> np.ndarray:
    """Deltas that move and stretch each proposal onto its box.

    1. The center moves by a fraction of the proposal's width and height, so that one network
       serves small and large boxes.
    2. The size changes by a factor. Its logarithm treats doubling and halving alike.

    Args:
        boxes: (N, 4) x1, y1, x2, y2, with width and height above 0.
        proposals: (N, 4) one for each box, with width and height above 0.
    Returns:
        float64 (N, 4) dx, dy, dw, dh.
    Source: Girshick et al., "Rich feature hierarchies", CVPR 2014, appendix C, equations 6 to 9.

    >>> encode_boxes([[10, 10, 30, 20]], [[0, 10, 20, 30]]).round(3)
    array([[ 0.5  , -0.25 ,  0.   , -0.693]])
    """
    center, size = _center_and_size(boxes)
    proposal_center, proposal_size = _center_and_size(proposals)
    shift = (center - proposal_center) / proposal_size
    return np.concatenate([shift, np.log(size / proposal_size)], axis=1)


def decode_boxes(
    deltas: np.ndarray, proposals: np.ndarray, scale_clamp: float = np.log(1000 / 16)
) -> np.ndarray:
    """Boxes that result from moving and stretching proposals: the inverse of `encode_boxes`.

    Args:
        deltas: (N, 4) dx, dy, dw, dh.
        proposals: (N, 4) x1, y1, x2, y2.
        scale_clamp: upper limit of dw and dh, so that the exponential cannot overflow. The default
            is Detectron's.
    Returns:
        float64 (N, 4) x1, y1, x2, y2.

    >>> decode_boxes([[0.5, -0.25, 0, np.log(0.5)]], [[0, 10, 20, 30]])
    array([[10., 10., 30., 20.]])
    """
    deltas = np.asarray(deltas, np.float64).reshape(-1, 4)
    proposal_center, proposal_size = _center_and_size(proposals)
    center = proposal_center + deltas[:, :2] * proposal_size
    half = proposal_size * np.exp(np.minimum(deltas[:, 2:], scale_clamp)) / 2
    return np.concatenate([center - half, center + half], axis=1)


def _center_and_size(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 4) -> float64 (N, 2) center, (N, 2) width and height."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes[:, :2] + size / 2, size
