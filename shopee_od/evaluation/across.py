"""A detector of one data set's classes judged on another's, by the shop's groups or categories that both have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import Taxonomy
from shopee_od.evaluation.coco import summary
from shopee_od.evaluation.operating import boxes_hit
from shopee_od.evaluation.views import by_name
from shopee_od.types import Detections, Detector


def across(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    detector: Detector,
    taxonomy: Taxonomy,
    level: str = "group",
) -> dict:
    """Detections in every photo of `dataset` -> figures by the names of a level of the shop's taxonomy.

    per_name: boxes, AP and AP50 of each name that the data set has boxes of; the two None where the detector has no
              class of that name
    AP, AP50: the mean over the names that both have; None where there is none
    gaps:     of each group that hardly any training set has: boxes, and `found`, the share that any detection at
              the operating threshold boxes at IoU >= 0.5, whatever it calls them
    level, taxonomy: what was asked for

    A box whose class does not reach down to `level`, or that is of a gap, neither counts nor costs; nor does a
    detection on it. Raises InputError where the taxonomy lacks a class of either side.
    """
    groups = np.array(taxonomy.of_boxes(dataset, "group"), object)
    apart = np.isin(groups, taxonomy.gaps)
    of_boxes = np.where(apart, "", np.array(taxonomy.of_boxes(dataset, level), object))
    of_classes = taxonomy.of_classes(detector.trained["dataset"], detector.classes, detector.types, level)
    counts = dataset.counts
    names = [name for name in taxonomy.names(level) if name in of_boxes[counts]]
    matches = by_name(detections, dataset, of_boxes, of_classes, names)
    unknown = {"AP": None, "AP50": None}
    per_name = {n: summary(m) if n in of_classes else summary(m) | unknown for n, m in matches.items()}
    judged = [row for row in per_name.values() if row["AP"] is not None]
    hit = boxes_hit(detections, dataset, detector.threshold)
    return {
        "level": level,
        "taxonomy": taxonomy.path.name,
        "AP": float(np.mean([row["AP"] for row in judged])) if judged else None,
        "AP50": float(np.mean([row["AP50"] for row in judged])) if judged else None,
        "per_name": per_name,
        "gaps": {name: _gap(counts & (groups == name), hit) for name in taxonomy.gaps},
    }


def _gap(boxes: np.ndarray, hit: np.ndarray) -> dict:
    return {"boxes": int(boxes.sum()), "found": float(hit[boxes].mean()) if boxes.any() else None}
