"""From the network's raw outputs, NumPy's way to boxes is Model Garden's."""

import numpy as np
import pytest

from shopee_od.datasets.photos import read_photo
from shopee_od.ops.boxes import iou
from shopee_od.ops.pooling import pyramid_roi_align

NOISE = [(96, 96), (150, 100), (100, 150), (97, 131), (40, 300)]


@pytest.fixture(scope="module")
def photos(smoke_run):
    paths = [*smoke_run.train.images.path, *smoke_run.val.images.path]
    rng = np.random.default_rng(0)
    return [read_photo(path) for path in paths] + [rng.integers(0, 256, (*size, 3), np.uint8) for size in NOISE]


@pytest.fixture(scope="module")
def all_heads(smoke_run, photos):
    return [smoke_run.detector.heads(photo) for photo in photos]


def test_proposals_are_model_gardens(all_heads):
    """13 photos, 20 proposals each."""
    for heads in all_heads:
        boxes, scores, levels = heads.candidates()
        chosen = heads.proposals()
        assert len(chosen) == len(heads.rois) == 20 and len(boxes) > 40
        np.testing.assert_allclose(boxes[chosen], heads.rois, atol=1e-3)
        np.testing.assert_allclose(scores[chosen], heads.roi_scores, atol=1e-5)
        for level in heads.anchors:
            own = chosen[levels[chosen] == level]
            overlap = iou(boxes[own], boxes[own])
            assert (overlap[~np.eye(len(own), dtype=bool)] <= 0.7).all()


def test_final_boxes_scores_and_classes_are_model_gardens(smoke_run, photos, all_heads):
    """13 photos of 6 shapes on 3 canvases: within 0.001 px, 0.00001, and the same classes."""
    found = list(smoke_run.detector.detect(photos, 0))
    for heads, theirs in zip(all_heads, found, strict=True):
        ours = heads.detections()
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-3)
    assert len({heads.canvas for heads in all_heads}) == 3 and sum(map(len, found)) > 100
    print("detections", [len(each) for each in found])


def test_roi_align_of_the_features_is_what_the_second_stage_was_given(all_heads):
    for heads in all_heads:
        strength = np.abs(heads.pooled).max()
        np.testing.assert_allclose(pyramid_roi_align(heads.features, heads.rois), heads.pooled, atol=1e-5 * strength)


def test_outputs_fit_together(all_heads):
    for heads in all_heads:
        assert list(heads.features) == list(heads.anchors) == list(heads.objectness) == list(heads.deltas) == [3, 4, 5]
        height, width = heads.canvas
        for level, anchors in heads.anchors.items():
            rows, columns = height // 2**level, width // 2**level
            assert heads.features[level].shape[:2] == heads.backbone[level].shape[:2] == (rows, columns)
            assert len(anchors) == len(heads.objectness[level]) == len(heads.deltas[level]) == rows * columns * 6
        assert heads.class_logits.shape == (20, 3) and heads.roi_deltas.shape == (20, 1, 4)
        corners = heads.in_photo(np.array([[0, 0, *(np.array(heads.size) * heads.scale)[::-1]]]))
        np.testing.assert_allclose(corners, [[0, 0, *heads.size[::-1]]], atol=1e-3)
