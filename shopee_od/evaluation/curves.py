"""The precision–recall curve: AP is its area, and a score threshold selects one point of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from shopee_od.evaluation.average_precision import AT_50, RECALL_THRESHOLDS, Matches


@dataclass(frozen=True, eq=False)
class PRCurve:
    """Precision and recall after each of n detections, highest score first.

    Args:
        scores: float64 (n,), falling.
        correct: bool (n,).
        precision: float64 (n,), correct detections so far / detections so far.
        recall: float64 (n,), correct detections so far / boxes; NaN where there are no boxes.
        num_gt: how many ground-truth boxes there are.
    """

    scores: np.ndarray
    correct: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    num_gt: int

    @property
    def envelope(self) -> np.ndarray:
        """float64 (n,), falling: at each recall the highest precision there or later."""
        return np.maximum.accumulate(self.precision[::-1])[::-1]

    @property
    def interpolated_precision(self) -> np.ndarray:
        """float64 (101,): the envelope at recall 0.00, 0.01, …, 1.00; 0 if not reached."""
        if not self.num_gt:
            return np.full(len(RECALL_THRESHOLDS), np.nan)
        reached = np.searchsorted(self.recall, RECALL_THRESHOLDS, side="left")
        return np.append(self.envelope, 0.0)[reached]

    @property
    def ap(self) -> float:
        """COCO's average precision: the mean of `interpolated_precision`; NaN without boxes."""
        return float(self.interpolated_precision.mean())

    def at_threshold(self, score_threshold: float) -> tuple[float, float]:
        """Precision and recall of the detections with a score of at least `score_threshold`.

        Args:
            score_threshold: in [0, 1].
        Returns:
            precision, NaN without such detections; recall, NaN without boxes.
        """
        count = np.searchsorted(-self.scores, -score_threshold, side="right")
        if count == 0:
            return np.nan, 0.0 if self.num_gt else np.nan
        return float(self.precision[count - 1]), float(self.recall[count - 1])


def compute_pr_curve(scores: ArrayLike, correct: ArrayLike, num_gt: int) -> PRCurve:
    """The precision–recall curve of scored detections.

    1. Sort the detections by falling score.
    2. Count the correct ones up to each: tp.
    3. precision = tp / detections so far; recall = tp / boxes.

    Args:
        scores: float (n,), in any order.
        correct: bool (n,), which detections are correct.
        num_gt: the number of ground-truth boxes.
    Returns:
        The curve, highest score first.

    Three boxes; the first and the third detection are correct:

    >>> curve = compute_pr_curve([0.9, 0.8, 0.7], [True, False, True], 3)
    >>> curve.precision.round(2), curve.recall.round(2), round(curve.ap, 2)
    (array([1.  , 0.5 , 0.67]), array([0.33, 0.33, 0.67]), 0.55)
    """
    scores = np.asarray(scores, np.float64)
    correct = np.asarray(correct, bool)
    order = np.argsort(-scores, kind="stable")
    tp = np.cumsum(correct[order])
    precision = tp / np.arange(1, len(tp) + 1)
    recall = tp / num_gt if num_gt else np.full(len(tp), np.nan)
    return PRCurve(scores[order], correct[order], precision, recall, int(num_gt))


def compute_class_curve(matches: Matches, at: int = AT_50) -> PRCurve:
    """The curve of one category; detections on ignore and crowd boxes are left out.

    Args:
        matches: of the category.
        at: an index into IOU_THRESHOLDS.
    Returns:
        The curve at this IoU threshold.
    """
    counted = ~matches.ignored[at]
    return compute_pr_curve(
        matches.scores[counted], matches.correct[at][counted], matches.num_gt.sum()
    )


def compute_pooled_curve(matches: Iterable[Matches], at: int = AT_50) -> PRCurve:
    """One curve over the detections of all categories: the operating threshold is chosen on it.

    Args:
        matches: of each category.
        at: an index into IOU_THRESHOLDS.
    Returns:
        The curve at this IoU threshold; its boxes are those of all categories.
    """
    curves = [compute_class_curve(m, at) for m in matches]
    scores = np.concatenate([[], *(curve.scores for curve in curves)])
    correct = np.concatenate([[], *(curve.correct for curve in curves)])
    return compute_pr_curve(scores, correct, sum(curve.num_gt for curve in curves))
