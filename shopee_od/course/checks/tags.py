"""Checks of notebook 09: what a threshold changes, the tag of a box, the time of a catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer, check_values

NONE, TYPE, CATEGORY = 0, 1, 2
"""How the exercise counts the tags of a box."""


def threshold_effects(answer: Mapping[str, bool | None]) -> Outcome:
    """Notebook 09: which of five statements on a rising threshold are always true."""
    expected = {"a": True, "b": True, "c": False, "d": True, "e": False}
    mistakes = {
        "a higher threshold removes tags and adds none": {"a": False, "d": False},
        "recall counts found garments, and a removed tag cannot find one": {"b": False},
        "the tag that is removed may be a correct one": {"c": True},
        "the tag with the highest score may be wrong": {"e": True},
    }
    return check_values(answer, expected, mistakes)


def threshold_for_precision(
    answer: Callable[[np.ndarray, np.ndarray, float], float | None],
) -> Outcome:
    """Notebook 09: scores (n,) falling, correct (n,), precision -> lowest threshold, or None."""
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    rankings = [
        ([1, 1, 0, 0, 1, 0], 0.9),
        ([1, 0, 1, 1, 0, 0], 0.75),  # precision falls below and rises again: the last one counts
        ([0, 1, 1, 1, 1, 1], 0.8),  # the highest score is wrong
        ([1, 1, 1, 1, 1, 1], 1.0),
        ([0, 0, 1, 0, 0, 0], 0.5),
    ]
    cases = [(scores, np.array(correct, bool), precision) for correct, precision in rankings]

    def at_first_dip(scores: np.ndarray, correct: np.ndarray, precision: float) -> float | None:
        is_low = _precisions(correct) < precision
        first = int(np.argmax(is_low)) if is_low.any() else len(scores)
        return float(scores[first - 1]) if first else None

    def highest(scores: np.ndarray, correct: np.ndarray, precision: float) -> float | None:
        sufficient = np.flatnonzero(_precisions(correct) >= precision)
        return float(scores[sufficient[0]]) if len(sufficient) else None

    def never_none(scores: np.ndarray, correct: np.ndarray, precision: float) -> float:
        threshold = lowest_threshold(scores, correct, precision)
        return 1.0 if threshold is None else threshold

    def above(scores: np.ndarray, correct: np.ndarray, precision: float) -> float | None:
        sufficient = np.flatnonzero(_precisions(correct) > precision)
        return float(scores[sufficient[-1]]) if len(sufficient) else None

    def by_recall(scores: np.ndarray, correct: np.ndarray, precision: float) -> float | None:
        sufficient = np.flatnonzero(np.cumsum(correct) / correct.sum() <= precision)
        return float(scores[sufficient[-1]]) if len(sufficient) else None

    mistakes = {
        "precision may rise again after a dip: the last detection counts": at_first_dip,
        "the lowest threshold, not the highest": highest,
        "where no threshold is precise enough, return None": never_none,
        "exactly the required precision is enough": above,
        "divide by the number of detections so far: this is recall": by_recall,
    }
    return check_answer(answer, lowest_threshold, cases, mistakes)


def lowest_threshold(scores: np.ndarray, correct: np.ndarray, precision: float) -> float | None:
    """The lowest score such that detections from it upwards have at least this precision.

    Args:
        scores: float (n,), falling.
        correct: bool (n,).
        precision: the least that is needed.
    Returns:
        None, where no threshold has it.
    """
    sufficient = np.flatnonzero(_precisions(correct) >= precision)
    return float(scores[sufficient[-1]]) if len(sufficient) else None


def predict_tags(answer: Mapping[str, int | None]) -> Outcome:
    """Notebook 09: for four boxes, 0 where there is no tag, 1 for the type, 2 for the category."""
    expected = {"A": TYPE, "B": NONE, "C": CATEGORY, "D": CATEGORY}
    mistakes = {
        "0.40, the highest class score of A, is below the category threshold": {"A": CATEGORY},
        "the garment score of A is 1 − 0.05: the box holds a garment": {"A": NONE},
        "the garment score of B is 1 − 0.45 = 0.55: the box is not shown at all": {
            "B": CATEGORY,
        },
        "a box below the operating threshold has no tag, not even a type": {"B": TYPE},
        "0.65 is above the category threshold": {"C": TYPE},
        "the garment score of C is 1 − 0.30 = 0.70": {"C": NONE},
        "a score that equals a threshold is enough": {"D": NONE},
        "0.45 equals the category threshold, and that is enough": {"D": TYPE},
    }
    return check_values(answer, expected, mistakes)


def estimate_seconds(
    answer: Callable[[tuple[int, float], tuple[int, float], int, int], float],
) -> Outcome:
    """Notebook 09: two runs (photos, seconds), photos, processes -> seconds."""
    cases = [
        ((50, 8.0), (250, 28.0), 100_000, 1),
        ((50, 8.0), (250, 28.0), 100_000, 4),
        ((10, 3.0), (20, 4.0), 30, 1),
        ((100, 10.0), (200, 20.0), 1_000, 2),  # nothing happens only once
    ]

    def estimate(
        first: tuple[int, float],
        second: tuple[int, float],
        photos: int,
        processes: int,
        start: float = 1.0,
        shared: bool = False,
    ) -> float:
        per_photo = (second[1] - first[1]) / (second[0] - first[0])
        once = start * (first[1] - per_photo * first[0])
        if shared:
            return (once + per_photo * photos) / processes
        return once + per_photo * photos / processes

    mistakes = {
        "a part of the seconds is for the start, which does not grow with the photos": (
            lambda a, b, n, p: b[1] / b[0] * n / p
        ),
        "the seconds of the start come on top, once": (
            lambda a, b, n, p: estimate(a, b, n, p, start=0.0)
        ),
        "each process needs its own start: only the photos are shared": (
            lambda a, b, n, p: estimate(a, b, n, p, shared=True)
        ),
        "the processes share the photos": lambda a, b, n, p: estimate(a, b, n, 1),
    }
    return check_answer(answer, estimate, cases, mistakes)


def _precisions(correct: np.ndarray) -> np.ndarray:
    """bool (n,) -> the precision after each detection."""
    return np.cumsum(correct) / np.arange(1, len(correct) + 1)
