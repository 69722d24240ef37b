"""Three ways to look at the same detections and ground truth: by class, by type, and class-agnostic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import Dataset
from shopee_od.evaluation.coco import Matches, match
from shopee_od.ops.nms import nms
from shopee_od.types import TYPES, Detections

MERGE_IOU = 0.5
"""Boxes of several classes that overlap by more than this are one garment where classes do not matter."""


def by_class(detections: Mapping[int, Detections], dataset: Dataset, classes: Sequence[str]) -> dict[str, Matches]:
    """The Matches of each class that `dataset` and the detector (`classes`) share by name."""
    shared = [name for name in dataset.classes if name in classes]
    category = np.array([_place(name, shared) for name in dataset.classes], int)
    truth = dataset.boxes.assign(category=category[dataset.boxes.label])
    found = _relabelled(detections, dataset, [_place(name, shared) for name in classes])
    return _match(truth[truth.category >= 0], found, dataset, shared)


def by_type(detections: Mapping[int, Detections], dataset: Dataset, types: Sequence[str]) -> dict[str, Matches]:
    """The Matches of upper, lower and full, each taken as one class, after NMS across its classes.

    types: of the detector's classes. A box whose type is not known is an ignore box of every type.
    """
    return by_name(detections, dataset, dataset.boxes.type.tolist(), types, TYPES)


def by_name(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    of_boxes: Sequence[str],
    of_classes: Sequence[str],
    names: Sequence[str],
) -> dict[str, Matches]:
    """The Matches of each of `names`, each taken as one class, after NMS across the detector's classes of that name.

    of_boxes:   the name of each row of `dataset.boxes`; of_classes: that of each class of the detector

    A box of no such name is an ignore box of every name: a detection on it is neither right nor wrong.
    """
    if not names:
        return {}
    given = np.asarray(of_boxes, object)
    unknown = ~np.isin(given, names)
    boxes = dataset.boxes.assign(ignore=dataset.boxes.ignore | unknown)
    truth = [boxes[(given == name) | unknown].assign(category=k) for k, name in enumerate(names)]
    found = _merged(_relabelled(detections, dataset, [_place(name, names) for name in of_classes]))
    return _match(pd.concat(truth), found, dataset, names)


def agnostic(detections: Mapping[int, Detections], dataset: Dataset, classes: Sequence[str]) -> Matches:
    """The Matches of all garments taken as one class, after NMS across all classes."""
    found = _merged(_relabelled(detections, dataset, [0] * len(classes)))
    return _match(dataset.boxes.assign(category=0), found, dataset, ["garment"])["garment"]


def _match(
    truth: pd.DataFrame, found: dict[int, Detections], dataset: Dataset, names: Sequence[str]
) -> dict[str, Matches]:
    # pycocotools settles ties between photos by their ids
    image_ids = sorted(dataset.images.image_id.tolist())
    return dict(zip(names, match(truth, found, image_ids, len(names)), strict=True))


def _place(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else -1


def _relabelled(
    detections: Mapping[int, Detections], dataset: Dataset, categories: Sequence[int]
) -> dict[int, Detections]:
    """Those in the photos of `dataset`; label i becomes categories[i], or is left out where that is -1."""
    categories = np.asarray(categories, int)
    found = {}
    for image_id in dataset.images.image_id.tolist():
        d = detections[image_id]
        labels = categories[d.labels]
        keep = labels >= 0
        found[image_id] = Detections(d.boxes[keep], d.scores[keep], labels[keep])
    return found


def _merged(detections: dict[int, Detections]) -> dict[int, Detections]:
    """After NMS among the detections of one label."""
    merged = {}
    for image_id, d in detections.items():
        each = [np.flatnonzero(d.labels == label) for label in np.unique(d.labels)]
        keep = np.sort(np.concatenate([[], *(i[nms(d.boxes[i], d.scores[i], MERGE_IOU)] for i in each)]))
        keep = keep.astype(int)
        merged[image_id] = Detections(d.boxes[keep], d.scores[keep], d.labels[keep])
    return merged
