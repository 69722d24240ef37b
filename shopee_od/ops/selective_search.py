"""Selective search: region proposals from grouping similar regions, without knowing any class.

Simplified from the paper in two ways. The image is segmented once, in RGB, and these first regions
are grouped in every color space; the paper also segments in each color space. And there is one
similarity, with all four terms; the paper repeats the grouping with other sets of terms.

Source: Uijlings, van de Sande, Gevers and Smeulders, "Selective Search for Object Recognition",
IJCV 2013. The first regions are scikit-image's (Felzenszwalb and Huttenlocher, IJCV 2004).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, gaussian_filter
from skimage import color
from skimage.segmentation import felzenszwalb

COLOR_BINS, TEXTURE_BINS, DIRECTIONS = 25, 10, 8  # per channel (section 3.2)
COLOR_SPACES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "hsv": color.rgb2hsv,
    "lab": color.rgb2lab,
    "rgb": np.asarray,
}
"""By name, from float (H, W, 3) RGB in [0, 1] to float (H, W, 3)."""


@dataclass(frozen=True)
class Regions:
    """What the similarities need of the n regions of an image.

    Args:
        boxes: float64 (n, 4) x1, y1, x2, y2 in pixels.
        sizes: (n,) area in pixels.
        color: float64 (n, bins), each row with sum 1.
        texture: float64 (n, bins), each row with sum 1.
    """

    boxes: np.ndarray
    sizes: np.ndarray
    color: np.ndarray
    texture: np.ndarray


def selective_search(
    image: np.ndarray,
    color_spaces: Sequence[str] = ("hsv", "lab"),
    scales: Sequence[float] = (50, 100, 200),
    min_side: float = 20,
    seed: int = 0,
) -> np.ndarray:
    """Region proposals of an image.

    1. The image is segmented at each scale; in each color space the regions of each segmentation
       are grouped. Every region that arises, first or merged, gives its bounding box.
    2. Regions that arise late, which are large, rank first, each moved by a random factor so that
       proposals of all sizes are mixed (section 3.3 of the paper).
    3. Small boxes and duplicates are dropped.

    Args:
        image: uint8 (H, W, 3).
        color_spaces: keys of COLOR_SPACES in which regions are compared.
        scales: of the first segmentation; a larger one gives larger first regions.
        min_side: shortest side of a proposal, in pixels.
        seed: of the random factors.
    Returns:
        float64 (N, 4) x1, y1, x2, y2 in pixels, most promising first.
    """
    rng = np.random.default_rng(seed)
    segmentations = [
        felzenszwalb(image, scale=scale, sigma=0.8, min_size=max(20, int(scale / 2)))
        for scale in scales
    ]
    all_boxes = []
    all_ranks = []
    for space in color_spaces:
        converted = COLOR_SPACES[space](np.asarray(image, np.float64) / 255)
        for segments in segmentations:
            regions = describe_regions(converted, segments)
            boxes, _ = group_regions(regions, find_neighbors(segments), segments.size)
            all_boxes.append(boxes[::-1])  # the last region, the whole image, has rank 1
            all_ranks.append(np.arange(1, len(boxes) + 1) * rng.random(len(boxes)))
    order = np.argsort(np.concatenate(all_ranks), kind="stable")
    boxes = np.concatenate(all_boxes)[order]
    boxes = boxes[(boxes[:, 2:] - boxes[:, :2] >= min_side).all(axis=1)]
    _, first_index = np.unique(boxes, axis=0, return_index=True)
    return boxes[np.sort(first_index)]


def describe_regions(image: np.ndarray, segments: np.ndarray) -> Regions:
    """Box, size, color histogram and texture histogram of each region.

    Color has 25 bins per channel. Texture has 10 bins per channel for each of 8 directions of
    Gaussian derivatives.

    Args:
        image: float (H, W, 3) in any color space.
        segments: int (H, W) the region of each pixel, from 0.
    Returns:
        The regions, by number.
    Source: section 3.2 of the paper.
    """
    slices = find_objects(segments + 1)  # of each region, rows and columns
    boxes = np.array([[x.start, y.start, x.stop, y.stop] for y, x in slices], float)
    channels = [image[:, :, c] for c in range(image.shape[2])]
    derivatives = [edge for channel in channels for edge in _gaussian_derivatives(channel)]
    color_histograms = [_histograms(channel, segments, COLOR_BINS) for channel in channels]
    texture_histograms = [_histograms(edge, segments, TEXTURE_BINS) for edge in derivatives]
    return Regions(
        boxes=boxes,
        sizes=np.bincount(segments.ravel()),
        color=np.concatenate(color_histograms, axis=1) / len(channels),
        texture=np.concatenate(texture_histograms, axis=1) / len(derivatives),
    )


def find_neighbors(segments: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of regions that touch along the side of a pixel.

    Args:
        segments: int (H, W) the region of each pixel, from 0.
    Returns:
        Pairs (lower, higher) of region numbers.

    >>> sorted(find_neighbors(np.array([[0, 0, 1], [2, 2, 1]])))
    [(0, 1), (0, 2), (1, 2)]
    """
    pixel = np.concatenate([segments[:, :-1].ravel(), segments[:-1].ravel()])
    right_or_below = np.concatenate([segments[:, 1:].ravel(), segments[1:].ravel()])
    border = pixel != right_or_below
    low = np.minimum(pixel, right_or_below)[border]
    high = np.maximum(pixel, right_or_below)[border]
    return set(zip(low.tolist(), high.tolist(), strict=True))


