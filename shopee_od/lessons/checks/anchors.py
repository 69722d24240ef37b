"""Checks of notebook 06: anchors, their labels, proposals, levels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.lessons.judge import Outcome, judge
from shopee_od.ops.nms import nms


def anchor_sides(answer: Callable[[int, float, float, float], tuple[float, float]]) -> Outcome:
    """Notebook 06: level, size, part of an octave, ratio of width to height -> an anchor's width and height, pixels."""
    cases = [(3, 4.0, 0.0, 0.25), (3, 5.0, 0.5, 1.0), (5, 5.0, 0.5, 1.3), (2, 8.0, 1 / 3, 0.35)]

    def sides(level, size, octave, ratio, wide=0.5, high=-0.5, cell=lambda level: 2**level, grow=lambda o: 2**o):
        side = size * cell(level) * grow(octave)
        return side * ratio**wide, side * ratio**high

    mistakes = {
        "ratio is width to height, not height to width": lambda *case: sides(*case)[::-1],
        "the area stays: both sides take the root of the ratio": lambda *case: sides(*case, wide=1, high=0),
        "the root of the ratio, or width to height is its square": lambda *case: sides(*case, wide=1, high=-1),
        "a cell of level 3 is 2³ pixels": lambda *case: sides(*case, cell=lambda level: level),
        "an octave doubles: 2 to the power of its part": lambda *case: sides(*case, grow=lambda octave: 1 + octave),
        "the part of an octave makes it larger, too": lambda *case: sides(*case, grow=lambda octave: 1),
    }
    return judge(answer, sides, cases, mistakes)


def anchor_labels(answer: Callable[[np.ndarray], np.ndarray]) -> Outcome:
    """Notebook 06: IoU of anchors (rows) and boxes (columns) -> each anchor's label: 1, 0, or -1 for ignored."""
    cases = [
        np.array([[0.8, 0.0], [0.5, 0.1], [0.2, 0.2], [0.1, 0.9]]),
        np.array([[0.1, 0.4], [0.0, 0.2], [0.6, 0.0], [0.5, 0.1]]),  # no anchor reaches 0.7
        np.array([[0.9, 0.0], [0.7, 0.0], [0.3, 0.0], [0.29, 0.0]]),  # one box met by no anchor at all
        np.array([[0.25], [0.1]]),  # a box's best anchor, whatever its IoU
        np.array([[0.1, 0.0], [0.8, 0.0]]),  # nothing makes the first anchor the best of a box that it does not meet
    ]

    def labelled(overlap, positive=np.greater_equal, negative=np.less, between=-1, best=True, met=True):
        highest = overlap.max(axis=1)
        labels = np.where(positive(highest, 0.7), 1, np.where(negative(highest, 0.3), 0, between))
        if best:
            labels[overlap.argmax(axis=0)[(overlap.max(axis=0) > 0) | (not met)]] = 1
        return labels

    mistakes = {
        "each box's best anchor is 1, whatever its IoU": lambda u: labelled(u, best=False),
        "from 0.3 to 0.7 it is -1: neither answer would be wrong": lambda u: labelled(u, between=0),
        "0.7 itself is enough": lambda u: labelled(u, positive=np.greater),
        "0 is below 0.3, not at it": lambda u: labelled(u, negative=np.less_equal),
        "a box that no anchor meets has no best one": lambda u: labelled(u, met=False),
        "the highest IoU with any box counts, not that with the first": lambda u: labelled(u[:, :1]),
        "an anchor has one answer: of all boxes the one it overlaps most": lambda u: np.where(
            u >= 0.7, 1, np.where(u < 0.3, 0, -1)
        ),
    }
    return judge(answer, labelled, [(case,) for case in cases], mistakes)


def proposed(answer: Callable[[np.ndarray, np.ndarray, int, int, float], list[int]]) -> Outcome:
    """Notebook 06: boxes (N, 4), scores, how many before NMS and after, IoU -> the indices proposed, best first."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 9, 10], [20, 0, 30, 10], [40, 0, 50, 10]], np.float32)
    scores = np.array([0.7, 0.9, 0.8, 0.5, 0.6])
    cases = [
        (boxes, scores, 3, 2, 0.7),  # one garment takes all three places: one is left
        (boxes, scores, 4, 2, 0.7),
        (boxes, scores, 5, 2, 0.7),
        (boxes, scores, 5, 5, 0.85),
        (boxes[:0], scores[:0], 4, 2, 0.7),
    ]

    def right(boxes, scores, before, after, threshold):
        best = np.argsort(-scores, kind="stable")[:before]
        return best[nms(boxes[best], scores[best], threshold)[:after]].tolist()

    mistakes = {
        "only the best so many go into NMS: cut first": lambda b, s, k, n, t: right(b, s, len(b), n, t),
        "cut to the second number after NMS, not before": lambda b, s, k, n, t: right(b, s, min(k, n), n, t),
        "the best by score, not the first": lambda b, s, k, n, t: nms(b[:k], s[:k], t)[:n].tolist(),
        "after NMS, too, only so many stay": lambda b, s, k, n, t: right(b, s, k, len(b), t),
        "NMS is left out": lambda b, s, k, n, t: right(b, s, k, n, 1.0),
        "numbers of the boxes that came in, not of those left": lambda b, s, k, n, t: nms(
            *(each[np.argsort(-s)[:k]] for each in (b, s)), t
        )[:n].tolist(),
    }
    return judge(answer, right, cases, mistakes)


def level_for(answer: Callable[[float, float, int, int], int]) -> Outcome:
    """Notebook 06: an RoI's width and height, lowest and highest level -> the level that it is pooled from."""
    cases = [
        (224.0, 224.0, 2, 6),
        (300.0, 300.0, 2, 6),
        (200.0, 200.0, 2, 6),
        (56.0, 224.0, 2, 6),
        (448.0, 460.0, 2, 6),
        (40.0, 400.0, 2, 6),
        (60.0, 400.0, 2, 6),
    ]
    cases += [(20.0, 30.0, 3, 5), (900.0, 900.0, 3, 5)]

    def level(
        width, height, lowest, highest, side=lambda w, h: math.sqrt(w * h), whole=math.floor, by=224, log=math.log2
    ):
        return min(max(whole(4 + log(side(width, height) / by)), lowest), highest)

    mistakes = {
        "rounded down, not to the nearest": lambda *case: level(*case, whole=round),
        "its area counts, by the root: not its longer side": lambda *case: level(*case, side=max),
        "its area counts, by the root: not the mean of its sides": lambda *case: level(
            *case, side=lambda w, h: (w + h) / 2
        ),
        "its area counts, by the root: not its diagonal": lambda *case: level(
            *case, side=lambda w, h: math.hypot(w, h) / math.sqrt(2)
        ),
        "the root of the area is its side": lambda *case: level(*case, side=lambda w, h: w * h / 224),
        "a level doubles: logarithm of base 2": lambda *case: level(*case, log=math.log),
        "no level below the lowest or above the highest": lambda w, h, *_: level(w, h, -99, 99),
        "224 pixels are level 4": lambda w, h, low, high: min(max(level(w, h, -99, 99) - 4, low), high),
    }
    return judge(answer, level, cases, mistakes)
