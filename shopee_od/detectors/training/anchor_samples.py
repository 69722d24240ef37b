"""What an RPN is trained on: anchors sampled at random, with their labels and deltas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from shopee_od.ops.label_assignment import FG, box_regression_targets, label_anchors
from shopee_od.ops.sampling import subsample_labels


@dataclass(frozen=True)
class AnchorSamplingConfig:
    """Which anchors an RPN is trained on.

    Args:
        anchors: per image.
        foreground: share of them with a garment, at most.
        foreground_iou: from this IoU with a box an anchor is foreground.
        background_iou: below this IoU with every box it is background.
    """

    anchors: int = 256
    foreground: float = 0.5
    foreground_iou: float = 0.7
    background_iou: float = 0.3


class AnchorSamples(NamedTuple):
    """The K sampled anchors of B images, arrays or tensors.

    Args:
        indices: int64 (K, 2), the image and the anchor of each.
        labels: float32 (K,), 1 foreground, 0 background.
        deltas: float32 (K, 4) onto the matched box; 0 for background.
    """

    indices: Any
    labels: Any
    deltas: Any


def sample_anchors(
    anchors: np.ndarray,
    gt_boxes: Sequence[np.ndarray],
    config: AnchorSamplingConfig,
    rng: np.random.Generator,
) -> AnchorSamples:
    """Labels the anchors of images of one size, and samples some of each image.

    Args:
        anchors: (N, 4), the same for all images.
        gt_boxes: for each of B images (M, 4) in its pixels.
        config: how anchors are labeled, and how many are sampled.
        rng: makes the choices.
    Source: Ren et al., "Faster R-CNN", NeurIPS 2015, sections 3.1.2 and 3.1.3.
    """
    parts = []
    for number, boxes in enumerate(gt_boxes):
        labels, gt_index = label_anchors(
            anchors, boxes, config.foreground_iou, config.background_iou
        )
        rows = subsample_labels(labels, config.anchors, config.foreground, rng)
        deltas = box_regression_targets(anchors, boxes, labels, gt_index)[rows]
        indices = np.stack([np.full(len(rows), number), rows], axis=1)
        parts.append((indices, labels[rows] == FG, deltas))
    indices, labels, deltas = (np.concatenate(part) for part in zip(*parts, strict=True))
    return AnchorSamples(indices, labels.astype(np.float32), deltas.astype(np.float32))
