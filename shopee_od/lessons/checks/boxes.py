"""Checks of notebook 01: formats of boxes, and IoU."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.lessons.judge import Outcome, judge
from shopee_od.ops.boxes import iou


def corners(answer: Callable[[list[float]], list[float]]) -> Outcome:
    """Notebook 01: left, top, width, height (COCO) -> x1, y1, x2, y2."""
    return judge(
        answer, lambda box: [box[0], box[1], box[0] + box[2], box[1] + box[3]], [([10, 20, 30, 40],), ([0, 5, 1, 2],)]
    )


def overlap(answer: Callable[[list[float], list[float]], float]) -> Outcome:
    """Notebook 01: two boxes, x1, y1, x2, y2 -> their IoU."""
    box = [10.0, 10.0, 50.0, 30.0]
    cases = [
        (box, [30.0, 10.0, 70.0, 30.0]),
        (box, box),
        (box, [60.0, 40.0, 90.0, 60.0]),  # apart in both: two negative sides would make a positive area
        (box, [60.0, 10.0, 90.0, 30.0]),  # apart in x only
        (box, [20.0, 15.0, 30.0, 20.0]),  # one inside the other
        (box, [50.0, 10.0, 90.0, 30.0]),  # they touch: x2 is exclusive, nothing is shared
    ]
    mistakes = {
        "width is x2 − x1, without + 1, where x2 is exclusive": lambda a, b: _overlap(a, b, plus=1),
        "boxes that do not meet share nothing: both sides come out negative": lambda a, b: _overlap(a, b, clip=False),
        "what both cover holds the shared part once: take it off the sum": lambda a, b: _overlap(a, b, once=False),
    }
    return judge(answer, lambda a, b: float(iou(np.array([a]), np.array([b]))[0, 0]), cases, mistakes)


def _overlap(a: list[float], b: list[float], plus: int = 0, clip: bool = True, once: bool = True) -> float:
    sides = [min(a[k + 2], b[k + 2]) - max(a[k], b[k]) + plus for k in (0, 1)]
    shared = math.prod(max(side, 0) if clip else side for side in sides)
    areas = sum((box[2] - box[0] + plus) * (box[3] - box[1] + plus) for box in (a, b))
    return shared / (areas - shared * once)
