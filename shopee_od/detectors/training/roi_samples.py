"""What Fast R-CNN is trained on: the RoIs of an image with their answers, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shopee_od.detectors.training.region_examples import LabeledImage
from shopee_od.ops.boxes import mirror_boxes
from shopee_od.ops.label_assignment import BG, FG, IGNORE, box_regression_targets, label_rois
from shopee_od.ops.sampling import sample_minibatch


class SamplingConfig(Protocol):
    """What decides which RoIs are sampled."""

    @property
    def images(self) -> int: ...
    @property
    def rois(self) -> int: ...
    @property
    def foreground(self) -> float: ...
    @property
    def foreground_iou(self) -> float: ...
    @property
    def background_iou(self) -> tuple[float, float]: ...


@dataclass(frozen=True, eq=False)
class ImageSample:
    """A training image with its RoIs.

    Args:
        image: uint8 (h, w, 3), resized.
        rois: float32 (N, 4) in its pixels.
        labels: int32 (N,), the class from 1, 0 for background, -1 ignored.
        deltas: float32 (N, 4) onto the matched box; 0 for all but foreground.
    """

    image: np.ndarray
    rois: np.ndarray
    labels: np.ndarray
    deltas: np.ndarray

    @property
    def fg_bg_labels(self) -> np.ndarray:
        """int (N,): foreground, background or ignored, as `ops.label_assignment` codes them."""
        return np.where(self.labels > 0, FG, np.where(self.labels == 0, BG, IGNORE))

    def mirror(self) -> ImageSample:
        """Left and right exchanged, in the RoIs as in the image."""
        rois = mirror_boxes(self.rois, self.image.shape[1]).astype(np.float32)
        deltas = self.deltas * np.array([-1, 1, 1, 1], np.float32)
        return ImageSample(self.image[:, ::-1], rois, self.labels, deltas)

    def take(self, rows: np.ndarray) -> ImageSample:
        """int (K,) -> the image with these of its RoIs."""
        return ImageSample(self.image, self.rois[rows], self.labels[rows], self.deltas[rows])


def make_image_sample(
    labeled: LabeledImage, resized: np.ndarray, config: SamplingConfig
) -> ImageSample:
    """The sample of an image whose proposals are known before training.

    Args:
        labeled: the image with its boxes and proposals.
        resized: uint8 (h, w, 3), the image as the network is given it.
        config: which overlap makes foreground and background.
    """
    height, width = labeled.image.shape[:2]
    scale = np.tile([resized.shape[1] / width, resized.shape[0] / height], 2)
    gt_boxes = labeled.gt_boxes * scale
    proposals = labeled.proposals.boxes * scale
    return label_image(resized, gt_boxes, labeled.gt_labels, proposals, config)


def label_image(
    image: np.ndarray,
    gt_boxes: np.ndarray,
    gt_labels: np.ndarray,
    proposals: np.ndarray,
    config: SamplingConfig,
) -> ImageSample:
    """Labels the RoIs of an image: its M ground-truth boxes and its N proposals.

    The ground-truth boxes are among the RoIs: an image whose proposals all miss contributes too.

    Args:
        image: uint8 (h, w, 3), as the network is given it.
        gt_boxes: (M, 4) in its pixels.
        gt_labels: int (M,).
        proposals: (N, 4) in its pixels.
        config: which overlap makes foreground and background.
    """
    rois = np.concatenate([gt_boxes, proposals])
    fg_bg, matched = label_rois(rois, gt_boxes, config.foreground_iou, config.background_iou)
    labels = np.where(fg_bg == FG, gt_labels[matched] + 1, fg_bg).astype(np.int32)
    deltas = box_regression_targets(rois, gt_boxes, fg_bg, matched).astype(np.float32)
    return ImageSample(image, rois.astype(np.float32), labels, deltas)


def delta_statistics(samples: Sequence[ImageSample]) -> tuple[np.ndarray, np.ndarray]:
    """float32 (4,) mean and standard deviation of the deltas of all foreground RoIs.

    Source: Girshick, "Fast R-CNN", ICCV 2015, section 2.3.
    """
    deltas = np.concatenate([sample.deltas[sample.labels > 0] for sample in samples])
    return deltas.mean(axis=0), np.maximum(deltas.std(axis=0), 0.01)


def sample_batch(
    samples: Sequence[ImageSample],
    groups: Sequence[np.ndarray],
    config: SamplingConfig,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """A batch of images of one size and of RoIs on them.

    A group of images of one size is chosen at random, by its number of images; from it a few
    images, and from each many RoIs; every second image is mirrored.

    Args:
        samples: the training images.
        groups: the indices of those of each size.
        config: how many images and RoIs.
        rng: makes the choices.
    Returns:
        As `pack_batch`.
    """
    group = choose_group(groups, rng)
    images = min(config.images, len(group))
    of_group = [samples[k].fg_bg_labels for k in group]
    sampled = sample_minibatch(
        of_group, images, config.rois // config.images * images, config.foreground, rng
    )
    parts = []
    for k, rows in sampled:
        sample = samples[group[k]].take(rows)
        parts.append(sample.mirror() if rng.random() < 0.5 else sample)
    return pack_batch(parts, config.rois)


def choose_group(groups: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """One of several groups of images at random, by its number of images."""
    count = np.array([len(group) for group in groups])
    return groups[rng.choice(len(groups), p=count / count.sum())]


def pack_batch(samples: Sequence[ImageSample], num_rois: int) -> tuple[np.ndarray, ...]:
    """Images of one size and all their RoIs as arrays of fixed sizes.

    Args:
        samples: B images.
        num_rois: R; where images have too few RoIs, empty ones with label -1 fill up.
    Returns:
        uint8 (B, h, w, 3) images; float32 (R, 4) RoIs; int32 (R,) the image of each; int32 (R,)
        labels; float32 (R, 4) deltas.
    """
    rois = np.zeros((num_rois, 4), np.float32)
    image_of_roi = np.zeros(num_rois, np.int32)
    labels = np.full(num_rois, IGNORE, np.int32)
    deltas = np.zeros((num_rois, 4), np.float32)
    start = 0
    for number, sample in enumerate(samples):
        end = start + len(sample.rois)
        rois[start:end] = sample.rois
        image_of_roi[start:end] = number
        labels[start:end] = sample.labels
        deltas[start:end] = sample.deltas
        start = end
    images = np.stack([sample.image for sample in samples])
    return images, rois, image_of_roi, labels, deltas
