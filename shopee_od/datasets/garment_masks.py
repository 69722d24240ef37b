"""`MASK_FINDERS`: where the masks of a data set's garments come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from shopee_od.datasets.ccp import GarmentMasks
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.grabcut import MaskError, segment_garment

MIN_LARGEST_PART = 0.95
"""Of a worn garment's pixels; what hides a garment often divides it."""
MIN_CONVEXITY = {"upper": 0.75, "lower": 0.65, "full": 0.75}
"""A worn garment's pixels by its type, relative to the area of their convex hull."""

MaskFinder = Callable[[np.ndarray, Any], np.ndarray]
"""uint8 (H, W, 3) photo, a row of `Dataset.boxes` -> bool (H, W), or a MaskError is raised."""


def find_ccp_masks(source: Dataset) -> MaskFinder:
    """The pixel labels of CCP, of the garments that hardly anything hides.

    Args:
        source: from `read_ccp`.
    """
    masks = GarmentMasks(source.root)

    def find_mask(photo: np.ndarray, garment: Any) -> np.ndarray:
        mask = masks.read(garment.image_id, source.classes[garment.label], _corners(garment))
        require_whole(mask, garment.type)
        return mask

    return find_mask


def find_clothing_masks(source: Dataset) -> MaskFinder:
    """GrabCut's masks of garments laid flat or hung up, by their boxes.

    Args:
        source: from `read_clothing`.
    """
    return lambda photo, garment: segment_garment(photo, np.array(_corners(garment)))


MASK_FINDERS = {"ccp": find_ccp_masks, "clothing": find_clothing_masks}


def require_whole(mask: np.ndarray, garment_type: str) -> None:
    """Raises MaskError where a bag, hair or another garment hides much of a worn garment.

    Args:
        mask: bool (H, W), of what is visible.
        garment_type: upper, lower or full.
    """
    parts, _ = ndimage.label(mask)
    pixels = np.bincount(parts.ravel())[1:]
    if pixels.max() < MIN_LARGEST_PART * pixels.sum():
        raise MaskError("worn garment in several parts: left out")
    hull = cv2.convexHull(np.argwhere(mask).astype(np.int32))
    if pixels.sum() < MIN_CONVEXITY[garment_type] * cv2.contourArea(hull):
        raise MaskError("worn garment partly hidden: left out")


def _corners(garment: Any) -> tuple[float, float, float, float]:
    return garment.x1, garment.y1, garment.x2, garment.y2
