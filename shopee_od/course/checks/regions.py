"""Checks of notebook 03: grouping, average best overlap, labels for SVMs, box deltas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer, check_values
from shopee_od.ops.boxes import box_iou, decode_boxes, encode_boxes


def predict_merges(answer: Mapping[str, Sequence[int] | float | None]) -> Outcome:
    """Notebook 03: the first two merges of a tiny image, and the best IoU of a region's box."""
    expected = {"first merge": [0, 1], "second merge": [2, 3], "best IoU": 0.75}
    mistakes: dict[str, dict[str, Any]] = {
        "that is the order with the old colors: region 1 now has the color of the wall": {
            "first merge": [1, 2]
        },
        "add all three terms: the color term of regions 0 and 1 is 1, and their sum is 2": {
            "first merge": [1, 3]
        },
        "region 1 is part of region 4 by now": {"second merge": [1, 3]},
        "the box around regions 2 and 3 together is larger: 12 of the garment's 16 pixels": {
            "best IoU": 0.5
        },
        "no region has the garment's box: its left half merges with the wall first": {
            "best IoU": 1.0
        },
        "IoU compares boxes: the box has 12 pixels, the region 9": {"best IoU": 9 / 16},
    }
    return check_values(_sort_pairs(answer), expected, mistakes)


def _sort_pairs(answer: Any) -> Any:
    """The values with each pair of regions in order."""
    if not isinstance(answer, Mapping):
        return answer
    is_pair = {name: isinstance(value, list | tuple | set) for name, value in answer.items()}
    try:
        return {name: sorted(v) if is_pair[name] else v for name, v in answer.items()}
    except TypeError:
        return answer


def average_best_overlap(answer: Callable[[np.ndarray, np.ndarray], float]) -> Outcome:
    """Notebook 03: proposals (N, 4), boxes (M, 4) -> the mean over boxes of the best IoU."""
    gt_boxes = np.array([[0, 0, 10, 10], [20, 20, 40, 40], [50, 0, 60, 30]], float)
    proposals = np.array(
        [[0, 0, 10, 12], [0, 0, 10, 8], [22, 20, 40, 40], [70, 70, 90, 90], [50, 0, 60, 60]], float
    )
    cases = [
        (proposals, gt_boxes),
        (proposals[:2], gt_boxes),
        (proposals[2:], gt_boxes[1:]),
        (proposals[:0], gt_boxes),
    ]

    def reference(proposals: np.ndarray, gt_boxes: np.ndarray) -> float:
        return float(box_iou(gt_boxes, proposals).max(axis=1, initial=0).mean())

    def mean_of(proposals: np.ndarray, gt_boxes: np.ndarray) -> float:
        return float(box_iou(gt_boxes, proposals).mean()) if len(proposals) else 0.0

    mistakes = {
        "the mean over the boxes, not over the proposals": (
            lambda p, b: float(box_iou(b, p).max(axis=0, initial=0).mean()) if len(p) else 0.0
        ),
        "of each box the best IoU, not the mean": mean_of,
        "the mean over the boxes, not the best of all": (
            lambda p, b: float(box_iou(b, p).max(initial=0))
        ),
        "the mean, not the sum": lambda p, b: reference(p, b) * len(b),
        "the IoU itself, not whether it is at least 0.5": (
            lambda p, b: float((box_iou(b, p).max(axis=1, initial=0) >= 0.5).mean())
        ),
    }
    return check_answer(answer, reference, cases, mistakes)


def svm_labels(answer: Mapping[str, int | None]) -> Outcome:
    """Notebook 03: 1, 0 or −1 for five regions, for one class's SVM and for fine-tuning."""
    expected = {"a": 1, "b": 1, "c": -1, "d": 0, "e": 0, "fine-tuning, c": 1}
    mistakes = {
        "a mirrored box is still a box of the class": {"b": -1},
        "only ground-truth boxes are positives; a region close to one is left out": {"c": 1},
        "with an IoU of 0.8 it is no negative either: it is left out": {"c": 0},
        "an IoU below 0.3 makes it a negative": {"d": -1, "e": -1},
        "a ground-truth box of another class is a negative of this one": {"e": 1},
        "for fine-tuning an IoU of at least 0.5 is enough to be positive": {
            "fine-tuning, c": -1,
        },
        "an IoU of at least 0.5 is not background": {"fine-tuning, c": 0},
    }
    return check_values(answer, expected, mistakes)


