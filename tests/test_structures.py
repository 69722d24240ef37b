"""Detections: their scores as garments. BoxStage: its highest-scoring boxes."""

import numpy as np
import pytest

from shopee_od.structures import BoxStage, Detections

A, NEAR_A, B = [0, 0, 20, 20], [0, 0, 20, 18], [30, 0, 50, 20]


@pytest.fixture
def detections():
    """Unsorted; the box of the highest score has not the highest garment score."""
    return Detections([A, NEAR_A, B], [0.3, 0.6, 0.2], [0, 1, 2], [0.9, 0.8, 0.4])


def test_garment_scores_are_sorted_with_the_rest(detections):
    assert detections.scores.tolist() == pytest.approx([0.6, 0.3, 0.2])
    assert detections.garment_scores.tolist() == pytest.approx([0.8, 0.9, 0.4])
    assert detections.garment_scores.dtype == np.float32
    for some in (detections[1:], detections[[1, 2]], detections[detections.labels != 1]):
        assert some.garment_scores.tolist() == pytest.approx([0.9, 0.4])
    assert detections[0].garment_scores.tolist() == pytest.approx([0.8])
    assert detections.above(0.25).top(1).garment_scores.tolist() == pytest.approx([0.8])


def test_without_them_the_scores_are_the_garment_scores():
    detections = Detections([A, B], [0.3, 0.6], [0, 1])
    assert detections.garment_scores.tolist() == detections.scores.tolist()
    garments = detections.as_garments()
    assert garments.scores.tolist() == detections.scores.tolist()
    assert garments.boxes.tolist() == detections.boxes.tolist()
    assert Detections.empty().garment_scores.shape == (0,)


def test_as_garments_all_are_of_one_class(detections):
    garments = detections.as_garments()
    assert garments.labels.tolist() == [0, 0, 0]
    assert garments.scores.tolist() == pytest.approx([0.9, 0.8, 0.4])
    assert garments.boxes.tolist() == [A, NEAR_A, B]


def test_nms_across_classes_keeps_the_highest_garment_score(detections):
    assert detections.nms(0.5, class_agnostic=True).labels.tolist() == [0, 2]
    assert detections.nms(0.5).labels.tolist() == [1, 0, 2]
    equal = Detections([A, NEAR_A], [0.3, 0.6], [0, 1], [0.9, 0.9])
    assert equal.nms(0.5, class_agnostic=True).labels.tolist() == [1]


def test_a_garment_has_its_best_box_and_the_best_class_of_all_its_boxes(detections):
    """The class of the highest score is in a box of a lower garment score."""
    garments = detections.select_garments()
    assert garments.boxes.tolist() == [A, B] and garments.labels.tolist() == [1, 2]
    assert garments.scores.tolist() == pytest.approx([0.6, 0.2])
    assert garments.garment_scores.tolist() == pytest.approx([0.9, 0.4])
    assert detections.select_garments(0.5).labels.tolist() == [1]
    assert garments.select_garments().labels.tolist() == [1, 2]
    assert len(Detections.empty().select_garments()) == 0
    point = Detections([A, [5, 5, 5, 5]], [0.9, 0.6], [0, 1])
    assert point.select_garments().labels.tolist() == [0, 1]


def test_shapes_must_fit():
    with pytest.raises(ValueError, match=r"garment scores \(1,\) do not fit"):
        Detections([A, B], [0.3, 0.6], [0, 1], [0.9])


def test_the_best_boxes_of_a_stage_keep_what_belongs_to_them():
    boxes = np.array([A, NEAR_A, B])
    stage = BoxStage(
        name="moved",
        boxes=boxes,
        scores=np.array([0.2, 0.9, 0.5]),
        kept=np.array([True, False, True]),
        before=boxes + 1,
    )
    best = stage.top(2)
    assert best.name == "moved" and best.labels is None
    assert best.boxes.tolist() == [NEAR_A, B] and best.scores.tolist() == [0.9, 0.5]
    assert best.kept.tolist() == [False, True] and (best.before == best.boxes + 1).all()
    assert BoxStage(name="plain", boxes=boxes).top(2).boxes.tolist() == [A, NEAR_A]
