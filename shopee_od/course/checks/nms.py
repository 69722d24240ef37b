"""Checks of notebook 02: non-maximum suppression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer, check_values
from shopee_od.ops import nms as ops
from shopee_od.ops.boxes import box_iou

FOUR_BOXES = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [2, 3, 12, 13], [16, 0, 26, 10]], float)
"""The boxes of the small example of NMS."""
FOUR_SCORES = np.array([0.9, 0.8, 0.7, 0.6])


def predict_survivors(answer: Mapping[str, Sequence[int] | None]) -> Outcome:
    """Notebook 02: for three IoU thresholds, the numbers of the four boxes that NMS keeps."""
    expected = {
        name: ops.nms(FOUR_BOXES, FOUR_SCORES, float(name)).tolist()
        for name in ("0.3", "0.5", "0.7")
    }
    mistakes: dict[str, dict[str, list[int]]] = {
        "a box that is removed removes no other box": {"0.5": [0, 3]},
        "box 3 overlaps no other box, so it stays": {"0.3": [0], "0.5": [0, 2], "0.7": [0, 1, 2]},
        "of two boxes that overlap, the one with the higher score stays": {
            "0.3": [3],
            "0.5": [3],
        },
        "a box is removed if its IoU is above the threshold, not below it": {
            "0.3": [0, 1, 2],
            "0.5": [0, 1],
        },
        "0.39, the IoU of boxes 0 and 2, is above 0.3": {"0.3": [0, 2, 3]},
        "no IoU is above 0.7": {"0.7": [0, 2, 3]},
        "the highest score first": {name: kept[::-1] for name, kept in expected.items()},
    }
    return check_values(answer, expected, mistakes)


def soft_nms(answer: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> Outcome:
    """Notebook 02: boxes (N, 4), scores (N,), sigma -> (N,) decayed scores, in the boxes' order."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 7], [20, 0, 30, 10]], np.float32)
    cases = [
        (boxes, np.array([0.9, 0.8, 0.7, 0.6]), 0.5),
        (boxes, np.array([0.5, 0.9, 0.85, 0.2]), 0.5),  # the first box is not the best
        (boxes[:2], np.array([0.9, 0.8]), 0.1),
        (boxes[:0], np.zeros(0), 0.5),
    ]

    def decay(
        boxes: np.ndarray,
        scores: np.ndarray,
        sigma: float,
        current: bool = True,
        squared: bool = True,
        divided: bool = True,
        itself: bool = False,
    ) -> np.ndarray:
        original = scores.copy()
        scores = scores.copy()
        remaining = list(range(len(scores)))
        while remaining:
            order = scores if current else original
            best = remaining.pop(int(np.argmax(order[remaining])))
            iou = box_iou(boxes[[best]], boxes)[0]
            factor = np.exp(-(iou ** (2 if squared else 1)) / (sigma if divided else 1))
            scores[remaining] *= factor[remaining]
            if itself:
                scores[best] *= factor[best]
        return scores

    mistakes = {
        "select the next box by the current scores": lambda b, s, g: decay(b, s, g, current=False),
        "square the IoU": lambda b, s, g: decay(b, s, g, squared=False),
        "divide by sigma": lambda b, s, g: decay(b, s, g, divided=False),
        "the selected box keeps its score": lambda b, s, g: decay(b, s, g, itself=True),
        "in the order of the boxes, not sorted": lambda b, s, g: -np.sort(-ops.soft_nms(b, s, g)),
        "no box is dropped": (
            lambda b, s, g: np.where(np.isin(np.arange(len(s)), ops.nms(b, s, 0.5)), s, 0)
        ),
    }
    return check_answer(answer, ops.soft_nms, cases, mistakes)