def encode_box(answer: Callable[[list[float], list[float]], list[float]]) -> Outcome:
    """Notebook 03: a box, a proposal, x1, y1, x2, y2 -> dx, dy, dw, dh (R-CNN, appendix C)."""
    cases = [
        ([10.0, 10.0, 30.0, 20.0], [0.0, 10.0, 20.0, 30.0]),
        ([0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 8.0, 8.0]),
        ([5.0, 20.0, 45.0, 100.0], [10.0, 10.0, 30.0, 50.0]),
    ]

    def reference(box: list[float], proposal: list[float]) -> list[float]:
        return encode_boxes(np.array([box]), np.array([proposal]))[0].tolist()

    def encode(
        box: list[float],
        proposal: list[float],
        extra: int = 0,
        anchor: float = 0.5,
        relative: str = "proposal",
        log: bool = True,
    ) -> list[float]:
        size = [box[k + 2] - box[k] + extra for k in (0, 1)]
        old = [proposal[k + 2] - proposal[k] + extra for k in (0, 1)]
        unit = {"proposal": old, "box": size, "pixel": [1.0, 1.0]}[relative]
        deltas = []
        for k in (0, 1):
            shift = box[k] + anchor * size[k] - proposal[k] - anchor * old[k]
            deltas.append(shift / unit[k])
        for k in (0, 1):
            deltas.append(math.log(size[k] / old[k]) if log else size[k] / old[k])
        return deltas

    mistakes = {
        "x before y": lambda b, p: [reference(b, p)[k] for k in (1, 0, 3, 2)],
        "width is x2 − x1, without + 1": lambda b, p: encode(b, p, extra=1),
        "compare the centers, not the corners": lambda b, p: encode(b, p, anchor=0),
        "divide a shift by the proposal's width or height": (
            lambda b, p: encode(b, p, relative="pixel")
        ),
        "divide by the proposal's side, not by the box's": (
            lambda b, p: encode(b, p, relative="box")
        ),
        "take the logarithm of the change in size": lambda b, p: encode(b, p, log=False),
        "from the proposal to the box, not back": lambda b, p: reference(p, b),
    }
    return check_answer(answer, reference, cases, mistakes)


def predict_deltas(answer: Mapping[str, float | None]) -> Outcome:
    """Notebook 03: deltas after both boxes, or the proposal alone, become larger."""
    log_half = math.log(0.5)
    expected = {"a": 0.5, "b": log_half, "c": 0.25, "d": log_half}
    mistakes = {
        "shifts are divided by the proposal's side, which is twice as long too": {"a": 1.0},
        "that is dw; the heights are 20 and 40 now": {"b": 0.0},
        "the box is twice as high too, so the ratio stays the same": {"b": 2 * log_half},
        "the logarithm of the ratio, not the ratio": {"b": 0.5, "d": 0.5},
        "the centers are still 10 pixels apart, but the proposal is 40 wide": {"c": 0.5},
        "the proposal grows on both sides: its center stays at (10, 20)": {"c": 0.0},
        "the box is 20 wide, the proposal 40": {"d": 0.0},
        "from the proposal to the box: log(20 / 40), not log(40 / 20)": {"d": -log_half},
    }
    return check_values(answer, expected, mistakes)


def decode_box(answer: Callable[[list[float], list[float]], list[float]]) -> Outcome:
    """Notebook 03: deltas dx, dy, dw, dh and a proposal -> the box, x1, y1, x2, y2."""
    proposal = [10.0, 20.0, 50.0, 100.0]
    cases = [
        ([0.0, 0.0, 0.0, 0.0], proposal),
        ([0.5, -0.25, math.log(2), math.log(0.5)], proposal),
        ([-0.1, 0.3, -0.5, 0.2], proposal),
    ]

    def reference(deltas: list[float], proposal: list[float]) -> list[float]:
        return decode_boxes(np.array([deltas]), np.array([proposal]))[0].tolist()

    def decode(
        deltas: list[float],
        proposal: list[float],
        anchor: float = 0.5,
        before: float = 0.5,
        after: float = 0.5,
        relative_to_new: bool = False,
    ) -> list[float]:
        """Moves the point at `anchor`; `before` and `after` are sides from it to the ends."""
        start = []
        end = []
        for k in (0, 1):
            old = proposal[k + 2] - proposal[k]
            new = old * math.exp(deltas[k + 2])
            point = proposal[k] + anchor * old + deltas[k] * (new if relative_to_new else old)
            start.append(point - before * new)
            end.append(point + after * new)
        return [*start, *end]

    def center_and_size(deltas: list[float], proposal: list[float]) -> list[float]:
        x1, y1, x2, y2 = reference(deltas, proposal)
        return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]

    def without_exp(deltas: list[float], proposal: list[float]) -> list[float]:
        sizes = [math.log(max(1 + value, 1e-9)) for value in deltas[2:]]
        return reference([*deltas[:2], *sizes], proposal)

    mistakes = {
        "the deltas move the center, not the corner": lambda d, p: decode(d, p, 0, 0, 1),
        "x1, y1 is half a side before the center": lambda d, p: decode(d, p, 0.5, 0, 1),
        "half a side from the center to either end, not a whole one": (
            lambda d, p: decode(d, p, 0.5, 1, 1)
        ),
        "a share of the proposal's side, not of the new one": (
            lambda d, p: decode(d, p, relative_to_new=True)
        ),
        "return corners, not center and size": center_and_size,
        "x2 and y2 are exclusive: no − 1": (
            lambda d, p: [x - (k > 1) for k, x in enumerate(reference(d, p))]
        ),
        "x before y": lambda d, p: reference([d[k] for k in (1, 0, 3, 2)], p),
        "the size changes by exp(dw), exp(dh)": without_exp,
        "the center moves by a share of the width or height": (
            lambda d, p: reference([d[0] / 40, d[1] / 80, *d[2:]], p)
        ),
    }
    return check_answer(answer, reference, cases, mistakes)
