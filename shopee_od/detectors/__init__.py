"""The stages of the course, each a `Detector`; `load` opens a saved one."""

from pathlib import Path

from shopee_od.types import Detector, InputError

KINDS = ("faster_rcnn",)


def load(directory: str | Path) -> Detector:
    """Opens a saved detector by its `detector.json`. Raises InputError where there is none, or of a strange kind."""
    from shopee_od.detectors.card import read_card
    from shopee_od.detectors.faster_rcnn import FasterRCNN

    kind = read_card(Path(directory)).kind
    if kind not in KINDS:
        raise InputError(f"{directory}: detector kind {kind!r} is not known; this version opens {', '.join(KINDS)}")
    return {"faster_rcnn": FasterRCNN}[kind].load(Path(directory))
