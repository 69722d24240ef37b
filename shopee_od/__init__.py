"""Object detection learnt on shop photos. Importing this imports no TensorFlow."""

from shopee_od.types import Cost, Detections, Detector, InputError, Trace

__all__ = ["Cost", "Detections", "Detector", "InputError", "Trace", "load"]
__version__ = "0.1.0"


def load(directory):
    """Opens a saved detector by its `detector.json`. Raises InputError where there is none."""
    from shopee_od.detectors import load

    return load(directory)
