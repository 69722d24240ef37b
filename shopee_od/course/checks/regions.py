"""Checks of notebooks 03 and 04: box deltas, recall of proposals, the spatial pyramid."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer
from shopee_od.ops.boxes import box_iou, decode_boxes, encode_boxes
from shopee_od.ops.pooling import assign_image_scale, pooling_bins, quantize_rois


def encode_box(answer: Callable[[list[float], list[float]], list[float]]) -> Outcome:
    """Notebook 03: a box, a proposal, x1, y1, x2, y2 -> dx, dy, dw, dh (R-CNN, appendix C)."""
    cases = [
        ([10.0, 10.0, 30.0, 20.0], [0.0, 10.0, 20.0, 30.0]),
        ([0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 8.0, 8.0]),
        ([5.0, 20.0, 45.0, 100.0], [10.0, 10.0, 30.0, 50.0]),
    ]

    def reference(box: list[float], proposal: list[float]) -> list[float]:
        return encode_boxes(np.array([box]), np.array([proposal]))[0].tolist()

    def encode(
        box: list[float],
        proposal: list[float],
        extra: int = 0,
        anchor: float = 0.5,
        relative: str = "proposal",
        log: bool = True,
    ) -> list[float]:
        size = [box[k + 2] - box[k] + extra for k in (0, 1)]
        old = [proposal[k + 2] - proposal[k] + extra for k in (0, 1)]
        unit = {"proposal": old, "box": size, "pixel": [1.0, 1.0]}[relative]
        deltas = []
        for k in (0, 1):
            shift = box[k] + anchor * size[k] - proposal[k] - anchor * old[k]
            deltas.append(shift / unit[k])
        for k in (0, 1):
            deltas.append(math.log(size[k] / old[k]) if log else size[k] / old[k])
        return deltas

    mistakes = {
        "x before y": lambda b, p: [reference(b, p)[k] for k in (1, 0, 3, 2)],
        "width is x2 − x1, without + 1": lambda b, p: encode(b, p, extra=1),
        "compare the centers, not the corners": lambda b, p: encode(b, p, anchor=0),
        "divide a shift by the proposal's width or height": (
            lambda b, p: encode(b, p, relative="pixel")
        ),
        "divide by the proposal's side, not by the box's": (
            lambda b, p: encode(b, p, relative="box")
        ),
        "take the logarithm of the change in size": lambda b, p: encode(b, p, log=False),
        "from the proposal to the box, not back": lambda b, p: reference(p, b),
    }
    return check_answer(answer, reference, cases, mistakes)


def decode_box(answer: Callable[[list[float], list[float]], list[float]]) -> Outcome:
    """Notebook 03: deltas dx, dy, dw, dh and a proposal -> the box, x1, y1, x2, y2."""
    proposal = [10.0, 20.0, 50.0, 100.0]
    cases = [
        ([0.0, 0.0, 0.0, 0.0], proposal),
        ([0.5, -0.25, math.log(2), math.log(0.5)], proposal),
        ([-0.1, 0.3, -0.5, 0.2], proposal),
    ]

    def reference(deltas: list[float], proposal: list[float]) -> list[float]:
        return decode_boxes(np.array([deltas]), np.array([proposal]))[0].tolist()

    def decode(
        deltas: list[float],
        proposal: list[float],
        anchor: float = 0.5,
        before: float = 0.5,
        after: float = 0.5,
        relative_to_new: bool = False,
    ) -> list[float]:
        """Moves the point at `anchor`; `before` and `after` are sides from it to the ends."""
        start = []
        end = []
        for k in (0, 1):
            old = proposal[k + 2] - proposal[k]
            new = old * math.exp(deltas[k + 2])
            point = proposal[k] + anchor * old + deltas[k] * (new if relative_to_new else old)
            start.append(point - before * new)
            end.append(point + after * new)
        return [*start, *end]

    def center_and_size(deltas: list[float], proposal: list[float]) -> list[float]:
        x1, y1, x2, y2 = reference(deltas, proposal)
        return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]

    def without_exp(deltas: list[float], proposal: list[float]) -> list[float]:
        sizes = [math.log(max(1 + value, 1e-9)) for value in deltas[2:]]
        return reference([*deltas[:2], *sizes], proposal)

    mistakes = {
        "the deltas move the center, not the corner": lambda d, p: decode(d, p, 0, 0, 1),
        "x1, y1 is half a side before the center": lambda d, p: decode(d, p, 0.5, 0, 1),
        "half a side from the center to either end, not a whole one": (
            lambda d, p: decode(d, p, 0.5, 1, 1)
        ),
        "a share of the proposal's side, not of the new one": (
            lambda d, p: decode(d, p, relative_to_new=True)
        ),
        "return corners, not center and size": center_and_size,
        "x2 and y2 are exclusive: no − 1": (
            lambda d, p: [x - (k > 1) for k, x in enumerate(reference(d, p))]
        ),
        "x before y": lambda d, p: reference([d[k] for k in (1, 0, 3, 2)], p),
        "the size changes by exp(dw), exp(dh)": without_exp,
        "the center moves by a share of the width or height": (
            lambda d, p: reference([d[0] / 40, d[1] / 80, *d[2:]], p)
        ),
    }
    return check_answer(answer, reference, cases, mistakes)


def recall_at(answer: Callable[[np.ndarray, np.ndarray, int], float]) -> Outcome:
    """Notebook 03: proposals (N, 4), boxes (M, 4), n -> recall of the first n at IoU 0.5."""
    gt_boxes = np.array([[0, 0, 10, 10], [20, 20, 40, 40], [50, 0, 60, 30]], float)
    near = gt_boxes + np.array([[0, 0, 0, 2], [1, 1, 5, 5], [0, 0, 0, 30]])
    proposals = np.concatenate([near[:1], near[:1], gt_boxes[1:2] + 100, near[1:2], near[2:]])
    cases = [(proposals, gt_boxes, n) for n in (1, 3, 4, 5)] + [(proposals[:0], gt_boxes, 3)]

    def recall(proposals: np.ndarray, gt_boxes: np.ndarray, n: int | None) -> float:
        return float((box_iou(gt_boxes, proposals[:n]).max(axis=1, initial=0) >= 0.5).mean())

    def precision(proposals: np.ndarray, gt_boxes: np.ndarray, n: int) -> float:
        hits = box_iou(gt_boxes, proposals[:n]).max(axis=0, initial=0) >= 0.5
        return float(hits.mean()) if len(hits) else 0.0

    def strictly_above(proposals: np.ndarray, gt_boxes: np.ndarray, n: int) -> float:
        return float((box_iou(gt_boxes, proposals[:n]).max(axis=1, initial=0) > 0.5).mean())

    mistakes = {
        "the share of the boxes, not of the proposals": precision,
        "a box counts once, even if several proposals match it": (
            lambda p, b, n: float((box_iou(b, p[:n]) >= 0.5).sum() / len(b))
        ),
        "the share, not the number": lambda p, b, n: recall(p, b, n) * len(b),
        "n proposals, not one more": lambda p, b, n: recall(p, b, n + 1),
        "only the first n proposals count": lambda p, b, n: recall(p, b, None),
        "an IoU of exactly 0.5 counts": strictly_above,
    }
    return check_answer(answer, recall, cases, mistakes)


def pyramid_bins(answer: Callable[[int, int], list[tuple[int, int]]]) -> Outcome:
    """Notebook 04: a side in cells, n -> start and end of each of n bins, the end exclusive."""
    cases = [(6, 3), (5, 2), (7, 3), (2, 3), (13, 4), (9, 1)]

    def reference(length: int, n: int) -> list[list[int]]:
        return pooling_bins(length, n).tolist()

    def bins(
        length: int,
        n: int,
        start: Callable[[float], int] = math.floor,
        end: Callable[[float], int] = math.ceil,
        shorter: int = 0,
    ) -> list[tuple[int, int]]:
        return [(start(k * length / n), end((k + 1) * length / n) - shorter) for k in range(n)]

    mistakes = {
        "round the end up, otherwise a bin can be empty": lambda s, n: bins(s, n, end=math.floor),
        "round the start down": lambda s, n: bins(s, n, start=math.ceil),
        "round the start down and the end up": lambda s, n: bins(s, n, start=round, end=round),
        "the end is exclusive, as in a slice": lambda s, n: bins(s, n, shorter=1),
        "bins of one integer length miss the last cells": (
            lambda s, n: [(k * (s // n), (k + 1) * (s // n)) for k in range(n)]
        ),
    }
    return check_answer(answer, reference, cases, mistakes)


def quantize_roi(answer: Callable[[list[float], int, int, int], list[int]]) -> Outcome:
    """Notebook 04: an RoI in pixels, stride, the map's height and width -> its cells, x1 … y2."""
    cases = [
        ([32.0, 64.0, 160.0, 192.0], 32, 8, 6),
        ([20.0, 15.0, 120.0, 200.0], 32, 8, 6),
        ([0.0, 0.0, 96.0, 128.0], 16, 8, 6),  # the whole image is the whole map
        ([50.0, 60.0, 58.0, 66.0], 32, 8, 6),  # contains no cell's center: one cell remains
        ([150.0, 200.0, 192.0, 256.0], 32, 8, 6),
        ([180.0, 240.0, 230.0, 300.0], 32, 8, 6),  # ends outside the map
        ([210.0, 270.0, 230.0, 300.0], 32, 8, 6),  # starts outside the map: the last cell
    ]

    def reference(roi: list[float], stride: int, height: int, width: int) -> list[int]:
        return quantize_rois(np.array([roi]), stride, height, width)[0].tolist()

    def quantize(
        roi: list[float],
        stride: int,
        height: int,
        width: int,
        start: Callable[[float], int] = math.floor,
        end: Callable[[float], int] = math.ceil,
    ) -> list[int]:
        limits = (width - 1, height - 1, width, height)
        cells = []
        for side, rounding, limit in zip(roi, (start, start, end, end), limits, strict=True):
            cells.append(min(rounding(side / stride), limit))
        return cells

    def half_up(side: float) -> int:
        return math.floor(side + 0.5)

    mistakes = {
        "keep at least one cell": lambda b, s, h, w: quantize(b, s, h, w, half_up, half_up),
        "no cell is beyond the map": lambda b, s, h, w: reference(b, s, 99, 99),
        "take cells whose center is inside, not all that the region touches": quantize,
        "take cells whose center is inside, also at the right and the bottom": (
            lambda b, s, h, w: quantize(b, s, h, w, end=math.floor)
        ),
        "x before y": lambda b, s, h, w: [reference(b, s, h, w)[k] for k in (1, 0, 3, 2)],
        "divide by the stride: a cell is so many pixels": (
            lambda b, s, h, w: reference([x * s * s for x in b], s, h, w)
        ),
        "round to integers": lambda b, s, h, w: [x / s for x in b],
    }
    return check_answer(answer, reference, cases, mistakes)


