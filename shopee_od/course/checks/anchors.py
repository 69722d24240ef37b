"""Checks of notebook 06: anchors, their labels, proposals, pyramid levels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer
from shopee_od.ops.nms import nms


def anchor_sides(answer: Callable[[int, float, float, float], tuple[float, float]]) -> Outcome:
    """Notebook 06: level, size in cells, octave, ratio -> width and height in pixels."""
    cases = [(3, 4.0, 0.0, 0.25), (3, 5.0, 0.5, 1.0), (5, 5.0, 0.5, 1.3), (2, 8.0, 1 / 3, 0.35)]

    def sides(
        level: int,
        size: float,
        octave: float,
        ratio: float,
        *,
        width_power: float = 0.5,
        height_power: float = -0.5,
    ) -> tuple[float, float]:
        side = size * 2**level * 2**octave
        return side * ratio**width_power, side * ratio**height_power

    mistakes = {
        "the ratio is width to height, not height to width": lambda *case: sides(*case)[::-1],
        "the area stays the same: both sides take the square root of the ratio": (
            lambda *case: sides(*case, width_power=1, height_power=0)
        ),
        "take the square root of the ratio, otherwise width to height is its square": (
            lambda *case: sides(*case, width_power=1, height_power=-1)
        ),
        "a cell of level 3 is 2³ pixels": (
            lambda level, size, octave, ratio: sides(0, size * level, octave, ratio)
        ),
        "an octave doubles: 2 to the power of its part": (
            lambda level, size, octave, ratio: sides(level, size * (1 + octave), 0, ratio)
        ),
        "the octave changes the size, too": (
            lambda level, size, octave, ratio: sides(level, size, 0, ratio)
        ),
    }
    return check_answer(answer, sides, cases, mistakes)


def anchor_labels(answer: Callable[[np.ndarray], np.ndarray]) -> Outcome:
    """Notebook 06: IoU (N anchors, M boxes) -> (N,) labels: 1 positive, 0 negative, -1 ignored."""
    cases = [
        np.array([[0.8, 0.0], [0.5, 0.1], [0.2, 0.2], [0.1, 0.9]]),
        np.array([[0.1, 0.4], [0.0, 0.2], [0.6, 0.0], [0.5, 0.1]]),  # no anchor reaches 0.7
        np.array([[0.9, 0.0], [0.7, 0.0], [0.3, 0.0], [0.29, 0.0]]),  # a box without any anchor
        np.array([[0.25], [0.1]]),  # a box's best anchor, at any IoU
        np.array([[0.1, 0.0], [0.8, 0.0]]),  # anchor 0 is not the best of a box it does not overlap
    ]

    def label(
        iou: np.ndarray,
        positive: Callable[[np.ndarray, float], np.ndarray] = np.greater_equal,
        negative: Callable[[np.ndarray, float], np.ndarray] = np.less,
        between: int = -1,
        best: bool = True,
        touch: bool = True,
    ) -> np.ndarray:
        highest = iou.max(axis=1)
        labels = np.where(positive(highest, 0.7), 1, np.where(negative(highest, 0.3), 0, between))
        if best:
            labels[iou.argmax(axis=0)[(iou.max(axis=0) > 0) | (not touch)]] = 1
        return labels

    mistakes = {
        "each box's best anchor is positive, at any IoU": lambda iou: label(iou, best=False),
        "from 0.3 to below 0.7 the label is -1, ignored": lambda iou: label(iou, between=0),
        "an IoU of exactly 0.7 is positive": lambda iou: label(iou, positive=np.greater),
        "an IoU of exactly 0.3 is not negative": lambda iou: label(iou, negative=np.less_equal),
        "a box that overlaps no anchor has no best anchor": lambda iou: label(iou, touch=False),
        "the highest IoU with any box counts, not that with the first": (
            lambda iou: label(iou[:, :1])
        ),
        "one label per anchor, by the box that it overlaps most": (
            lambda iou: np.where(iou >= 0.7, 1, np.where(iou < 0.3, 0, -1))
        ),
    }
    return check_answer(answer, label, [(case,) for case in cases], mistakes)


def select_proposals(
    answer: Callable[[np.ndarray, np.ndarray, int, int, float], list[int]],
) -> Outcome:
    """Notebook 06: boxes (N, 4), scores, k before NMS, k after, IoU -> kept indices, best first."""
    boxes = np.array(
        [[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 9, 10], [20, 0, 30, 10], [40, 0, 50, 10]], np.float32
    )
    scores = np.array([0.7, 0.9, 0.8, 0.5, 0.6])
    cases = [
        (boxes, scores, 3, 2, 0.7),  # one garment takes all three candidates: one remains
        (boxes, scores, 4, 2, 0.7),
        (boxes, scores, 5, 2, 0.7),
        (boxes, scores, 5, 5, 0.85),
        (boxes[:0], scores[:0], 4, 2, 0.7),
    ]

    def select(
        boxes: np.ndarray,
        scores: np.ndarray,
        pre_nms_top_n: int,
        post_nms_top_n: int,
        iou_threshold: float,
    ) -> list[int]:
        best = np.argsort(-scores, kind="stable")[:pre_nms_top_n]
        return best[nms(boxes[best], scores[best], iou_threshold)[:post_nms_top_n]].tolist()

    def first_boxes(
        boxes: np.ndarray, scores: np.ndarray, pre: int, post: int, threshold: float
    ) -> list[int]:
        return nms(boxes[:pre], scores[:pre], threshold)[:post].tolist()

    def indices_of_candidates(
        boxes: np.ndarray, scores: np.ndarray, pre: int, post: int, threshold: float
    ) -> list[int]:
        best = np.argsort(-scores)[:pre]
        return nms(boxes[best], scores[best], threshold)[:post].tolist()

    mistakes = {
        "select the best pre_nms_top_n first: only these go into NMS": (
            lambda b, s, pre, post, t: select(b, s, len(b), post, t)
        ),
        "limit to post_nms_top_n after NMS, not before": (
            lambda b, s, pre, post, t: select(b, s, min(pre, post), post, t)
        ),
        "the boxes with the highest scores, not the first": first_boxes,
        "keep only post_nms_top_n after NMS": (
            lambda b, s, pre, post, t: select(b, s, pre, len(b), t)
        ),
        "NMS is left out": lambda b, s, pre, post, t: select(b, s, pre, post, 1.0),
        "indices into the boxes that came in, not into the candidates": indices_of_candidates,
    }
    return check_answer(answer, select, cases, mistakes)


def fpn_level(answer: Callable[[float, float, int, int], int]) -> Outcome:
    """Notebook 06: an RoI's width, height, lowest, highest level -> the level it is pooled from."""
    cases = [
        (224.0, 224.0, 2, 6),
        (300.0, 300.0, 2, 6),
        (200.0, 200.0, 2, 6),
        (56.0, 224.0, 2, 6),
        (448.0, 460.0, 2, 6),
        (40.0, 400.0, 2, 6),
        (60.0, 400.0, 2, 6),
        (20.0, 30.0, 3, 5),
        (900.0, 900.0, 3, 5),
    ]

    def root(width: float, height: float) -> float:
        return math.sqrt(width * height)

    def level(
        width: float,
        height: float,
        lowest: int,
        highest: int,
        *,
        side: Callable[[float, float], float] = root,
        rounding: Callable[[float], int] = math.floor,
        log: Callable[[float], float] = math.log2,
        base: int = 4,
    ) -> int:
        return min(max(rounding(base + log(side(width, height) / 224)), lowest), highest)

    mistakes = {
        "round down, not to the nearest integer": lambda *case: level(*case, rounding=round),
        "use the square root of the area, not the longer side": (
            lambda *case: level(*case, side=max)
        ),
        "use the square root of the area, not the mean of the sides": (
            lambda *case: level(*case, side=lambda w, h: (w + h) / 2)
        ),
        "use the square root of the area, not the diagonal": (
            lambda *case: level(*case, side=lambda w, h: math.hypot(w, h) / math.sqrt(2))
        ),
        "the side is the square root of the area": (
            lambda *case: level(*case, side=lambda w, h: w * h / 224)
        ),
        "a level doubles the side: logarithm of base 2": lambda *case: level(*case, log=math.log),
        "no level below the lowest or above the highest": (lambda w, h, *_: level(w, h, -99, 99)),
        "224 pixels are level 4": lambda *case: level(*case, base=0),
    }
    return check_answer(answer, level, cases, mistakes)
