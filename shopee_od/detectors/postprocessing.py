"""From the scored regions of any head to detections: one NMS and one top k for all stages."""

from __future__ import annotations

from shopee_od.structures import Detections

NMS_IOU = 0.4
PRE_NMS_TOP_K = 300


def postprocess(detections: Detections) -> Detections:
    """The best PRE_NMS_TOP_K scored regions, of which NMS keeps those that do not overlap.

    Args:
        detections: (region, class) pairs above the score threshold, boxes clipped to the image.
    Returns:
        Those whose IoU with a better box of their class is at most NMS_IOU.
    """
    return detections.top(PRE_NMS_TOP_K).nms(NMS_IOU)
