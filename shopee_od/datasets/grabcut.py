"""The mask of a garment whose box is known, by GrabCut, where it can be trusted.

Rother, Kolmogorov and Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph
Cuts", SIGGRAPH 2004, in OpenCV's implementation.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.masks import MIN_PIXELS, MaskError, MaskFinder, drop_specks, mask_bounds
from shopee_od.ops.boxes import box_iou

SIDE = 256
"""Pixels of the photo's longer side while its mask is searched for."""
ITERATIONS = 3
"""Of GrabCut, in each of its two rounds."""
COLOR_BINS = 24
"""Of each of the three channels of Lab, in the histograms of garment and ground."""

# A garment whose mask misses one of these has none that can be trusted.
MAX_BOX_SHARE = 0.9
"""Of the photo: a larger box leaves too little ground to know its colors by."""
MIN_BOX_IOU = 0.93
"""Between the bounds of the mask and the known box."""
MIN_FILL = 0.3
"""Share of the box that the mask covers at least."""
MAX_FILL = 0.92
"""Share of the box that the mask covers at most: no garment is a rectangle."""
MIN_ROUNDS_IOU = 0.95
"""Between the masks of the two rounds."""
MAX_GROUND_SHARE = 0.005
"""Of the mask, that a connected part in the colors of the ground may have."""
MAX_HOLE_SHARE = 0.01
"""Of the mask, that all holes may have: such small ones are buttons and prints, and are filled."""
MAX_STRAIGHT_SHARE = 0.35
"""Of the box's left or right side, along which the mask may end: ground that the box cut off."""

_SPECK = np.ones((3, 3), np.uint8)
_HOOK = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


def find_grabcut_masks(source: Dataset) -> MaskFinder:
    """The masks of garments laid flat or hung up, by their boxes.

    Args:
        source: from `read_clothing`.
    Returns:
        What finds the mask of a garment, as `segment_garment` gives it.
    """
    return lambda photo, garment: segment_garment(
        photo, np.array([garment.x1, garment.y1, garment.x2, garment.y2])
    )


