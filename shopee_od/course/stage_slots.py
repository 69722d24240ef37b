"""What fills the four slots of each stage of the course."""

from __future__ import annotations

from dataclasses import dataclass

SLOTS = ("proposer", "region features", "head", "postprocessing")
RULE = "fixed rule"
IMAGENET = "trained on ImageNet, not here"
TRAINED = "trained here"
PER_IMAGE = "once per image"
PER_LEVEL = "once per pyramid level"
POOLED_PER_IMAGE = "CNN once per image,\npooling per region"
POOLED_PER_SCALE = "CNN once per scale,\npooling per region"
PER_WINDOW = "once per window"
PER_REGION = "once per region"


@dataclass(frozen=True)
class SlotContent:
    """What fills one slot of a stage.

    Args:
        name: a few words.
        origin: RULE, IMAGENET or TRAINED: where its numbers come from.
        runs: how often it runs.
    """

    name: str
    origin: str
    runs: str


@dataclass(frozen=True)
class StageSlots:
    """A stage of the course: the contents of its four slots.

    Args:
        title: its name.
        contents: one per slot.
        changed: the slots in which it differs from the stage before.
        lit: the slots that its chapter is about; without them the changed ones.
        shares_map: whether the proposer works on the map of the region features.
        is_bridge: whether it is no paper's: it changes one slot of several that a paper changed.
    """

    title: str
    contents: tuple[SlotContent, SlotContent, SlotContent, SlotContent]
    changed: tuple[str, ...]
    lit: tuple[str, ...] = ()
    shares_map: bool = False
    is_bridge: bool = False

    def __post_init__(self) -> None:
        if not self.lit:
            object.__setattr__(self, "lit", self.changed)


NMS = SlotContent("threshold, NMS within each class, top k", RULE, PER_IMAGE)
SEARCH = SlotContent("selective search", RULE, PER_IMAGE)
SVMS = SlotContent("linear SVMs and box regression", TRAINED, PER_REGION)
SOFTMAX = SlotContent("softmax and box deltas", TRAINED, PER_REGION)
FROZEN_ALIGN = SlotContent("CNN, RoIAlign of its map", IMAGENET, POOLED_PER_IMAGE)
TRAINED_ALIGN = SlotContent("CNN, RoIAlign of its map", TRAINED, POOLED_PER_IMAGE)
PYRAMID = SlotContent("windows of an image pyramid", RULE, PER_LEVEL)
CLASSIFIER = SlotContent("softmax", TRAINED, PER_WINDOW)

STAGE_SLOTS = {
    "hog_svm": StageSlots(
        "Sliding windows: HOG and SVM",
        (
            PYRAMID,
            SlotContent("HOG", RULE, PER_LEVEL),
            SlotContent("a linear SVM for each class", TRAINED, PER_WINDOW),
            NMS,
        ),
        SLOTS,
    ),
    "cnn_each_window": StageSlots(
        "Sliding windows: a CNN on each",
        (PYRAMID, SlotContent("small CNN", TRAINED, PER_WINDOW), CLASSIFIER, NMS),
        ("region features", "head"),
    ),
    "cnn_once": StageSlots(
        "Sliding windows: the CNN once",
        (PYRAMID, SlotContent("small CNN", TRAINED, PER_LEVEL), CLASSIFIER, NMS),
        ("region features",),
    ),
    "rcnn": StageSlots(
        "R-CNN",
        (SEARCH, SlotContent("CNN on a warped crop", IMAGENET, PER_REGION), SVMS, NMS),
        ("proposer", "region features", "head"),
    ),
    "spp_net": StageSlots(
        "SPP-net",
        (SEARCH, SlotContent("CNN, SPP of its map", IMAGENET, POOLED_PER_SCALE), SVMS, NMS),
        ("region features",),
    ),
    "roi_align_svms": StageSlots(
        "RoIAlign and SVMs",
        (SEARCH, FROZEN_ALIGN, SVMS, NMS),
        ("region features",),
        is_bridge=True,
    ),
    "roi_align_softmax": StageSlots(
        "RoIAlign and softmax",
        (SEARCH, FROZEN_ALIGN, SOFTMAX, NMS),
        ("head",),
        is_bridge=True,
    ),
    "fast_rcnn": StageSlots(
        "Fast R-CNN",
        (SEARCH, TRAINED_ALIGN, SOFTMAX, NMS),
        ("region features",),
        lit=("region features", "head"),
    ),
    "faster_rcnn_scratch": StageSlots(
        "Faster R-CNN, from scratch",
        (
            SlotContent("RPN on the same map", TRAINED, PER_IMAGE),
            TRAINED_ALIGN,
            SOFTMAX,
            NMS,
        ),
        ("proposer",),
        shares_map=True,
    ),
    "faster_rcnn": StageSlots(
        "Faster R-CNN, Model Garden",
        (
            SlotContent("RPN on a feature pyramid", TRAINED, PER_IMAGE),
            SlotContent("CNN with FPN, RoIAlign", TRAINED, POOLED_PER_IMAGE),
            SOFTMAX,
            NMS,
        ),
        ("proposer", "region features"),
        shares_map=True,
    ),
}
"""By the key of the stage comparison, in the order of the course."""
