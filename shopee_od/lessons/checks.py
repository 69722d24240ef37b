"""Checks of the notebooks' exercises: *correct*, *wrong* (where, got, expected) or *not attempted*; they never raise.

A check runs the learner's function on a few cases, and the reference beside it. Each case is there for a mistake
that is often made; tests feed every check those mistakes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.evaluation.curves import curve
from shopee_od.lessons.judge import Outcome, judge
from shopee_od.ops.boxes import decode, encode, iou
from shopee_od.ops.losses import multi_task, smooth_l1
from shopee_od.ops.nms import nms, nms_by_class, soft_nms
from shopee_od.ops.pooling import bilinear, bins, nearest_scale, roi_max_pool, whole_cells
from shopee_od.ops.pyramid import count_windows


def corners(answer: Callable[[list[float]], list[float]]) -> Outcome:
    """Notebook 01: left, top, width, height (COCO) -> x1, y1, x2, y2."""
    return judge(
        answer, lambda box: [box[0], box[1], box[0] + box[2], box[1] + box[3]], [([10, 20, 30, 40],), ([0, 5, 1, 2],)]
    )


def overlap(answer: Callable[[list[float], list[float]], float]) -> Outcome:
    """Notebook 01: two boxes, x1, y1, x2, y2 -> their IoU."""
    box = [10.0, 10.0, 50.0, 30.0]
    cases = [
        (box, [30.0, 10.0, 70.0, 30.0]),
        (box, box),
        (box, [60.0, 40.0, 90.0, 60.0]),  # apart in both: two negative sides would make a positive area
        (box, [60.0, 10.0, 90.0, 30.0]),  # apart in x only
        (box, [20.0, 15.0, 30.0, 20.0]),  # one inside the other
        (box, [50.0, 10.0, 90.0, 30.0]),  # they touch: x2 is exclusive, nothing is shared
    ]
    mistakes = {
        "width is x2 − x1, without + 1, where x2 is exclusive": lambda a, b: _overlap(a, b, plus=1),
        "boxes that do not meet share nothing: both sides come out negative": lambda a, b: _overlap(a, b, clip=False),
        "what both cover holds the shared part once: take it off the sum": lambda a, b: _overlap(a, b, once=False),
    }
    return judge(answer, lambda a, b: float(iou(np.array([a]), np.array([b]))[0, 0]), cases, mistakes)


def _overlap(a: list[float], b: list[float], plus: int = 0, clip: bool = True, once: bool = True) -> float:
    sides = [min(a[k + 2], b[k + 2]) - max(a[k], b[k]) + plus for k in (0, 1)]
    shared = math.prod(max(side, 0) if clip else side for side in sides)
    areas = sum((box[2] - box[0] + plus) * (box[3] - box[1] + plus) for box in (a, b))
    return shared / (areas - shared * once)


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


def deltas(answer: Callable[[list[float], list[float]], list[float]]) -> Outcome:
    """Notebook 03: a box and a proposal, x1, y1, x2, y2 -> dx, dy, dw, dh, as in R-CNN's appendix C."""
    cases = [
        ([10.0, 10.0, 30.0, 20.0], [0.0, 10.0, 20.0, 30.0]),
        ([0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 8.0, 8.0]),
        ([5.0, 20.0, 45.0, 100.0], [10.0, 10.0, 30.0, 50.0]),
    ]

    def one(box, proposal):
        return encode(np.array([box]), np.array([proposal]))[0].tolist()

    def mistaken(box, proposal, ends=0, corner=False, share=True, log=True, of_box=False):
        size, old = ([each[k + 2] - each[k] + ends for k in (0, 1)] for each in (box, proposal))
        half = 0 if corner else 0.5
        shift = [box[k] + half * size[k] - proposal[k] - half * old[k] for k in (0, 1)]
        shift = [moved / (side if share else 1) for moved, side in zip(shift, size if of_box else old, strict=True)]
        return [*shift, *(math.log(s / o) if log else s / o for s, o in zip(size, old, strict=True))]

    mistakes = {
        "x before y": lambda b, p: [one(b, p)[k] for k in (1, 0, 3, 2)],
        "width is x2 − x1, without + 1": lambda b, p: mistaken(b, p, ends=1),
        "the middles are compared, not the corners": lambda b, p: mistaken(b, p, corner=True),
        "a shift is a share of the proposal's width or height": lambda b, p: mistaken(b, p, share=False),
        "a share of the proposal's side, not of the box's": lambda b, p: mistaken(b, p, of_box=True),
        "of the change in size the logarithm is taken": lambda b, p: mistaken(b, p, log=False),
        "from the proposal to the box, not back": lambda b, p: one(p, b),
    }
    return judge(answer, one, cases, mistakes)


