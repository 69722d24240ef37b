"""Checks of notebooks 00 and 01: the area of a box, box formats and IoU."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer
from shopee_od.ops.boxes import box_iou


def box_area(answer: Callable[[list[float]], float]) -> Outcome:
    """Notebook 00: x1, y1, x2, y2 -> the area in pixels."""

    def reference(box: list[float]) -> float:
        x1, y1, x2, y2 = box
        return (x2 - x1) * (y2 - y1)

    mistakes = {
        "x2 and y2 are the right and lower edge, not width and height": lambda box: box[2] * box[3],
        "width is x2 − x1, without + 1, because x2 is exclusive": (
            lambda box: (box[2] - box[0] + 1) * (box[3] - box[1] + 1)
        ),
    }
    cases = [([10.0, 20.0, 40.0, 60.0],), ([0.0, 5.0, 1.5, 7.0],), ([3.0, 3.0, 3.0, 9.0],)]
    return check_answer(answer, reference, cases, mistakes)


def xywh_to_xyxy(answer: Callable[[list[float]], list[float]]) -> Outcome:
    """Notebook 01: x, y, width, height (COCO) -> x1, y1, x2, y2."""

    def reference(box: list[float]) -> list[float]:
        x, y, width, height = box
        return [x, y, x + width, y + height]

    return check_answer(answer, reference, [([10, 20, 30, 40],), ([0, 5, 1, 2],)])


def iou(answer: Callable[[list[float], list[float]], float]) -> Outcome:
    """Notebook 01: two boxes, x1, y1, x2, y2 -> their IoU."""
    box = [10.0, 10.0, 50.0, 30.0]
    others = [
        [30.0, 10.0, 70.0, 30.0],
        box,
        [60.0, 40.0, 90.0, 60.0],  # apart in x and y: two negative sides make a positive area
        [60.0, 10.0, 90.0, 30.0],  # apart in x only
        [20.0, 15.0, 30.0, 20.0],  # one inside the other
        [50.0, 10.0, 90.0, 30.0],  # adjacent: x2 is exclusive, so nothing is shared
    ]

    def reference(box1: list[float], box2: list[float]) -> float:
        return float(box_iou(np.array([box1]), np.array([box2]))[0, 0])

    mistakes = {
        "width is x2 − x1, without + 1, because x2 is exclusive": (
            lambda box1, box2: _iou(box1, box2, extra=1)
        ),
        "boxes that are apart share nothing: clip both sides at 0": (
            lambda box1, box2: _iou(box1, box2, clip=False)
        ),
        "the sum of both areas counts the intersection twice: subtract it once": (
            lambda box1, box2: _iou(box1, box2, subtract=False)
        ),
    }
    return check_answer(answer, reference, [(box, other) for other in others], mistakes)


def _iou(
    box1: list[float],
    box2: list[float],
    extra: int = 0,
    clip: bool = True,
    subtract: bool = True,
) -> float:
    """IoU with one of the usual mistakes."""
    sides = [min(box1[k + 2], box2[k + 2]) - max(box1[k], box2[k]) + extra for k in (0, 1)]
    intersection = math.prod(max(side, 0) if clip else side for side in sides)
    areas = sum((b[2] - b[0] + extra) * (b[3] - b[1] + extra) for b in (box1, box2))
    return intersection / (areas - intersection * subtract)
