"""From scored regions to detections."""

import ast
from pathlib import Path

import numpy as np

import shopee_od
from shopee_od.detectors.postprocessing import NMS_IOU, PRE_NMS_TOP_K, postprocess
from shopee_od.ops.boxes import box_iou
from shopee_od.structures import Detections

PACKAGE = Path(shopee_od.__file__).parent


def test_what_overlaps_a_better_box_of_its_class_is_dropped():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9], [0, 6, 10, 16]]
    detections = postprocess(Detections(boxes, [0.9, 0.8, 0.7, 0.6], [0, 0, 1, 0]))
    np.testing.assert_allclose(detections.scores, [0.9, 0.7, 0.6])
    assert detections.labels.tolist() == [0, 1, 0]


def test_only_the_best_regions_come_so_far():
    count = PRE_NMS_TOP_K + 100
    corners = np.stack([np.arange(count) * 20, np.zeros(count)], axis=1)
    boxes = np.concatenate([corners, corners + 10], axis=1)
    scores = np.random.default_rng(0).permutation(count) / count
    detections = postprocess(Detections(boxes, scores, np.zeros(count)), count)
    np.testing.assert_allclose(detections.scores, np.sort(scores)[::-1][:PRE_NMS_TOP_K])


def test_no_two_of_a_class_overlap_more_than_the_threshold():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 60, (300, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(20, 60, (300, 2))], axis=1)
    detections = postprocess(Detections(boxes, rng.uniform(size=300), rng.integers(0, 2, 300)))
    assert 4 < len(detections) < 100
    for label in (0, 1):
        of_class = detections.boxes[detections.labels == label]
        overlap = box_iou(of_class, of_class) - np.eye(len(of_class))
        assert overlap.max() <= NMS_IOU


def test_nms_after_the_head_is_in_one_place():
    """No head and no recipe calls NMS by itself; proposers do before the head, and Model Garden."""
    calls = set()
    for file in (PACKAGE / "detectors").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if "nms" in name:
                    calls.add(file.relative_to(PACKAGE / "detectors").as_posix())
    elsewhere = ("model_garden/", "proposers/")
    assert {file for file in calls if not file.startswith(elsewhere)} == {"postprocessing.py"}
