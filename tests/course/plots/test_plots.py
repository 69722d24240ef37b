"""Every plot of the notebooks draws, on the smallest inputs that show all its parts."""

import inspect
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from shopee_od.course import plots
from shopee_od.detectors.slots import Proposals, WindowGrid
from shopee_od.evaluation.curves import compute_pr_curve
from shopee_od.profiles import profile
from shopee_od.structures import BoxStage, Trace

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 255, (64, 48, 3), dtype=np.uint8)
BOXES = np.array([[4.0, 6.0, 30.0, 50.0], [10.0, 2.0, 44.0, 40.0]])
VALUES = RNG.random((64, 48))
WINDOWS = Proposals(
    np.array([[0, 0, 8, 8], [8, 0, 16, 8], [0, 8, 8, 16], [8, 8, 16, 16], [30, 30, 46, 46]]),
    grids=(WindowGrid((64, 48), rows=2, columns=2), WindowGrid((32, 24), rows=1, columns=1)),
)
CURVE = compute_pr_curve([0.9, 0.8, 0.7], [True, False, True], 3)
NO_BOXES = compute_pr_curve([0.5], [False], 0)
HISTORY = pd.DataFrame(
    {
        "kind": ["train", "train", "val"],
        "step": [1, 2, 2],
        "AP": [np.nan, np.nan, 0.1],
        "AP50": [np.nan, np.nan, 0.2],
        "learning_rate": [0.1, 0.2, np.nan],
    }
    | {
        name: [0.7, 0.5, 0.6]
        for name in (
            *("rpn_score_loss", "rpn_box_loss", "frcnn_cls_loss", "frcnn_box_loss"),
            "roi_accuracy",
        )
    }
)
STEPS = pd.DataFrame(RNG.random((30, 3)), columns=["class_loss", "box_loss", "accuracy"])
RESULTS = pd.DataFrame(
    {"name": ["R-CNN", "SPP-net"], "seconds": [1.0, 0.5], "AP50": [0.6, None]}
    | {"agnostic_AP50": [0.8, 0.9]}
)
SIZES = pd.DataFrame({"low": [0, 0.1], "high": [0.1, 1], "boxes": [1, 2], "recall": [0.5, 1]})
ERRORS = pd.DataFrame({"count": [3, 0], "gain": [0.1, np.nan]}, index=["missed", "background"])
MATCHED = pd.DataFrame(
    {"image": [1, 2], "x1": 0, "y1": 0, "x2": [8, 5], "y2": 7, "score": [0.9, 0.5]}
    | {"correct": [True, False]}
)
INTERVALS = pd.DataFrame({"value": [0.5], "low": [np.nan], "high": [np.nan]}, index=["AP50"])
COUNTS = pd.DataFrame({"train": [3, 1], "test": [1, 0]}, index=["dress", "skirt"])
CONFUSION = pd.DataFrame([[3, 1], [0, 0]], ["dress", "background"], ["dress", "missed"])

WHOLE_NUMBERS = np.arange(16).reshape(4, 4)
TRACE = Trace(
    IMAGE,
    (
        BoxStage(name="proposals", boxes=BOXES),
        BoxStage(
            name="candidates",
            boxes=BOXES + 1,
            scores=np.array([0.6, 0.9]),
            labels=np.array([1, 0]),
            before=BOXES,
        ),
        BoxStage(name="detections", boxes=BOXES[:1], scores=np.array([0.9]), labels=np.array([0])),
    ),
)

