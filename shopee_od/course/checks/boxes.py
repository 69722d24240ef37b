"""Checks of notebooks 00 and 01: the area of a box, box formats, IoU, leaks, missing labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer, check_values
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


def yolo_to_xyxy(answer: Callable[[list[float], int, int], list[float]]) -> Outcome:
    """Notebook 01: center and size as shares of the image (YOLO), width, height -> x1, y1, x2, y2
    in pixels.
    """

    def reference(
        box: list[float], width: int, height: int, *, before: float = 0.5, after: float = 0.5
    ) -> list[float]:
        x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
        return [x - before * w, y - before * h, x + after * w, y + after * h]

    mistakes = {
        "the first two numbers are the center, not the corner": (
            lambda *case: reference(*case, before=0, after=1)
        ),
        "half of the size is on each side of the center, not the whole": (
            lambda *case: reference(*case, before=1, after=1)
        ),
        "x and width are shares of the image's width, y and height of its height": (
            lambda box, width, height: reference(box, height, width)
        ),
        "in pixels: multiply by the sides of the image": lambda box, *_: reference(box, 1, 1),
        "x1, y1, x2, y2, not center and size": (
            lambda box, w, h: [box[0] * w, box[1] * h, box[2] * w, box[3] * h]
        ),
        "x2 is exclusive: no − 1": lambda *case: [
            x - last for x, last in zip(reference(*case), (0, 0, 1, 1), strict=True)
        ],
    }
    cases = [([0.5, 0.5, 0.25, 0.5], 200, 100), ([0.25, 0.75, 0.5, 0.25], 320, 480)]
    return check_answer(answer, reference, cases, mistakes)


def predict_iou(answer: Mapping[str, float | None]) -> Outcome:
    """Notebook 01: the IoU of four pairs of boxes, predicted on paper."""
    expected = {"a": 1 / 3, "b": 1 / 2, "c": 1 / 4, "d": 0.0}
    mistakes = {
        "half of each box is shared, but the union is larger than one box": {"a": 1 / 2},
        "the union is 100 + 100 − 50: the sum of the areas counts the shared part twice": {
            "a": 1 / 4,
            "b": 1 / 3,
            "c": 1 / 5,
        },
        "a box inside another shares all of *its* area, but IoU divides by the union": {
            "b": 1.0,
            "c": 1.0,
        },
        "IoU is about areas, not about sides": {"c": 1 / 2},
        "boxes that only touch share no pixel, because x2 and y2 are exclusive": {"d": 1 / 21},
    }
    return check_values(answer, expected, mistakes)


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


def leak_probability(answer: Callable[[int, float], float]) -> Outcome:
    """Notebook 01: images per item, share of test images -> the expected share of leaked ones."""
    cases = [(2, 0.2), (3, 0.2), (1, 0.2), (4, 0.5), (3, 0.1)]
    mistakes = {
        "the test image itself is not one of the others": lambda n, share: 1 - share**n,
        "this is the probability that no other image is in training": (
            lambda n, share: share ** (n - 1)
        ),
        "one other image in training is enough, not all of them": (
            lambda n, share: (1 - share) ** (n - 1)
        ),
        "`test_share` is the probability of the test, not of training": (
            lambda n, share: 1 - (1 - share) ** (n - 1)
        ),
        "probabilities of independent events are multiplied, not added": (
            lambda n, share: 1 - share * (n - 1)
        ),
    }
    return check_answer(answer, lambda n, share: 1 - share ** (n - 1), cases, mistakes)


def reported_scores(answer: Callable[[int, int], tuple[float, float]]) -> Outcome:
    """Notebook 01: garments with and without a label -> precision and recall that an evaluation
    reports of a perfect detector.
    """
    cases = [(100, 60), (50, 50), (10, 0), (30, 90)]
    mistakes = {
        "a detection without a label counts as wrong": lambda labeled, unlabeled: (1.0, 1.0),
        "recall asks only about garments that have a label": (
            lambda labeled, unlabeled: (labeled / (labeled + unlabeled),) * 2
        ),
        "precision first, then recall": (
            lambda labeled, unlabeled: (1.0, labeled / (labeled + unlabeled))
        ),
        "precision is the share of correct detections, not of wrong ones": (
            lambda labeled, unlabeled: (unlabeled / (labeled + unlabeled), 1.0)
        ),
    }

    def reference(labeled: int, unlabeled: int) -> tuple[float, float]:
        return labeled / (labeled + unlabeled), 1.0

    return check_answer(answer, reference, cases, mistakes)


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
