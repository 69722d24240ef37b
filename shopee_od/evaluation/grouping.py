"""Detections and ground truth matched by class, by type, by other names, and class-agnostic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import Dataset
from shopee_od.evaluation.average_precision import Matches, match_detections
from shopee_od.structures import GARMENT_TYPES, Detections

GROUP_NMS_IOU = 0.5
"""Where several classes count as one, NMS across them removes boxes with a higher IoU than this."""


def match_by_class(
    detections: Mapping[int, Detections], dataset: Dataset, classes: Sequence[str]
) -> dict[str, Matches]:
    """Matches within each class that `dataset` and the detector share by name.

    Boxes of coarse labels do not count: see `list_class_boxes`.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        classes: the detector's, in the order of its labels.
    Returns:
        Matches by class name, in the order of `dataset.classes`.
    """
    shared = [name for name in dataset.classes if name in classes]
    categories = np.array([_index(name, shared) for name in dataset.classes], int)
    gt_boxes = list_class_boxes(dataset)
    gt_boxes = gt_boxes.assign(category=categories[gt_boxes.label])
    relabeled = _map_labels(detections, dataset, [_index(name, shared) for name in classes])
    return _match(gt_boxes.loc[gt_boxes.category >= 0], relabeled, dataset, shared)


def list_class_boxes(dataset: Dataset) -> pd.DataFrame:
    """The boxes of a data set, each with one class.

    A box of a coarse label becomes an ignore box of each class that it may be: a detection of one
    of these is neither correct nor wrong on it, a detection of another class is wrong. So does a
    box of `Dataset.any_class_mask`, of all classes.

    Args:
        dataset: the ground truth.
    Returns:
        Columns as `Dataset.boxes`; every label is an index into `dataset.classes`.
    """
    num_classes = len(dataset.classes)
    is_any_class = dataset.any_class_mask
    is_coarse = (dataset.boxes.label >= num_classes) | is_any_class
    if not is_coarse.any():
        return dataset.boxes
    coarse = dataset.boxes[is_coarse]
    all_classes = tuple(range(num_classes))
    candidates = [*((label,) for label in all_classes), *dataset.coarse_labels]
    labels = [
        all_classes if is_any else candidates[label]
        for label, is_any in zip(coarse.label, is_any_class[is_coarse], strict=True)
    ]
    coarse = coarse.assign(label=labels, ignore=True).explode("label").astype({"label": "int32"})
    return pd.concat([dataset.boxes[~is_coarse], coarse], ignore_index=True)


def match_by_type(
    detections: Mapping[int, Detections], dataset: Dataset, types: Sequence[str]
) -> dict[str, Matches]:
    """Matches within upper, lower and full, each as one class, after NMS across its classes.

    Args:
        detections: of every image of `dataset`.
        dataset: a box of unknown type is an ignore box of every type. Boxes of coarse labels count:
            their type is known.
        types: the type of each of the detector's classes.
    Returns:
        Matches by type.
    """
    return match_by_name(detections, dataset, dataset.boxes.type.tolist(), types, GARMENT_TYPES)


def match_by_name(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    box_names: Sequence[str],
    class_names: Sequence[str],
    names: Sequence[str],
) -> dict[str, Matches]:
    """Matches within each of `names`, as one class, after NMS across the classes of that name.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        box_names: the name of each row of `dataset.boxes`; a box of none of `names` is an ignore
            box of every name, so a detection on it is neither correct nor wrong.
        class_names: the name of each of the detector's classes.
        names: which to match.
    Returns:
        Matches by name, in the order of `names`.
    """
    if not names:
        return {}
    name_of_box = np.asarray(box_names, object)
    unknown = ~np.isin(name_of_box, names)
    boxes = dataset.boxes.assign(ignore=dataset.boxes.ignore | unknown)
    parts = [
        boxes.loc[(name_of_box == name) | unknown].assign(category=category)
        for category, name in enumerate(names)
    ]
    relabeled = _map_labels(detections, dataset, [_index(name, names) for name in class_names])
    return _match(pd.concat(parts), _suppress(relabeled), dataset, names)


def match_class_agnostic(detections: Mapping[int, Detections], dataset: Dataset) -> Matches:
    """Matches with all garments as one class, by garment score, after NMS across all classes.

    Boxes of coarse labels count too.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
    Returns:
        The Matches of the one class.
    """
    garments = {i: detections[i].as_garments() for i in dataset.images.image_id}
    return match_garments(_suppress(garments), dataset)


def match_garments(detections: Mapping[int, Detections], dataset: Dataset) -> Matches:
    """Matches with all garments as one class, by garment score, without NMS.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
    Returns:
        The Matches of the one class.
    """
    garments = {i: detections[i].as_garments() for i in dataset.images.image_id}
    gt_boxes = dataset.boxes.assign(category=0)
    return _match(gt_boxes, garments, dataset, ["garment"])["garment"]


def _match(
    gt_boxes: pd.DataFrame,
    detections: dict[int, Detections],
    dataset: Dataset,
    names: Sequence[str],
) -> dict[str, Matches]:
    # Equal scores in several images count in the order of the image ids, as in pycocotools.
    image_ids = sorted(dataset.images.image_id.tolist())
    matches = match_detections(gt_boxes, detections, image_ids, len(names))
    return dict(zip(names, matches, strict=True))


def _index(name: str, names: Sequence[str]) -> int:
    """The index of a name; -1 where it is absent."""
    return names.index(name) if name in names else -1


def _map_labels(
    detections: Mapping[int, Detections], dataset: Dataset, categories: Sequence[int]
) -> dict[int, Detections]:
    """Detections in the images of `dataset`, label i as categories[i], without those of -1."""
    category_of_label = np.asarray(categories, int)
    relabeled = {}
    for image_id in dataset.images.image_id.tolist():
        image_detections = detections[image_id]
        labels = category_of_label[image_detections.labels]
        relabeled[image_id] = replace(image_detections, labels=labels)[labels >= 0]
    return relabeled


def _suppress(detections: Mapping[int, Detections]) -> dict[int, Detections]:
    """NMS within each label of each image."""
    return {image_id: d.nms(GROUP_NMS_IOU) for image_id, d in detections.items()}