def moved(answer: Callable[[list[float], list[float]], list[float]]) -> Outcome:
    """Notebook 03: deltas dx, dy, dw, dh and a proposal -> the box, x1, y1, x2, y2."""
    proposal = [10.0, 20.0, 50.0, 100.0]
    cases = [([0.0, 0.0, 0.0, 0.0], proposal), ([0.5, -0.25, math.log(2), math.log(0.5)], proposal)]

    def one(change, box):
        return decode(np.array([change]), np.array([box]))[0].tolist()

    def mistaken(change, box, start=0.5, before=0.5, after=0.5, of_new=False):
        """The same by hand, for both axes: where it starts from, and how many sides lie before and after that."""
        low, high = [], []
        for k in (0, 1):
            old = box[k + 2] - box[k]
            new = old * math.exp(change[k + 2])
            at = box[k] + start * old + change[k] * (new if of_new else old)
            low.append(at - before * new)
            high.append(at + after * new)
        return [*low, *high]

    mistakes = {
        "it is the middle that moves, not the corner": lambda d, p: mistaken(d, p, 0, 0, 1),
        "x1, y1 is half a side before the middle": lambda d, p: mistaken(d, p, 0.5, 0, 1),
        "half a side to either end of the middle, not a whole one": lambda d, p: mistaken(d, p, 0.5, 1, 1),
        "a share of the old side, not of the new one": lambda d, p: mistaken(d, p, of_new=True),
        "corners, not the middle and the sides": lambda d, p: [
            *mistaken(d, p, before=0)[:2],
            *(high - low for low, high in zip(one(d, p)[:2], one(d, p)[2:], strict=True)),
        ],
        "x2 and y2 lie just outside: no − 1": lambda d, p: [x - (k > 1) for k, x in enumerate(one(d, p))],
        "x before y": lambda d, p: one([d[k] for k in (1, 0, 3, 2)], p),
        "the size changes by exp(dw), exp(dh)": lambda d, p: one(
            [*d[:2], *(math.log(max(1 + x, 1e-9)) for x in d[2:])], p
        ),
        "the middle moves by a share of the width or height": lambda d, p: one([d[0] / 40, d[1] / 80, *d[2:]], p),
    }
    return judge(answer, one, [*cases, ([-0.1, 0.3, -0.5, 0.2], proposal)], mistakes)


def recall_of(answer: Callable[[np.ndarray, np.ndarray, int], float]) -> Outcome:
    """Notebook 03: proposals (N, 4), the likelier first, boxes (M, 4), n -> the share of boxes met by the first n.

    Met: at IoU 0.5 or more.
    """
    boxes = np.array([[0, 0, 10, 10], [20, 20, 40, 40], [50, 0, 60, 30]], float)
    near = boxes + np.array([[0, 0, 0, 2], [1, 1, 5, 5], [0, 0, 0, 30]])
    proposals = np.concatenate([near[:1], near[:1], boxes[1:2] + 100, near[1:2], near[2:]])
    cases = [(proposals, boxes, n) for n in (1, 3, 4, 5)] + [(proposals[:0], boxes, 3)]

    def share(found, truth, n):
        return float((iou(truth, found[:n]).max(axis=1, initial=0) >= 0.5).mean())

    mistakes = {
        "the share of the boxes, not of the proposals": lambda p, b, n: (
            float((iou(b, p[:n]).max(axis=0, initial=0) >= 0.5).mean()) if len(p[:n]) else 0.0
        ),
        "a box counts once, however many proposals meet it": lambda p, b, n: float(
            (iou(b, p[:n]) >= 0.5).sum() / len(b)
        ),
        "the share, not the number": lambda p, b, n: share(p, b, n) * len(b),
        "n proposals, not one more": lambda p, b, n: share(p, b, n + 1),
        "only so many proposals count": lambda p, b, n: share(p, b, None),
        "IoU 0.5 itself counts": lambda p, b, n: float((iou(b, p[:n]).max(axis=1, initial=0) > 0.5).mean()),
    }
    return judge(answer, share, cases, mistakes)