OF_PHOTOS = {"draw_errors", "draw_samples_by_source"}
"""Tested in test_pictures_of_photos.py: they read files."""
CASES = {
    "draw_collage_and_chart": (np.tile(IMAGE, (2, 2, 1)), BOXES),
    "draw_shifted_boxes": (IMAGE, BOXES[0], (0.9, 0.5)),
    "draw_best_windows": (IMAGE, BOXES[0], {64: BOXES, 32: BOXES[1:]}),
    "draw_detection_steps": (TRACE, ["dress", "skirt"], BOXES, 0.95),
    "draw_anchor_labels": (IMAGE, BOXES, np.array([1, -1]), BOXES[:1], BOXES[1:]),
    "draw_level_maps": (IMAGE, {3: VALUES[:8, :6], 4: VALUES[:4, :3]}),
    "draw_proposals": (IMAGE, {"untrained": BOXES, "trained": BOXES[1:]}, BOXES[:1]),
    "draw_sampled_anchors": (IMAGE, BOXES[:1], BOXES[1:], BOXES[:1] + 1, BOXES[:1]),
    "draw_mistakes": ([IMAGE] * 3, [BOXES[0], BOXES[1], BOXES[0]], ["a", "b", "c"]),
    "draw_on_canvas": ([IMAGE, IMAGE[:20]], (64, 64)),
    "draw_regions": (IMAGE, np.indices((64, 48)).sum(axis=0) // 30),
    "draw_sampled_rois": (IMAGE, BOXES[:1], np.concatenate([BOXES, [[40, 0, 47, 9]]]), BOXES[:1]),
    "draw_size_chart": (),
    "draw_suppression": (IMAGE, BOXES[[0, 0, 1]], np.array([0.9, 0.8, 0.7]), [0, 2], 0.5),
    "make_collage": ([IMAGE] * 4, [BOXES, BOXES, BOXES[:0], BOXES]),
    "draw_warped_crops": (IMAGE, BOXES, BOXES - 2, np.stack([IMAGE[:48]] * 2), ["a", "b"]),
    "make_score_map": (
        IMAGE,
        [WINDOWS.boxes[:4], WINDOWS.boxes[4:], np.zeros((0, 4))],
        [np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.5]]), np.zeros((0, 0))],
    ),
    "plot_align_example": (WHOLE_NUMBERS, np.array([0.25, 0.75, 3.25, 2.75]), 2),
    "plot_anchors_by_level": (IMAGE, (64, 64), 1.0, {3: BOXES, 4: BOXES}),
    "plot_box_losses": (),
    "plot_by_iou": (np.linspace(0.5, 0.95, 10), np.linspace(0.8, 0.1, 10), np.linspace(1, 0.2, 10)),
    "plot_box_positions": (BOXES / 64, np.array(["upper", ""])),
    "plot_box_shapes": (np.array([0.2, 0.5]), np.array([0.5, 2])),
    "plot_category_counts": (COUNTS[["train"]],),
    "plot_cell_histogram": (IMAGE[:8, :8], VALUES[:8, :8], 180 * VALUES[:8, :8], VALUES[0, :9]),
    "plot_class_counts": (COUNTS,),
    "plot_class_scores": (np.array([[0.1, 0.9], [0.6, 0.4]]), ["dress"]),
    "plot_confusion": (CONFUSION,),
    "plot_deltas": ([0, 10, 20, 30], [10, 10, 30, 20]),
    "plot_error_costs": (ERRORS,),
    "plot_fast_rcnn_training": (STEPS, 0.75),
    "plot_gradient_norms": ({"block 0": 0.0, "dense layers": 2.0},),
    "plot_gradients": (IMAGE, VALUES, 180 * VALUES),
    "plot_grouping_steps": (np.array([["w", "l"], ["d", "p"]]), [VALUES[:2, :2] > 0.5]),
    "plot_heat_maps": (IMAGE, {"one": VALUES[:8, :6], "two": VALUES}, "score", None, BOXES),
    "plot_hog_glyphs": ({"one": RNG.random((4, 3, 9)), "two": RNG.random((2, 3, 9))},),
    "plot_huber_losses": (),
    "plot_image_scales": (IMAGE, [(64, 48), (128, 96)], BOXES, np.array([0, 1])),
    "plot_intersection": (np.array([1, 1, 7, 5]), np.array([4, 2, 9, 6])),
    "plot_intervals": (INTERVALS,),
    "plot_joint_training": (STEPS.assign(rpn_class_loss=0.5, rpn_box_loss=0.1), 0.75),
    "plot_margins": (np.array([-1.5, 0.5]), np.array([-2.0, -0.5]), np.array([1.5])),
    "plot_matched_boxes": (MATCHED, MATCHED),
    "plot_pooled_rois": ([IMAGE, IMAGE[:30]], [VALUES[:7, :7]] * 2, ["a", "b"]),
    "plot_pooling_example": (WHOLE_NUMBERS, np.array([0.25, 0.75, 3.25, 2.75]), 2),
    "plot_pooling_and_align": (VALUES[:8, :6], np.array([0.6, 1.2, 4.4, 6.8]), [1, 1, 4, 7], 3),
    "plot_pr_curve": (CURVE, "dress"),
    "plot_pr_curves": ({"dress": CURVE, "cap": NO_BOXES}, CURVE),
    "plot_pyramid_bins": (RNG.integers(0, 9, (5, 7)), (1, 2, 3)),
    "plot_pyramid_levels": ([IMAGE, IMAGE[::2, ::2]], [[BOXES, BOXES], [BOXES[:1] / 2]]),
    "plot_recall_by_size": (SIZES,),
    "plot_recall_curves": ({("RPN", 0.5): np.array([0, np.inf]), ("RPN", 0.7): np.array([3, 4])},),
    "plot_refinement": (np.array([0.5, 0.7]), np.array([0.6, 0.8])),
    "plot_region_on_map": (IMAGE, VALUES[:8, :6], np.array([0.6, 1.2, 4.4, 6.8]), [1, 1, 4, 7]),
    "plot_resamples": (np.array([0.7, 0.8, 0.8]), 0.8, (0.6, 1.0), "recall"),
    "plot_pyramid_anchors": (IMAGE, profile("laptop")),
    "plot_rpn_training": (np.full((3, 2), 0.5), {0: dict.fromkeys("abcd", 0.1)}),
    "plot_schedules": ({0: 0.1, 5: 1.0, 40: 0.0}, 5, 0.9),
    "plot_seconds": ({"R-CNN": {"proposals": 1.0, "features": 2.0}, "SPP-net": {"features": 1.0}},),
    "plot_shift_errors": (np.arange(5), {"pooling": np.ones(5), "align": np.zeros(5)}, 4),
    "plot_similarity": (np.array([0.9, 0.8]), np.array([0.2]), np.array([0.1, 0.5])),
    "plot_slots": ("faster_rcnn",),
    "plot_stage_comparison": (RESULTS,),
    "plot_stage_slots": ("rcnn", True),
    "plot_suppression": (BOXES[[0, 0, 1]], np.array([0.9, 0.8, 0.7]), [0, 2], 0.5),
    "plot_threshold_tradeoff": (CURVE, 0.5),
    "plot_training_curves": (HISTORY, 0.05),
    "plot_validation": (HISTORY, 2),
    "split_by_level": (WINDOWS, np.arange(5.0)),
    "template_to_cells": (RNG.random((3, 2, 36)),),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_draws(name):
    result = getattr(plots, name)(*CASES[name])
    if name.startswith("plot_"):
        assert isinstance(result, Figure)
        file = BytesIO()
        result.savefig(file, format="png")
        assert file.tell() > 1000
    else:
        assert not isinstance(result, Figure)
        assert isinstance(result, Image.Image) or len(result)


