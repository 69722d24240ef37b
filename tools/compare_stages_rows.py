"""The rows of the stage comparison: which detector each is, and which row it is compared to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shopee_od
from shopee_od.config import set_values
from shopee_od.course.stage_comparison import BRIDGES, STAGES
from shopee_od.detector import Detector
from shopee_od.profiles import profile


@dataclass(frozen=True)
class Row:
    """One stage.

    Args:
        name: for tables.
        kind: one of `detectors.KINDS`.
        compared_to: the key of the row that it is compared to; "" for the first.
        changed: what differs from that row, in words.
        settings: `NAME=VALUE`, what differs from the defaults of its kind.
        weights_of: the key of the row whose training it shares; "" where it is trained itself.
        is_bridge: whether no paper has it: it changes one part where a paper changed several.
    """

    name: str
    kind: str
    compared_to: str = ""
    changed: str = ""
    settings: tuple[str, ...] = ()
    weights_of: str = ""
    is_bridge: bool = False

    def make_config(self, dataset: str) -> Any:
        """Its hyperparameters on a data set, a frozen dataclass."""
        from shopee_od.detectors import default_config

        is_profile = self.kind == "faster_rcnn"
        config = profile("laptop", dataset) if is_profile else default_config(self.kind)
        return set_values(config, self.settings, "settings")

    def create(self, dataset: str) -> Detector:
        """The untrained detector."""
        from shopee_od.detectors import create

        return create(self.kind, self.make_config(dataset))

    def load(self, directory: Path) -> Detector:
        """The trained detector that a folder holds."""
        return shopee_od.load(directory)


def _make_row(key: str, kind: str, compared_to: str = "", changed: str = "", **more: Any) -> Row:
    return Row(STAGES[key], kind, compared_to, changed, is_bridge=key in BRIDGES, **more)


ROWS = {
    "hog_svm": _make_row("hog_svm", "sliding_window"),
    "cnn_each_window": _make_row(
        "cnn_each_window",
        "window_cnn",
        "hog_svm",
        "features and head: a trained CNN and softmax instead of HOG and SVMs",
        settings=("shared=false",),
        weights_of="cnn_once",
    ),
    "cnn_once": _make_row(
        "cnn_once", "window_cnn", "cnn_each_window", "features: one pass per level"
    ),
    "rcnn": _make_row(
        "rcnn",
        "rcnn",
        "cnn_once",
        "proposer (selective search), features (a pretrained CNN on warped crops), head (SVMs, "
        "box regression)",
    ),
    "spp_net": _make_row(
        "spp_net",
        "spp_net",
        "rcnn",
        "features: one map for all regions at each of three scales, spatial pyramid pooling",
    ),
    "roi_align_svms": _make_row(
        "roi_align_svms",
        "roi_align_svms",
        "spp_net",
        "features: RoIAlign instead of a spatial pyramid; one scale instead of three, a finer map",
    ),
    "roi_align_softmax": _make_row(
        "roi_align_softmax",
        "fast_rcnn",
        "roi_align_svms",
        "head: softmax and box deltas by gradient descent instead of SVMs; 7 × 7 cells, not 3 × 3",
        settings=("features.frozen_level=5",),
    ),
    "fast_rcnn": _make_row(
        "fast_rcnn",
        "fast_rcnn",
        "roi_align_softmax",
        "trained: the upper levels of the backbone too",
    ),
    "faster_rcnn_scratch": _make_row(
        "faster_rcnn_scratch", "faster_rcnn_scratch", "fast_rcnn", "proposer: an RPN"
    ),
    "faster_rcnn": _make_row(
        "faster_rcnn",
        "faster_rcnn",
        "faster_rcnn_scratch",
        "a feature pyramid, and an industrial implementation",
        # As Fast R-CNN: 8 epochs of 200 images, 2 per step.
        settings=("batch_size=2", "steps=800", "validate_every=800"),
    ),
}
"""In the order of the course."""
