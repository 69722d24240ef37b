"""From the network's raw outputs, NumPy computes the same boxes as Model Garden."""

import numpy as np
import pytest

from shopee_od.detectors.model_garden.coco_metric import to_detections
from shopee_od.ops.boxes import box_iou
from shopee_od.ops.pooling import multilevel_roi_align

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def all_outputs(smoke_run, photos):
    return [smoke_run.detector.raw_outputs(photo) for photo in photos]


def y_before_x(boxes):
    """(…, 4) of ours -> Model Garden's."""
    return np.asarray(boxes, np.float32)[..., [1, 0, 3, 2]]


def model_gardens_proposals(model, outputs):
    """From the same outputs of the RPN: rois (20, 4) with y before x, scores (20,)."""
    import tensorflow as tf

    heads: dict[str, dict] = {"objectness": {}, "deltas": {}, "anchors": {}}
    for level, cells in outputs.features.items():
        rows, columns = cells.shape[:2]
        for name, maps in heads.items():
            values = getattr(outputs, name)[level]
            values = values if name == "objectness" else y_before_x(values)
            maps[str(level)] = tf.constant(values.reshape(1, rows, columns, -1))
    shape = tf.constant([outputs.canvas], tf.float32)
    rois, scores = model.roi_generator(
        heads["deltas"], heads["objectness"], heads["anchors"], shape, False
    )
    return rois.numpy()[0], np.ravel(scores)


def test_proposals_are_model_gardens(all_outputs, trained_network):
    """13 photos, 20 proposals each."""
    for outputs in all_outputs:
        boxes, scores, levels = outputs.decode_candidates()
        kept = outputs.select_proposals()
        assert len(kept) == len(outputs.rois) == 20 and len(boxes) > 40
        rois, roi_scores = model_gardens_proposals(trained_network.model, outputs)
        np.testing.assert_allclose(y_before_x(boxes[kept]), rois, atol=1e-3)
        np.testing.assert_allclose(scores[kept], roi_scores, atol=1e-5)
        np.testing.assert_allclose(boxes[kept], outputs.rois, atol=1e-4)
        np.testing.assert_allclose(scores[kept], outputs.roi_scores, atol=1e-6)
        for level in outputs.anchors:
            of_level = kept[levels[kept] == level]
            overlap = box_iou(boxes[of_level], boxes[of_level])
            assert (overlap[~np.eye(len(of_level), dtype=bool)] <= 0.7).all()


def test_anchors_are_model_gardens(all_outputs, trained_network):
    from official.vision.ops import anchor

    config = trained_network._config.anchor
    for outputs in all_outputs:
        expected = anchor.build_anchor_generator(
            3, 5, config.num_scales, config.aspect_ratios, config.anchor_size
        )(outputs.canvas)
        for level, anchors in outputs.anchors.items():
            boxes = np.reshape(expected[str(level)], (-1, 4))
            np.testing.assert_allclose(y_before_x(anchors), boxes, atol=1e-4)


def test_final_boxes_scores_and_classes_are_model_gardens(
    smoke_run, photos, all_outputs, trained_network
):
    """13 photos on 3 canvases: from the same outputs of the head, within 0.001 px and 0.00001."""
    model = trained_network.model
    detections = list(smoke_run.detector.detect(photos, 0))
    for photo, outputs, detected in zip(photos, all_outputs, detections, strict=True):
        theirs = model.detection_generator(
            y_before_x(outputs.roi_deltas).reshape(1, 20, -1),
            outputs.class_logits[None],
            y_before_x(outputs.rois)[None],
            np.float32([outputs.canvas]),
            [10.0, 10.0, 5.0, 5.0],
            bbox_per_class=False,
        )
        arrays = {name: np.asarray(value) for name, value in theirs.items()}
        info = np.float32([[photo.shape[:2], outputs.canvas, outputs.scale, (0, 0)]])
        expected = to_detections(arrays | {"image_info": info}, 0)
        ours = outputs.postprocess()
        np.testing.assert_array_equal(ours.labels, expected.labels)
        np.testing.assert_allclose(ours.scores, expected.scores, atol=1e-5)
        np.testing.assert_allclose(ours.boxes, expected.boxes, atol=1e-3)
        np.testing.assert_array_equal(ours.boxes, detected.boxes)
        np.testing.assert_array_equal(ours.scores, detected.scores)
    assert len({outputs.canvas for outputs in all_outputs}) == 3 and sum(map(len, detections)) > 100


def test_roi_align_of_the_features_is_what_the_second_stage_was_given(all_outputs, trained_network):
    """Model Garden's within 0.00001, LiteRT's within 0.01: its float16 constants move the samples
    by less than a thousandth of an RoI's side."""
    for outputs in all_outputs:
        pooled = multilevel_roi_align(outputs.features, outputs.rois)
        strength = np.abs(pooled).max()
        features = {str(level): cells[None] for level, cells in outputs.features.items()}
        theirs = trained_network.model.roi_aligner(features, y_before_x(outputs.rois)[None])
        np.testing.assert_allclose(pooled, theirs[0], atol=1e-5 * strength)
        np.testing.assert_allclose(pooled, outputs.pooled, atol=1e-2 * strength)


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
