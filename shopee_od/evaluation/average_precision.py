"""COCO's average precision and recall: pycocotools' matches, and AP of many resamples.

pycocotools matches detections to ground truth, once: the rules are easy to get subtly wrong. What
AP the matches add up to depends on how often each image is resampled, and a bootstrap resamples a
thousand times: `compute_average_precision` does this for all resamples together. With every image
counted once it equals pycocotools' own `accumulate`.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pycocotools.cocoeval import COCOeval

from shopee_od.datasets.dataset import CORNERS
from shopee_od.structures import Detections

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AT_50 = 0
"""The index of 0.50 in IOU_THRESHOLDS."""
AT_75 = 5
RECALL_THRESHOLDS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100
"""Per image and category."""
IMAGES_PER_CALL = 1000
"""pycocotools needs a dictionary per box: this bounds the memory."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The n detections of one category in P images, highest score first, at T = 10 IoU thresholds.

    Args:
        image: int (n,), 0-based into the images.
        rank: int (n,), 0 for the highest score of its image.
        scores: float64 (n,), falling.
        correct: bool (T, n), matched to a ground-truth box that counts.
        ignored: bool (T, n), matched to an ignore or crowd box: neither correct nor wrong.
        num_gt: int (P,), the ground-truth boxes of each image that count.
        gt_index: int (T, n), the matched box, 0-based into the boxes of its image and category in
            their given order; -1 where there is none.
    """

    image: np.ndarray
    rank: np.ndarray
    scores: np.ndarray
    correct: np.ndarray
    ignored: np.ndarray
    num_gt: np.ndarray
    gt_index: np.ndarray


def match_detections(
    gt_boxes: pd.DataFrame,
    detections: Mapping[int, Detections],
    image_ids: Sequence[int],
    num_categories: int,
) -> list[Matches]:
    """Matches detections to ground-truth boxes by COCO's rules.

    1. Within an image and a category, detections choose in order of score; boxes that count come
       first.
    2. A crowd box matches any number of detections, by the share of the detection that it covers.
    3. An ignore box matches one detection, by IoU, as any box does. So a second detection on an
       ignore box is a mistake, and so is a detection of another category.
    4. Detections matched to crowd and ignore boxes are left out.

    Args:
        gt_boxes: columns image_id, category, x1, y1, x2, y2, ignore, iscrowd.
        detections: for each of `image_ids`; their labels are categories, and the 100 with the
            highest scores per category count.
        image_ids: the P images.
        num_categories: categories are 0 to `num_categories` - 1.
    Returns:
        The Matches of each category.
    """
    boxes_of_image = defaultdict(list)
    columns = ["image_id", *CORNERS, "category", "ignore", "iscrowd"]
    rows = gt_boxes[columns].astype(dict.fromkeys(CORNERS, float))
    for image_id, *row in rows.itertuples(index=False, name=None):
        boxes_of_image[image_id].append(row)
    results: list[list[dict | None]] = [[] for _ in range(num_categories)]
    for start in range(0, len(image_ids), IMAGES_PER_CALL):
        ids = image_ids[start : start + IMAGES_PER_CALL]
        matcher = _Matcher(
            [boxes_of_image[i] for i in ids], [detections[i] for i in ids], num_categories
        )
        with redirect_stdout(io.StringIO()):
            matcher.evaluate()
        for category, result in enumerate(results):
            result += matcher.evalImgs[category * len(ids) : (category + 1) * len(ids)]
    return [_flatten(result) for result in results]


class _Matcher(COCOeval):
    """pycocotools' matching of boxes of all sizes, with ignore boxes that are not crowds.

    Its own `_prepare` overwrites `ignore` with `iscrowd`. Ids start at 1: 0 means "unmatched".
    """

    _gts: dict[tuple[int, int], list[dict]]
    _dts: dict[tuple[int, int], list[dict]]

    def __init__(
        self, gt_boxes: list[list[list]], detections: list[Detections], num_categories: int
    ) -> None:
        super().__init__(iouType="bbox")
        self.gt_boxes = gt_boxes
        self.detections = detections
        self.params.imgIds = list(range(len(detections)))
        self.params.catIds = list(range(num_categories))
        self.params.areaRng = [[0, 1e10]]
        self.params.areaRngLbl = ["all"]
        self.params.iouThrs = IOU_THRESHOLDS
        self.params.maxDets = [MAX_DETECTIONS]

    def _prepare(self) -> None:
        self._gts.clear()
        self._dts.clear()
        for image, rows in enumerate(self.gt_boxes):
            for *box, category, ignore, crowd in rows:
                flags = {"iscrowd": int(crowd), "ignore": int(ignore or crowd)}
                _append(self._gts[image, category], box, **flags)
        for image, detections in enumerate(self.detections):
            boxes = detections.boxes.tolist()
            scores = detections.scores.tolist()
            labels = detections.labels.tolist()
            for box, score, category in zip(boxes, scores, labels, strict=True):
                _append(self._dts[image, category], box, score=score)


def _append(annotations: list[dict], box: list[float], **values: Any) -> None:
    """Adds one box in COCO's form to the annotations of an image and category."""
    x1, y1, x2, y2 = box
    bbox = [x1, y1, x2 - x1, y2 - y1]
    area = bbox[2] * bbox[3]
    annotations.append({"id": len(annotations) + 1, "bbox": bbox, "area": area, **values})


