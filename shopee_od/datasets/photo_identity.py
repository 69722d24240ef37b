"""`PhotoIdentity`: its shape and perceptual hash tell a photo from others, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shopee_od.datasets.duplicates import HASH_BITS, perceptual_hash
from shopee_od.datasets.photos import read_size
from shopee_od.errors import InputError

MAX_ASPECT_CHANGE = 0.03
"""Scaling a photo to whole pixels changes its aspect ratio less than this."""
MAX_HASH_DISTANCE = 10
"""Bits. Scaling and saving a photo changes fewer bits; a rotation or another picture, more."""


@dataclass(frozen=True)
class PhotoIdentity:
    """What tells one picture from others.

    Args:
        width: pixels of the upright photo, in any copy of it.
        height: pixels in the same copy.
        phash: from `perceptual_hash`.
    """

    width: int
    height: int
    phash: str

    def has_shape(self, size: tuple[int, int]) -> bool:
        """Whether a photo of this size, (width, height) in pixels, can be a copy of this one.

        Args:
            size: width and height in pixels.
        """
        change = (size[0] * self.height) / (size[1] * self.width) - 1
        return abs(change) <= MAX_ASPECT_CHANGE

    def describe_mismatch(self, photo: Path | bytes) -> str:
        """Why a photo is no copy of this one; "" where it is one.

        Args:
            photo: the file, or its bytes.
        Returns:
            The reason, also where the photo cannot be read.
        """
        try:
            size = read_size(photo)
            if not self.has_shape(size):
                return "its shape is {}×{}, not {}×{}".format(*size, self.width, self.height)
            distance = (int(perceptual_hash(photo), 16) ^ int(self.phash, 16)).bit_count()
        except InputError as e:
            return str(e)
        if distance > MAX_HASH_DISTANCE:
            return f"it shows another picture: {distance} of {HASH_BITS} bits of its hash differ"
        return ""
