"""What all detectors of the package share: what they are, and what detecting has cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shopee_od.detectors.saving import DetectorInfo
from shopee_od.errors import InputError
from shopee_od.structures import Cost
from shopee_od.system import peak_memory


class UntrainedError(InputError, AttributeError):
    """The detector has no weights yet; for `hasattr` and `isinstance` it lacks what they give."""

    def __init__(self) -> None:
        super().__init__(
            "this detector is not trained; call fit, or open a saved one with shopee_od.load"
        )


class BaseDetector:
    """The `Detector` protocol's properties, from `detector.json`.

    Args:
        info: what a trained detector is; without it the detector is untrained.
    """

    kind: str

    def __init__(self, info: DetectorInfo | None = None) -> None:
        self._become(info)

    @property
    def info(self) -> DetectorInfo:
        """What it is. Raises InputError where it is untrained."""
        if self._info is None:
            raise UntrainedError
        return self._info

    @property
    def classes(self) -> tuple[str, ...]:
        return self.info.classes

    @property
    def types(self) -> tuple[str, ...]:
        return self.info.types

    @property
    def threshold(self) -> float:
        return self.info.threshold

    @property
    def category_threshold(self) -> float:
        return self.info.category_threshold

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.info.metadata

    @property
    def cost(self) -> Cost:
        return self._cost

    def _become(self, info: DetectorInfo | None) -> None:
        """Takes over what `info` describes; the cost counts from zero."""
        self._info = info
        self._cost = Cost()

    def _count(self, seconds: float, regions: int, cnn_passes: int) -> None:
        """Adds one image to the cost."""
        before = self._cost
        self._cost = Cost(
            images=before.images + 1,
            seconds=before.seconds + seconds,
            regions=before.regions + regions,
            cnn_passes=before.cnn_passes + cnn_passes,
            peak_memory=peak_memory(),
        )


def check_image(image: np.ndarray) -> np.ndarray:
    """The image unchanged. Raises InputError where it is not uint8 (H, W, 3)."""
    if not (
        isinstance(image, np.ndarray)
        and image.ndim == 3
        and image.shape[2] == 3
        and image.dtype == np.uint8
    ):
        shape = (
            f"{image.dtype} {image.shape}"
            if isinstance(image, np.ndarray)
            else type(image).__name__
        )
        raise InputError(f"a photo is uint8 (height, width, 3), not {shape}")
    return image
