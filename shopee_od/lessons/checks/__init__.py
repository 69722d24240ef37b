"""Checks of the notebooks' exercises: *correct*, *wrong* (where, got, expected) or *not attempted*; they never raise.

A check runs the learner's function on a few cases, and the reference beside it. Each case is there for a mistake
that is often made; tests feed every check those mistakes.
"""

from shopee_od.lessons.checks.anchors import anchor_labels, anchor_sides, level_for, proposed
from shopee_od.lessons.checks.boxes import corners, overlap
from shopee_od.lessons.checks.regions import chosen_scale, deltas, map_window, moved, pyramid_bins, recall_of
from shopee_od.lessons.checks.rois import roi_loss, roi_pooled, sampled_at
from shopee_od.lessons.checks.training import (
    average_precision,
    best_step,
    learning_rate,
    lowest_threshold,
    one_tag,
    threshold_for,
    warmed_cosine,
)
from shopee_od.lessons.checks.windows import cell_histogram, softened, suppressed, window_count

__all__ = [
    "anchor_labels",
    "anchor_sides",
    "average_precision",
    "best_step",
    "cell_histogram",
    "chosen_scale",
    "corners",
    "deltas",
    "learning_rate",
    "level_for",
    "lowest_threshold",
    "map_window",
    "moved",
    "one_tag",
    "overlap",
    "proposed",
    "pyramid_bins",
    "recall_of",
    "roi_loss",
    "roi_pooled",
    "sampled_at",
    "softened",
    "suppressed",
    "threshold_for",
    "warmed_cosine",
    "window_count",
]
