"""Checks of notebook 02: windows, HOG, NMS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shopee_od.lessons.judge import Outcome, judge
from shopee_od.ops.boxes import iou
from shopee_od.ops.nms import nms, nms_by_class, soft_nms
from shopee_od.ops.pyramid import count_windows


def window_count(answer: Callable[[int, int, int, int, int], int]) -> Outcome:
    """Notebook 02: height, width, window height, window width, stride -> how many windows fit."""
    cases = [(100, 60, 64, 32, 8), (64, 32, 64, 32, 8), (71, 39, 64, 32, 8), (63, 200, 64, 32, 8), (20, 30, 5, 10, 1)]
    cases.append((40, 40, 64, 64, 8))  # too small both ways: the product of two negative numbers is positive
    mistakes = {
        "one more fits on each side: the first window needs no step": lambda h, w, a, b, s: (
            max((h - a) // s, 0) * max((w - b) // s, 0)
        ),
        "one more fits on each side; and none, not less than none, where it is too large": lambda h, w, a, b, s: (
            ((h - a) // s) * ((w - b) // s)
        ),
        "none, not less than none, where the window is larger": lambda h, w, a, b, s: (
            ((h - a) // s + 1) * ((w - b) // s + 1)
        ),
        "a window must lie inside whole": lambda h, w, a, b, s: -(-h // s) * -(-w // s),
        "the stride goes into what the window leaves over": lambda h, w, a, b, s: (h // s) * (w // s),
        "height goes with height": lambda h, w, a, b, s: count_windows(h, w, (b, a), s),
    }
    return judge(answer, lambda h, w, a, b, s: count_windows(h, w, (a, b), s), cases, mistakes)


def cell_histogram(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Outcome:
    """Notebook 02: strength and direction (degrees, 0–180) of 8 × 8 pixels -> mean strength in each of 9 bins."""
    rng = np.random.default_rng(0)
    cases = [(np.full((8, 8), 64.0), np.full((8, 8), 10.0)), (np.ones((8, 8)), np.full((8, 8), 179.0))]
    cases += [(rng.integers(0, 50, (8, 8)).astype(float), rng.integers(0, 180, (8, 8)).astype(float)) for _ in range(2)]

    def histogram(strength, direction, counted=False, whole=64, middle=0, bins=9):
        at = ((direction + middle) % 180 // 20).astype(int)
        return np.bincount(at.ravel(), None if counted else strength.ravel(), bins) / whole

    def in_bins(strength, direction, edge):
        return np.array([strength[edge(direction, 20 * k)].sum() / 64 for k in range(9)])

    mistakes = {
        "each pixel counts by its strength": lambda s, d: histogram(s, d, counted=True),
        "each pixel counts by its strength; and it is the mean": lambda s, d: histogram(s, d, counted=True, whole=1),
        "the mean over the cell's 64 pixels, not the sum": lambda s, d: histogram(s, d, whole=1),
        "the first bin goes from 0 to 20, it is not centred on 0": lambda s, d: histogram(s, d, middle=10),
        "nine numbers, also where a bin is empty": lambda s, d: histogram(s, d, bins=0),
        "divide by all 64 pixels, not by those in the bin": lambda s, d: (
            histogram(s, d) * 64 / np.maximum(histogram(s, d, counted=True, whole=1), 1)
        ),
        "20 itself is in the second bin": lambda s, d: in_bins(s, d, lambda at, low: (at > low) & (at <= low + 20)),
    }
    return judge(answer, histogram, cases, mistakes)


def suppressed(answer: Callable[[np.ndarray, np.ndarray, np.ndarray, float], list[int]]) -> Outcome:
    """Notebook 02: boxes (N, 4), scores, labels, IoU -> the indices that stay, best first, each class for itself."""
    row = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 8], [20, 0, 30, 10]], np.float32)
    cases = [
        (row, np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 0, 0, 0]), 0.7),
        (row, np.array([0.6, 0.7, 0.9, 0.8]), np.array([0, 1, 0, 1]), 0.7),  # a blouse and its skirt both stay
        (row[:3], np.array([0.9, 0.8, 0.7]), np.array([2, 2, 2]), 0.85),  # what is gone suppresses nothing
        (row[:2], np.array([0.5, 0.9]), np.array([1, 1]), 0.9),  # at the IoU itself both stay
        (row[2:], np.array([0.9, 0.8]), np.array([1, 0]), 0.5),  # the better one has the later label
        (row[:0], np.zeros(0), np.zeros(0, int), 0.5),
    ]

    def class_after_class(boxes, scores, labels, threshold):
        own = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        return [int(i) for each in own for i in each[nms(boxes[each], scores[each], threshold)]]

    def never_gone(boxes, scores, labels, threshold):
        better = (scores[None] > scores[:, None]) & (labels[None] == labels[:, None])
        stays = ~(better & (iou(boxes, boxes) > threshold)).any(axis=1)
        return [int(i) for i in np.argsort(-scores, kind="stable") if stays[i]]

    mistakes = {
        "best first over all classes, not class after class": class_after_class,
        "what is gone suppresses nothing": never_gone,
        "best first, not in the order of the boxes": lambda *case: sorted(nms_by_class(*case).tolist()),
        "only boxes of one class suppress each other": lambda b, s, k, t: nms(b, s, t).tolist(),
        "the best score first, not the first box": lambda b, s, k, t: nms_by_class(
            b, -np.arange(len(b)), k, t
        ).tolist(),
        "at the IoU itself both stay: suppress above it": lambda b, s, k, t: nms_by_class(b, s, k, t - 1e-6).tolist(),
    }
    return judge(answer, lambda *case: nms_by_class(*case).tolist(), cases, mistakes)


def softened(answer: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> Outcome:
    """Notebook 02: boxes (N, 4), scores, sigma -> soft-NMS's scores, in the order of the boxes."""
    row = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 7], [20, 0, 30, 10]], np.float32)
    cases = [
        (row, np.array([0.9, 0.8, 0.7, 0.6]), 0.5),
        (row, np.array([0.5, 0.9, 0.85, 0.2]), 0.5),  # best first, not first first
        (row[:2], np.array([0.9, 0.8]), 0.1),
        (row[:0], np.zeros(0), 0.5),
    ]

    def mistaken(boxes, scores, sigma, again=True, squared=True, by_sigma=True, itself=False):
        scores, first, left = scores.copy(), scores.copy(), list(range(len(scores)))
        while left:
            best = left.pop(int(np.argmax((scores if again else first)[left])))
            overlap = iou(boxes[[best]], boxes)[0]
            fall = np.exp(-(overlap ** (2 if squared else 1)) / (sigma if by_sigma else 1))
            scores[left] *= fall[left]
            if itself:
                scores[best] *= fall[best]
        return scores

    mistakes = {
        "the next best by the scores as they are now": lambda b, s, g: mistaken(b, s, g, again=False),
        "IoU is squared": lambda b, s, g: mistaken(b, s, g, squared=False),
        "divided by sigma": lambda b, s, g: mistaken(b, s, g, by_sigma=False),
        "the best one keeps its score": lambda b, s, g: mistaken(b, s, g, itself=True),
        "in the order of the boxes, not best first": lambda b, s, g: np.sort(soft_nms(b, s, g))[::-1],
        "nothing is dropped": lambda b, s, g: np.where(np.isin(np.arange(len(s)), nms(b, s, 0.5)), s, 0),
    }
    return judge(answer, soft_nms, cases, mistakes)
