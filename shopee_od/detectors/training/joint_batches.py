"""What Faster R-CNN is trained on: batches of images and boxes, and RoIs from its own proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.training.region_examples import iterate_boxes
from shopee_od.detectors.training.roi_samples import (
    SamplingConfig,
    choose_group,
    label_image,
    pack_batch,
)
from shopee_od.ops.boxes import mirror_boxes
from shopee_od.ops.label_assignment import FG
from shopee_od.ops.sampling import subsample_labels

if TYPE_CHECKING:
    from shopee_od.detectors.features.roi_align_map import RoIAlignMap
    from shopee_od.detectors.proposers.rpn import RPN


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """An image as the network is given it.

    Args:
        image: uint8 (h, w, 3), resized.
        gt_boxes: float (M, 4) in its pixels.
        gt_labels: int (M,).
    """

    image: np.ndarray
    gt_boxes: np.ndarray
    gt_labels: np.ndarray

    def mirror(self) -> TrainingImage:
        """Left and right exchanged, in the boxes as in the image."""
        gt_boxes = mirror_boxes(self.gt_boxes, self.image.shape[1])
        return TrainingImage(self.image[:, ::-1], gt_boxes, self.gt_labels)


class JointBatch(NamedTuple):
    """B images of one size and the M boxes on them, arrays or tensors.

    Args:
        images: uint8 (B, h, w, 3).
        gt_boxes: float32 (M, 4).
        gt_labels: int32 (M,).
        image_of_box: int32 (M,), the image of each.
        seed: int64, of the RoIs that are sampled.
    """

    images: Any
    gt_boxes: Any
    gt_labels: Any
    image_of_box: Any
    seed: Any

    def boxes_of(self, image: int) -> np.ndarray:
        """The boxes of one of the images."""
        return self.gt_boxes[self.image_of_box == image]


def load_images(train: Dataset, features: RoIAlignMap) -> list[TrainingImage]:
    """The training images, resized for the backbone, with the boxes that count."""
    images = []
    for _, image, gt_boxes, gt_labels in iterate_boxes(train):
        resized = features.resize(image)
        scale = np.tile(np.array(resized.shape[1::-1]) / image.shape[1::-1], 2)
        images.append(TrainingImage(resized, gt_boxes * scale, gt_labels))
    return images


def sample_images(
    images: Sequence[TrainingImage],
    groups: Sequence[np.ndarray],
    count: int,
    rng: np.random.Generator,
) -> JointBatch:
    """A batch of images of one size at random; every second one is mirrored.

    Args:
        images: the training images.
        groups: the indices of those of each size.
        count: of the batch, where there are so many of its size.
        rng: makes the choices.
    """
    group = choose_group(groups, rng)
    indices = rng.choice(group, min(count, len(group)), replace=False)
    members = [images[k].mirror() if rng.random() < 0.5 else images[k] for k in indices]
    num_boxes = [len(image.gt_boxes) for image in members]
    return JointBatch(
        np.stack([image.image for image in members]),
        np.concatenate([image.gt_boxes for image in members]).astype(np.float32),
        np.concatenate([image.gt_labels for image in members]).astype(np.int32),
        np.repeat(np.arange(len(members), dtype=np.int32), num_boxes),
        rng.integers(2**31),
    )


def sample_and_repeat(
    labels: np.ndarray, num_samples: int, fg_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """As `subsample_labels`, but foreground is repeated until it has its share.

    An RPN that is hardly trained proposes little foreground. A head whose first batches are nearly
    all background learns to predict nothing else, and the features of the classes become alike.
    """
    rows = subsample_labels(labels, num_samples, fg_fraction, rng)
    is_foreground = labels[rows] == FG
    if not is_foreground.any():
        return rows
    num_foreground = int(fg_fraction * num_samples)
    foreground = np.resize(rows[is_foreground], num_foreground)
    background = rows[~is_foreground][: num_samples - num_foreground]
    return np.concatenate([foreground, background])


def sample_rois(
    rpn: RPN, config: SamplingConfig, logits: np.ndarray, deltas: np.ndarray, batch: JointBatch
) -> list[np.ndarray]:
    """RoIs for the second stage: ground truth and proposals of the RPN, some of each image.

    Args:
        rpn: what selects the proposals.
        config: how RoIs are labeled, and how many are sampled.
        logits: (B, N), its outputs for a batch of B images.
        deltas: (B, N, 4).
        batch: those images.
    Returns:
        float32 (R, 4) RoIs; int32 (R,) the image of each; int32 (R,) labels, the class from 1, 0
        background, -1 ignored; float32 (R, 4) deltas onto the matched box.
    """
    rng = np.random.default_rng(int(batch.seed))
    samples = []
    for k, image in enumerate(batch.images):
        proposals, _ = rpn.select_proposals(logits[k], deltas[k], image.shape[:2])
        gt_labels = batch.gt_labels[batch.image_of_box == k]
        sample = label_image(image, batch.boxes_of(k), gt_labels, proposals, config)
        count = config.rois // config.images
        rows = sample_and_repeat(sample.fg_bg_labels, count, config.foreground, rng)
        samples.append(sample.take(rows))
    return list(pack_batch(samples, config.rois)[1:])
