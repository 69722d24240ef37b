"""The notebooks' plots, by topic: functions that return a matplotlib Figure, or pictures."""

from shopee_od.course.plots.batching import draw_on_canvas
from shopee_od.course.plots.data import (
    draw_collage_and_chart,
    draw_samples_by_source,
    draw_shifted_boxes,
    draw_size_chart,
    make_collage,
    plot_box_positions,
    plot_box_shapes,
    plot_class_counts,
    plot_intersection,
)
from shopee_od.course.plots.detection_steps import draw_detection_steps
from shopee_od.course.plots.errors import (
    draw_errors,
    plot_confusion,
    plot_error_costs,
    plot_recall_by_size,
)
from shopee_od.course.plots.evaluation import (
    plot_by_iou,
    plot_intervals,
    plot_matched_boxes,
    plot_pr_curve,
    plot_pr_curves,
    plot_resamples,
)
from shopee_od.course.plots.feature_maps import (
    plot_image_scales,
    plot_pyramid_bins,
    plot_region_on_map,
    plot_similarity,
)
from shopee_od.course.plots.hard_negatives import draw_mistakes, plot_margins
from shopee_od.course.plots.heat_maps import plot_heat_maps
from shopee_od.course.plots.hog import (
    plot_cell_histogram,
    plot_gradients,
    plot_hog_glyphs,
    template_to_cells,
)
from shopee_od.course.plots.model_garden_training import (
    plot_huber_losses,
    plot_schedules,
    plot_training_curves,
    plot_validation,
)
from shopee_od.course.plots.nms import draw_suppression, plot_suppression
from shopee_od.course.plots.proposals import (
    draw_regions,
    draw_warped_crops,
    plot_grouping_steps,
)
from shopee_od.course.plots.recall import plot_recall_curves
from shopee_od.course.plots.refinement import plot_deltas, plot_refinement
from shopee_od.course.plots.roi_pooling import (
    plot_align_example,
    plot_pooled_rois,
    plot_pooling_and_align,
    plot_pooling_example,
    plot_shift_errors,
)
from shopee_od.course.plots.roi_samples import draw_sampled_rois
from shopee_od.course.plots.rpn import (
    draw_anchor_labels,
    draw_level_maps,
    draw_proposals,
    draw_sampled_anchors,
    plot_anchors_by_level,
    plot_class_scores,
    plot_joint_training,
    plot_pyramid_anchors,
    plot_rpn_training,
)
from shopee_od.course.plots.slots import plot_slots, plot_stage_slots
from shopee_od.course.plots.stage_comparison import plot_stage_comparison
from shopee_od.course.plots.thresholds import plot_category_counts, plot_threshold_tradeoff
from shopee_od.course.plots.timing import plot_seconds
from shopee_od.course.plots.training import (
    plot_box_losses,
    plot_fast_rcnn_training,
    plot_gradient_norms,
)
from shopee_od.course.plots.windows import (
    draw_best_windows,
    make_score_map,
    plot_pyramid_levels,
    split_by_level,
)

__all__ = [
    "draw_anchor_labels",
    "draw_best_windows",
    "draw_collage_and_chart",
    "draw_detection_steps",
    "draw_errors",
    "draw_level_maps",
    "draw_mistakes",
    "draw_on_canvas",
    "draw_proposals",
    "draw_regions",
    "draw_sampled_anchors",
    "draw_sampled_rois",
    "draw_samples_by_source",
    "draw_shifted_boxes",
    "draw_size_chart",
    "draw_suppression",
    "draw_warped_crops",
    "make_collage",
    "make_score_map",
    "plot_align_example",
    "plot_anchors_by_level",
    "plot_box_losses",
    "plot_box_positions",
    "plot_box_shapes",
    "plot_by_iou",
    "plot_category_counts",
    "plot_cell_histogram",
    "plot_class_counts",
    "plot_class_scores",
    "plot_confusion",
    "plot_deltas",
    "plot_error_costs",
    "plot_fast_rcnn_training",
    "plot_gradient_norms",
    "plot_gradients",
    "plot_grouping_steps",
    "plot_heat_maps",
    "plot_hog_glyphs",
    "plot_huber_losses",
    "plot_image_scales",
    "plot_intersection",
    "plot_intervals",
    "plot_joint_training",
    "plot_margins",
    "plot_matched_boxes",
    "plot_pooled_rois",
    "plot_pooling_and_align",
    "plot_pooling_example",
    "plot_pr_curve",
    "plot_pr_curves",
    "plot_pyramid_anchors",
    "plot_pyramid_bins",
    "plot_pyramid_levels",
    "plot_recall_by_size",
    "plot_recall_curves",
    "plot_refinement",
    "plot_region_on_map",
    "plot_resamples",
    "plot_rpn_training",
    "plot_schedules",
    "plot_seconds",
    "plot_shift_errors",
    "plot_similarity",
    "plot_slots",
    "plot_stage_comparison",
    "plot_stage_slots",
    "plot_suppression",
    "plot_threshold_tradeoff",
    "plot_training_curves",
    "plot_validation",
    "split_by_level",
    "template_to_cells",
]
