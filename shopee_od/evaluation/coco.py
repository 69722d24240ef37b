"""COCO's average precision and recall: matched by pycocotools, summed up for many draws of the photos.

pycocotools matches detections to ground truth photo by photo; that is easy to get subtly wrong, and is done
once. How the matches add up to AP depends on how often each photo is drawn, and a bootstrap draws a thousand
times: `average_precision` does it for all draws together. With every photo drawn once it equals pycocotools'
own `accumulate`.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pycocotools.cocoeval import COCOeval

from shopee_od.datasets.dataset import CORNERS
from shopee_od.types import Detections

IOUS = np.linspace(0.5, 0.95, 10)
AT_50, AT_75 = 0, 5  # where 0.50 and 0.75 stand in IOUS
RECALLS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100  # a photo and category
PHOTOS_AT_ONCE = 1000  # pycocotools wants a dict a box: this bounds the memory


@dataclass(frozen=True, eq=False)
class Matches:
    """One category's n detections in P photos, best first, and what became of each at T = 10 IoU thresholds.

    photo:   int (n,), 0-based into the photos
    rank:    int (n,), 0 for the best of its photo
    scores:  float64 (n,), falling
    hit:     bool (T, n), matched to a box that counts
    ignored: bool (T, n), matched to an ignore or crowd box: neither right nor wrong
    truths:  int (P,), the boxes of each photo that count
    box:     int (T, n), which box of its photo and category it is matched to, 0-based as they were given; -1 for none
    """

    photo: np.ndarray
    rank: np.ndarray
    scores: np.ndarray
    hit: np.ndarray
    ignored: np.ndarray
    truths: np.ndarray
    box: np.ndarray


def match(
    truth: pd.DataFrame, detections: Mapping[int, Detections], image_ids: Sequence[int], categories: int
) -> list[Matches]:
    """Ground truth and detections -> the Matches of each category 0..categories-1.

    truth:      columns image_id, category, x1, y1, x2, y2, ignore, iscrowd
    detections: for each of `image_ids`; their labels are categories, and at most 100 a category count

    The rules are COCO's. Within a photo and a category, detections choose in order of score, boxes that count
    first. A crowd box matches any number of detections, by the share of the detection that lies in it. An
    ignore box matches one detection, by IoU, as any box does; but the two are left out. So a second detection
    on an ignore box is a mistake, as on any box, and so is one of another category.
    """
    by_photo = defaultdict(list)
    rows = truth[["image_id", *CORNERS, "category", "ignore", "iscrowd"]]
    for image_id, *row in rows.astype(dict.fromkeys(CORNERS, float)).itertuples(False, None):
        by_photo[image_id].append(row)
    parts = []
    for start in range(0, len(image_ids), PHOTOS_AT_ONCE):
        ids = image_ids[start : start + PHOTOS_AT_ONCE]
        matching = _Matching([by_photo[i] for i in ids], [detections[i] for i in ids], categories)
        with redirect_stdout(io.StringIO()):
            matching.evaluate()
        parts += [matching.evalImgs[k * len(ids) : (k + 1) * len(ids)] for k in range(categories)]
    return [_flat([photo for part in parts[k::categories] for photo in part]) for k in range(categories)]


class _Matching(COCOeval):
    """pycocotools' matching of boxes, all sizes, with ignore boxes that are no crowds.

    Its own `_prepare` overwrites `ignore` with `iscrowd`. Ids are from 1: it takes 0 for "unmatched".
    """

    def __init__(self, truth: list[list[list]], found: list[Detections], categories: int):
        super().__init__(iouType="bbox")
        self.truth, self.found = truth, found
        self.params.imgIds = list(range(len(found)))
        self.params.catIds = list(range(categories))
        self.params.areaRng, self.params.areaRngLbl = [[0, 1e10]], ["all"]
        self.params.iouThrs, self.params.maxDets = IOUS, [MAX_DETECTIONS]

    def _prepare(self):
        self._gts.clear()
        self._dts.clear()
        for photo, (truth, found) in enumerate(zip(self.truth, self.found, strict=True)):
            for *box, category, ignore, crowd in truth:
                _append(self._gts[photo, category], box, iscrowd=int(crowd), ignore=int(ignore or crowd))
            each = zip(found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True)
            for box, score, category in each:
                _append(self._dts[photo, category], box, score=score)


def _append(annotations: list[dict], box: list[float], **more) -> None:
    x1, y1, x2, y2 = box
    bbox = [x1, y1, x2 - x1, y2 - y1]
    annotations.append({"id": len(annotations) + 1, "bbox": bbox, "area": bbox[2] * bbox[3], **more})


def _flat(photos: list[dict | None]) -> Matches:
    """What pycocotools says of one category, a dict a photo or None where it has nothing there -> Matches."""
    truths = [0 if p is None else np.count_nonzero(p["gtIgnore"] == 0) for p in photos]
    counts = [0 if p is None else len(p["dtScores"]) for p in photos]
    there = [p for p in photos if p is not None]
    scores = np.concatenate([[], *(p["dtScores"] for p in there)])
    none = np.zeros((len(IOUS), 0))
    box = np.concatenate([none, *(p["dtMatches"] for p in there)], axis=1).astype(np.int32) - 1  # its ids are from 1
    ignored = np.concatenate([none, *(p["dtIgnore"] for p in there)], axis=1).astype(bool)
    order = np.argsort(-scores, kind="stable")
    return Matches(
        photo=np.repeat(np.arange(len(photos)), counts)[order],
        rank=np.concatenate([np.zeros(0, int), *(np.arange(c) for c in counts)])[order],
        scores=scores[order],
        hit=((box >= 0) & ~ignored)[:, order],
        ignored=ignored[:, order],
        truths=np.array(truths, int),
        box=box[:, order],
    )


def average_precision(matches: Matches, weights: np.ndarray) -> np.ndarray:
    """Matches, int (B, P) how often B draws hold each photo -> float64 (B, T); NaN where no box counts.

    Precision rises only at hits, so they alone are looked at:

    1. right: the hits up to here; seen: the detections up to here, less the ignored ones.
    2. Precision is right / seen, made to fall: at each recall the best at that recall or a higher one.
    3. Its mean over 101 recalls: each hit stands for those that it is the first to reach.
    """
    truths = weights @ matches.truths
    detections = np.cumsum(weights[:, matches.photo], axis=1)
    result = np.empty((len(weights), len(IOUS)))
    for t in range(len(IOUS)):
        hits, ignored = np.flatnonzero(matches.hit[t]), np.flatnonzero(matches.ignored[t])
        right = np.cumsum(weights[:, matches.photo[hits]], axis=1)
        left_out = np.cumsum(np.pad(weights[:, matches.photo[ignored]], ((0, 0), (1, 0))), axis=1)
        seen = detections[:, hits] - left_out[:, np.searchsorted(ignored, hits)]
        precision = right / (seen + np.spacing(1))  # a draw may hold none of them yet
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = right / np.maximum(truths, 1)[:, None]
        reached = np.searchsorted(RECALLS, recall, side="right")
        result[:, t] = (best * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
    return np.where((truths > 0)[:, None], result, np.nan)


def summary(matches: Matches) -> dict[str, float | int | None]:
    """Matches -> AP, AP50 (None where no box counts) and boxes."""
    ap = average_precision(matches, np.ones((1, len(matches.truths)), int))[0]
    return {"AP": number(ap.mean()), "AP50": number(ap[AT_50]), "boxes": int(matches.truths.sum())}


def number(value: float) -> float | None:
    """None for NaN, which JSON has not."""
    return None if np.isnan(value) else float(value)


def recall(matches: Matches, max_detections: int) -> np.ndarray:
    """Matches -> float64 (T,): the share of boxes that each photo's best `max_detections` find; or NaN."""
    truths = matches.truths.sum()
    hits = (matches.hit & (matches.rank < max_detections)).sum(axis=1)
    return hits / truths if truths else np.full(len(IOUS), np.nan)
