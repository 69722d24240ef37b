"""Detector and data set under the same classes, where one has its own and the other categories.

A detector that was trained on several data sets has the taxonomy's categories as classes, and so
has a joint data set. Names alone do not tell whether classes are the same: the class "top" of one
data set may contain shirts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.joint import join_datasets
from shopee_od.datasets.taxonomy import JOINED, Taxonomy
from shopee_od.detector import Detector
from shopee_od.errors import InputError
from shopee_od.evaluation.grouping import GROUP_NMS_IOU
from shopee_od.structures import GARMENT_TYPES, Detections


@dataclass(frozen=True, eq=False)
class Comparison:
    """Detections and ground truth whose classes are the same where their names are.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        classes: the names of the detections' labels.
        types: their garment types.
    """

    detections: Mapping[int, Detections]
    dataset: Dataset
    classes: tuple[str, ...]
    types: tuple[str, ...]


def share_classes(
    detections: Mapping[int, Detections], dataset: Dataset, detector: Detector, taxonomy: Taxonomy
) -> Comparison:
    """Brings detections and ground truth under the same classes.

    1. Where detector and data set both have categories, or both have classes of their own, nothing
       changes.
    2. Where the data set's own classes are sets of categories that do not overlap, detections of
       categories become detections of these classes.
    3. Otherwise the data set gets categories, as `join_ground_truth` gives them.
    4. Where the data set has categories and the detector has not, those of its classes that are one
       category become it.
    5. Where the data set has categories of unsupported groups that the detector does not know,
       `coarsen_unsupported` lets no class count there.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        detector: its `metadata["dataset"]` names the data set whose classes it has.
        taxonomy: has the classes of both.
    Returns:
        Detections and ground truth, and the names and types of the detections' labels.
    Raises:
        InputError: the taxonomy lacks a class of either.
    """
    trained_on = detector.metadata.get("dataset", "")
    classes, types = tuple(detector.classes), tuple(detector.types)
    comparison = Comparison(detections, dataset, classes, types)
    if JOINED not in trained_on:
        if JOINED not in dataset.name:
            return comparison
        categories = taxonomy.map_classes(trained_on, classes, types, "category")
        names = [
            category or f"{trained_on}: {name}"
            for category, name in zip(categories, classes, strict=True)
        ]
        comparison = merge_classes(detections, dataset, names, types)
    elif JOINED not in dataset.name:
        class_of = find_class_of_category(dataset, taxonomy)
        if class_of is not None:
            names = [class_of.get(category, f"category: {category}") for category in classes]
            return merge_classes(detections, dataset, names, types)
        joint = join_ground_truth([dataset], taxonomy)
        comparison = Comparison(join_detections([detections], [dataset]), joint, classes, types)
    known = comparison.classes
    return replace(comparison, dataset=coarsen_unsupported(comparison.dataset, known, taxonomy))


def refuse_shared_names(dataset: Dataset, detector: Detector, reason: str) -> None:
    """Refuses classes that have a name in common but may differ, where no taxonomy can tell.

    Args:
        dataset: the ground truth.
        detector: its `metadata["dataset"]` names the data set whose classes it has.
        reason: why the taxonomy cannot compare both, with the fix.
    Raises:
        InputError: one of them has categories and the other has not, and they share a name.
    """
    is_joint = {JOINED in name for name in (dataset.name, detector.metadata.get("dataset", ""))}
    shared = [name for name in dataset.classes if name in detector.classes]
    if len(is_joint) == 2 and shared:
        raise InputError(
            f"{detector.name} on {dataset.name}: {shared[0]!r} is a category of the one and a "
            f"class of the other, which may differ, and {reason}"
        )


def find_class_of_category(dataset: Dataset, taxonomy: Taxonomy) -> dict[str, str] | None:
    """The class of a data set that each category belongs to.

    Args:
        dataset: has classes of its own.
        taxonomy: has these.
    Returns:
        Category -> class; None where a category may belong to two classes, or a class has none.
    """
    class_of: dict[str, str] = {}
    for name in dataset.classes:
        categories = {
            category
            for garment_type in ("", *GARMENT_TYPES)
            for category in taxonomy.candidates(dataset.name, name, garment_type)
        }
        if not categories or categories & class_of.keys():
            return None
        class_of |= dict.fromkeys(categories, name)
    return class_of


def merge_classes(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    names: Sequence[str],
    types: Sequence[str],
) -> Comparison:
    """Detections under new names, after NMS within each: two of one name may box one garment.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        names: the new name of each label; those of the same name become one class.
        types: the garment type of each label.
    Returns:
        The detections with the new names as classes; the ground truth stays.
    """
    classes = tuple(dict.fromkeys(names))
    labels = pd.Index(classes).get_indexer(pd.Index(names))
    renamed_detections = {
        image_id: replace(d, labels=labels[d.labels]).nms(GROUP_NMS_IOU)
        for image_id, d in detections.items()
    }
    return Comparison(
        renamed_detections, dataset, classes, tuple(types[names.index(n)] for n in classes)
    )


def coarsen_unsupported(
    dataset: Dataset, known_classes: Sequence[str], taxonomy: Taxonomy
) -> Dataset:
    """A joint data set for a detector that does not know all unsupported groups.

    A box that may be of an unsupported category that the detector does not know has the coarse
    label of all classes: no class of a detection on it is right or wrong. It counts class-agnostic
    and by type.

    Args:
        dataset: has the taxonomy's categories as classes; they stay.
        known_classes: the detector's.
        taxonomy: its unsupported groups.
    Returns:
        The same photos and boxes; only labels change, of some boxes.
    """
    unknown = {
        label
        for label, name in enumerate(dataset.classes)
        if name not in known_classes and taxonomy.group_of.get(name) in taxonomy.unsupported_groups
    }
    if not unknown:
        return dataset
    all_classes = tuple(range(len(dataset.classes)))
    candidates = [*((label,) for label in all_classes), *dataset.coarse_labels]
    may_be_unknown = np.array([not unknown.isdisjoint(labels) for labels in candidates])
    labels = dataset.boxes.label.mask(may_be_unknown[dataset.boxes.label], len(candidates))
    return dataset.with_classes(
        dataset.classes,
        dataset.boxes.assign(label=labels.astype("int32")),
        coarse_labels=(*dataset.coarse_labels, all_classes),
    )


def join_ground_truth(datasets: Sequence[Dataset], taxonomy: Taxonomy) -> Dataset:
    """The joint data set for evaluation.

    Unlike in training, garments without a category are not ignored: they count class-agnostic and
    by type. Within classes they do not, as all boxes of coarse labels.

    Args:
        datasets: as for `join_datasets`.
        taxonomy: has the classes of all of them.
    Returns:
        As `join_datasets`, but for the boxes without a category.
    Raises:
        InputError: as `join_datasets`.
    """
    joint = join_datasets(datasets, taxonomy)
    ignore = pd.concat([dataset.boxes.ignore for dataset in datasets], ignore_index=True)
    return replace(joint, boxes=joint.boxes.assign(ignore=ignore))


def join_detections(
    detections: Sequence[Mapping[int, Detections]], datasets: Sequence[Dataset]
) -> dict[int, Detections]:
    """The detections of several data sets by the image ids of their joint one.

    Args:
        detections: of images of each of `datasets`.
        datasets: in the order in which they are joined.
    Returns:
        By the image ids that `join_datasets` gives, those of `detections`.
    """
    all_detections = {}
    first_image = 0
    for of_images, dataset in zip(detections, datasets, strict=True):
        for number, image_id in enumerate(dataset.images.image_id, first_image):
            if image_id in of_images:
                all_detections[number] = of_images[image_id]
        first_image += len(dataset)
    return all_detections