def test_no_plot_is_left_out():
    assert set(plots.__all__) == set(CASES) | OF_PHOTOS
    for name in plots.__all__:
        function = getattr(plots, name)
        assert inspect.getdoc(function) and name.split("_")[0] in (
            *("plot", "draw", "make", "split", "template"),
        )


def test_a_score_map_is_the_best_score_of_the_windows_centered_there():
    score_map = plots.make_score_map(*CASES["make_score_map"])
    assert score_map[4, 4] == pytest.approx(1, abs=0.3)
    assert score_map[12, 12] == pytest.approx(4, abs=0.3)
    assert score_map[38, 38] == 0.5
    assert np.isnan(score_map[60, 2])


def test_windows_are_split_by_level_as_the_score_map_needs_them():
    boxes, scores = plots.split_by_level(WINDOWS, np.arange(5.0))
    assert [part.tolist() for part in scores] == [[[0, 1], [2, 3]], [[4]]]
    assert [len(part) for part in boxes] == [4, 1]
    assert boxes[1][0].tolist() == [30, 30, 46, 46]


def test_a_template_gives_each_cell_the_weights_of_all_its_blocks():
    cells = plots.template_to_cells(np.ones((2, 2, 36)))
    assert cells.shape == (3, 3, 9)
    assert cells[:, :, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


@pytest.mark.parametrize(
    ("plot", "expected"),
    [("plot_pooling_example", [4, 8, 9, 7]), ("plot_align_example", [3, 6, 7, 5])],
)
def test_an_example_of_pooling_ends_with_the_pooled_values(plot, expected):
    values = np.array([[0, 1, 5, 2], [4, 2, 8, 4], [9, 6, 7, 5], [3, 10, 1, 3]])
    figure = getattr(plots, plot)(values, np.array([0.25, 0.75, 3.25, 2.75]), 2)
    assert [float(text.get_text()) for text in figure.axes[-1].texts] == expected
