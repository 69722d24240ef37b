"""What notebook 08 computes by hand equals what the package computes."""

import numpy as np
import pandas as pd
import pytest
from course import find_notebook, load_functions
from hypothesis import given, settings
from hypothesis import strategies as st

from shopee_od.datasets.dataset import CORNERS
from shopee_od.evaluation.average_precision import AT_50, match_detections
from shopee_od.evaluation.curves import compute_pr_curve
from shopee_od.ops.boxes import box_iou
from shopee_od.structures import Detections

NOTEBOOK = find_notebook("08_evaluate")
PAGE = load_functions(NOTEBOOK, "match", "compute_ap")
corner = st.integers(0, 12)
side = st.integers(1, 12)
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@settings(deadline=None, max_examples=50)
@given(st.lists(box, min_size=1, max_size=5), st.lists(box, min_size=1, max_size=8))
def test_detections_are_matched_as_cocos_program_matches_them(gt_boxes, boxes):
    """In one image and one class; the scores fall in the order of the boxes."""
    scores = np.linspace(0.9, 0.1, len(boxes))
    rows = pd.DataFrame(gt_boxes, columns=CORNERS).assign(
        image_id=0, category=0, ignore=False, iscrowd=False
    )
    detections = Detections(np.array(boxes, float), scores, np.zeros(len(boxes), int))
    [matches] = match_detections(rows, {0: detections}, [0], 1)
    iou = box_iou(boxes, gt_boxes)
    ties = len(np.unique(iou.round(9)[iou > 0])) < (iou > 0).sum()  # of equal IoUs either may win
    if not ties:
        assert PAGE["match"](iou, 0.5) == matches.correct[AT_50].tolist()


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 5))
def test_ap_is_that_of_the_package(correct, missed):
    scores = np.linspace(1, 0, len(correct))
    curve = compute_pr_curve(scores, correct, max(sum(correct) + missed, 1))
    assert PAGE["compute_ap"](curve.precision, curve.recall) == pytest.approx(curve.ap)