def similarity(
    regions: Regions, a: int | np.ndarray, b: int | np.ndarray, num_pixels: int
) -> np.ndarray:
    """How well two regions belong together: color + texture + size + fill, each from 0 to 1.

    1. Color, texture: what their histograms have in common.
    2. Size: small regions merge first, so that regions grow evenly over the image.
    3. Fill: how much of the box around both regions they cover. A region inside another one
       belongs to it.

    Args:
        regions: all regions of the image.
        a: number of the first region, or int (N,).
        b: number of the second region, or int (N,).
        num_pixels: pixels of the image.
    Returns:
        float64, or (N,), in [0, 4].
    Source: section 3.2 of the paper.
    """
    color_term = np.minimum(regions.color[a], regions.color[b]).sum(axis=-1)
    texture_term = np.minimum(regions.texture[a], regions.texture[b]).sum(axis=-1)
    size = regions.sizes[a] + regions.sizes[b]
    start = np.minimum(regions.boxes[a, :2], regions.boxes[b, :2])
    end = np.maximum(regions.boxes[a, 2:], regions.boxes[b, 2:])
    box_size = (end - start).prod(axis=-1)
    size_term = 1 - size / num_pixels
    fill_term = 1 - (box_size - size) / num_pixels
    return color_term + texture_term + size_term + fill_term


def group_regions(
    regions: Regions, neighbors: set[tuple[int, int]], num_pixels: int
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Hierarchical grouping: merge the two most similar neighbors until one region remains.

    A merged region takes over the neighbors of both.

    Args:
        regions: n first regions.
        neighbors: pairs of regions that touch.
        num_pixels: pixels of the image.
    Returns:
        boxes: float64 (up to 2n - 1, 4) of the first regions, then of the merged ones in the order
            in which they arise.
        merges: the two regions that each merged one is made of.
    Source: section 3.1 of the paper, algorithm 1.
    """
    count = len(regions.sizes)
    regions = _append_rows(regions, count - 1)
    neighbors_of: dict[int, set[int]] = {region: set() for region in range(count)}
    for a, b in neighbors:
        neighbors_of[a].add(b)
        neighbors_of[b].add(a)
    heap = _heap_entries(regions, neighbors, num_pixels)
    heapq.heapify(heap)
    merges = []
    while heap:
        _, a, b = heapq.heappop(heap)
        if a not in neighbors_of or b not in neighbors_of:  # one is part of a merged region
            continue
        new = count
        count += 1
        _merge(regions, a, b, new)
        merges.append((a, b))
        neighbors_of[new] = (neighbors_of.pop(a) | neighbors_of.pop(b)) - {a, b}
        for neighbor in neighbors_of[new]:
            neighbors_of[neighbor] = neighbors_of[neighbor] - {a, b} | {new}
        new_pairs = [(neighbor, new) for neighbor in neighbors_of[new]]
        for entry in _heap_entries(regions, new_pairs, num_pixels):
            heapq.heappush(heap, entry)
    return regions.boxes[:count], merges


def _append_rows(regions: Regions, count: int) -> Regions:
    """A copy with `count` rows of zeros at the end of each array, for the merged regions."""

    def append(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([rows, np.zeros((count, *rows.shape[1:]))])

    return Regions(
        boxes=append(regions.boxes),
        sizes=append(regions.sizes),
        color=append(regions.color),
        texture=append(regions.texture),
    )


def _heap_entries(
    regions: Regions, pairs: Collection[tuple[int, int]], num_pixels: int
) -> list[tuple[float, int, int]]:
    """(-similarity, a, b) of each pair: a heap returns the smallest entry first."""
    a, b = np.array([*pairs], int).reshape(-1, 2).T
    keys = -similarity(regions, a, b, num_pixels)
    return list(zip(keys.tolist(), a.tolist(), b.tolist(), strict=True))


def _merge(regions: Regions, a: int, b: int, new: int) -> None:
    """Write the union of regions a and b into row `new`, without going back to the pixels."""
    sizes = regions.sizes
    sizes[new] = sizes[a] + sizes[b]
    for histograms in (regions.color, regions.texture):
        histograms[new] = (histograms[a] * sizes[a] + histograms[b] * sizes[b]) / sizes[new]
    regions.boxes[new, :2] = np.minimum(regions.boxes[a, :2], regions.boxes[b, :2])
    regions.boxes[new, 2:] = np.maximum(regions.boxes[a, 2:], regions.boxes[b, 2:])


def _gaussian_derivatives(channel: np.ndarray) -> list[np.ndarray]:
    """(H, W) -> its Gaussian derivatives (sigma 1) in 8 directions, negative values set to 0."""
    dy = gaussian_filter(channel, 1, order=(1, 0))  # pyright: ignore[reportArgumentType]
    dx = gaussian_filter(channel, 1, order=(0, 1))  # pyright: ignore[reportArgumentType]
    angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    return [np.maximum(np.cos(angle) * dx + np.sin(angle) * dy, 0) for angle in angles]


def _histograms(values: np.ndarray, segments: np.ndarray, bins: int) -> np.ndarray:
    """(H, W) values and regions -> (n, bins) over the range of all values, rows with sum 1."""
    low = values.min()
    value_range = max(values.max() - low, 1e-12)
    index = np.minimum((values - low) * (bins / value_range), bins - 1).astype(int)
    n = segments.max() + 1
    counts = np.bincount((segments * bins + index).ravel(), minlength=n * bins).reshape(n, bins)
    return counts / counts.sum(axis=1, keepdims=True)
