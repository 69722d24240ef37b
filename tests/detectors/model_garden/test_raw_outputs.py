"""From the network's raw outputs, NumPy computes the same boxes as Model Garden."""

import numpy as np
import pytest

from shopee_od.datasets.photos import read_photo
from shopee_od.ops.boxes import box_iou
from shopee_od.ops.pooling import multilevel_roi_align

pytestmark = pytest.mark.slow

NOISE = [(96, 96), (150, 100), (100, 150), (97, 131), (40, 300)]


@pytest.fixture(scope="module")
def photos(smoke_run):
    paths = [*smoke_run.train.images.path, *smoke_run.val.images.path]
    rng = np.random.default_rng(0)
    return [read_photo(path) for path in paths] + [
        rng.integers(0, 256, (*size, 3), np.uint8) for size in NOISE
    ]


@pytest.fixture(scope="module")
def all_outputs(smoke_run, photos):
    return [smoke_run.detector.raw_outputs(photo) for photo in photos]


def test_proposals_are_model_gardens(all_outputs):
    """13 photos, 20 proposals each."""
    for outputs in all_outputs:
        boxes, scores, levels = outputs.decode_candidates()
        kept = outputs.select_proposals()
        assert len(kept) == len(outputs.rois) == 20 and len(boxes) > 40
        np.testing.assert_allclose(boxes[kept], outputs.rois, atol=1e-3)
        np.testing.assert_allclose(scores[kept], outputs.roi_scores, atol=1e-5)
        for level in outputs.anchors:
            of_level = kept[levels[kept] == level]
            overlap = box_iou(boxes[of_level], boxes[of_level])
            assert (overlap[~np.eye(len(of_level), dtype=bool)] <= 0.7).all()


def test_final_boxes_scores_and_classes_are_model_gardens(smoke_run, photos, all_outputs):
    """13 photos of 6 shapes on 3 canvases: within 0.001 px, 0.00001, and the same classes."""
    detections = list(smoke_run.detector.detect(photos, 0))
    for outputs, theirs in zip(all_outputs, detections, strict=True):
        ours = outputs.postprocess()
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-3)
    assert len({outputs.canvas for outputs in all_outputs}) == 3 and sum(map(len, detections)) > 100


def test_roi_align_of_the_features_is_what_the_second_stage_was_given(all_outputs):
    for outputs in all_outputs:
        strength = np.abs(outputs.pooled).max()
        np.testing.assert_allclose(
            multilevel_roi_align(outputs.features, outputs.rois),
            outputs.pooled,
            atol=1e-5 * strength,
        )


def test_outputs_fit_together(all_outputs):
    for outputs in all_outputs:
        assert (
            list(outputs.features)
            == list(outputs.anchors)
            == list(outputs.objectness)
            == list(outputs.deltas)
            == [3, 4, 5]
        )
        height, width = outputs.canvas
        for level, anchors in outputs.anchors.items():
            rows, columns = height // 2**level, width // 2**level
            assert (
                outputs.features[level].shape[:2]
                == outputs.backbone[level].shape[:2]
                == (rows, columns)
            )
            assert (
                len(anchors)
                == len(outputs.objectness[level])
                == len(outputs.deltas[level])
                == rows * columns * 6
            )
        assert outputs.class_logits.shape == (20, 3) and outputs.roi_deltas.shape == (20, 1, 4)
        corners = outputs.to_image(
            np.array([[0, 0, *(np.array(outputs.image_size) * outputs.scale)[::-1]]])
        )
        np.testing.assert_allclose(corners, [[0, 0, *outputs.image_size[::-1]]], atol=1e-3)
