"""Several data sets as one: their photos together, with the taxonomy's categories as classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import Problem, ProblemLog, Problems
from shopee_od.datasets.taxonomy import JOINED, Taxonomy
from shopee_od.errors import InputError
from shopee_od.structures import GARMENT_TYPES


def join_datasets(datasets: Sequence[Dataset], taxonomy: Taxonomy) -> Dataset:
    """One data set of the photos of several.

    1. The classes are the categories that any of the data sets may have; those of the taxonomy's
       unsupported groups too, where a data set has a class of them.
    2. A box that may be one class only has its label. A box that may be several has the coarse
       label of these: its own class is too coarse, it is not `certain`, or it is to be ignored
       and of any class (`any_class_mask`).
    3. A box that may be no class is to be ignored, and has the coarse label of all classes: its
       garment is not background, and no class of a detection there is right or wrong.

    Args:
        datasets: in this order; with a single one, only its classes change.
        taxonomy: has the classes of all of them.
    Returns:
        The joint data set. Its name is "ccp+clothing", or "ccp+categories" for a single one; its
        root contains all their roots. Photos and boxes are numbered from 0 in the order of the data
        sets; `images.dataset` names the one that a photo is from. Splits stay. A box has the type
        of its categories, or its own where these differ. `problems` are those of all data sets,
        and `taxonomy` tells the taxonomy.
    Raises:
        InputError: the taxonomy lacks a class of a data set, or no data set has a category of it.
    """
    classes = _list_classes(datasets, taxonomy)
    names = [dataset.name for dataset in datasets]
    root = Path(os.path.commonpath([dataset.root.absolute() for dataset in datasets]))
    images = pd.concat([dataset.images for dataset in datasets], ignore_index=True)
    first_images = np.cumsum([0, *map(len, datasets)])
    boxes = pd.concat(
        [
            _map_boxes(dataset, taxonomy, classes, first)
            for dataset, first in zip(datasets, first_images[:-1], strict=True)
        ],
        ignore_index=True,
    )
    single = [(k,) for k in range(len(classes))]
    coarse_labels = sorted({*boxes.candidates} - {*single})
    label_of = {candidates: label for label, candidates in enumerate([*single, *coarse_labels])}
    return Dataset.build(
        JOINED.join(names if len(names) > 1 else [*names, "categories"]),
        root,
        classes,
        images.assign(image_id=np.arange(len(images))),
        boxes.assign(box_id=np.arange(len(boxes)), label=boxes.candidates.map(label_of)),
        _merge_problems(datasets, taxonomy),
        tuple(coarse_labels),
        taxonomy.identity,
    )


def sample_equally(datasets: Sequence[Dataset], n: int, seed: int = 0) -> list[Dataset]:
    """`n` photos of several data sets: of each equally many, at random.

    What a data set lacks, those after it give.

    Args:
        datasets: in this order.
        n: how many of all together, at most.
        seed: the same seed gives the same photos.
    Returns:
        The sample of each.
    """
    samples: list[Dataset] = []
    for number, dataset in enumerate(datasets):
        share = (n - sum(map(len, samples))) // (len(datasets) - number)
        samples.append(dataset.sample(share, seed))
    return samples


def _list_classes(datasets: Sequence[Dataset], taxonomy: Taxonomy) -> tuple[str, ...]:
    """The categories that any of the data sets may have, in the taxonomy's order."""
    candidates = {
        category
        for dataset in datasets
        for name in dataset.classes
        for garment_type in ("", *GARMENT_TYPES)
        for category in taxonomy.candidates(dataset.name, name, garment_type)
    }
    classes = tuple(c for c in taxonomy.names("category") if c in candidates)
    if not classes:
        names = ", ".join(dataset.name for dataset in datasets)
        raise InputError(
            f"{taxonomy.path}: no class of {names} has a category; give them some below classes, "
            "or name another taxonomy with --taxonomy"
        )
    return classes


def _map_boxes(
    dataset: Dataset, taxonomy: Taxonomy, classes: Sequence[str], first_image: int
) -> pd.DataFrame:
    """A data set's boxes, and as `candidates` the labels in rising order that each may have."""
    boxes = dataset.boxes
    has_category = _has_category(dataset, taxonomy)
    all_labels = tuple(range(len(classes)))
    candidates = [
        tuple(k for k in all_labels if classes[k] in categories) if categories else all_labels
        for categories in taxonomy.box_candidates(dataset)
    ]
    types = np.array(taxonomy.map_boxes(dataset, "type"), object)
    numbers = range(first_image, first_image + len(dataset))
    return boxes.assign(
        image_id=boxes.image_id.map(dict(zip(dataset.images.image_id, numbers, strict=True))),
        candidates=pd.Series(candidates, boxes.index, object),
        type=np.where(types == "", boxes.type, types),
        ignore=boxes.ignore | ~has_category,
    )


def _has_category(dataset: Dataset, taxonomy: Taxonomy) -> np.ndarray:
    """bool (M,), for each box: it has categories."""
    return np.array([bool(categories) for categories in taxonomy.box_candidates(dataset)], bool)


def _merge_problems(datasets: Sequence[Dataset], taxonomy: Taxonomy) -> ProblemLog:
    """The problems of all data sets, and the boxes without a category, by data set."""
    problems = ProblemLog(
        Problems(
            tuple(
                Problem(f"{dataset.name}: {problem.kind}", problem.count, problem.examples)
                for dataset in datasets
                for problem in dataset.problems.entries
            )
        )
    )
    for dataset in datasets:
        unmapped = dataset.counted_mask & ~_has_category(dataset, taxonomy)
        for label in dataset.boxes.label[unmapped]:
            kind = f"{dataset.name}: no category in the taxonomy: box to be ignored"
            problems.add(kind, dataset.label_names[label])
    return problems
