"""Checks of notebook 08: precision and recall, AP, the number of test images, confusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer, check_values


def sixth_detection(answer: Mapping[str, float | None]) -> Outcome:
    """Notebook 08: precision and recall after a sixth, correct detection; interpolated precision.

    Correct are the first, third, fourth and sixth of six detections; there are four boxes.
    """
    expected = {
        "precision": 4 / 6,
        "recall": 1.0,
        "interpolated at 0.6": 3 / 4,
        "interpolated at 1.0": 4 / 6,
    }
    mistakes = {
        "divide by the number of detections, which is now 6": {"precision": 4 / 5},
        "the sixth detection is correct: D is still free": {"precision": 3 / 6, "recall": 3 / 4},
        "divide by the number of boxes, 4": {"recall": 4 / 6},
        "the highest precision at this recall or at any higher one, not the nearest": {
            "interpolated at 0.6": 3 / 5,
        },
        "a precision further to the left does not count": {
            "interpolated at 0.6": 1.0,
            "interpolated at 1.0": 3 / 4,
        },
        "recall 1.0 is reached now": {"interpolated at 1.0": 0.0},
    }
    return check_values(answer, expected, mistakes)


def area_under_curve(answer: Callable[[np.ndarray, np.ndarray], float]) -> Outcome:
    """Notebook 08: precision (n,), recall (n,) -> the area below the interpolated curve."""
    rankings: list[tuple[list[int], int]] = [
        ([1, 0, 1, 1, 0], 4),
        ([1, 1], 2),
        ([0, 1, 1, 0, 1], 3),  # precision rises
        ([0, 0], 3),
        ([0, 0, 1], 1),
    ]
    cases = []
    for correct, num_boxes in rankings:
        tp = np.cumsum(correct)
        cases.append((tp / np.arange(1, len(tp) + 1), tp / num_boxes))
    mistakes = {
        "the interpolated precision, not that of the curve itself": (
            lambda p, r: np.sum(np.diff(r, prepend=0) * p)
        ),
        "the highest precision at this recall or a higher one, not at a lower one": (
            lambda p, r: np.sum(np.diff(r, prepend=0) * np.maximum.accumulate(p))
        ),
        "the first step in recall is from 0: use prepend=0": (
            lambda p, r: np.sum(np.diff(r) * _interpolate(p)[1:])
        ),
        "the exact area, not the mean at 101 recalls": (
            lambda p, r: np.mean([max(p[r >= x], default=0) for x in np.linspace(0, 1, 101)])
        ),
        "the sum over steps in recall, not the mean over detections": (
            lambda p, r: np.mean(_interpolate(p))
        ),
    }
    return check_answer(
        answer, lambda p, r: np.sum(np.diff(r, prepend=0) * _interpolate(p)), cases, mistakes
    )


def _interpolate(precision: np.ndarray) -> np.ndarray:
    """(n,) -> (n,): at each detection the highest precision there or later."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def unchanged_ap(answer: Mapping[str, bool | None]) -> Outcome:
    """Notebook 08: which of four changes of a list of detections leave AP50 as it is."""
    expected = {"a": True, "b": False, "c": False, "d": True}
    mistakes = {
        "AP uses the order of the scores only, and halving keeps the order": {"a": False},
        "a removed detection may be a correct one, and then recall falls": {"b": True},
        "the second of two equal detections is a duplicate, so it is wrong": {"c": True},
        "recall does not rise after the last correct detection, so nothing changes before it": {
            "d": False,
        },
    }
    return check_values(answer, expected, mistakes)


def images_needed(answer: Callable[[int, float, float], float]) -> Outcome:
    """Notebook 08: images, ± of their interval, ± to reach -> images that are needed."""
    cases = [(200, 0.04, 0.02), (200, 0.04, 0.01), (169, 0.05, 0.03), (100, 0.03, 0.06)]
    mistakes = {
        "the width shrinks with the square root of the number: square the factor": (
            lambda n, half_width, target: n * half_width / target
        ),
        "a smaller ± needs more images: half_width / target, not the reverse": (
            lambda n, half_width, target: n * (target / half_width) ** 2
        ),
        "the width shrinks with the square root, so the number grows with the square": (
            lambda n, half_width, target: n * (half_width / target) ** 0.5
        ),
        "return the number of images, not how many times as many": (
            lambda n, half_width, target: (half_width / target) ** 2
        ),
    }
    return check_answer(
        answer, lambda n, half_width, target: n * (half_width / target) ** 2, cases, mistakes
    )


def precision_recall(answer: Callable[[np.ndarray, int], tuple[float, float]]) -> Outcome:
    """Notebook 08: confusion matrix (K + 1, K + 1), class k -> its precision and recall."""
    matrix = np.array([[8, 1, 1], [2, 6, 0], [2, 1, 0]])
    no_tag = np.array([[0, 3, 2, 1], [0, 4, 0, 0], [0, 0, 0, 0], [0, 1, 5, 0]])
    cases = [(matrix, 0), (matrix, 1), (no_tag, 0), (no_tag, 1), (no_tag, 2)]

    def reference(
        matrix: np.ndarray, k: int, tags: slice = slice(None), boxes: slice = slice(None)
    ) -> tuple[float, float]:
        correct = matrix[k, k]
        return correct / max(matrix[tags, k].sum(), 1), correct / max(matrix[k, boxes].sum(), 1)

    but_last = slice(None, -1)
    mistakes = {
        "a column holds the tags of a class, a row its boxes": lambda matrix, k: reference(
            matrix.T, k
        ),
        "precision counts the tags in the last row, recall the boxes in the last column, too": (
            lambda matrix, k: reference(matrix, k, but_last, but_last)
        ),
        "tags where no box is, the last row, count in precision, too": (
            lambda matrix, k: reference(matrix, k, tags=but_last)
        ),
        "missed boxes, the last column, count in recall, too": (
            lambda matrix, k: reference(matrix, k, boxes=but_last)
        ),
    }
    return check_answer(answer, reference, cases, mistakes)
