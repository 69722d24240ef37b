"""The stages of the course, each a `Detector`; `load` opens a saved one."""

from importlib import import_module
from pathlib import Path

from shopee_od.types import Detector, InputError

KINDS = {
    "sliding_window": "sliding_window:SlidingWindow",
    "window_cnn": "window_cnn:WindowCNN",
    "rcnn": "rcnn:RCNN",
    "spp_net": "spp_net:SPPNet",
    "fast_rcnn": "fast_rcnn:FastRCNN",
    "faster_rcnn": "faster_rcnn:FasterRCNN",
}


def load(directory: str | Path) -> Detector:
    """Opens a saved detector by its `detector.json`. Raises InputError where there is none, or of a strange kind."""
    from shopee_od.detectors.card import read_card

    kind = read_card(Path(directory)).kind
    if kind not in KINDS:
        raise InputError(f"{directory}: detector kind {kind!r} is not known; this version opens {', '.join(KINDS)}")
    module, name = KINDS[kind].split(":")
    return getattr(import_module(f"{__name__}.{module}"), name).load(Path(directory))
