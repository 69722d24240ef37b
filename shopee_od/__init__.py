"""Object detection, taught on shop photos. Importing this imports no TensorFlow.

import shopee_od
detector = shopee_od.load()
[detections] = detector.detect([image])
"""

from __future__ import annotations

from pathlib import Path

from shopee_od.detector import Detector
from shopee_od.errors import InputError
from shopee_od.models import SHIPPED
from shopee_od.structures import Cost, Detections, Trace
from shopee_od.version import __version__

__all__ = ["Cost", "Detections", "Detector", "InputError", "Trace", "__version__", "load"]


def load(directory: str | Path = SHIPPED) -> Detector:
    """Opens a saved detector.

    Args:
        directory: with `detector.json`, as `RUN/detector` after `shopee-od train --run RUN`; by
            default the one that comes with the package, which finds garments in photos of shops.
    Raises:
        InputError: the folder does not hold a whole detector.
    """
    from shopee_od.detectors import load

    return load(directory)
