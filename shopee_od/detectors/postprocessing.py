"""From the scored regions of any head to detections: one NMS and one top k for all stages."""

from __future__ import annotations

from shopee_od.structures import Detections

NMS_IOU = 0.5
"""Of NMS within each class, as in Model Garden."""
PRE_NMS_TOP_K = 5000
"""(region, class) pairs given to NMS, as in Model Garden. Only HOG + SVM scores more of them."""


def postprocess(detections: Detections) -> Detections:
    """The best PRE_NMS_TOP_K scored regions, of which NMS keeps those that do not overlap.

    Args:
        detections: (region, class) pairs above the score threshold, boxes clipped to the image.
    Returns:
        Those whose IoU with a better box of their class is at most NMS_IOU.
    """
    return detections.top(PRE_NMS_TOP_K).nms(NMS_IOU)
