"""Checks of notebook 02: windows, HOG, NMS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer
from shopee_od.ops import nms as ops
from shopee_od.ops.boxes import box_iou
from shopee_od.ops.pyramid import count_windows


def number_of_windows(answer: Callable[[int, int, int, int, int], int]) -> Outcome:
    """Notebook 02: height, width, window height, window width, stride -> how many windows fit."""
    cases = [
        (100, 60, 64, 32, 8),
        (64, 32, 64, 32, 8),
        (71, 39, 64, 32, 8),
        (63, 200, 64, 32, 8),
        (20, 30, 5, 10, 1),
        (40, 40, 64, 64, 8),  # too small in both directions: two negative numbers
    ]

    def reference(
        height: int, width: int, window_height: int, window_width: int, stride: int
    ) -> int:
        return count_windows(height, width, (window_height, window_width), stride)

    mistakes = {
        "one more fits along each side: the first window needs no step": (
            lambda h, w, wh, ww, s: max((h - wh) // s, 0) * max((w - ww) // s, 0)
        ),
        "one more fits along each side; and 0, not a negative number, where none fits": (
            lambda h, w, wh, ww, s: ((h - wh) // s) * ((w - ww) // s)
        ),
        "0, not a negative number, where the window is larger": (
            lambda h, w, wh, ww, s: ((h - wh) // s + 1) * ((w - ww) // s + 1)
        ),
        "a window must be inside completely": (lambda h, w, wh, ww, s: -(-h // s) * -(-w // s)),
        "the stride divides what the window leaves of a side": (
            lambda h, w, wh, ww, s: (h // s) * (w // s)
        ),
        "heights go with heights": (lambda h, w, wh, ww, s: count_windows(h, w, (ww, wh), s)),
    }
    return check_answer(answer, reference, cases, mistakes)


def cell_histogram(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Outcome:
    """Notebook 02: magnitude, orientation (8, 8), degrees 0–180 -> (9,) mean magnitude by bin."""
    rng = np.random.default_rng(0)
    cases = [
        (np.full((8, 8), 64.0), np.full((8, 8), 10.0)),
        (np.ones((8, 8)), np.full((8, 8), 179.0)),
    ]
    for _ in range(2):
        magnitude = rng.integers(0, 50, (8, 8)).astype(float)
        orientation = rng.integers(0, 180, (8, 8)).astype(float)
        cases.append((magnitude, orientation))

    def histogram(
        magnitude: np.ndarray,
        orientation: np.ndarray,
        weighted: bool = True,
        divisor: int = 64,
        offset: int = 0,
        bins: int = 9,
    ) -> np.ndarray:
        index = ((orientation + offset) % 180 // 20).astype(int)
        return np.bincount(index.ravel(), magnitude.ravel() if weighted else None, bins) / divisor

    def right_closed(magnitude: np.ndarray, orientation: np.ndarray) -> np.ndarray:
        edges = 20 * np.arange(9)
        inside = [(orientation > low) & (orientation <= low + 20) for low in edges]
        return np.array([magnitude[mask].sum() / 64 for mask in inside])

    def mean_of_bin(magnitude: np.ndarray, orientation: np.ndarray) -> np.ndarray:
        counts = histogram(magnitude, orientation, weighted=False, divisor=1)
        return histogram(magnitude, orientation, divisor=1) / np.maximum(counts, 1)

    mistakes = {
        "weight each pixel by its magnitude": lambda m, o: histogram(m, o, weighted=False),
        "weight each pixel by its magnitude, and take the mean": (
            lambda m, o: histogram(m, o, weighted=False, divisor=1)
        ),
        "the mean over the cell's 64 pixels, not the sum": lambda m, o: histogram(m, o, divisor=1),
        "the first bin is 0 to 20 degrees, it is not centered on 0": (
            lambda m, o: histogram(m, o, offset=10)
        ),
        "nine numbers, also where the last bins are empty": lambda m, o: histogram(m, o, bins=0),
        "divide by all 64 pixels, not by those in the bin": mean_of_bin,
        "20 degrees is in the second bin": right_closed,
    }
    return check_answer(answer, histogram, cases, mistakes)


def nms_per_class(
    answer: Callable[[np.ndarray, np.ndarray, np.ndarray, float], list[int]],
) -> Outcome:
    """Notebook 02: boxes (N, 4), scores, labels, IoU -> kept indices, highest score first."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 8], [20, 0, 30, 10]], np.float32)
    cases = [
        (boxes, np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 0, 0, 0]), 0.7),
        # A blouse and its skirt are both kept.
        (boxes, np.array([0.6, 0.7, 0.9, 0.8]), np.array([0, 1, 0, 1]), 0.7),
        # A suppressed box suppresses nothing.
        (boxes[:3], np.array([0.9, 0.8, 0.7]), np.array([2, 2, 2]), 0.85),
        # Exactly at the threshold both are kept.
        (boxes[:2], np.array([0.5, 0.9]), np.array([1, 1]), 0.9),
        # The box with the higher score has the later label.
        (boxes[2:], np.array([0.9, 0.8]), np.array([1, 0]), 0.5),
        (boxes[:0], np.zeros(0), np.zeros(0, int), 0.5),
    ]

    def reference(
        boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, threshold: float
    ) -> list[int]:
        return ops.batched_nms(boxes, scores, labels, threshold).tolist()

    def class_by_class(
        boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, threshold: float
    ) -> list[int]:
        kept = []
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            kept += members[ops.nms(boxes[members], scores[members], threshold)].tolist()
        return kept

    def without_removal(
        boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, threshold: float
    ) -> list[int]:
        better = (scores[None] > scores[:, None]) & (labels[None] == labels[:, None])
        kept = ~(better & (box_iou(boxes, boxes) > threshold)).any(axis=1)
        return [int(i) for i in np.argsort(-scores, kind="stable") if kept[i]]

    mistakes = {
        "order by score over all classes, not class by class": class_by_class,
        "a suppressed box suppresses nothing": without_removal,
        "highest score first, not in the order of the boxes": (
            lambda b, s, k, t: sorted(reference(b, s, k, t))
        ),
        "only boxes of the same class suppress each other": (
            lambda b, s, k, t: ops.nms(b, s, t).tolist()
        ),
        "start with the highest score, not with the first box": (
            lambda b, s, k, t: reference(b, -np.arange(len(b)), k, t)
        ),
        "suppress above the threshold: at exactly this IoU both are kept": (
            lambda b, s, k, t: reference(b, s, k, t - 1e-6)
        ),
    }
    return check_answer(answer, reference, cases, mistakes)