def assign_scale(answer: Callable[[float, float, list[float]], int]) -> Outcome:
    """Notebook 04: a region's width, height, the images' scales -> the scale to pool it from."""
    cases = [
        (100.0, 100.0, [1.0, 2.0, 4.0]),
        (160.0, 160.0, [1.0, 1.75]),  # by side 224 is nearer to 280, by area to 160
        (300.0, 60.0, [0.5, 1.0, 2.0]),
        (400.0, 500.0, [0.4, 0.6, 1.0]),
        (20.0, 30.0, [1.0, 2.0, 3.0]),
        (224.0, 224.0, [2.0, 1.0, 0.5]),
    ]

    def reference(width: float, height: float, scales: list[float]) -> int:
        return int(assign_image_scale(np.array([[0.0, 0.0, width, height]]), scales)[0])

    def area(width: float, height: float, scale: float) -> float:
        return width * height * scale**2

    def nearest(scales: list[float], distance: Callable[[float], float]) -> int:
        return min(range(len(scales)), key=lambda k: distance(scales[k]))

    mistakes = {
        "the area grows with the square of the scale": (
            lambda w, h, s: nearest(s, lambda x: abs(w * h * x - 224**2))
        ),
        "compare areas, not sides": (
            lambda w, h, s: nearest(s, lambda x: abs(math.sqrt(area(w, h, x)) - 224))
        ),
        "the area counts, not the longer side": (
            lambda w, h, s: nearest(s, lambda x: abs(max(w, h) * x - 224))
        ),
        "the target area is 224 × 224 pixels, not 224": (
            lambda w, h, s: nearest(s, lambda x: abs(area(w, h, x) - 224))
        ),
        "return the index, counted from 0": lambda w, h, s: s[reference(w, h, s)],
        "a larger area is allowed: take the smallest distance": (
            lambda w, h, s: nearest(s, lambda x: -x if area(w, h, x) <= 224**2 else x)
        ),
    }
    return check_answer(answer, reference, cases, mistakes)
