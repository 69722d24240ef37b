"""A detector evaluated on a data set with other classes than its own, by a taxonomy level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import Taxonomy
from shopee_od.detector import Detector
from shopee_od.errors import InputError
from shopee_od.evaluation.average_precision import summarize
from shopee_od.evaluation.grouping import match_by_name
from shopee_od.evaluation.thresholds import find_detected_boxes
from shopee_od.structures import Detections

NO_DATASET = (
    "the detector's metadata does not say which data set it was trained on, so its classes cannot "
    "be mapped by the taxonomy; set metadata['dataset'] to a name below `classes` of the taxonomy"
)


def evaluate_cross_dataset(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    detector: Detector,
    taxonomy: Taxonomy,
    level: str = "group",
) -> dict[str, Any]:
    """Computes AP by the names of a taxonomy level, where data set and detector differ in classes.

    A box whose class is too coarse for `level`, or of an unsupported group, is an ignore box:
    neither it nor a detection on it counts.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        detector: its `metadata["dataset"]` names the data set whose classes it has.
        taxonomy: has the classes of both.
        level: "category", "group" or "type".
    Returns:
        per_name: boxes, AP and AP50 of each name that boxes of the data set have; AP and AP50 are
        None where no class of the detector has that name;
        AP, AP50: the mean over the names that both have; None where there is none;
        gaps: for each unsupported group, which hardly any training set has: boxes, and `found`, the
        share of them that a detection of any class at the operating threshold matches at IoU 0.5;
        level, taxonomy: the level, and the taxonomy's file name.
    Raises:
        InputError: the metadata names no data set, or the taxonomy lacks a class of either side.
    """
    trained_on = detector.metadata.get("dataset")
    if trained_on is None:
        raise InputError(NO_DATASET)
    group_of_box = np.array(taxonomy.map_boxes(dataset, "group"), object)
    name_of_box = np.array(taxonomy.map_boxes(dataset, level), object)
    name_of_box[np.isin(group_of_box, taxonomy.unsupported_groups)] = ""
    box_names = name_of_box.tolist()
    class_names = taxonomy.map_classes(trained_on, detector.classes, detector.types, level)
    counted = dataset.counted_mask
    names = [name for name in taxonomy.names(level) if name in name_of_box[counted]]
    per_name = {}
    matches = match_by_name(detections, dataset, box_names, class_names, names)
    for name, name_matches in matches.items():
        per_name[name] = summarize(name_matches)
        if name not in class_names:
            per_name[name] |= {"AP": None, "AP50": None}
    known = [row for row in per_name.values() if row["AP"] is not None]
    detected = find_detected_boxes(detections, dataset, detector.threshold)
    return {
        "level": level,
        "taxonomy": taxonomy.path.name,
        "AP": float(np.mean([row["AP"] for row in known])) if known else None,
        "AP50": float(np.mean([row["AP50"] for row in known])) if known else None,
        "per_name": per_name,
        "gaps": {
            group: _summarize_group(detected[counted & (group_of_box == group)])
            for group in taxonomy.unsupported_groups
        },
    }


def explain_unmapped(detector: Detector, dataset: Dataset, taxonomy: Taxonomy) -> str | None:
    """Why a taxonomy cannot compare detector and data set.

    Args:
        detector: its `metadata["dataset"]` names the data set whose classes it has.
        dataset: the ground truth.
        taxonomy: should have the classes of both.
    Returns:
        One sentence with the fix; None where the taxonomy can compare them.
    """
    trained_on = detector.metadata.get("dataset")
    if trained_on is None:
        return NO_DATASET
    for name, classes in ((dataset.name, dataset.classes), (trained_on, detector.classes)):
        unmapped = taxonomy.unmapped_classes(name, classes)
        if unmapped:
            return (
                f"{taxonomy.path} does not map {name}: {unmapped[0]!r}; add it below classes, with "
                "a category or null"
            )
    return None


def _summarize_group(detected: np.ndarray) -> dict[str, Any]:
    """bool (m,), which boxes of a group are detected -> boxes, and the share that is."""
    return {"boxes": len(detected), "found": float(detected.mean()) if len(detected) else None}
