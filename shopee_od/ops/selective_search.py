"""Selective search: where garments might be, without looking for garments: what belongs together is grouped.

Uijlings, van de Sande, Gevers and Smeulders, "Selective Search for Object Recognition", IJCV 2013. The first, small
regions come from scikit-image (Felzenszwalb and Huttenlocher, IJCV 2004).
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, gaussian_filter
from skimage import color
from skimage.segmentation import felzenszwalb

COLOUR_BINS, TEXTURE_BINS, DIRECTIONS = 25, 10, 8  # a channel (section 3.2.1)
SPACES = {"hsv": color.rgb2hsv, "lab": color.rgb2lab, "rgb": lambda image: image}


@dataclass(frozen=True)
class Regions:
    """n regions of one photo: boxes float64 (n, 4), sizes (n,) in pixels, and histograms (n, bins) that sum to 1."""

    boxes: np.ndarray
    sizes: np.ndarray
    colour: np.ndarray
    texture: np.ndarray


def selective_search(
    image: np.ndarray,
    spaces: Sequence[str] = ("hsv", "lab"),
    scales: Sequence[float] = (50, 100, 200),
    smallest: float = 20,
    seed: int = 0,
) -> np.ndarray:
    """uint8 (H, W, 3) -> float64 (N, 4), x1, y1, x2, y2, the likelier ones first, none twice.

    1. For each colour space and each scale of the first regions, group; every region ever made gives its box.
    2. A region made late counts for more, by a random factor, so that not all the largest come first (section 4.1).
    3. Boxes under `smallest` pixels a side are left out.
    """
    rng = np.random.default_rng(seed)
    first = [felzenszwalb(image, scale=scale, sigma=0.8, min_size=max(20, int(scale / 2))) for scale in scales]
    found, ranks = [], []
    for space in spaces:
        pixels = SPACES[space](np.asarray(image, np.float64) / 255)
        for labels in first:
            boxes, _ = grouped(describe(pixels, labels), neighbours(labels), labels.size)
            found.append(boxes[::-1])  # the last one made is the whole photo: rank 1
            ranks.append(np.arange(1, len(boxes) + 1) * rng.random(len(boxes)))
    boxes = np.concatenate(found)[np.argsort(np.concatenate(ranks), kind="stable")]
    boxes = boxes[((boxes[:, 2:] - boxes[:, :2]) >= smallest).all(axis=1)]
    _, first = np.unique(boxes, axis=0, return_index=True)
    return boxes[np.sort(first)]


def describe(pixels: np.ndarray, labels: np.ndarray) -> Regions:
    """float (H, W, 3) in any colour space, int (H, W) regions from 0 -> what the similarities need of each region.

    Colour: a histogram of 25 bins a channel. Texture: of 10 bins for each of 8 directions of Gaussian derivatives, a
    channel (section 3.2.1).
    """
    spans = find_objects(labels + 1)  # of each region, rows and columns
    boxes = np.array([[x.start, y.start, x.stop, y.stop] for y, x in spans], float)
    channels = [pixels[:, :, c] for c in range(pixels.shape[2])]
    colour = np.concatenate([_histograms(c, labels, COLOUR_BINS) for c in channels], axis=1)
    edges = [edge for c in channels for edge in _directions(c)]
    texture = np.concatenate([_histograms(edge, labels, TEXTURE_BINS) for edge in edges], axis=1)
    return Regions(boxes, np.bincount(labels.ravel()), colour / len(channels), texture / len(edges))


def neighbours(labels: np.ndarray) -> set[tuple[int, int]]:
    """int (H, W) -> the pairs (lower, higher) of regions that touch at a side of a pixel."""
    one = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    other = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    n, apart = labels.max() + 1, one != other
    pairs = np.unique(np.minimum(one, other)[apart] * n + np.maximum(one, other)[apart])  # a pair as one number
    return set(zip((pairs // n).tolist(), (pairs % n).tolist(), strict=True))


def similarity(regions: Regions, a: int | np.ndarray, b: int | np.ndarray, pixels: int) -> np.ndarray:
    """Regions a and b, or (N,) of each -> float64, N of them: how much they belong together, 0 to 4.

    Colour + texture + size + fill (section 3.2.1, equations 1 to 4).

    1. Colour, texture: what their histograms share.
    2. Size: small ones first, so that the photo is grouped evenly.
    3. Fill: how little of the box around both is neither; a region that another surrounds belongs to it.
    """
    colour = np.minimum(regions.colour[a], regions.colour[b]).sum(axis=-1)
    texture = np.minimum(regions.texture[a], regions.texture[b]).sum(axis=-1)
    both = regions.sizes[a] + regions.sizes[b]
    start = np.minimum(regions.boxes[a, :2], regions.boxes[b, :2])
    end = np.maximum(regions.boxes[a, 2:], regions.boxes[b, 2:])
    around = (end - start).prod(axis=-1)
    return colour + texture + (1 - both / pixels) + (1 - (around - both) / pixels)


def grouped(regions: Regions, touching: set[tuple[int, int]], pixels: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """n regions, which of them touch, the photo's pixels -> float64 (up to 2n - 1, 4): their boxes, then the new ones';
    and of which two each new one is made.

    The two most similar neighbours become one region, which takes over their neighbours, until one is left (section
    3.1, algorithm 1); the boxes stand in the order in which regions are made.
    """
    n = len(regions.sizes)
    regions = Regions(*(np.concatenate([part, np.zeros((n - 1, *part.shape[1:]))]) for part in vars(regions).values()))
    around = {k: set() for k in range(n)}
    for a, b in touching:
        around[a].add(b)
        around[b].add(a)
    heap = _compared(regions, touching, pixels)
    heapq.heapify(heap)
    unions = []
    while heap:
        _, a, b = heapq.heappop(heap)
        if a not in around or b not in around:  # one of the two is part of another by now
            continue
        _merge(regions, a, b, n)
        unions.append((a, b))
        around[n] = (around.pop(a) | around.pop(b)) - {a, b}
        for c in around[n]:
            around[c] = around[c] - {a, b} | {n}
        for each in _compared(regions, [(c, n) for c in around[n]], pixels):
            heapq.heappush(heap, each)
        n += 1
    return regions.boxes[:n], unions


def _compared(regions: Regions, pairs: Collection[tuple[int, int]], pixels: int) -> list[tuple[float, int, int]]:
    """Pairs of regions with what is least for the most similar in front, as a heap wants it."""
    a, b = np.array([*pairs], int).reshape(-1, 2).T
    return list(zip((-similarity(regions, a, b, pixels)).tolist(), a.tolist(), b.tolist(), strict=True))


def _merge(regions: Regions, a: int, b: int, new: int) -> None:
    """Histograms of the union are the mean by size: no pixel is looked at again."""
    sizes = regions.sizes
    sizes[new] = sizes[a] + sizes[b]
    for histograms in (regions.colour, regions.texture):
        histograms[new] = (histograms[a] * sizes[a] + histograms[b] * sizes[b]) / sizes[new]
    regions.boxes[new, :2] = np.minimum(regions.boxes[a, :2], regions.boxes[b, :2])
    regions.boxes[new, 2:] = np.maximum(regions.boxes[a, 2:], regions.boxes[b, 2:])


def _directions(channel: np.ndarray) -> list[np.ndarray]:
    """(H, W) -> its Gaussian derivatives (sigma 1) in 8 directions, the falling part of each cut off at 0."""
    down, across = gaussian_filter(channel, 1, order=(1, 0)), gaussian_filter(channel, 1, order=(0, 1))
    angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    return [np.maximum(np.cos(angle) * across + np.sin(angle) * down, 0) for angle in angles]


def _histograms(values: np.ndarray, labels: np.ndarray, bins: int) -> np.ndarray:
    """(H, W) values, (H, W) regions -> (n, bins), each row with sum 1, over the range of all values."""
    low, high = values.min(), values.max()
    index = np.minimum((values - low) * (bins / max(high - low, 1e-12)), bins - 1).astype(int)
    n = labels.max() + 1
    counts = np.bincount((labels * bins + index).ravel(), minlength=n * bins).reshape(n, bins)
    return counts / counts.sum(axis=1, keepdims=True)
