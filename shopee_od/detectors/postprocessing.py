"""From the scored regions of any head to detections: one NMS and one top k for all stages."""

from __future__ import annotations

from shopee_od.detector import MAX_DETECTIONS
from shopee_od.structures import Detections

NMS_IOU = 0.5
"""Of NMS within each class, as in Model Garden."""
PRE_NMS_TOP_K = 5000
"""(region, class) pairs given to NMS: as Model Garden's default, there for each class."""


def postprocess(detections: Detections, max_detections: int = MAX_DETECTIONS) -> Detections:
    """The best PRE_NMS_TOP_K scored regions, of which NMS keeps those that do not overlap.

    Args:
        detections: (region, class) pairs above the score threshold, boxes clipped to the image.
        max_detections: per image.
    Returns:
        The best of those whose IoU with a better box of their class is at most NMS_IOU.
    """
    return detections.top(PRE_NMS_TOP_K).nms(NMS_IOU).top(max_detections)


def describe_postprocessing() -> dict[str, float]:
    """The setting that a saved detector records: its threshold was chosen under it."""
    return {"nms_iou": NMS_IOU, "pre_nms_top_k": PRE_NMS_TOP_K}
