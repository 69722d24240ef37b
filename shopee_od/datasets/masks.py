"""Masks of garments: their bounds, without specks, and whether enough of the garment is visible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

MIN_PIXELS = 200
"""A smaller garment mask is taken for a slip of the annotator's brush."""
MIN_PART_SHARE = 0.05
"""A connected part with a smaller share of a garment's pixels does not extend its box."""
MIN_LARGEST_PART = 0.95
"""Of a worn garment's pixels; what hides a garment often divides it."""
MIN_CONVEXITY = {"upper": 0.75, "lower": 0.65, "full": 0.75}
"""A worn garment's pixels by its type, relative to the area of their convex hull."""

MaskFinder = Callable[[np.ndarray, Any], np.ndarray]
"""uint8 (H, W, 3) photo, a row of `Dataset.boxes` -> bool (H, W), or a MaskError is raised."""


class MaskError(ValueError):
    """Why there is no mask of a garment that can be used; the message is one kind of problem."""


def garment_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """The box of a garment's mask without its specks.

    Args:
        mask: bool (H, W).
    Returns:
        x1, y1, x2, y2 in pixels, x2 and y2 exclusive; None for a mask of under MIN_PIXELS.
    """
    garment = drop_specks(mask)
    return None if garment is None else mask_bounds(garment)


def drop_specks(mask: np.ndarray) -> np.ndarray | None:
    """A garment's mask without its specks.

    Args:
        mask: bool (H, W).
    Returns:
        bool (H, W), the parts with at least MIN_PART_SHARE of its pixels; None for a mask of under
        MIN_PIXELS.
    """
    total = np.count_nonzero(mask)
    if total < MIN_PIXELS:
        return None
    parts = np.empty(mask.shape, np.int32)
    ndimage.label(mask, output=parts)
    pixels = np.bincount(parts.ravel())
    pixels[0] = 0  # the background
    return (pixels >= min(MIN_PART_SHARE * total, pixels.max()))[parts]


def mask_bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The bounds of a mask's pixels.

    Args:
        mask: bool (H, W), with some true value.
    Returns:
        x1, y1, x2, y2 in pixels, x2 and y2 exclusive.
    """
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    return columns.start, rows.start, columns.stop, rows.stop


def require_whole(mask: np.ndarray, garment_type: str) -> None:
    """Refuses the mask of a worn garment of which a bag, hair or another garment hides much.

    Args:
        mask: bool (H, W), of what is visible.
        garment_type: upper, lower or full.
    Raises:
        MaskError: it is in several parts, or far from convex.
    """
    parts, _ = ndimage.label(mask)
    pixels = np.bincount(parts.ravel())[1:]
    if pixels.max() < MIN_LARGEST_PART * pixels.sum():
        raise MaskError("worn garment in several parts: left out")
    hull = cv2.convexHull(np.argwhere(mask).astype(np.int32))
    if pixels.sum() < MIN_CONVEXITY[garment_type] * cv2.contourArea(hull):
        raise MaskError("worn garment partly hidden: left out")
