"""What became of every single detection and every single box at IoU 0.5: what confusion, errors and sizes count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.evaluation.coco import AT_50, Matches
from shopee_od.evaluation.curves import Curve, curve
from shopee_od.evaluation.views import by_class
from shopee_od.ops.boxes import iou
from shopee_od.types import Detections

NEAR = 0.1
"""Boxes that overlap by less than this (IoU) have nothing to do with one another."""


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Detections and boxes of the classes that data set and detector share, and how they met.

    classes: their names; `category` counts through them
    found:   a row a detection that counts (none on `ignore` or crowd boxes), best first:
             image_id, x1, y1, x2, y2, score, category, hit, box (the row in `truth` that it hit, -1 for none)
    truth:   a row a box that counts: image_id, x1, y1, x2, y2, category, box_id
    pairs:   a row for each detection and box of one photo with IoU >= 0.1: found, truth (rows), iou
    """

    classes: tuple[str, ...]
    found: pd.DataFrame
    truth: pd.DataFrame
    pairs: pd.DataFrame

    @property
    def boxes(self) -> np.ndarray:
        """int (K,), the boxes of each class."""
        return np.bincount(self.truth.category, minlength=len(self.classes))

    def curves(self) -> dict[str, Curve]:
        """The Curve of each class, at IoU 0.5."""
        return {
            name: curve(rows.score, rows.hit, boxes)
            for name, boxes, rows in zip(self.classes, self.boxes, self._by_category(), strict=True)
        }

    def _by_category(self):
        return [self.found[self.found.category == k] for k in range(len(self.classes))]


def verdicts(detections: Mapping[int, Detections], dataset: Dataset, classes: Sequence[str]) -> Verdicts:
    """Detections of every photo of `dataset`, their detector's classes -> Verdicts, matched as for AP50.

    Classes are the same where their names are; those that only one side has are left out.
    """
    shared = {name: k for k, name in enumerate(n for n in dataset.classes if n in classes)}
    truth = dataset.boxes.assign(category=_categories(dataset.classes, shared)[dataset.boxes.label])
    truth = truth[truth.category >= 0].sort_values("image_id", kind="stable")
    truth["place"] = truth.groupby(["image_id", "category"]).cumcount()
    found = _found(detections, sorted(dataset.images.image_id.tolist()), _categories(classes, shared))
    fates = pd.concat([_fates(m, k) for k, m in enumerate(by_class(detections, dataset, classes).values())] or [_NONE])
    found = found.merge(fates, on=["photo", "category", "rank"])
    found = found[~found.ignored].sort_values("score", ascending=False, kind="stable").reset_index(drop=True)
    truth = truth[~(truth.ignore | truth.iscrowd)].reset_index(drop=True)
    row = pd.Series(truth.index, pd.MultiIndex.from_frame(truth[["image_id", "category", "place"]]))
    hit = pd.MultiIndex.from_frame(found[["image_id", "category", "place"]])
    found["box"] = np.where(found.hit, row.reindex(hit).fillna(-1).to_numpy(), -1).astype(int)
    found = found[["image_id", *CORNERS, "score", "category", "hit", "box"]]
    return Verdicts(tuple(shared), found, truth[["image_id", *CORNERS, "category", "box_id"]], _pairs(found, truth))


_NONE = pd.DataFrame({"photo": [], "category": [], "rank": [], "hit": [], "ignored": [], "place": []}).astype(
    {"photo": int, "category": int, "rank": int, "hit": bool, "ignored": bool, "place": int}
)


def _categories(names: Sequence[str], shared: Mapping[str, int]) -> np.ndarray:
    return np.array([shared.get(name, -1) for name in names], int)


def _found(detections: Mapping[int, Detections], image_ids: list[int], categories: np.ndarray) -> pd.DataFrame:
    """A row a detection; `rank` is its place among those of its photo and category, as in Matches."""
    each = [detections[i] for i in image_ids]
    photo = np.repeat(np.arange(len(each)), [len(d) for d in each])
    table = pd.DataFrame(np.concatenate([np.zeros((0, 4)), *(d.boxes for d in each)]), columns=CORNERS)
    table = table.assign(
        photo=photo,
        image_id=np.asarray(image_ids, int)[photo],
        score=np.concatenate([[], *(d.scores for d in each)]),
        category=categories[np.concatenate([np.zeros(0, int), *(d.labels for d in each)])],
    )
    return table.assign(rank=table.groupby(["photo", "category"]).cumcount())


def _fates(matches: Matches, category: int) -> pd.DataFrame:
    columns = {"photo": matches.photo, "category": category, "rank": matches.rank}
    at_50 = {"hit": matches.hit[AT_50], "ignored": matches.ignored[AT_50], "place": matches.box[AT_50]}
    return pd.DataFrame(columns | at_50)


def _pairs(found: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    boxes = found[CORNERS].to_numpy(), truth[CORNERS].to_numpy()
    in_photo = truth.groupby("image_id").indices
    parts = [np.zeros((3, 0))]
    for image_id, rows in found.groupby("image_id").indices.items():
        if image_id in in_photo:
            overlap = iou(boxes[0][rows], boxes[1][in_photo[image_id]])
            i, j = np.nonzero(overlap >= NEAR)
            parts.append(np.stack([rows[i], in_photo[image_id][j], overlap[i, j]]))
    pairs = pd.DataFrame(np.concatenate(parts, axis=1).T, columns=["found", "truth", "iou"])
    return pairs.astype({"found": int, "truth": int})