def segment_garment(photo: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The mask of the one garment in a box.

    1. What is outside of the box is ground. Inside, the first round of GrabCut starts with the
       pixels whose color is more frequent inside than outside as the garment.
    2. The second round starts with the first mask, without the pixels whose color is now more
       frequent outside of the mask: floor between the legs or below a sleeve.
    3. Hooks of hangers and specks are dropped, small holes filled.

    Args:
        photo: uint8 (H, W, 3), RGB.
        box: (4,) x1, y1, x2, y2 in pixels, x2 and y2 exclusive.
    Returns:
        bool (H, W).
    Raises:
        MaskError: the mask does not meet this module's limits.
    """
    height, width = photo.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    small_size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(photo, small_size, interpolation=cv2.INTER_AREA)
    scales = np.tile(np.divide(small_size, (width, height)), 2)
    small_box = np.rint(np.asarray(box, np.float64) * scales).astype(int)
    mask = _segment(small, small_box)
    smooth = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(smooth, (0, 0), 1 / scale) > 0.5


def _segment(photo: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The mask, bool (H, W), of a photo of at most SIDE pixels; its box in whole pixels."""
    x1, y1, x2, y2 = box
    inside = np.zeros(photo.shape[:2], bool)
    inside[y1:y2, x1:x2] = True
    _require(inside.mean() <= MAX_BOX_SHARE, "garment fills the photo")
    colors = _color_indices(photo)
    start = inside & ~_smooth(_is_ground_color(colors, inside))
    first = _run_grabcut(photo, inside, start)
    start = first & ~_smooth(_is_ground_color(colors, first))
    second = _clean(_run_grabcut(photo, inside, start))
    first = _clean(first)

    rounds_iou = np.count_nonzero(first & second) / np.count_nonzero(first | second)
    _require(rounds_iou >= MIN_ROUNDS_IOU, "mask not stable")
    bounds = np.array([mask_bounds(second)], np.float64)
    _require(box_iou(bounds, box[None])[0, 0] >= MIN_BOX_IOU, "mask does not fill its box")
    pixels = np.count_nonzero(second)
    _require(MIN_FILL <= pixels / np.count_nonzero(inside) <= MAX_FILL, "mask of unlikely shape")
    _require(_straight_share(second) <= MAX_STRAIGHT_SHARE, "mask cut off by its box")
    ground_share = _largest_part(second & _is_ground_color(colors, second)) / pixels
    _require(ground_share <= MAX_GROUND_SHARE, "mask holds colors of the ground")
    filled = ndimage.binary_fill_holes(second)
    _require(np.count_nonzero(filled) - pixels <= MAX_HOLE_SHARE * pixels, "mask has holes")
    return filled


def _require(condition: bool | np.bool, problem: str) -> None:
    if not condition:
        raise MaskError(f"{problem}: garment left out")


def _run_grabcut(photo: np.ndarray, inside: np.ndarray, start: np.ndarray) -> np.ndarray:
    """GrabCut's mask, bool (H, W).

    Args:
        photo: uint8 (H, W, 3).
        inside: bool (H, W), where the garment may be.
        start: bool (H, W), where it is at the start.
    """
    mask = np.full(photo.shape[:2], cv2.GC_BGD, np.uint8)
    mask[inside] = cv2.GC_PR_BGD
    mask[inside & start] = cv2.GC_PR_FGD
    pixels = np.count_nonzero(inside & start)
    _require(pixels >= MIN_PIXELS, "no garment told from the ground")
    cv2.setRNGSeed(0)  # of this thread: the same photo always gets the same mask
    unused = (0, 0, 1, 1)  # the rectangle of another mode
    ground, garment = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(photo, mask, unused, ground, garment, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)


def _color_indices(photo: np.ndarray) -> np.ndarray:
    """int32 (H, W): the bin of each pixel in a histogram of Lab with COLOR_BINS per channel."""
    bins = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB).astype(np.int32) * COLOR_BINS // 256
    return (bins[..., 0] * COLOR_BINS + bins[..., 1]) * COLOR_BINS + bins[..., 2]


def _is_ground_color(colors: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """bool (H, W): pixels whose color is more frequent outside of a mask than in it."""
    return (_color_density(colors[~mask]) > _color_density(colors[mask]))[colors]


def _color_density(colors: np.ndarray) -> np.ndarray:
    """(N,) bins -> float64 (COLOR_BINS³,): a smoothed histogram of sum 1."""
    counts = np.bincount(colors, minlength=COLOR_BINS**3).reshape((COLOR_BINS,) * 3)
    density = ndimage.gaussian_filter(counts.astype(np.float64), 0.7, mode="constant").ravel()
    return density / max(density.sum(), 1)


def _smooth(mask: np.ndarray) -> np.ndarray:
    return cv2.medianBlur(mask.astype(np.uint8), 5) > 0


def _clean(mask: np.ndarray) -> np.ndarray:
    """The mask without thin lines, such as hooks of hangers, and without specks."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _HOOK) > 0
    garment = drop_specks(opened)
    if garment is None:
        raise MaskError("no garment told from the ground: garment left out")
    return garment


def _straight_share(mask: np.ndarray) -> float:
    """The larger share of the left and the right side of its bounds that a mask covers."""
    x1, y1, x2, y2 = mask_bounds(mask)
    part = mask[y1:y2, x1:x2]
    return max(part[:, :2].all(axis=1).mean(), part[:, -2:].all(axis=1).mean())


def _largest_part(mask: np.ndarray) -> int:
    """Pixels of the largest connected part of a mask that is 3 pixels wide."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _SPECK)
    parts, _ = ndimage.label(opened)
    return int(np.bincount(parts.ravel())[1:].max(initial=0))
