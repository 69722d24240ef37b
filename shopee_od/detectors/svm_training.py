"""What the SVMs of R-CNN and SPP-net learn from: regions of the training photos, and the network's features of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.kept import SECONDS, kept, key_of
from shopee_od.detectors.proposals import Proposals
from shopee_od.detectors.proposed import labelled
from shopee_od.detectors.region_svm import NEAR, Examples, examples, together
from shopee_od.ops.boxes import iou
from shopee_od.types import Stage

PER_PHOTO, NEARBY = 64, 16  # proposals of a photo to learn from, and of them near a box at most


@dataclass(frozen=True)
class Seen:
    """What a network made of N regions: float32 (N, D), in how many passes, and for a Trace, how."""

    features: np.ndarray
    passes: int
    stage: Stage


class RegionCNN(Protocol):
    """A network that gives regions their features.

    key: another one where features would be others; width: of a region's features; weights: the network's own
    """

    key: str
    width: int
    weights: list[np.ndarray]

    def see(self, image: np.ndarray, boxes: np.ndarray) -> Seen:
        """uint8 (H, W, 3), (N, 4) in its pixels -> what it makes of them."""

    def training_features(self, image: np.ndarray, corners: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """A photo, its own boxes (M, 4), N proposals -> float32 (2M + N, D): its boxes, these mirrored, proposals."""


def photo_regions(train: Dataset, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, Proposals]]:
    """Photo by photo: it, its boxes (M, 4) with labels (M,), and the proposals to learn from.

    Some are taken from those near a box, which teach how to move, the rest at random.
    """
    for image_id, image, corners, labels, found in labelled(train):
        order = np.random.default_rng([seed, image_id]).permutation(len(found.boxes))
        near = iou(found.boxes, corners).max(axis=1, initial=0)[order] > NEAR
        chosen = np.concatenate([order[near][:NEARBY], order[~near], order[near][NEARBY:]])[:PER_PHOTO]
        yield image, corners, labels, Proposals(found.boxes[chosen], found.seconds)


def training_examples(train: Dataset, seed: int, cnn: RegionCNN) -> tuple[Examples, float]:
    """Photos with boxes -> their regions with features, kept on disk; and the seconds of earlier work, if they were.

    Two bytes a number: 64 regions of 1280 numbers take 0.2 MB a photo.
    """
    parts, seconds = [], 0.0
    for k, (image, corners, labels, found) in enumerate(
        tqdm(photo_regions(train, seed), "CNN on regions", len(train), unit="photo", mininterval=2)
    ):
        boxes = np.concatenate([corners, corners, found.boxes])
        made = kept(
            "features",
            key_of(image, boxes, cnn.key),
            lambda image=image, corners=corners, found=found: {
                "features": cnn.training_features(image, corners, found.boxes).astype(np.float16)
            },
        )
        seconds += float(made[SECONDS]) + found.seconds
        truth = np.concatenate([labels, labels, np.full(len(found.boxes), -1)])
        features = made["features"].astype(np.float32)
        parts.append(examples(k, features, boxes, truth, corners, labels, len(train.classes)))
    return together(parts), seconds
