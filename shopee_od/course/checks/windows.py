"""Checks of notebook 02: windows of a pyramid, HOG, hard negatives, a CNN as a window."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer
from shopee_od.ops.boxes import box_iou
from shopee_od.ops.pyramid import count_windows, level_sizes


def pyramid_windows(answer: Callable[[int, int, int, int, float], int]) -> Outcome:
    """Notebook 02: height, width, window, stride, downscale -> windows on all levels."""
    cases = [
        (20, 20, 8, 4, 2.0),
        (100, 60, 32, 8, 1.25),
        (31, 31, 16, 8, 2.0),  # the second level has 16 pixels, rounded up from 15.5
        (64, 64, 64, 8, 1.25),
        (40, 20, 32, 8, 2.0),  # wide enough for no window
        (20, 20, 32, 8, 2.0),  # too small in both directions: two negative numbers
    ]

    def total(
        height: int,
        width: int,
        window: int,
        stride: int,
        downscale: float,
        count: Callable[[int, int, int, int], int] = (
            lambda height, width, window, stride: count_windows(
                height, width, (window, window), stride
            )
        ),
        levels: slice = slice(None),
    ) -> int:
        sizes = level_sizes(height, width, (window, window), downscale)
        return sum(count(*size, window, stride) for size in sizes[levels])

    def rounded_down(height: int, width: int, window: int, stride: int, downscale: float) -> int:
        windows = 0
        while min(height, width) >= window:
            windows += count_windows(height, width, (window, window), stride)
            height, width = int(height / downscale), int(width / downscale)
        return windows

    def negative(height: int, width: int, window: int, stride: int, downscale: float) -> int:
        if max(height, width) >= window:
            return total(height, width, window, stride, downscale)
        return ((height - window) // stride + 1) * ((width - window) // stride + 1)

    def by_height(height: int, width: int, window: int, stride: int, downscale: float) -> int:
        windows = 0
        while height >= window:
            windows += ((height - window) // stride + 1) * ((width - window) // stride + 1)
            height, width = math.ceil(height / downscale), math.ceil(width / downscale)
        return windows

    def from_image(height: int, width: int, window: int, stride: int, downscale: float) -> int:
        windows = 0
        sides = (height, width)
        factor = downscale
        while min(sides) >= window:
            windows += count_windows(*sides, (window, window), stride)
            sides = (math.ceil(height / factor), math.ceil(width / factor))
            factor *= downscale
        return windows

    def larger_only(height: int, width: int, window: int, stride: int, downscale: float) -> int:
        windows = 0
        while min(height, width) > window:
            windows += count_windows(height, width, (window, window), stride)
            height, width = math.ceil(height / downscale), math.ceil(width / downscale)
        return windows

    mistakes = {
        "one more fits along each side: the first window needs no step": (
            lambda h, w, n, s, d: total(
                h, w, n, s, d, count=lambda h, w, n, s: (h - n) // s * ((w - n) // s)
            )
        ),
        "add up the windows of all levels, not of the first alone": (
            lambda h, w, n, s, d: total(h, w, n, s, d, levels=slice(1))
        ),
        "one level is not enough: add up all levels that have room for a window": (
            lambda h, w, n, s, d: ((h - n) // s + 1) * ((w - n) // s + 1)
        ),
        "the image itself is the first level": lambda h, w, n, s, d: total(
            h, w, n, s, d, levels=slice(1, None)
        ),
        "round the sides of a level up": rounded_down,
        "divide the rounded sides of the level before, not those of the image": from_image,
        "a level of exactly the window's size has room for one window": larger_only,
        "stop as soon as one of the two sides is smaller than the window": by_height,
        "0 windows, not a negative number, where the window is larger": negative,
        "a window must be inside completely": (
            lambda h, w, n, s, d: total(
                h, w, n, s, d, count=lambda h, w, n, s: -(-h // s) * -(-w // s)
            )
        ),
    }
    return check_answer(answer, total, cases, mistakes)


def interpolated_histogram(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Outcome:
    """Notebook 02: magnitude, orientation (8, 8) -> (9,) each vote shared by two bins."""
    rng = np.random.default_rng(0)
    full = np.full((8, 8), 64.0)
    cases = [(full, np.full((8, 8), degrees)) for degrees in (50.0, 53.0, 175.0, 4.0, 60.0)]
    for _ in range(2):
        magnitude = rng.integers(0, 50, (8, 8)).astype(float)
        cases.append((magnitude, rng.integers(0, 180, (8, 8)).astype(float)))

    def votes(
        magnitude: np.ndarray,
        orientation: np.ndarray,
        first: float = 10.0,
        around: bool = True,
        swapped: bool = False,
        nearest: bool = False,
        divisor: int = 64,
    ) -> np.ndarray:
        position = (orientation - first) / 20
        low = np.floor(position).astype(int)
        share = position - low
        if nearest:
            share = (share >= 0.5).astype(float)
        if swapped:
            share = 1 - share
        histogram = np.zeros(9)
        for bins, weights in ((low, 1 - share), (low + 1, share)):
            inside = np.ones_like(bins, bool) if around else (bins >= 0) & (bins < 9)
            np.add.at(histogram, bins[inside] % 9, (weights * magnitude)[inside])
        return histogram / divisor

    def at_the_ends(magnitude: np.ndarray, orientation: np.ndarray) -> np.ndarray:
        return votes(magnitude, np.clip(orientation, 10, 170))

    mistakes = {
        "share each vote between two bins": lambda m, o: votes(m, o, nearest=True),
        "the nearer bin gets the larger share": lambda m, o: votes(m, o, swapped=True),
        "the bins' centers are 10, 30, 50, … degrees": lambda m, o: votes(m, o, first=0.0),
        "0 and 180 degrees are the same direction: the last bin and the first are neighbors": (
            lambda m, o: votes(m, o, around=False)
        ),
        "0 and 180 degrees are the same: beyond the last center a vote is shared as well": (
            at_the_ends
        ),
        "weight each vote by the pixel's magnitude": lambda m, o: votes(np.ones_like(m), o),
        "the mean over the cell's 64 pixels, not the sum": lambda m, o: votes(m, o, divisor=1),
    }
    return check_answer(answer, votes, cases, mistakes)


def hard_negatives(
    answer: Callable[[np.ndarray, np.ndarray, np.ndarray, int], Sequence[int]],
) -> Outcome:
    """Notebook 02: scores (N,), windows (N, 4), gt_boxes (M, 4), count -> indices, worst first."""
    windows = np.array(
        [[0, 0, 10, 10], [2, 0, 12, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]], float
    )
    boxes = np.array([[60, 0, 70, 12], [0, 0, 10, 9]], float)
    scores = np.array([1.5, 1.2, -0.4, 0.7, 2.0])
    cases = [
        (scores, windows, boxes, 5),
        (scores, windows, boxes, 1),
        (np.array([0.3, 0.9, -1.2, -0.9, 0.1]), windows, boxes[:0], 3),  # an image without a box
        (np.array([-2.0, -1.0, -0.5, 0.0, 0.5]), windows, boxes[:0], 5),
        (np.array([0.5, 0.1]), windows[[0, 2]], np.array([[0, 0, 10, 3.0]]), 2),  # an IoU of 0.3
    ]

    def mine(
        scores: np.ndarray,
        windows: np.ndarray,
        gt_boxes: np.ndarray,
        count: int,
        lowest: float = -1.0,
        iou: float = 0.3,
        exactly: bool = False,
        boxes: slice = slice(None),
        first: bool = False,
    ) -> np.ndarray:
        overlap = box_iou(windows, gt_boxes[boxes]).max(axis=1, initial=0)
        is_negative = (overlap <= iou if exactly else overlap < iou) & (scores > lowest)
        order = np.argsort(-scores, kind="stable")
        if first:
            order = order[:count]
        return order[is_negative[order]][:count]

    def places(
        scores: np.ndarray, windows: np.ndarray, gt_boxes: np.ndarray, count: int
    ) -> np.ndarray:
        indices = mine(scores, windows, gt_boxes, len(scores))
        return np.argsort(-scores[np.sort(indices)], kind="stable")[:count]

    def overlaps_not_all(
        scores: np.ndarray, windows: np.ndarray, gt_boxes: np.ndarray, count: int
    ) -> np.ndarray:
        is_negative = (box_iou(windows, gt_boxes) < 0.3).any(axis=1) & (scores > -1)
        order = np.argsort(-scores, kind="stable")
        return order[is_negative[order]][:count]

    mistakes = {
        "a window that overlaps a box by 0.3 or more is no negative": (
            lambda s, w, b, n: mine(s, w, b, n, iou=2)
        ),
        "an IoU of exactly 0.3 is no negative": lambda s, w, b, n: mine(s, w, b, n, exactly=True),
        "a score between −1 and 0 is inside the margin and counts": (
            lambda s, w, b, n: mine(s, w, b, n, lowest=0)
        ),
        "a score of −1 or less changes nothing: leave it out": (
            lambda s, w, b, n: mine(s, w, b, n, lowest=-math.inf)
        ),
        "the highest score first, not in the order of the windows": (
            lambda s, w, b, n: np.sort(mine(s, w, b, n))
        ),
        "the highest scores are the worst mistakes": lambda s, w, b, n: mine(s, w, b, 99)[::-1],
        "sort by falling score: `argsort` alone puts the lowest score first": (
            lambda s, w, b, n: mine(s, w, b, 99)[::-1][:n]
        ),
        "these are places among the candidates; return the indices of the windows": places,
        "the IoU with all boxes is below 0.3, not with any one of them": overlaps_not_all,
        "leave out the windows on garments first, then take the `count` highest": (
            lambda s, w, b, n: mine(s, w, b, n, first=True)
        ),
        "at most `count` windows": lambda s, w, b, n: mine(s, w, b, 99),
        "compare with all boxes of the image": lambda s, w, b, n: mine(s, w, b, n, boxes=slice(1)),
    }
    return check_answer(answer, mine, cases, mistakes)


def window_and_stride(
    answer: Callable[[list[tuple[int, int]]], tuple[int, int]],
) -> Outcome:
    """Notebook 02: the size and stride of each layer -> pixels and stride of the whole network."""
    window_cnn = [(5, 2), (3, 1), (2, 2), (3, 1), (2, 2), (4, 1), (1, 1)]
    cases = [
        ([(3, 1)],),
        ([(3, 1), (3, 1)],),
        ([(5, 2), (3, 1)],),
        ([(3, 1), (2, 2)],),
        (window_cnn,),
        (window_cnn[:4] + window_cnn[5:],),  # without the second pooling layer
    ]

    def backward(
        layers: list[tuple[int, int]],
        step: Callable[[int, int, int], int] = lambda side, size, stride: (
            (side - 1) * stride + size
        ),
        ordered: bool = True,
        add: bool = False,
    ) -> tuple[int, int]:
        side = 1
        for size, stride in reversed(layers) if ordered else layers:
            side = step(side, size, stride)
        strides = [stride for _, stride in layers]
        return side, sum(strides) if add else math.prod(strides)

    mistakes = {
        "strides multiply, they do not add up": lambda layers: backward(layers, add=True),
        "go from the last layer to the first": lambda layers: backward(layers, ordered=False),
        "n values of a layer take (n − 1) · stride + size values of the layer before": (
            lambda layers: backward(layers, lambda side, size, stride: side * stride + size)
        ),
        "the last of n values needs no step: (n − 1) · stride + size": (
            lambda layers: backward(layers, lambda side, size, stride: side * stride + size - 1)
        ),
        "a stride makes the window larger: (n − 1) · stride + size": (
            lambda layers: backward(layers, lambda side, size, stride: side - 1 + size)
        ),
        "a filter's size counts in values of the layer before, so sizes do not add up": (
            lambda layers: (sum(size for size, _ in layers), backward(layers)[1])
        ),
        "the window first, then the stride": lambda layers: backward(layers)[::-1],
    }
    return check_answer(answer, backward, cases, mistakes)
