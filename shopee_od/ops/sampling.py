"""Sampling: which labeled anchors and RoIs a training step uses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopee_od.ops.label_assignment import BG, FG


def subsample_labels(
    labels: np.ndarray, num_samples: int, fg_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Random anchors or RoIs to train on, with a limited share of foreground.

    Background fills the places that foreground leaves. Without sampling, background would
    outnumber foreground by far. The papers sample 256 anchors per image, half of them foreground
    (Ren et al., section 3.1.2), and RoIs with a quarter foreground (Girshick, section 2.3).

    Args:
        labels: (N,) FG, BG or IGNORE.
        num_samples: how many to sample; fewer if there are not enough.
        fg_fraction: the largest share of `num_samples` that may be foreground.
        rng: source of randomness.
    Returns:
        int64 (up to num_samples,) indices into `labels`, foreground first.

    >>> labels = np.array([0, 1, 0, -1, 1, 0, 1, 0])
    >>> labels[subsample_labels(labels, 4, 0.5, np.random.default_rng(0))]
    array([1, 1, 0, 0])
    """
    foreground = rng.permutation(np.flatnonzero(labels == FG))
    background = rng.permutation(np.flatnonzero(labels == BG))
    foreground = foreground[: int(fg_fraction * num_samples)]
    return np.concatenate([foreground, background[: num_samples - len(foreground)]])


def sample_minibatch(
    labels: Sequence[np.ndarray],
    num_images: int,
    num_rois: int,
    fg_fraction: float,
    rng: np.random.Generator,
) -> list[tuple[int, np.ndarray]]:
    """A hierarchical minibatch: a few random images, then many RoIs of each.

    RoIs of one image share its feature map. With 2 images and 128 RoIs a training step computes
    two maps; with RoIs from random images it would compute nearly 128.

    Args:
        labels: for each image, (N,) the labels of its RoIs: FG, BG or IGNORE.
        num_images: how many images to sample.
        num_rois: how many RoIs to sample from all of them, divided evenly.
        fg_fraction: as in `subsample_labels`.
        rng: source of randomness.
    Returns:
        For each sampled image, its index and the indices of its sampled RoIs.
    Source: Girshick, "Fast R-CNN", ICCV 2015, section 2.3.

    >>> labels = [np.array([0, 0, 1])] * 5
    >>> batch = sample_minibatch(labels, 2, 4, 0.25, np.random.default_rng(0))
    >>> [(image, len(rois)) for image, rois in batch]
    [(3, 2), (4, 2)]
    """
    rois_per_image = num_rois // num_images
    images = rng.choice(len(labels), num_images, replace=False)
    return [
        (int(image), subsample_labels(labels[image], rois_per_image, fg_fraction, rng))
        for image in images
    ]
