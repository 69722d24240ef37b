"""Regions of the training images with features: what SVMs of R-CNN and SPP-net learn from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from tqdm import tqdm

from shopee_od import cache
from shopee_od.config import setting
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.slots import FeatureExtractor, Proposals
from shopee_od.ops.boxes import box_iou


@dataclass(frozen=True, eq=False)
class RegionExamples:
    """Regions of the training images: their ground-truth boxes, and proposals.

    Args:
        image: int (N,), the image of each, from 0.
        features: float32 (N, D).
        boxes: float32 (N, 4).
        overlaps: float32 (N, classes), the best IoU with a box of each class in the image.
        truth: int (N,), the class of a ground-truth box; -1 for a proposal.
        targets: float32 (N, 4), the ground-truth box of the image that it overlaps most.
        labels: int (N,), the class of that.
    """

    image: np.ndarray
    features: np.ndarray
    boxes: np.ndarray
    overlaps: np.ndarray
    truth: np.ndarray
    targets: np.ndarray
    labels: np.ndarray


def make_examples(
    image: int,
    features: np.ndarray,
    boxes: np.ndarray,
    truth: np.ndarray,
    gt_boxes: np.ndarray,
    gt_labels: np.ndarray,
    classes: int,
) -> RegionExamples:
    """The examples of one image.

    Args:
        image: its number.
        features: (N, D) of its regions.
        boxes: (N, 4) of its regions.
        truth: (N,), the class of those that are ground-truth boxes, -1 for others.
        gt_boxes: (M, 4); gt_labels: (M,).
        classes: how many there are.
    """
    overlap = box_iou(boxes, gt_boxes).astype(np.float32)
    by_class = np.zeros((len(boxes), classes), np.float32)
    for column, label in enumerate(gt_labels):
        by_class[:, label] = np.maximum(by_class[:, label], overlap[:, column])
    best = overlap.argmax(axis=1)
    number = np.full(len(boxes), image)
    return RegionExamples(number, features, boxes, by_class, truth, gt_boxes[best], gt_labels[best])


def concatenate_examples(parts: list[RegionExamples]) -> RegionExamples:
    """The regions of several images as one."""
    names = [field.name for field in fields(RegionExamples)]
    return RegionExamples(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


@dataclass(frozen=True)
class ExamplesConfig:
    """Which regions SVMs are trained on.

    Args:
        proposals: of an image, at most.
        near_proposals: of them close to a box, at most, which teach how to move.
        near_iou: the IoU from which a proposal is close to a box.
    """

    proposals: int = 64
    near_proposals: int = setting(16, at_least=0)
    near_iou: float = 0.6


class TrainableFeatures(FeatureExtractor, Protocol):
    """A feature extractor that also describes mirrored boxes; its key changes with the features."""

    @property
    def key(self) -> str: ...

    def extract_training(
        self, image: np.ndarray, gt_boxes: np.ndarray, boxes: np.ndarray
    ) -> np.ndarray:
        """An image, its M boxes, N proposals -> float32 (2M + N, D): boxes, mirrored, proposals."""
        ...


@dataclass(frozen=True, eq=False)
class LabeledImage:
    """A training image, its M ground-truth boxes with labels, and its proposals."""

    image_id: int
    image: np.ndarray
    gt_boxes: np.ndarray
    gt_labels: np.ndarray
    proposals: Proposals


def iterate_boxes(train: Dataset) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Reads the training images one by one: image_id, image, boxes and labels that count."""
    for image_id, path in train.images[["image_id", "path"]].itertuples(index=False):
        rows = train.counted_boxes_of(image_id)
        yield image_id, read_photo(path), rows[CORNERS].to_numpy(np.float32), rows.label.to_numpy()


def iterate_images(train: Dataset, search: SelectiveSearch) -> Iterator[LabeledImage]:
    """Reads the training images one by one, with the boxes that count and their proposals."""
    for image_id, image, gt_boxes, gt_labels in iterate_boxes(train):
        yield LabeledImage(image_id, image, gt_boxes, gt_labels, search.propose(image))


def sample_proposals(labeled: LabeledImage, seed: int, config: ExamplesConfig) -> np.ndarray:
    """float32 (K, 4): the proposals to train on, some of those close to a box, the rest random."""
    boxes = labeled.proposals.boxes
    order = np.random.default_rng([seed, labeled.image_id]).permutation(len(boxes))
    overlap = box_iou(boxes, labeled.gt_boxes).max(axis=1, initial=0)
    near = overlap[order] > config.near_iou
    first = order[near][: config.near_proposals]
    rest = order[near][config.near_proposals :]
    return boxes[np.concatenate([first, order[~near], rest])[: config.proposals]]


def collect_examples(
    train: Dataset,
    seed: int,
    search: SelectiveSearch,
    features: TrainableFeatures,
    config: ExamplesConfig = ExamplesConfig(),
) -> tuple[RegionExamples, float]:
    """The regions of all training images with their features, which are cached as float16.

    Args:
        train: images with boxes.
        seed: of the random proposals.
        search: their proposer.
        features: their feature extractor.
        config: which regions.
    Returns:
        The examples, and the seconds that the cache saved.
    """
    start = time.perf_counter()
    parts = []
    seconds = 0.0
    features_key = features.key
    images = iterate_images(train, search)
    progress = tqdm(images, "CNN on regions", len(train), unit="photo", mininterval=2)
    for number, labeled in enumerate(progress):
        gt_boxes, gt_labels = labeled.gt_boxes, labeled.gt_labels
        proposals = sample_proposals(labeled, seed, config)
        boxes = np.concatenate([gt_boxes, gt_boxes, proposals])

        def compute(image=labeled.image, gt_boxes=gt_boxes, proposals=proposals):
            values = features.extract_training(image, gt_boxes, proposals)
            return {"features": values.astype(np.float16)}

        key = cache.make_key(labeled.image, boxes, features_key)
        arrays = cache.get_or_compute("features", key, compute)
        seconds += float(arrays[cache.SECONDS]) + (labeled.proposals.seconds or 0.0)
        truth = np.concatenate([gt_labels, gt_labels, np.full(len(proposals), -1)])
        values = arrays["features"].astype(np.float32)
        parts.append(
            make_examples(number, values, boxes, truth, gt_boxes, gt_labels, len(train.classes))
        )
    return concatenate_examples(parts), seconds - (time.perf_counter() - start)
