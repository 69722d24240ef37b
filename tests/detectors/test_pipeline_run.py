"""One image's way through the slots: how deltas and thresholds are applied."""

import numpy as np
import pytest

from shopee_od.detectors.pipeline_run import Run
from shopee_od.detectors.slots import Proposals, RegionFeatures, ScoredProposals
from shopee_od.structures import Stage

IMAGE = np.zeros((40, 60, 3), np.uint8)
BOXES = np.array([[0, 0, 20, 20], [30, 10, 60, 40]], np.float32)
SCORES = np.array([[0.9, 0.2], [0.3, 0.6]], np.float32)
RIGHT = [0.5, 0, 0, 0]
DOWN = [0, 0.25, 0, 0]


def make_run(deltas=None, boxes=BOXES, scores=SCORES):
    features = RegionFeatures(np.zeros(len(boxes)), 0, Stage(name="features"))
    seconds = {"proposals": 1.0, "features": 2.0, "head": 3.0}
    return Run(IMAGE, Proposals(boxes), features, ScoredProposals(scores, deltas), seconds)


def test_every_region_and_class_above_the_threshold_is_selected():
    detections = make_run().select(0.3)
    assert detections.labels.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(detections.boxes, BOXES[[0, 1, 1]])
    np.testing.assert_array_equal(detections.scores, np.float32([0.9, 0.6, 0.3]))


def test_deltas_of_all_classes_alike_move_each_region():
    moved = make_run(np.array([RIGHT, DOWN])).refine(np.array([0, 1, 1]), np.array([0, 0, 1]))
    down = [30, 17.5, 60, 40]  # its lower edge would be beyond the image
    np.testing.assert_allclose(moved, [[10, 0, 30, 20], down, down])


def test_deltas_of_each_class_move_a_region_as_its_class_has_it():
    deltas = np.array([[RIGHT, DOWN], [DOWN, RIGHT]])
    moved = make_run(deltas).refine(np.array([0, 0, 1]), np.array([0, 1, 1]))
    np.testing.assert_allclose(moved, [[10, 0, 30, 20], [0, 5, 20, 25], [45, 10, 60, 40]])


@pytest.mark.parametrize("deltas", [None, np.zeros((0, 4)), np.zeros((0, 2, 4))])
def test_no_regions_are_no_detections(deltas):
    run = make_run(deltas, np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32))
    assert len(run.select(0.0)) == 0
    trace = run.trace(0.5)
    assert [len(trace[name].boxes) for name in ("proposals", "candidates", "detections")] == [0] * 3


def test_stages_have_the_seconds_of_the_slots():
    trace = make_run().trace(0.5)
    seconds = [stage.seconds for stage in trace.stages]
    assert seconds == [1.0, 2.0, 3.0, None, None]


def test_classes_that_a_region_is_not_meant_for_are_never_selected():
    scores = np.array([[0.9, -np.inf], [-np.inf, 0.1]], np.float32)
    run = make_run(scores=scores)
    assert run.select(0.0).labels.tolist() == [0, 1]
    assert run.trace(0.5)["candidates"].labels.tolist() == [0]