def _flatten(images: list[dict | None]) -> Matches:
    """pycocotools' result for one category, a dictionary per image or None where it has no box."""
    num_gt = [0 if image is None else np.count_nonzero(image["gtIgnore"] == 0) for image in images]
    counts = [0 if image is None else len(image["dtScores"]) for image in images]
    results = [image for image in images if image is not None]
    scores = np.concatenate([[], *(result["dtScores"] for result in results)])
    empty = np.zeros((len(IOU_THRESHOLDS), 0))
    ids = np.concatenate([empty, *(result["dtMatches"] for result in results)], axis=1)
    ignored = np.concatenate([empty, *(result["dtIgnore"] for result in results)], axis=1)
    gt_index = ids.astype(np.int32) - 1
    ignored = ignored.astype(bool)
    order = np.argsort(-scores, kind="stable")
    ranks = np.concatenate([np.zeros(0, int), *(np.arange(count) for count in counts)])
    return Matches(
        image=np.repeat(np.arange(len(images)), counts)[order],
        rank=ranks[order],
        scores=scores[order],
        correct=((gt_index >= 0) & ~ignored)[:, order],
        ignored=ignored[:, order],
        num_gt=np.array(num_gt, int),
        gt_index=gt_index[:, order],
    )


def compute_average_precision(matches: Matches, weights: np.ndarray) -> np.ndarray:
    """AP of one category for many resamples of the images.

    Precision rises only at correct detections, so only these are visited:

    1. tp: the correct detections so far; seen: all detections so far, without the ignored ones.
    2. Precision is tp / seen, made monotonic: at each recall the highest precision at that recall
       or a higher one.
    3. AP is its mean over 101 recalls: each correct detection stands for the recalls that it is
       the first to reach.

    Args:
        matches: n detections in P images.
        weights: int (B, P), how often each of B resamples contains each image.
    Returns:
        float64 (B, T), one AP for each IoU threshold; NaN in resamples without a box that counts.
    Source: equal to `accumulate` of pycocotools' COCOeval.
    """
    num_gt = weights @ matches.num_gt
    detections = np.cumsum(weights[:, matches.image], axis=1)
    result = np.empty((len(weights), len(IOU_THRESHOLDS)))
    for t in range(len(IOU_THRESHOLDS)):
        correct = np.flatnonzero(matches.correct[t])
        ignored = np.flatnonzero(matches.ignored[t])
        tp = np.cumsum(weights[:, matches.image[correct]], axis=1)
        left_out = np.cumsum(np.pad(weights[:, matches.image[ignored]], ((0, 0), (1, 0))), axis=1)
        seen = detections[:, correct] - left_out[:, np.searchsorted(ignored, correct)]
        precision = tp / (seen + np.spacing(1))  # seen is 0 where a resample lacks these images
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = tp / np.maximum(num_gt, 1)[:, None]
        reached = np.searchsorted(RECALL_THRESHOLDS, recall, side="right")
        steps = np.diff(reached, axis=1, prepend=0)
        result[:, t] = (envelope * steps).sum(axis=1) / len(RECALL_THRESHOLDS)
    return np.where((num_gt > 0)[:, None], result, np.nan)


def compute_recall(matches: Matches, max_detections: int) -> np.ndarray:
    """Recall of one category with at most `max_detections` per image.

    COCO's AR1, AR10 and AR100 are its mean over the ten IoU thresholds and the categories.

    Args:
        matches: of the category.
        max_detections: those with the highest scores of each image count.
    Returns:
        float64 (T,), the share of the boxes found at each IoU threshold; NaN where no box counts.
    """
    num_gt = matches.num_gt.sum()
    if not num_gt:
        return np.full(len(IOU_THRESHOLDS), np.nan)
    return (matches.correct & (matches.rank < max_detections)).sum(axis=1) / num_gt


def summarize(matches: Matches) -> dict[str, float | int | None]:
    """AP and AP50 of one category (None where no box counts), and `boxes`, the boxes that count.

    Args:
        matches: of the category.
    Returns:
        AP, AP50 and boxes.
    """
    weights = np.ones((1, len(matches.num_gt)), int)
    ap = compute_average_precision(matches, weights)[0]
    return {
        "AP": nan_to_none(ap.mean()),
        "AP50": nan_to_none(ap[AT_50]),
        "boxes": int(matches.num_gt.sum()),
    }


def nan_to_none(value: float) -> float | None:
    """A float for JSON, which has no NaN.

    Args:
        value: any float.
    Returns:
        The same; None for NaN.
    """
    return None if np.isnan(value) else float(value)
