"""Checks of the exercises: *correct*, *wrong* (case, result, expected) or *not attempted*.

A check runs the learner's function and the reference on a few cases, and never raises. Each case
is there for a usual mistake; the tests feed every check those mistakes.
"""

from shopee_od.course.checks.anchors import (
    anchor_labels,
    anchor_sides,
    fpn_level,
    select_proposals,
)
from shopee_od.course.checks.boxes import box_area, iou, xywh_to_xyxy
from shopee_od.course.checks.regions import (
    assign_scale,
    decode_box,
    encode_box,
    pyramid_bins,
    quantize_roi,
    recall_at,
)
from shopee_od.course.checks.rois import bilinear_sample, roi_loss, roi_pool
from shopee_od.course.checks.training import (
    average_precision,
    best_step,
    class_agnostic_nms,
    learning_rate,
    lowest_threshold,
    threshold_for_precision,
    warmup_cosine,
)
from shopee_od.course.checks.windows import (
    cell_histogram,
    nms_per_class,
    number_of_windows,
    soft_nms,
)

__all__ = [
    "anchor_labels",
    "anchor_sides",
    "assign_scale",
    "average_precision",
    "best_step",
    "bilinear_sample",
    "box_area",
    "cell_histogram",
    "class_agnostic_nms",
    "decode_box",
    "encode_box",
    "fpn_level",
    "iou",
    "learning_rate",
    "lowest_threshold",
    "nms_per_class",
    "number_of_windows",
    "pyramid_bins",
    "quantize_roi",
    "recall_at",
    "roi_loss",
    "roi_pool",
    "select_proposals",
    "soft_nms",
    "threshold_for_precision",
    "warmup_cosine",
    "xywh_to_xyxy",
]
