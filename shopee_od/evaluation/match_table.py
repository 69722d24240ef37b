"""How each detection and each box was matched at IoU 0.5: the table behind the error analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.evaluation.average_precision import AT_50, Matches
from shopee_od.evaluation.curves import PRCurve, compute_pr_curve
from shopee_od.evaluation.grouping import list_class_boxes, match_by_class
from shopee_od.ops.boxes import box_iou
from shopee_od.structures import Detections

BACKGROUND_IOU = 0.1
"""With a lower IoU a detection and a box have nothing in common. Source: TIDE, section 2.2."""


@dataclass(frozen=True, eq=False)
class MatchTable:
    """Detections and boxes of the classes that data set and detector share, matched as for AP50.

    Args:
        classes: their names; `category` is an index into them.
        detections: one row per detection, highest score first: image_id, x1, y1, x2, y2, score,
            category, correct, gt_row (the row of its box in `gt_boxes`, -1 where it is wrong).
            Detections on ignore and crowd boxes are left out.
        gt_boxes: one row per box that counts: image_id, x1, y1, x2, y2, category, box_id.
        pairs: one row per detection and box of the same image, of any classes, with IoU at least
            0.1: detection_row, gt_row, iou.
    """

    classes: tuple[str, ...]
    detections: pd.DataFrame
    gt_boxes: pd.DataFrame
    pairs: pd.DataFrame

    @property
    def num_gt(self) -> np.ndarray:
        """int (K,), the boxes of each class."""
        return np.bincount(self.gt_boxes.category, minlength=len(self.classes))

    def compute_curves(self) -> dict[str, PRCurve]:
        """The precision–recall curve of each class at IoU 0.5, by name."""
        curves = {}
        for category, (name, num_gt) in enumerate(zip(self.classes, self.num_gt, strict=True)):
            rows = self.detections[self.detections.category == category]
            curves[name] = compute_pr_curve(rows.score, rows.correct, num_gt)
        return curves


def build_match_table(
    detections: Mapping[int, Detections], dataset: Dataset, classes: Sequence[str]
) -> MatchTable:
    """Matches detections to boxes as for AP50 and lists the result.

    Boxes of coarse labels are ignore boxes of each class that they may be.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        classes: the detector's, in the order of its labels. A class that only the detector or only
            the data set has is left out.
    Returns:
        The table of the classes that both have.
    """
    matches = match_by_class(detections, dataset, classes)
    category_of = {name: category for category, name in enumerate(matches)}
    gt_boxes = _list_gt_boxes(dataset, _categories(dataset.classes, category_of))
    image_ids = sorted(dataset.images.image_id.tolist())
    rows = _list_detections(detections, image_ids, _categories(classes, category_of))
    match_rows = [_list_matches(m, category) for category, m in enumerate(matches.values())]
    rows = rows.merge(pd.concat(match_rows or [_NO_MATCHES]), on=["image", "category", "rank"])
    rows = rows.loc[~rows.ignored].sort_values("score", ascending=False, kind="stable")
    rows = rows.reset_index(drop=True)
    rows["gt_row"] = _find_gt_rows(rows, gt_boxes)
    return MatchTable(
        tuple(matches),
        rows.loc[:, ["image_id", *CORNERS, "score", "category", "correct", "gt_row"]],
        gt_boxes.loc[:, ["image_id", *CORNERS, "category", "box_id"]],
        _find_pairs(rows, gt_boxes),
    )


_NO_MATCHES = pd.DataFrame(
    {
        "image": pd.Series(dtype=int),
        "category": pd.Series(dtype=int),
        "rank": pd.Series(dtype=int),
        "correct": pd.Series(dtype=bool),
        "ignored": pd.Series(dtype=bool),
        "gt_index": pd.Series(dtype=int),
    }
)


def _categories(names: Sequence[str], category_of: Mapping[str, int]) -> np.ndarray:
    """int, the category of each name; -1 where it has none."""
    return np.array([category_of.get(name, -1) for name in names], int)


def _list_gt_boxes(dataset: Dataset, categories: np.ndarray) -> pd.DataFrame:
    """The boxes that count, with category and gt_index, their index in image and category."""
    gt_boxes = list_class_boxes(dataset)
    gt_boxes = gt_boxes.assign(category=categories[gt_boxes.label])
    gt_boxes = gt_boxes.loc[gt_boxes.category >= 0].sort_values("image_id", kind="stable")
    gt_boxes = gt_boxes.assign(gt_index=gt_boxes.groupby(["image_id", "category"]).cumcount())
    return gt_boxes.loc[~(gt_boxes.ignore | gt_boxes.iscrowd)].reset_index(drop=True)


def _list_detections(
    detections: Mapping[int, Detections], image_ids: list[int], categories: np.ndarray
) -> pd.DataFrame:
    """All detections, with the image, category and rank that identify them in Matches."""
    of_images = [detections[image_id] for image_id in image_ids]
    image = np.repeat(np.arange(len(image_ids)), [len(d) for d in of_images])
    boxes = np.concatenate([np.zeros((0, 4)), *(d.boxes for d in of_images)])
    labels = np.concatenate([np.zeros(0, int), *(d.labels for d in of_images)])
    rows = pd.DataFrame(boxes, columns=CORNERS).assign(
        image=image,
        image_id=np.asarray(image_ids, int)[image],
        score=np.concatenate([[], *(d.scores for d in of_images)]),
        category=categories[labels],
    )
    return rows.assign(rank=rows.groupby(["image", "category"]).cumcount())


def _list_matches(matches: Matches, category: int) -> pd.DataFrame:
    """One row per detection of a category, at IoU 0.5."""
    return pd.DataFrame(
        {
            "image": matches.image,
            "category": category,
            "rank": matches.rank,
            "correct": matches.correct[AT_50],
            "ignored": matches.ignored[AT_50],
            "gt_index": matches.gt_index[AT_50],
        }
    )


def _find_gt_rows(detections: pd.DataFrame, gt_boxes: pd.DataFrame) -> np.ndarray:
    """int, for each detection the row of its matched box; -1 where it is wrong."""
    key = ["image_id", "category", "gt_index"]
    row_of_key = pd.Series(gt_boxes.index, pd.MultiIndex.from_frame(gt_boxes.loc[:, key]))
    rows = row_of_key.reindex(pd.MultiIndex.from_frame(detections.loc[:, key])).fillna(-1)
    return np.where(detections.correct, rows.to_numpy(), -1).astype(int)


def _find_pairs(detections: pd.DataFrame, gt_boxes: pd.DataFrame) -> pd.DataFrame:
    """The pairs of a detection and a box of one image with IoU at least BACKGROUND_IOU."""
    detected_corners = detections[CORNERS].to_numpy()
    gt_corners = gt_boxes[CORNERS].to_numpy()
    gt_rows_of_image = gt_boxes.groupby("image_id").indices
    parts: list[np.ndarray] = [np.zeros((3, 0))]
    for image_id, rows in detections.groupby("image_id").indices.items():
        if image_id in gt_rows_of_image:
            gt_rows = gt_rows_of_image[image_id]
            iou = box_iou(detected_corners[rows], gt_corners[gt_rows])
            i, j = np.nonzero(iou >= BACKGROUND_IOU)
            parts.append(np.stack([rows[i], gt_rows[j], iou[i, j]]))
    pairs = pd.DataFrame(
        np.concatenate(parts, axis=1).T, columns=["detection_row", "gt_row", "iou"]
    )
    return pairs.astype({"detection_row": int, "gt_row": int})
