"""The stages of the course, each a `Detector`; `load` opens a saved one."""

from importlib import import_module
from pathlib import Path
from typing import Any

from shopee_od.detector import Detector
from shopee_od.errors import InputError

KINDS = {
    "sliding_window": "hog_svm:HOGSVM",
    "window_cnn": "window_cnn:WindowCNN",
    "rcnn": "rcnn:RCNN",
    "spp_net": "spp_net:SPPNet",
    "roi_align_svms": "roi_align_svms:RoIAlignSVMs",
    "fast_rcnn": "fast_rcnn:FastRCNN",
    "faster_rcnn_scratch": "faster_rcnn:FasterRCNN",
    "faster_rcnn": "model_garden.detector:ModelGardenFasterRCNN",
}
"""As `detector.json` names them: the module and the class of each."""


def detector_class(kind: str) -> Any:
    """The class of a kind of detector. Raises InputError where it is not known."""
    if kind not in KINDS:
        raise InputError(f"detector kind {kind!r} is not known; choose one of {', '.join(KINDS)}")
    module, name = KINDS[kind].split(":")
    return getattr(import_module(f"{__name__}.{module}"), name)


def default_config(kind: str) -> Any:
    """The hyperparameters of a kind of detector, a frozen dataclass."""
    return detector_class(kind).default_config


def create(kind: str, config: Any = None) -> Detector:
    """An untrained detector; without a config with its kind's defaults."""
    return detector_class(kind)(config) if config is not None else detector_class(kind)()


def load(directory: str | Path) -> Detector:
    """Opens a saved detector by its `detector.json`.

    Raises:
        InputError: there is none, it is damaged, or of a kind that this version does not know.
    """
    from shopee_od.detectors.saving import read_info

    kind = read_info(Path(directory)).kind
    if kind not in KINDS:
        raise InputError(
            f"{directory}: detector kind {kind!r} is not known; "
            f"this version opens {', '.join(KINDS)}"
        )
    return detector_class(kind).load(Path(directory))