def soft_nms(answer: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> Outcome:
    """Notebook 02: boxes (N, 4), scores (N,), sigma -> (N,) decayed scores, in the boxes' order."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 7], [20, 0, 30, 10]], np.float32)
    cases = [
        (boxes, np.array([0.9, 0.8, 0.7, 0.6]), 0.5),
        (boxes, np.array([0.5, 0.9, 0.85, 0.2]), 0.5),  # the first box is not the best
        (boxes[:2], np.array([0.9, 0.8]), 0.1),
        (boxes[:0], np.zeros(0), 0.5),
    ]

    def decay(
        boxes: np.ndarray,
        scores: np.ndarray,
        sigma: float,
        current: bool = True,
        squared: bool = True,
        divided: bool = True,
        itself: bool = False,
    ) -> np.ndarray:
        original = scores.copy()
        scores = scores.copy()
        remaining = list(range(len(scores)))
        while remaining:
            order = scores if current else original
            best = remaining.pop(int(np.argmax(order[remaining])))
            iou = box_iou(boxes[[best]], boxes)[0]
            factor = np.exp(-(iou ** (2 if squared else 1)) / (sigma if divided else 1))
            scores[remaining] *= factor[remaining]
            if itself:
                scores[best] *= factor[best]
        return scores

    mistakes = {
        "select the next box by the current scores": lambda b, s, g: decay(b, s, g, current=False),
        "square the IoU": lambda b, s, g: decay(b, s, g, squared=False),
        "divide by sigma": lambda b, s, g: decay(b, s, g, divided=False),
        "the selected box keeps its score": lambda b, s, g: decay(b, s, g, itself=True),
        "in the order of the boxes, not sorted": lambda b, s, g: -np.sort(-ops.soft_nms(b, s, g)),
        "no box is dropped": (
            lambda b, s, g: np.where(np.isin(np.arange(len(s)), ops.nms(b, s, 0.5)), s, 0)
        ),
    }
    return check_answer(answer, ops.soft_nms, cases, mistakes)
