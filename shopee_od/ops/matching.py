"""Matching: which anchors and which RoIs a network learns from, and what each of them is to answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopee_od.ops.boxes import encode, iou

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


def match(boxes: np.ndarray, truths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 4), ground truth (M, 4) -> int64 (N,) the truth that each overlaps most, float64 (N,) their IoU.

    Without ground truth 0, and an IoU of 0.

    >>> match(np.array([[0, 0, 4, 4], [9, 0, 12, 4]]), np.array([[8, 0, 12, 4], [0, 0, 4, 2]]))
    (array([1, 0]), array([0.5 , 0.75]))
    """
    overlap = iou(boxes, truths)
    if not overlap.shape[1]:
        return np.zeros(len(overlap), np.int64), np.zeros(len(overlap))
    return overlap.argmax(axis=1), overlap.max(axis=1)


def label_anchors(
    anchors: np.ndarray, truths: np.ndarray, positive: float = 0.7, negative: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """(N, 4), ground truth (M, 4) -> int64 (N,) labels: 1 garment, 0 none, -1 ignored; int64 (N,) the truth of each.

    1. An anchor whose IoU with a box is `positive` or more says garment; one whose every IoU is below `negative` none.
    2. What lies between is ignored: neither answer would be wrong.
    3. Each box's best anchor says garment whatever its IoU, or boxes of odd shapes would have none.

    Ren, He, Girshick and Sun, "Faster R-CNN", NeurIPS 2015, section 3.1.2. Like Model Garden, and unlike section 3.3,
    anchors that reach out of the photo count as all others do.

    >>> label_anchors(np.array([[0, 0, 8, 8], [2, 0, 10, 8], [0, 0, 8, 9], [40, 0, 48, 8]]), np.array([[0, 0, 8, 8]]))
    (array([ 1, -1,  1,  0]), array([0, 0, 0, 0]))
    """
    matched, overlap = match(anchors, truths)
    labels = np.where(overlap >= positive, POSITIVE, np.where(overlap < negative, NEGATIVE, IGNORED))
    if len(anchors):
        best, of_truth = match(truths, anchors)
        met = np.flatnonzero(of_truth > 0)[::-1]  # an anchor that is the best of two boxes is the first one's
        labels[best[met]], matched[best[met]] = POSITIVE, met
    return labels, matched


def label_rois(
    rois: np.ndarray, truths: np.ndarray, foreground: float = 0.5, background: tuple[float, float] = (0.0, 0.5)
) -> tuple[np.ndarray, np.ndarray]:
    """(N, 4), ground truth (M, 4) -> int64 (N,) labels: 1 garment, 0 background, -1 ignored; int64 (N,) its truth.

    Garment from an IoU of `foreground`, background from its first up to under its second. Girshick, "Fast R-CNN", ICCV
    2015, section 2.3, has 0.1 for the first: what meets a box a little is more easily confused, and so teaches more.

    >>> label_rois(np.array([[0, 0, 8, 8], [4, 0, 12, 8], [40, 0, 48, 8]]), np.array([[0, 0, 8, 8]]), 0.5, (0.1, 0.5))
    (array([ 1,  0, -1]), array([0, 0, 0]))
    """
    matched, overlap = match(rois, truths)
    low, high = background
    labels = np.where((overlap >= low) & (overlap < high), NEGATIVE, IGNORED)
    labels[overlap >= foreground] = POSITIVE
    return labels, matched


def targets(boxes: np.ndarray, truths: np.ndarray, labels: np.ndarray, matched: np.ndarray) -> np.ndarray:
    """(N, 4) anchors or RoIs, ground truth (M, 4), labels (N,), truths (N,) -> float64 (N, 4) dx, dy, dw, dh to learn.

    0 where there is no garment: boxes are learnt from positives only.
    """
    deltas, positive = np.zeros((len(boxes), 4)), labels == POSITIVE
    deltas[positive] = encode(truths[matched[positive]], boxes[positive])
    return deltas


def drawn(labels: np.ndarray, count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """(N,) labels -> int64 (up to count,): indices drawn by lot, at most `share` of `count` positive, those first.

    Negatives fill up what positives leave: there are far more of them, and taken all they would drown the others.
    RPN: 256 anchors a photo, half positive (Ren et al., section 3.1.2). RoIs: a quarter (Girshick, section 2.3).

    >>> labels = np.array([0, 1, 0, -1, 1, 0, 1, 0])
    >>> labels[drawn(labels, 4, 0.5, np.random.default_rng(0))]
    array([1, 1, 0, 0])
    """
    positive, negative = (rng.permutation(np.flatnonzero(labels == label)) for label in (POSITIVE, NEGATIVE))
    positive = positive[: int(share * count)]
    return np.concatenate([positive, negative[: count - len(positive)]])


def hierarchical(
    labels: Sequence[np.ndarray], photos: int, count: int, share: float, rng: np.random.Generator
) -> list[tuple[int, np.ndarray]]:
    """Labels (N,) of each photo's RoIs -> of `photos` photos, drawn by lot, the photo and `drawn` RoIs of it.

    Each gives count / photos RoIs. With 2 photos and 128 RoIs a training step computes two feature maps; with
    RoIs from anywhere, nearly 128. Girshick, "Fast R-CNN", ICCV 2015, section 2.3.

    >>> batch = hierarchical([np.array([0, 0, 1])] * 5, 2, 4, 0.25, np.random.default_rng(0))
    >>> [(photo, len(rois)) for photo, rois in batch]
    [(3, 2), (4, 2)]
    """
    chosen = rng.choice(len(labels), photos, replace=False)
    return [(int(photo), drawn(labels[photo], count // photos, share, rng)) for photo in chosen]
