"""How each detection and box was matched."""

import numpy as np
import pytest

from shopee_od.evaluation import score
from shopee_od.evaluation.match_table import build_match_table
from shopee_od.ops.boxes import box_iou

TOP, LEGS, NOWHERE = (0, 0, 40, 40), (0, 50, 40, 90), (60, 60, 90, 90)
PART = (0, 0, 40, 10)  # a quarter of TOP


def test_worked_example(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 1), (*LEGS, 0)], [], [(*TOP, 1)]], ("jeans", "shirt"))
    detections = make_detections(
        [[(*LEGS, 1, 0.6), (*PART, 0, 0.8)], [(*TOP, 0, 0.7)], [(*TOP, 0, 0.9)]]
    )
    v = build_match_table(detections, dataset, ("shirt", "jeans"))
    assert v.classes == ("jeans", "shirt")
    assert v.num_gt.tolist() == [1, 2]
    assert v.detections.score.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert v.detections.image_id.tolist() == [3, 1, 2, 1]
    assert [v.classes[k] for k in v.detections.category] == ["shirt", "shirt", "shirt", "jeans"]
    assert v.detections.correct.tolist() == [True, False, False, True]
    assert v.gt_boxes.image_id.tolist() == [1, 1, 3]
    assert v.detections.gt_row.tolist() == [2, -1, -1, 1]
    pairs = sorted(map(tuple, v.pairs.to_numpy().tolist()))
    assert pairs == [(0, 2, 1.0), (1, 0, 0.25), (3, 1, 1.0)]


def test_classes_of_one_side_only_are_left_out(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0), (*LEGS, 1)]], ("kimono", "jeans"))
    v = build_match_table(
        make_detections([[(*LEGS, 1, 0.6), (*TOP, 0, 0.8)]]), dataset, ("coat", "jeans")
    )
    assert v.classes == ("jeans",)
    assert (len(v.detections), len(v.gt_boxes)) == (1, 1)
    nothing = build_match_table(make_detections([[(*TOP, 0, 0.8)]]), dataset, ("coat",))
    assert (
        nothing.classes,
        len(nothing.detections),
        len(nothing.gt_boxes),
        len(nothing.pairs),
    ) == (
        (),
        0,
        0,
        0,
    )


@pytest.mark.parametrize("odd", [{"ignore": True}, {"iscrowd": True}])
def test_ignore_and_crowd_boxes_and_detections_on_them_are_left_out(
    make_dataset, make_detections, odd
):
    dataset = make_dataset([[(*LEGS, 0, odd), (*TOP, 0)]])
    v = build_match_table(make_detections([[(*LEGS, 0, 0.9), (*TOP, 0, 0.8)]]), dataset, ("a",))
    assert v.detections.score.tolist() == pytest.approx([0.8])
    assert v.detections.gt_row.tolist() == [0]
    assert v.gt_boxes.box_id.tolist() == [2]


def test_no_detections(make_dataset, make_detections):
    v = build_match_table(make_detections([[], []]), make_dataset([[(*TOP, 0)], []]), ("a",))
    assert (len(v.detections), len(v.gt_boxes), len(v.pairs)) == (0, 1, 0)
    assert v.compute_curves()["a"].ap == 0


def test_it_agrees_with_the_score_and_every_correct_detection_fits(random_case):
    for seed in range(40):
        dataset, detections = random_case(seed)
        v = build_match_table(detections, dataset, dataset.classes)
        figures = score(
            detections, dataset, dataset.classes, [""] * len(dataset.classes), 0.5, bootstrap=0
        )
        for name, c in v.compute_curves().items():
            ap50 = figures["per_class"][name]["AP50"]
            assert c.ap == pytest.approx(np.nan if ap50 is None else ap50, abs=1e-6, nan_ok=True)
        hits = v.detections[v.detections.correct]
        boxes = v.gt_boxes.loc[hits.gt_row]
        assert hits.gt_row.is_unique
        assert (v.detections.gt_row >= 0).equals(v.detections.correct)
        assert hits.image_id.tolist() == boxes.image_id.tolist()
        assert hits.category.tolist() == boxes.category.tolist()
        corners = ["x1", "y1", "x2", "y2"]
        overlap = box_iou(hits[corners].to_numpy(), boxes[corners].to_numpy())
        assert (np.diag(overlap) >= 0.5 - 1e-9).all()
        assert not (
            dataset.boxes.set_index("box_id").loc[v.gt_boxes.box_id][["ignore", "iscrowd"]]
        ).any(axis=None)
