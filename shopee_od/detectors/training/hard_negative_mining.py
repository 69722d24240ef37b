"""Hard negatives: the windows without a garment that a detector scores highest.

A classifier learns most from its own mistakes. Region SVMs mine theirs in `region_svms.py`.

Source: Felzenszwalb et al., PAMI 2010, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import CORNERS
from shopee_od.detectors.features.hog import HOGLevel
from shopee_od.detectors.features.window_cnn import WindowFeatures
from shopee_od.detectors.heads.window_softmax import WindowSoftmax
from shopee_od.detectors.proposers.sliding_windows import StretchedWindows
from shopee_od.detectors.slots import Slots
from shopee_od.ops.boxes import box_iou

WindowSlots = Slots[StretchedWindows, WindowFeatures, WindowSoftmax]
MARGIN = -1.0
"""A negative with a lower margin changes nothing: it lies outside the SVM's margin."""


class HOGMiningConfig(Protocol):
    """How many windows of an image are mined, and which are negatives."""

    @property
    def negatives(self) -> int: ...
    @property
    def negative_iou(self) -> float: ...


class WindowMiningConfig(Protocol):
    """How many windows of an image are mined, and which are negatives."""

    @property
    def hard_negatives(self) -> int: ...
    @property
    def negative_iou(self) -> float: ...


def mine_hard_negatives(
    levels: Sequence[HOGLevel],
    shape: Sequence[int],
    margins: Sequence[np.ndarray],
    gt_boxes: np.ndarray,
    config: HOGMiningConfig,
) -> list[tuple[float, int, int]]:
    """The windows of an image with the highest margins that are a mistake for a class.

    Args:
        levels: the image's pyramid.
        shape: rows and columns of blocks of the class's window.
        margins: of all such windows, level by level.
        gt_boxes: (M, 4), the class's boxes in the image.
        config: how many, and what is a negative.
    Returns:
        Of each its margin, its level and its index on the level; those inside the margin only.
    """
    mistakes = []
    for number, (level, values) in enumerate(zip(levels, margins, strict=True)):
        values = values.ravel().copy()
        if len(gt_boxes):
            overlap = box_iou(level.window_boxes(shape), gt_boxes).max(axis=1)
            values[overlap >= config.negative_iou] = MARGIN
        best = np.argsort(-values)[: config.negatives]
        mistakes += [(float(values[k]), number, int(k)) for k in best if values[k] > MARGIN]
    return sorted(mistakes, reverse=True)[: config.negatives]


def mine_hard_windows(
    slots: WindowSlots, photo: np.ndarray, boxes: pd.DataFrame, config: WindowMiningConfig
) -> np.ndarray:
    """Windows (N, 4) that the network is most confident hold a garment, where none is."""
    proposals = slots.proposer.propose(photo)
    if not len(proposals):
        return np.zeros((0, 4))
    features = slots.features.extract(photo, proposals)
    background = slots.head.probabilities(features.values)[:, 0]
    overlap = box_iou(proposals.boxes, boxes[CORNERS].to_numpy()).max(axis=1, initial=0)
    negative = overlap < config.negative_iou
    order = np.argsort(np.where(negative, background, np.inf))[: config.hard_negatives]
    return proposals.boxes[order][negative[order] & (background[order] < 0.5)]
