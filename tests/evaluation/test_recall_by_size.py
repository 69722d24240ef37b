"""Recall by size."""

import numpy as np
import pytest

from shopee_od.evaluation.match_table import build_match_table
from shopee_od.evaluation.recall_by_size import measure_recall_by_size


def test_worked_example(make_dataset, make_detections):
    """Garments cover 1%, 4%, 9% and 16% of their images; the second and the fourth are detected."""
    boxes = [[(0, 0, side, side, 0)] for side in (10, 20, 30, 40)]
    dataset = make_dataset(boxes)
    v = build_match_table(
        make_detections([[], [(0, 0, 20, 20, 0, 0.9)], [], [(0, 0, 40, 40, 0, 0.3)]]),
        dataset,
        ("a",),
    )
    table = measure_recall_by_size(v, dataset, num_groups=2)
    assert table.boxes.tolist() == [2, 2]
    assert table.matched.tolist() == [1, 1]
    assert table.recall.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(table[["low", "high"]], [[0.01, 0.065], [0.065, 0.16]])
    assert measure_recall_by_size(
        v, dataset, score_threshold=0.5, num_groups=2
    ).recall.tolist() == [0.5, 0]


@pytest.mark.parametrize("boxes", [[[]], [[(0, 0, 10, 10, 0)]], [[(0, 0, 10, 10, 0)] * 7]])
def test_few_or_equal_sizes(make_dataset, make_detections, boxes):
    dataset = make_dataset(boxes)
    table = measure_recall_by_size(
        build_match_table(make_detections([[]]), dataset, ("a",)), dataset
    )
    assert table.boxes.sum() == len(boxes[0])
    assert len(table) == bool(boxes[0])


def test_all_boxes_are_in_one_group(random_case):
    for seed in range(40):
        dataset, detections = random_case(seed)
        v = build_match_table(detections, dataset, dataset.classes)
        table = measure_recall_by_size(v, dataset)
        assert table.boxes.sum() == len(v.gt_boxes)
        assert table.matched.sum() == v.detections.correct.sum()
        assert (table.low <= table.high).all()
