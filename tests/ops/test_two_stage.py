"""From raw head outputs to boxes: equal to Model Garden's layers."""

import numpy as np
import pytest

from shopee_od.ops.anchors import generate_anchors
from shopee_od.ops.two_stage import (
    DELTA_SCALE,
    apply_deltas,
    class_scores,
    decode_top_anchors,
    filter_proposals,
    postprocess_detections,
)

CANVAS, LEVELS = (128, 96), (3, 4, 5)
YX = [1, 0, 3, 2]  # Model Garden's y1, x1, y2, x2, and dy, dx, dh, dw


def random_rpn_outputs(rng):
    """float32 logits, deltas (some of them large) and anchors, by level."""
    outputs = {}
    for level in LEVELS:
        anchors = generate_anchors(*CANVAS, [level], 4, 2, [0.35, 0.65, 1.3]).astype(np.float32)
        spread = rng.choice([0.1, 0.3, 2], (len(anchors), 1))
        logits = rng.normal(0, 2, len(anchors)).astype(np.float32)
        deltas = rng.normal(0, spread, (len(anchors), 4)).astype(np.float32)
        outputs[level] = (logits, deltas, anchors)
    return outputs


@pytest.mark.slow
@pytest.mark.parametrize(("num_proposals", "top_k"), [(20, 40), (100, 150), (300, 1000)])
def test_proposals_equal_model_gardens(num_proposals, top_k):
    """10 random RPNs: few, many, and more proposals than there are candidates."""
    from official.vision.modeling.layers.roi_generator import MultilevelROIGenerator

    generator = MultilevelROIGenerator(test_pre_nms_top_k=top_k, test_num_proposals=num_proposals)
    rng = np.random.default_rng(num_proposals)
    for _ in range(10):
        outputs = random_rpn_outputs(rng)
        cells = {level: (1, CANVAS[0] // 2**level, CANVAS[1] // 2**level) for level in LEVELS}
        raw = {
            str(level): (
                deltas[:, YX].reshape(*cells[level], -1),
                logits.reshape(*cells[level], -1),
                anchors[:, YX].reshape(*cells[level], -1),
            )
            for level, (logits, deltas, anchors) in outputs.items()
        }
        rois, their_scores = generator(*to_tensors(raw), np.float32([CANVAS]), training=False)
        valid = their_scores.numpy()[0] > 0  # it pads with empty boxes
        candidates = [decode_top_anchors(*outputs[level], *CANVAS, top_k) for level in LEVELS]
        boxes = np.concatenate([boxes for boxes, _ in candidates])
        scores = np.concatenate([scores for _, scores in candidates])
        levels = np.repeat(LEVELS, [len(scores) for _, scores in candidates])
        keep = filter_proposals(boxes, scores, levels, num_proposals)
        np.testing.assert_allclose(boxes[keep], rois.numpy()[0][valid][:, YX], atol=1e-3)
        np.testing.assert_allclose(scores[keep], their_scores.numpy()[0][valid], atol=1e-5)


def to_tensors(raw):
    """Three arrays by level -> three dictionaries of tensors."""
    import tensorflow as tf

    return [
        {level: tf.constant(arrays[k], tf.float32) for level, arrays in raw.items()}
        for k in range(3)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("by_class", [False, True])
def test_detections_equal_model_gardens(by_class):
    """50 random second stages of 60 RoIs and 5 classes, with shared deltas and deltas by class."""
    import tensorflow as tf
    from official.vision.modeling.layers.detection_generator import DetectionGenerator

    generator = DetectionGenerator(nms_version="batched", pre_nms_score_threshold=0.01)
    rng = np.random.default_rng(0)
    counts = []
    for case in range(50):
        n, classes = (60, 5) if case else (1, 1)
        start = rng.uniform(0, 80, (n, 2))
        side = rng.uniform(0, 1, (n, 2)) * (CANVAS[::-1] - start)
        rois = np.concatenate([start, start + side], axis=1).astype(np.float32)
        logits = rng.normal(0, 2, (n, 1 + classes)).astype(np.float32)
        deltas = rng.normal(0, 2, (n, 1 + classes if by_class else 1, 4)).astype(np.float32)
        theirs = generator(
            tf.constant(deltas[..., YX].reshape(1, n, -1)),
            tf.constant(logits[None]),
            tf.constant(rois[None][..., YX]),
            tf.constant([CANVAS], tf.float32),
            list(DELTA_SCALE),
            bbox_per_class=by_class,
        )
        number = int(theirs["num_detections"][0])
        moved = apply_deltas(deltas, rois, *CANVAS)
        if by_class:
            moved = moved[:, 1:]  # without background
        boxes, scores, labels, which = postprocess_detections(moved, class_scores(logits), 0.01)
        np.testing.assert_allclose(
            boxes, theirs["detection_boxes"][0, :number].numpy()[:, YX], atol=1e-3
        )
        np.testing.assert_allclose(scores, theirs["detection_scores"][0, :number], atol=1e-5)
        np.testing.assert_array_equal(labels + 1, theirs["detection_classes"][0, :number])
        np.testing.assert_array_equal(scores, class_scores(logits)[which, labels])
        counts.append(number)
    assert max(counts) == 100 and min(counts) <= 1, counts


def test_low_scores_give_no_detections():
    boxes, *others = postprocess_detections(np.zeros((3, 1, 4)), np.zeros((3, 2)), 0.05)
    assert boxes.shape == (0, 4) and all(array.shape == (0,) for array in others)
