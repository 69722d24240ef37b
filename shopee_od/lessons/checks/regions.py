"""Checks of notebooks 03 and 04: deltas, proposals, the spatial pyramid."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.lessons.judge import Outcome, judge
from shopee_od.ops.boxes import decode, encode, iou
from shopee_od.ops.pooling import bins, nearest_scale, whole_cells


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
        ([180.0, 240.0, 230.0, 300.0], 32, 8, 6),  # its end sticks out
        ([210.0, 270.0, 230.0, 300.0], 32, 8, 6),  # it lies beyond: the last cell
    ]

    def one(box, stride, height, width):
        return whole_cells(np.array([box]), stride, height, width)[0].tolist()

    def mistaken(box, stride, height, width, start=math.floor, end=math.ceil):
        sides = [round_(side / stride) for round_, side in zip((start, start, end, end), box, strict=True)]
        return [min(side, most) for side, most in zip(sides, (width - 1, height - 1, width, height), strict=True)]

    def half_up(side):
        return math.floor(side + 0.5)

    mistakes = {
        "at least one cell stays": lambda b, s, h, w: mistaken(b, s, h, w, half_up, half_up),
        "no cell lies beyond the map": lambda b, s, h, w: one(b, s, 99, 99),
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
