"""From raw head outputs to boxes, beside Model Garden's layers."""

import doctest

import numpy as np
import pytest

from shopee_od.ops import two_stage as module
from shopee_od.ops.anchors import anchors
from shopee_od.ops.two_stage import candidates, class_scores, detections, proposals, refined

CANVAS, LEVELS, PER_CELL = (128, 96), (3, 4, 5), 6
YX = [1, 0, 3, 2]  # Model Garden's y1, x1, y2, x2, and dy, dx, dh, dw


def test_worked_examples():
    assert doctest.testmod(module) == (0, 6)  # failed, tried


def by_level(rng):
    """By level the anchors, float32 logits and deltas of a random RPN, some of them wild."""
    for level in LEVELS:
        boxes = anchors(*CANVAS, [level], 4, 2, [0.35, 0.65, 1.3]).astype(np.float32)
        spread = rng.choice([0.1, 0.3, 2], (len(boxes), 1))
        yield (
            level,
            (
                rng.normal(0, 2, len(boxes)).astype(np.float32),
                rng.normal(0, spread, (len(boxes), 4)).astype(np.float32),
                boxes,
            ),
        )


@pytest.mark.parametrize(("most", "before"), [(20, 40), (100, 150), (300, 1000)])
def test_proposals_are_model_gardens(most, before):
    """10 random RPNs: a few, many, and more proposals than there can be."""
    from official.vision.modeling.layers.roi_generator import MultilevelROIGenerator

    generator = MultilevelROIGenerator(test_pre_nms_top_k=before, test_num_proposals=most)
    rng = np.random.default_rng(most)
    for _ in range(10):
        heads = dict(by_level(rng))
        cells = {level: (1, CANVAS[0] // 2**level, CANVAS[1] // 2**level) for level in LEVELS}
        raw = {
            str(level): (
                deltas[:, YX].reshape(*cells[level], -1),
                logits.reshape(*cells[level], -1),
                boxes[:, YX].reshape(*cells[level], -1),
            )
            for level, (logits, deltas, boxes) in heads.items()
        }
        rois, scores = generator(*tensors(raw), np.float32([CANVAS]), training=False)
        real = scores.numpy()[0] > 0  # it fills up with empty boxes
        parts = [candidates(*heads[level], *CANVAS, before) for level in LEVELS]
        levels = np.repeat(LEVELS, [len(found) for _, found in parts])
        boxes, found = (np.concatenate(part) for part in zip(*parts, strict=True))
        chosen = proposals(boxes, found, levels, most)
        np.testing.assert_allclose(boxes[chosen], rois.numpy()[0][real][:, YX], atol=1e-3)
        np.testing.assert_allclose(found[chosen], scores.numpy()[0][real], atol=1e-5)


def tensors(raw):
    """By level three arrays -> three dictionaries of tensors."""
    import tensorflow as tf

    return [{level: tf.constant(arrays[k], tf.float32) for level, arrays in raw.items()} for k in range(3)]


@pytest.mark.parametrize("by_class", [False, True])
def test_detections_are_model_gardens(by_class):
    """50 random second stages of 60 RoIs and 5 classes, with shared deltas and with each class's own."""
    import tensorflow as tf
    from official.vision.modeling.layers.detection_generator import DetectionGenerator

    generator = DetectionGenerator(nms_version="batched", pre_nms_score_threshold=0.01)
    rng, counts = np.random.default_rng(0), []
    for case in range(50):
        n, classes = (60, 5) if case else (1, 1)
        start = rng.uniform(0, 80, (n, 2))
        rois = np.concatenate([start, start + rng.uniform(0, 1, (n, 2)) * (CANVAS[::-1] - start)], 1).astype(np.float32)
        logits = rng.normal(0, 2, (n, 1 + classes)).astype(np.float32)
        deltas = rng.normal(0, 2, (n, 1 + classes if by_class else 1, 4)).astype(np.float32)
        theirs = generator(
            tf.constant(deltas[..., YX].reshape(1, n, -1)), tf.constant(logits[None]), tf.constant(rois[None][..., YX]),
            tf.constant([CANVAS], tf.float32), list(module.DELTA_SCALE), bbox_per_class=by_class,
        )  # fmt: skip
        number = int(theirs["num_detections"][0])
        moved = refined(deltas, rois, *CANVAS)
        boxes, scores, labels = detections(moved[:, 1:] if by_class else moved, class_scores(logits), 0.01)
        np.testing.assert_allclose(boxes, theirs["detection_boxes"][0, :number].numpy()[:, YX], atol=1e-3)
        np.testing.assert_allclose(scores, theirs["detection_scores"][0, :number], atol=1e-5)
        np.testing.assert_array_equal(labels + 1, theirs["detection_classes"][0, :number])
        counts.append(number)
    assert max(counts) == 100 and min(counts) <= 1, counts


def test_nothing_likely_gives_no_detections():
    boxes, scores, labels = detections(np.zeros((3, 1, 4)), np.zeros((3, 2)), 0.05)
    assert boxes.shape == (0, 4) and scores.shape == labels.shape == (0,)
