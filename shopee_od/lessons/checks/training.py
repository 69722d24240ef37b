"""Checks of notebooks 07 to 09: learning rate, checkpoints, AP, thresholds, tags."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.evaluation.curves import curve
from shopee_od.lessons.judge import Outcome, judge
from shopee_od.ops.nms import nms


def learning_rate(answer: Callable[[int, int, int, float], float]) -> Outcome:
    """Notebook 07: step, warmup, steps, highest -> the learning rate at that step."""
    cases = [(0, 100, 1000, 0.1), (50, 100, 1000, 0.1), (100, 100, 1000, 0.1), (550, 100, 1000, 0.1)]
    return judge(answer, warmed_cosine, [*cases, (1000, 100, 1000, 0.1), (7, 0, 30, 2.0)])


def warmed_cosine(step: int, warmup: int, steps: int, highest: float) -> float:
    """The learning rate at `step`: a line from highest / 20 for `warmup` steps, beneath a cosine that ends in 0.

    The line ends on the cosine, which runs over all `steps`, the warm-up included, as in Model Garden. The cosine is
    that of Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """

    def cosine(at: int) -> float:
        return highest * (1 + math.cos(math.pi * at / steps)) / 2

    if step < warmup:
        return highest / 20 + (cosine(warmup) - highest / 20) * step / warmup
    return cosine(step)


def best_step(answer: Callable[[dict[int, float]], int]) -> Outcome:
    """Notebook 07: validation AP by step -> the step whose checkpoint is taken; the first of equals."""
    cases = [({250: 0.2, 500: 0.4, 750: 0.3},), ({100: 0.5, 200: 0.5, 300: 0.1},), ({2: 0.0, 4: 0.1},)]
    return judge(answer, lambda judged: max(judged, key=judged.get), cases)


def average_precision(answer: Callable[[np.ndarray, int], float]) -> Outcome:
    """Notebook 08: hit (bool, best score first) and the number of boxes -> AP over COCO's 101 recalls."""
    cases = [
        ([True, True], 2),
        ([True, False, True], 3),  # not all is found: precision 0 at the recalls that are not reached
        ([False, True, True, False, True], 4),  # precision rises: the envelope is needed
        ([False, False], 1),
        ([], 2),
    ]
    cases = [(np.array(hit, bool), boxes) for hit, boxes in cases]
    return judge(answer, lambda hit, boxes: curve(-np.arange(len(hit)), hit, boxes).ap, cases)


def threshold_for(answer: Callable[[np.ndarray, np.ndarray, float], float | None]) -> Outcome:
    """Notebook 09: scores (falling), hit (bool), precision wanted -> the lowest threshold that has it, or None."""
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    cases = [
        (scores, np.array([1, 1, 0, 0, 1, 0], bool), 0.9),
        (scores, np.array([1, 0, 1, 1, 0, 0], bool), 0.75),  # it dips below and comes back: the last place counts
        (scores, np.array([0, 1, 1, 1, 1, 1], bool), 0.8),  # the best score alone is wrong
        (scores, np.array([1, 1, 1, 1, 1, 1], bool), 1.0),
        (scores, np.array([0, 0, 1, 0, 0, 0], bool), 0.5),
    ]
    return judge(answer, lowest_threshold, cases)


def lowest_threshold(scores: np.ndarray, hit: np.ndarray, precision: float) -> float | None:
    """float (n,) falling, bool (n,) -> the lowest score from which on the detections have that precision, or None."""
    enough = np.flatnonzero(np.cumsum(hit) / np.arange(1, len(hit) + 1) >= precision)
    return float(scores[enough[-1]]) if len(enough) else None


def one_tag(answer: Callable[[np.ndarray, np.ndarray, float], list[int]]) -> Outcome:
    """Notebook 09: boxes (N, 4), scores (N,), IoU -> the indices that stay after suppression across classes."""
    row = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 8], [20, 0, 30, 10]], np.float32)
    cases = [
        (row, np.array([0.9, 0.8, 0.7, 0.6], np.float32), 0.7),
        (row, np.array([0.6, 0.7, 0.9, 0.8], np.float32), 0.7),  # best first, not first first
        (row[:3], np.array([0.9, 0.8, 0.7], np.float32), 0.85),  # what is gone suppresses nothing
        (row[:2], np.array([0.5, 0.9], np.float32), 0.9),  # at the IoU itself both stay
        (row[:0], np.zeros(0, np.float32), 0.5),
    ]
    return judge(answer, lambda *case: nms(*case).tolist(), cases)
