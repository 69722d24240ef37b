"""Recall by size."""

import numpy as np
import pytest

from shopee_od.evaluation.sizes import recall_by_size
from shopee_od.evaluation.verdicts import verdicts


def test_worked_example(make_dataset, make_detections):
    """Photos of 100 by 100: garments of 1%, 4%, 9% and 16%; those of 4% and 16% found, the latter with score 0.3."""
    boxes = [[(0, 0, side, side, 0)] for side in (10, 20, 30, 40)]
    dataset = make_dataset(boxes)
    v = verdicts(make_detections([[], [(0, 0, 20, 20, 0, 0.9)], [], [(0, 0, 40, 40, 0, 0.3)]]), dataset, ("a",))
    table = recall_by_size(v, dataset, groups=2)
    assert table.boxes.tolist() == [2, 2]
    assert table.found.tolist() == [1, 1]
    assert table.recall.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(table[["low", "high"]], [[0.01, 0.065], [0.065, 0.16]])
    assert recall_by_size(v, dataset, threshold=0.5, groups=2).recall.tolist() == [0.5, 0]


@pytest.mark.parametrize("boxes", [[[]], [[(0, 0, 10, 10, 0)]], [[(0, 0, 10, 10, 0)] * 7]])
def test_few_or_equal_sizes(make_dataset, make_detections, boxes):
    dataset = make_dataset(boxes)
    table = recall_by_size(verdicts(make_detections([[]]), dataset, ("a",)), dataset)
    assert table.boxes.sum() == len(boxes[0])
    assert len(table) == bool(boxes[0])


def test_all_boxes_are_in_one_group(random_case):
    for seed in range(40):
        dataset, detections = random_case(seed)
        v = verdicts(detections, dataset, dataset.classes)
        table = recall_by_size(v, dataset)
        assert table.boxes.sum() == len(v.truth)
        assert table.found.sum() == v.found.hit.sum()
        assert (table.low <= table.high).all()
