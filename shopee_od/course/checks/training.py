"""Checks of notebooks 07 to 09: learning rate, checkpoints, AP, thresholds, NMS for tags."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer
from shopee_od.evaluation.curves import compute_pr_curve
from shopee_od.ops.nms import nms


def learning_rate(answer: Callable[[int, int, int, float], float]) -> Outcome:
    """Notebook 07: step, warmup, steps, highest -> the learning rate at that step."""
    cases = [(step, 100, 1000, 0.1) for step in (0, 50, 100, 550, 1000)]
    return check_answer(answer, warmup_cosine, [*cases, (7, 0, 30, 2.0)])


def warmup_cosine(step: int, warmup: int, steps: int, highest: float) -> float:
    """The learning rate of a linear warm-up and a cosine decay, as in Model Garden.

    Args:
        step: from 0.
        warmup: steps of the line, which starts at highest / 20 and ends on the cosine.
        steps: of the cosine, which starts at step 0, too, and ends at 0.
        highest: where the cosine starts.
    Returns:
        The learning rate at `step`.
    Source: Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """

    def cosine(step: int) -> float:
        return highest * (1 + math.cos(math.pi * step / steps)) / 2

    if step < warmup:
        start = highest / 20
        return start + (cosine(warmup) - start) * step / warmup
    return cosine(step)


def best_step(answer: Callable[[dict[int, float]], int]) -> Outcome:
    """Notebook 07: validation AP by step -> the step of the best; the first of several."""
    cases = [
        ({250: 0.2, 500: 0.4, 750: 0.3},),
        ({100: 0.5, 200: 0.5, 300: 0.1},),
        ({2: 0.0, 4: 0.1},),
    ]
    return check_answer(answer, lambda ap_by_step: max(ap_by_step, key=ap_by_step.get), cases)


def average_precision(answer: Callable[[np.ndarray, int], float]) -> Outcome:
    """Notebook 08: correct (n,) bool, highest score first, number of boxes -> AP at 101 recalls."""
    rankings: list[tuple[list[bool], int]] = [
        ([True, True], 2),
        ([True, False, True], 3),  # a box is missed: precision 0 at recalls that are not reached
        ([False, True, True, False, True], 4),  # precision rises: the envelope is needed
        ([False, False], 1),
        ([], 2),
    ]

    def reference(correct: np.ndarray, num_boxes: int) -> float:
        return compute_pr_curve(-np.arange(len(correct)), correct, num_boxes).ap

    cases = [(np.array(correct, bool), num_boxes) for correct, num_boxes in rankings]
    return check_answer(answer, reference, cases)


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
    return check_answer(answer, lowest_threshold, cases)


def lowest_threshold(scores: np.ndarray, correct: np.ndarray, precision: float) -> float | None:
    """The lowest score such that detections from it upwards have at least this precision.

    Args:
        scores: float (n,), falling.
        correct: bool (n,).
        precision: the least that is wanted.
    Returns:
        None, where no threshold has it.
    """
    precisions = np.cumsum(correct) / np.arange(1, len(correct) + 1)
    sufficient = np.flatnonzero(precisions >= precision)
    return float(scores[sufficient[-1]]) if len(sufficient) else None


def class_agnostic_nms(answer: Callable[[np.ndarray, np.ndarray, float], list[int]]) -> Outcome:
    """Notebook 09: boxes (N, 4), scores (N,), IoU -> kept indices, across all classes."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 8], [20, 0, 30, 10]], np.float32)
    cases = [
        (boxes, np.array([0.9, 0.8, 0.7, 0.6], np.float32), 0.7),
        (boxes, np.array([0.6, 0.7, 0.9, 0.8], np.float32), 0.7),  # the first box is not the best
        # A suppressed box suppresses nothing.
        (boxes[:3], np.array([0.9, 0.8, 0.7], np.float32), 0.85),
        (boxes[:2], np.array([0.5, 0.9], np.float32), 0.9),  # exactly at the threshold: both
        (boxes[:0], np.zeros(0, np.float32), 0.5),
    ]
    return check_answer(answer, lambda *case: nms(*case).tolist(), cases)
