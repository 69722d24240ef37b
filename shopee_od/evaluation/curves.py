"""The precision–recall curve: what AP is the area of, and what a score threshold chooses one point of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from shopee_od.evaluation.coco import AT_50, RECALLS, Matches


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall of one class after each of its n detections, best first.

    scores:    float64 (n,), falling
    hit:       bool (n,), the detection is right
    precision: float64 (n,), right so far / detections so far
    recall:    float64 (n,), right so far / boxes; NaN where there are no boxes
    boxes:     the boxes to be found
    """

    scores: np.ndarray
    hit: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    boxes: int

    @property
    def envelope(self) -> np.ndarray:
        """float64 (n,), falling: at each recall the best precision at that recall or a higher one."""
        return np.maximum.accumulate(self.precision[::-1])[::-1]

    @property
    def at_recalls(self) -> np.ndarray:
        """float64 (101,): the envelope at the recalls 0.00, 0.01, ... 1.00; 0 where the curve does not reach."""
        reached = np.searchsorted(self.recall, RECALLS, side="left")
        return np.append(self.envelope, 0.0)[reached] if self.boxes else np.full(len(RECALLS), np.nan)

    @property
    def ap(self) -> float:
        """The mean of `at_recalls`: average precision as COCO counts it; NaN where there are no boxes."""
        return float(self.at_recalls.mean())

    def at(self, threshold: float) -> tuple[float, float]:
        """Precision and recall of the detections with a score of at least `threshold`.

        Precision is NaN where no detection is left, recall where there are no boxes.
        """
        kept = np.searchsorted(-self.scores, -threshold, side="right")
        if kept == 0:
            return np.nan, 0.0 if self.boxes else np.nan
        return float(self.precision[kept - 1]), float(self.recall[kept - 1])


def curve(scores: np.ndarray, hit: np.ndarray, boxes: int) -> Curve:
    """float (n,), bool (n,) in any order, the number of boxes to be found -> their Curve.

    1. Sort the detections by falling score.
    2. Count those that are right up to each: `right`.
    3. precision = right / detections so far; recall = right / boxes.

    Three boxes; the first and the third detection are right:

    >>> c = curve([0.9, 0.8, 0.7], [True, False, True], 3)
    >>> c.precision.round(2), c.recall.round(2), round(c.ap, 2)
    (array([1.  , 0.5 , 0.67]), array([0.33, 0.33, 0.67]), 0.55)
    """
    scores, hit = np.asarray(scores, np.float64), np.asarray(hit, bool)
    order = np.argsort(-scores, kind="stable")
    scores, hit = scores[order], hit[order]
    right = np.cumsum(hit)
    recall = right / boxes if boxes else np.full(len(right), np.nan)
    return Curve(scores, hit, right / np.arange(1, len(right) + 1), recall, int(boxes))


def of_matches(matches: Matches, at: int = AT_50) -> Curve:
    """One category's Matches, which of IOUS -> its Curve. Detections on `ignore` and crowd boxes are left out."""
    counts = ~matches.ignored[at]
    return curve(matches.scores[counts], matches.hit[at][counts], matches.truths.sum())


def together(matches: Iterable[Matches], at: int = AT_50) -> Curve:
    """The Matches of several categories -> one Curve over all their detections, which is what a threshold is set on."""
    parts = [of_matches(m, at) for m in matches]
    scores = np.concatenate([[], *(c.scores for c in parts)])
    return curve(scores, np.concatenate([[], *(c.hit for c in parts)]), sum(c.boxes for c in parts))
