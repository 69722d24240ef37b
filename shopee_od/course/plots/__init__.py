"""The notebooks' plots, by topic: functions that return a matplotlib Figure, or pictures."""

from shopee_od.course.plots.batching import draw_on_canvas
from shopee_od.course.plots.data import (
    draw_size_chart,
    make_collage,
    plot_box_positions,
    plot_box_shapes,
    plot_class_counts,
    plot_intersection,
)
from shopee_od.course.plots.evaluation import (
    plot_confusion,
    plot_error_costs,
    plot_intervals,
    plot_pr_curve,
    plot_pr_curves,
    plot_recall_by_size,
)
from shopee_od.course.plots.feature_maps import (
    plot_image_scales,
    plot_pyramid_bins,
    plot_region_on_map,
    plot_similarity,
)
from shopee_od.course.plots.hard_negatives import plot_margins
from shopee_od.course.plots.proposals import draw_regions
from shopee_od.course.plots.recall import plot_recall_curves
from shopee_od.course.plots.refinement import plot_refinement
from shopee_od.course.plots.roi_pooling import (
    plot_pooled_rois,
    plot_pooling_and_align,
    plot_shift_errors,
)
from shopee_od.course.plots.rpn import (
    draw_level_maps,
    plot_anchors_by_level,
    plot_class_scores,
    plot_rpn_training,
)
from shopee_od.course.plots.stage_comparison import plot_stage_comparison
from shopee_od.course.plots.thresholds import plot_category_counts, plot_threshold_tradeoff
from shopee_od.course.plots.timing import plot_seconds
from shopee_od.course.plots.training import (
    plot_box_losses,
    plot_fast_rcnn_training,
    plot_gradient_norms,
    plot_training_curves,
    plot_validation,
)
from shopee_od.course.plots.windows import (
    make_score_map,
    plot_cell_histogram,
    plot_gradients,
    plot_hog_glyphs,
    plot_pyramid_levels,
    template_to_cells,
)

__all__ = [
    "draw_level_maps",
    "draw_on_canvas",
    "draw_regions",
    "draw_size_chart",
    "make_collage",
    "make_score_map",
    "plot_anchors_by_level",
    "plot_box_losses",
    "plot_box_positions",
    "plot_box_shapes",
    "plot_category_counts",
    "plot_cell_histogram",
    "plot_class_counts",
    "plot_class_scores",
    "plot_confusion",
    "plot_error_costs",
    "plot_fast_rcnn_training",
    "plot_gradient_norms",
    "plot_gradients",
    "plot_hog_glyphs",
    "plot_image_scales",
    "plot_intersection",
    "plot_intervals",
    "plot_margins",
    "plot_pooled_rois",
    "plot_pooling_and_align",
    "plot_pr_curve",
    "plot_pr_curves",
    "plot_pyramid_bins",
    "plot_pyramid_levels",
    "plot_recall_by_size",
    "plot_recall_curves",
    "plot_refinement",
    "plot_region_on_map",
    "plot_rpn_training",
    "plot_seconds",
    "plot_shift_errors",
    "plot_similarity",
    "plot_stage_comparison",
    "plot_threshold_tradeoff",
    "plot_training_curves",
    "plot_validation",
    "template_to_cells",
]
