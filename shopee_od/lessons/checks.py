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
    mistakes = {
        "one more fits on each side: the first window needs no step": lambda h, w, a, b, s: (
            max((h - a) // s, 0) * max((w - b) // s, 0)
        ),
        "a window must lie inside whole": lambda h, w, a, b, s: -(-h // s) * -(-w // s),
        "height goes with height": lambda h, w, a, b, s: count_windows(h, w, (b, a), s),
    }
    return judge(answer, lambda h, w, a, b, s: count_windows(h, w, (a, b), s), cases, mistakes)


def cell_histogram(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Outcome:
    """Notebook 02: strength and direction (degrees, 0–180) of 8 × 8 pixels -> mean strength in each of 9 bins."""
    rng = np.random.default_rng(0)
    cases = [(rng.integers(0, 50, (8, 8)).astype(float), rng.integers(0, 180, (8, 8)).astype(float)) for _ in range(2)]
    cases.append((np.ones((8, 8)), np.full((8, 8), 179.0)))

    def histogram(strength, direction, counted=False, whole=64, middle=0):
        bins = ((direction + middle) % 180 // 20).astype(int)
        return np.bincount(bins.ravel(), None if counted else strength.ravel(), 9) / whole

    mistakes = {
        "each pixel counts by its strength": lambda s, d: histogram(s, d, counted=True),
        "each pixel counts by its strength; and it is the mean": lambda s, d: histogram(s, d, counted=True, whole=1),
        "the mean over the cell's 64 pixels, not the sum": lambda s, d: histogram(s, d, whole=1),
        "the first bin goes from 0 to 20, it is not centred on 0": lambda s, d: histogram(s, d, middle=10),
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
        (row[:0], np.zeros(0), np.zeros(0, int), 0.5),
    ]
    mistakes = {
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

    def mistaken(box, proposal, ends=0, corner=False, share=True, log=True):
        size, old = ([each[k + 2] - each[k] + ends for k in (0, 1)] for each in (box, proposal))
        half = 0 if corner else 0.5
        shift = [box[k] + half * size[k] - proposal[k] - half * old[k] for k in (0, 1)]
        shift = [moved / (side if share else 1) for moved, side in zip(shift, old, strict=True)]
        return [*shift, *(math.log(s / o) if log else s / o for s, o in zip(size, old, strict=True))]

    mistakes = {
        "x before y": lambda b, p: [one(b, p)[k] for k in (1, 0, 3, 2)],
        "width is x2 − x1, without + 1": lambda b, p: mistaken(b, p, ends=1),
        "the middles are compared, not the corners": lambda b, p: mistaken(b, p, corner=True),
        "a shift is a share of the proposal's width or height": lambda b, p: mistaken(b, p, share=False),
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

    mistakes = {
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
