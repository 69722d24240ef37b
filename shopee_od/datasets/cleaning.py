"""Boxes as files give them, made to fit their photos; every repair and loss is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import CORNERS
from shopee_od.datasets.problems import ProblemLog

MIN_SIDE = 1.0
"""Pixels; a box narrower or lower than this holds no garment."""


def clean_boxes(
    boxes: np.ndarray,
    widths: np.ndarray,
    heights: np.ndarray,
    image_ids: Sequence[int] | np.ndarray,
    problems: ProblemLog,
    where: Callable[[int], str],
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes that fit their photos, and which of them can be used.

    1. A box with a value that is not finite is dropped.
    2. Reversed corners are swapped.
    3. What sticks out of the photo is cut off.
    4. A box that is outside its photo, is empty or is under a pixel is dropped.

    A photo that stays without a box that was dropped is one of the `incomplete_photos` of
    `problems`: nothing in it is taken for background.

    Args:
        boxes: float (N, 4) x1, y1, x2, y2 in pixels, x2 and y2 exclusive; any values.
        widths: (N,) pixels of each box's upright photo.
        heights: (N,).
        image_ids: (N,), of each box's photo.
        problems: to count repairs and losses in.
        where: the file and row of the k-th box.
    Returns:
        float32 (N, 4) inside their photos, zeros where dropped; bool (N,), those not dropped.
    """
    boxes = np.array(boxes, np.float64).reshape(-1, 4)
    limits = np.stack([widths, heights, widths, heights], 1).astype(np.float64).reshape(-1, 4)

    finite = np.isfinite(boxes).all(1)
    boxes[~finite] = 0
    corners = boxes.reshape(-1, 2, 2)
    is_reversed = (corners[:, 0] > corners[:, 1]).any(1)
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    empty = (boxes[:, 2:] - boxes[:, :2] < MIN_SIDE).any(1)
    clipped = np.clip(boxes, 0, limits)
    usable = finite & np.all(clipped[:, 2:] - clipped[:, :2] >= MIN_SIDE, axis=1)
    outside = finite & ~empty & ~usable
    changed = usable & (clipped != boxes).any(1)

    for kind, dropped in (
        ("box with a value that is no number: dropped", ~finite),
        ("box empty or under a pixel: dropped", finite & empty),
        ("box outside its photo: dropped", outside),
    ):
        problems.add_rows(kind, dropped, where, image_ids)
    problems.add_rows("box with reversed corners: swapped", usable & is_reversed, where)
    problems.add_rows("box sticks out of its photo: clipped", changed, where)
    return np.where(usable[:, None], clipped, 0).astype(np.float32), usable


def add_corners(
    rows: Sequence[dict],
    boxes: Sequence[tuple[float, ...]],
    sizes: Sequence[tuple[int, int]],
    locations: Sequence[str],
    problems: ProblemLog,
) -> list[dict]:
    """Rows of boxes with x1, y1, x2 and y2 from `clean_boxes`, without those that it drops.

    Args:
        rows: N, one per box, with the `image_id` of its photo.
        boxes: N times x1, y1, x2, y2 in pixels.
        sizes: N times (width, height) of the box's photo.
        locations: N times the file and row, for `problems`.
        problems: to count repairs and losses in.
    Returns:
        Copies of the rows that are not dropped.
    """
    limits = np.array(sizes).reshape(-1, 2)
    widths, heights = limits.T
    image_ids = [row["image_id"] for row in rows]
    cleaned, usable = clean_boxes(
        np.array(boxes), widths, heights, image_ids, problems, locations.__getitem__
    )
    corners = [dict(zip(CORNERS, box, strict=True)) for box in cleaned]
    return [row | box for row, box, use in zip(rows, corners, usable, strict=True) if use]


def parse_four_numbers(values: Any) -> tuple[float, float, float, float]:
    """The four numbers that a file gives for a box.

    Args:
        values: what the file gives.
    Returns:
        The numbers; four times NaN where it gives anything else.
    """
    try:
        a, b, c, d = (float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        return np.nan, np.nan, np.nan, np.nan
    return a, b, c, d
