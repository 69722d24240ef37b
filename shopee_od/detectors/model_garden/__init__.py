"""Faster R-CNN with a feature pyramid, trained and exported by TF Model Garden.

Importing this imports no TensorFlow: the detector's module is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shopee_od.detectors.model_garden.detector import ModelGardenFasterRCNN

__all__ = ["ModelGardenFasterRCNN"]


def __getattr__(name: str) -> Any:
    if name != "ModelGardenFasterRCNN":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from shopee_od.detectors.model_garden.detector import ModelGardenFasterRCNN

    return ModelGardenFasterRCNN
