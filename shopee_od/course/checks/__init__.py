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
from shopee_od.course.checks.boxes import (
    box_area,
    iou,
    leak_probability,
    predict_iou,
    reported_scores,
    yolo_to_xyxy,
)
from shopee_od.course.checks.evaluation import (
    area_under_curve,
    images_needed,
    precision_recall,
    sixth_detection,
    unchanged_ap,
)
from shopee_od.course.checks.model_garden_training import (
    diagnose_runs,
    first_losses,
    larger_batch,
    learning_rate,
    running_average,
)
from shopee_od.course.checks.nms import predict_survivors, soft_nms
from shopee_od.course.checks.regions import (
    average_best_overlap,
    decode_box,
    encode_box,
    predict_deltas,
    predict_merges,
    svm_labels,
)
from shopee_od.course.checks.rois import (
    count_samples,
    largest_move,
    max_pool_gradient,
    roi_align,
    roi_loss,
)
from shopee_od.course.checks.spp import (
    assign_scale,
    predict_dependence,
    predict_pooled,
    predict_savings,
    quantize_roi,
)
from shopee_od.course.checks.tags import (
    estimate_seconds,
    predict_tags,
    threshold_effects,
    threshold_for_precision,
)
from shopee_od.course.checks.windows import (
    hard_negatives,
    interpolated_histogram,
    pyramid_windows,
    window_and_stride,
)

__all__ = [
    "anchor_labels",
    "anchor_sides",
    "area_under_curve",
    "assign_scale",
    "average_best_overlap",
    "box_area",
    "count_samples",
    "decode_box",
    "diagnose_runs",
    "encode_box",
    "estimate_seconds",
    "first_losses",
    "fpn_level",
    "hard_negatives",
    "images_needed",
    "interpolated_histogram",
    "iou",
    "larger_batch",
    "largest_move",
    "leak_probability",
    "learning_rate",
    "max_pool_gradient",
    "precision_recall",
    "predict_deltas",
    "predict_dependence",
    "predict_iou",
    "predict_merges",
    "predict_pooled",
    "predict_savings",
    "predict_survivors",
    "predict_tags",
    "pyramid_windows",
    "quantize_roi",
    "reported_scores",
    "roi_align",
    "roi_loss",
    "running_average",
    "select_proposals",
    "sixth_detection",
    "soft_nms",
    "svm_labels",
    "threshold_effects",
    "threshold_for_precision",
    "unchanged_ap",
    "window_and_stride",
    "yolo_to_xyxy",
]
