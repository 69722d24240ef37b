"""Boxes as files give them -> boxes that lie in their photo; every repair and loss is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from shopee_od.datasets.dataset import CORNERS, Problems

MIN_SIDE = 1.0
"""Pixels; a box under this in width or height holds no garment."""


def clean_boxes(
    boxes: np.ndarray,
    widths: np.ndarray,
    heights: np.ndarray,
    problems: Problems,
    where: Callable[[int], str],
) -> tuple[np.ndarray, np.ndarray]:
    """(float32 (N, 4) inside their photos, bool (N,) those of use).

    boxes:   float (N, 4), x1, y1, x2, y2 in pixels, x2 and y2 exclusive; anything may be in them
    widths, heights: (N,) pixels of each box's upright photo
    where:   row -> its place in the file, for `problems`

    1. A box with a value that is not finite is dropped.
    2. Reversed corners are swapped.
    3. What sticks out of the photo is cut off.
    4. A box that lies outside, is empty or is under a pixel is dropped. Rows that are dropped are zeros.
    """
    boxes = np.array(boxes, np.float64).reshape(-1, 4)
    limits = np.stack([widths, heights, widths, heights], 1).astype(np.float64).reshape(-1, 4)

    finite = np.isfinite(boxes).all(1)
    boxes[~finite] = 0
    corners = boxes.reshape(-1, 2, 2)
    reversed_ = (corners[:, 0] > corners[:, 1]).any(1)
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    empty = (boxes[:, 2:] - boxes[:, :2] < MIN_SIDE).any(1)
    clipped = np.clip(boxes, 0, limits)
    keep = finite & (clipped[:, 2:] - clipped[:, :2] >= MIN_SIDE).all(1)

    report(problems, "box with a value that is no number: dropped", ~finite, where)
    report(problems, "box empty or under a pixel: dropped", finite & empty, where)
    report(problems, "box outside its photo: dropped", finite & ~empty & ~keep, where)
    report(problems, "box with reversed corners: swapped", keep & reversed_, where)
    report(problems, "box sticks out of its photo: clipped", keep & (clipped != boxes).any(1), where)
    return np.where(keep[:, None], clipped, 0).astype(np.float32), keep


def with_corners(
    rows: list[dict],
    given: list[tuple[float, ...]],
    sizes: list[tuple[int, int]],
    places: list[str],
    problems: Problems,
) -> list[dict]:
    """Rows of boxes, each one's corners as given, its photo's (width, height), its place -> those of use, cleaned.

    Each gets x1, y1, x2 and y2.
    """
    limits = np.array(sizes).reshape(-1, 2)
    cleaned, usable = clean_boxes(np.array(given), limits[:, 0], limits[:, 1], problems, places.__getitem__)
    corners = [dict(zip(CORNERS, box, strict=True)) for box in cleaned]
    return [row | box for row, box, use in zip(rows, corners, usable, strict=True) if use]


def four_numbers(values: object) -> tuple[float, float, float, float]:
    """What a file gives for a box -> its four numbers; NaN where it is anything else."""
    try:
        a, b, c, d = (float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        return (np.nan,) * 4
    return a, b, c, d


def report(problems: Problems, kind: str, rows: Iterable[bool], where: Callable[[int], str]) -> None:
    """Adds a problem for every row that is true."""
    for row in np.flatnonzero(np.asarray(rows, bool)):
        problems.add(kind, where(int(row)))