def pyramid_bins(answer: Callable[[int, int], list[tuple[int, int]]]) -> Outcome:
    """Notebook 04: a side in cells, n -> where each of n bins starts and ends, the end exclusive."""
    cases = [(6, 3), (5, 2), (7, 3), (2, 3), (13, 4), (9, 1)]

    def mistaken(length, n, start=math.floor, end=math.ceil, less=0):
        return [(start(k * length / n), end((k + 1) * length / n) - less) for k in range(n)]

    mistakes = {
        "the end is rounded up, or a bin can be empty": lambda s, n: mistaken(s, n, end=math.floor),
        "the start is rounded down": lambda s, n: mistaken(s, n, start=math.ceil),
        "the start is rounded down, the end up": lambda s, n: mistaken(s, n, start=round, end=round),
        "the end is just outside, as in a slice": lambda s, n: mistaken(s, n, less=1),
        "bins of one whole length leave the last cells out": lambda s, n: [
            (k * (s // n), (k + 1) * (s // n)) for k in range(n)
        ],
    }
    return judge(answer, lambda length, n: bins(length, n).tolist(), cases, mistakes)


def map_window(answer: Callable[[list[float], int, int, int], list[int]]) -> Outcome:
    """Notebook 04: a region in pixels, stride, the map's height and width -> its cells, x1, y1, x2, y2."""
    cases = [
        ([32.0, 64.0, 160.0, 192.0], 32, 8, 6),
        ([20.0, 15.0, 120.0, 200.0], 32, 8, 6),
        ([0.0, 0.0, 96.0, 128.0], 16, 8, 6),  # the whole photo is the whole map
        ([50.0, 60.0, 58.0, 66.0], 32, 8, 6),  # no cell has its middle in it: one stays
        ([150.0, 200.0, 192.0, 256.0], 32, 8, 6),
    ]

    def one(box, stride, height, width):
        return whole_cells(np.array([box]), stride, height, width)[0].tolist()

    def mistaken(box, stride, height, width, start=math.floor, end=math.ceil):
        sides = [round_(side / stride) for round_, side in zip((start, start, end, end), box, strict=True)]
        return [min(side, most) for side, most in zip(sides, (width, height, width, height), strict=True)]

    def half_up(side):
        return math.floor(side + 0.5)

    mistakes = {
        "at least one cell stays": lambda b, s, h, w: mistaken(b, s, h, w, half_up, half_up),
        "a cell counts where its middle lies inside, not where it is met": mistaken,
        "a cell counts where its middle lies inside, also at the right and below": lambda b, s, h, w: mistaken(
            b, s, h, w, end=math.floor
        ),
        "x before y": lambda b, s, h, w: [one(b, s, h, w)[k] for k in (1, 0, 3, 2)],
        "a cell is so many pixels: divide by the stride": lambda b, s, h, w: one([x * s * s for x in b], s, h, w),
        "whole numbers of cells": lambda b, s, h, w: [x / s for x in b],
    }
    return judge(answer, one, cases, mistakes)


def chosen_scale(answer: Callable[[float, float, list[float]], int]) -> Outcome:
    """Notebook 04: a region's width and height, by how much each photo is enlarged -> which to pool it from."""
    cases = [
        (100.0, 100.0, [1.0, 2.0, 4.0]),
        (160.0, 160.0, [1.0, 1.75]),  # by its side 224 is nearer to 280, by its area to 160
        (300.0, 60.0, [0.5, 1.0, 2.0]),
        (400.0, 500.0, [0.4, 0.6, 1.0]),
        (20.0, 30.0, [1.0, 2.0, 3.0]),
        (224.0, 224.0, [2.0, 1.0, 0.5]),
    ]

    def area(width, height, scale):
        return width * height * scale**2

    def nearest(scales, off):
        return min(range(len(scales)), key=lambda k: off(scales[k]))

    mistakes = {
        "both sides grow: the area grows by the scale's square": lambda w, h, s: nearest(
            s, lambda x: abs(w * h * x - 224**2)
        ),
        "areas are compared, not sides": lambda w, h, s: nearest(s, lambda x: abs(math.sqrt(area(w, h, x)) - 224)),
        "its area counts, not its longer side": lambda w, h, s: nearest(s, lambda x: abs(max(w, h) * x - 224)),
        "the area of 224 × 224 pixels, not 224": lambda w, h, s: nearest(s, lambda x: abs(area(w, h, x) - 224)),
        "its number, counted from 0": lambda w, h, s: s[nearest(s, lambda x: abs(area(w, h, x) - 224**2))],
        "a little too large is allowed: take the smallest distance": lambda w, h, s: nearest(
            s, lambda x: -x if area(w, h, x) <= 224**2 else x
        ),
    }
    return judge(answer, lambda w, h, s: int(nearest_scale(np.array([[0.0, 0.0, w, h]]), s)[0]), cases, mistakes)


def roi_pooled(answer: Callable[[np.ndarray, list[float], int, int], np.ndarray]) -> Outcome:
    """Notebook 05: values (H, W), an RoI in pixels, stride, n -> (n, n), the largest value of each bin.

    The RoI is rounded to whole cells, halves up; bins are those of notebook 04.
    """
    values = np.random.default_rng(0).permutation(80).reshape(8, 10).astype(float)
    cases = [
        (values, [0.0, 0.0, 64.0, 64.0], 16, 2),
        (values, [23.0, 9.0, 121.0, 87.0], 16, 2),  # sides are rounded, not cut off
        (values, [24.0, 40.0, 104.0, 120.0], 16, 2),  # halves go up; five cells a side: bins share the middle ones
        (-values, [10.0, 3.0, 90.0, 60.0], 16, 3),
    ]

    def pooled(values, roi, stride, n, low=0.5, high=0.5, best=np.max, across=None, swap=False):
        x1, y1, x2, y2 = [int(np.floor(side / stride + (low if k < 2 else high))) for k, side in enumerate(roi)]
        inside = values[x1:x2, y1:y2] if swap else values[y1:y2, x1:x2]
        down, along = ((across or bins)(side, n) for side in inside.shape)
        return np.array([[best(inside[a:b, c:d]) for c, d in along] for a, b in down])

    def whole(length, n):
        return [(k * (length // n), (k + 1) * (length // n)) for k in range(n)]

    mistakes = {
        "round to the nearest cell, do not cut off": lambda *case: pooled(*case, low=0, high=0),
        "round to the nearest cell, both corners alike": lambda *case: pooled(*case, low=0, high=1 - 1e-9),
        "the largest value, not the mean": lambda *case: pooled(*case, best=np.mean),
        "a bin ends rounded up, or the last cells are left out": lambda *case: pooled(*case, across=whole),
        "rows are y, columns are x": lambda *case: pooled(*case, swap=True),
        "the first axis of the answer is y": lambda *case: pooled(*case).T,
    }

    def right(values, roi, stride, n):
        return roi_max_pool(values[..., None], roi, stride, n)[..., 0]

    return judge(answer, right, cases, mistakes)


def sampled_at(answer: Callable[[np.ndarray, float, float], float]) -> Outcome:
    """Notebook 05: values (H, W), a row y and a column x with fractions -> the value between the four nearest cells.

    Cell 0 stands at 0; beyond the first and the last cell the map goes on as they are.
    """
    values = np.array([[0.0, 10.0, 40.0], [20.0, 30.0, 5.0]])
    places = [(0.0, 1.0), (0.5, 0.25), (0.8, 1.4), (0.3, 0.9), (1.0, 2.0), (0.5, 2.7), (-0.4, 1.5)]
    cases = [(values, y, x) for y, x in places]

    def one(values, y, x):
        return float(bilinear(values[..., None], np.array([y]), np.array([x]))[0, 0, 0])

    mistakes = {
        "y is the row, x the column": lambda v, y, x: one(v, min(x, 1.0), y),
        "the nearer cell weighs more: its weight is 1 less the distance": lambda v, y, x: one(
            v, *(2 * np.floor(t) + 1 - t for t in np.clip([y, x], 0, [1, 2]))
        ),
        "between four cells, not the nearest one": lambda v, y, x: one(v, np.floor(y + 0.5), np.floor(x + 0.5)),
        "along both axes, not along x alone": lambda v, y, x: one(v, np.floor(max(y, 0)), x),
        "cells stand at whole numbers, not at halves": lambda v, y, x: one(v, y - 0.5, x - 0.5),
    }
    return judge(answer, one, cases, mistakes)


def roi_loss(answer: Callable[[np.ndarray, np.ndarray, int, np.ndarray], float]) -> Outcome:
    """Notebook 05: probabilities (K + 1,), deltas (K, 4), label, targets (4,) -> the multi-task loss of one RoI.

    Label 0 is background; class 1 is the first row of deltas.
    """
    probabilities, targets = np.array([0.2, 0.5, 0.3]), np.array([0.1, -0.4, 0.0, 2.0])
    deltas = np.array([[0.3, 0.0, -0.2, -0.5], [0.1, -0.6, 0.5, 1.5]])
    cases = [(probabilities, deltas, label, targets) for label in (1, 2, 0)]
    cases.append((np.array([0.05, 0.9, 0.05]), deltas * 3, 1, targets))

    def one(probabilities, deltas, label, targets):
        return sum(multi_task(np.log(probabilities)[None], deltas[None], np.array([label]), targets[None]))

    def mistaken(probabilities, deltas, label, targets, of_box=smooth_l1, row=-1, total=np.sum, always=False):
        off = deltas[min(label + row, len(deltas) - 1)] - targets  # background takes the last row: Python counts −1 so
        return -np.log(probabilities[label]) + (total(of_box(off)) if label or always else 0.0)

    mistakes = {
        "background has no box to be wrong about": lambda *case: mistaken(*case, always=True),
        "half the square, and only up to 1": lambda *case: mistaken(*case, of_box=lambda x: x**2 / 2),
        "squares only up to 1, a line beyond": lambda *case: mistaken(*case, of_box=np.square),
        "half the square up to 1": lambda *case: mistaken(*case, of_box=np.abs),
        "half a unit less beyond 1, so that line and square meet": lambda *case: mistaken(
            *case, of_box=lambda x: np.where(np.abs(x) < 1, x**2 / 2, np.abs(x))
        ),
        "the sum over the four deltas, not their mean": lambda *case: mistaken(*case, total=np.mean),
        "deltas of the RoI's own class: row label − 1": lambda *case: mistaken(*case, row=0),
        "minus the logarithm": lambda p, d, k, t: one(p, d, k, t) + 2 * np.log(p[k]),
        "class and box together": lambda p, d, k, t: -np.log(p[k]),
    }
    return judge(answer, one, cases, mistakes)


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
    ]
    cases += [(20.0, 30.0, 3, 5), (900.0, 900.0, 3, 5)]

    def level(
        width, height, lowest, highest, side=lambda w, h: math.sqrt(w * h), whole=math.floor, by=224, log=math.log2
    ):
        return min(max(whole(4 + log(side(width, height) / by)), lowest), highest)

    mistakes = {
        "rounded down, not to the nearest": lambda *case: level(*case, whole=round),
        "its area counts, by the root: not its longer side": lambda *case: level(*case, side=max),
        "the root of the area is its side": lambda *case: level(*case, side=lambda w, h: w * h / 224),
        "a level doubles: logarithm of base 2": lambda *case: level(*case, log=math.log),
        "no level below the lowest or above the highest": lambda w, h, *_: level(w, h, -99, 99),
        "224 pixels are level 4": lambda w, h, low, high: min(max(level(w, h, -99, 99) - 4, low), high),
    }
    return judge(answer, level, cases, mistakes)


def learning_rate(answer: Callable[[int, int, int, float], float]) -> Outcome:
    """Notebook 07: step, warmup, steps, highest -> the learning rate at that step."""
    cases = [(0, 100, 1000, 0.1), (50, 100, 1000, 0.1), (100, 100, 1000, 0.1), (550, 100, 1000, 0.1)]
    return judge(answer, warmed_cosine, [*cases, (1000, 100, 1000, 0.1), (7, 0, 30, 2.0)])


def warmed_cosine(step: int, warmup: int, steps: int, highest: float) -> float:
    """The learning rate at `step`: a line from highest / 20 for `warmup` steps, beneath a cosine that ends in 0.

    The line ends on the cosine, which runs over all `steps`, the warm-up included, as in Model Garden. The cosine is
    that of Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """

    def cosine(at: int) -> float:
        return highest * (1 + math.cos(math.pi * at / steps)) / 2

    if step < warmup:
        return highest / 20 + (cosine(warmup) - highest / 20) * step / warmup
    return cosine(step)


def best_step(answer: Callable[[dict[int, float]], int]) -> Outcome:
    """Notebook 07: validation AP by step -> the step whose checkpoint is taken; the first of equals."""
    cases = [({250: 0.2, 500: 0.4, 750: 0.3},), ({100: 0.5, 200: 0.5, 300: 0.1},), ({2: 0.0, 4: 0.1},)]
    return judge(answer, lambda judged: max(judged, key=judged.get), cases)


def average_precision(answer: Callable[[np.ndarray, int], float]) -> Outcome:
    """Notebook 08: hit (bool, best score first) and the number of boxes -> AP over COCO's 101 recalls."""
    cases = [
        ([True, True], 2),
        ([True, False, True], 3),  # not all is found: precision 0 at the recalls that are not reached
        ([False, True, True, False, True], 4),  # precision rises: the envelope is needed
        ([False, False], 1),
        ([], 2),
    ]
    cases = [(np.array(hit, bool), boxes) for hit, boxes in cases]
    return judge(answer, lambda hit, boxes: curve(-np.arange(len(hit)), hit, boxes).ap, cases)


def threshold_for(answer: Callable[[np.ndarray, np.ndarray, float], float | None]) -> Outcome:
    """Notebook 09: scores (falling), hit (bool), precision wanted -> the lowest threshold that has it, or None."""
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    cases = [
        (scores, np.array([1, 1, 0, 0, 1, 0], bool), 0.9),
        (scores, np.array([1, 0, 1, 1, 0, 0], bool), 0.75),  # it dips below and comes back: the last place counts
        (scores, np.array([0, 1, 1, 1, 1, 1], bool), 0.8),  # the best score alone is wrong
        (scores, np.array([1, 1, 1, 1, 1, 1], bool), 1.0),
        (scores, np.array([0, 0, 1, 0, 0, 0], bool), 0.5),
    ]
    return judge(answer, lowest_threshold, cases)


def lowest_threshold(scores: np.ndarray, hit: np.ndarray, precision: float) -> float | None:
    """float (n,) falling, bool (n,) -> the lowest score from which on the detections have that precision, or None."""
    enough = np.flatnonzero(np.cumsum(hit) / np.arange(1, len(hit) + 1) >= precision)
    return float(scores[enough[-1]]) if len(enough) else None


def one_tag(answer: Callable[[np.ndarray, np.ndarray, float], list[int]]) -> Outcome:
    """Notebook 09: boxes (N, 4), scores (N,), IoU -> the indices that stay after suppression across classes."""
    row = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 8], [20, 0, 30, 10]], np.float32)
    cases = [
        (row, np.array([0.9, 0.8, 0.7, 0.6], np.float32), 0.7),
        (row, np.array([0.6, 0.7, 0.9, 0.8], np.float32), 0.7),  # best first, not first first
        (row[:3], np.array([0.9, 0.8, 0.7], np.float32), 0.85),  # what is gone suppresses nothing
        (row[:2], np.array([0.5, 0.9], np.float32), 0.9),  # at the IoU itself both stay
        (row[:0], np.zeros(0, np.float32), 0.5),
    ]
    return judge(answer, lambda *case: nms(*case).tolist(), cases)
