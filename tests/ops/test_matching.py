"""Matching: labels and samples, beside Model Garden's labeler and sampler."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.ops import matching as module
from shopee_od.ops.anchors import anchors
from shopee_od.ops.boxes import decode, iou
from shopee_od.ops.matching import drawn, hierarchical, label_anchors, label_rois, match, targets

CANVAS, LEVELS = (96, 64), (3, 4, 5)
# Ratios with whole roots: then anchors that tie do so in Model Garden's float32 too.
SHAPES = {"size": 4, "scales": 1, "ratios": [0.25, 1.0, 4.0]}
YX = [1, 0, 3, 2]  # Model Garden's y1, x1, y2, x2, and dy, dx, dh, dw


def some_truths(rng, most):
    """None to `most` boxes on the canvas, float32."""
    n = rng.integers(0, most + 1)
    side = rng.uniform(3, 60, (n, 2))
    start = rng.uniform(0, 1, (n, 2)) * ([CANVAS[1], CANVAS[0]] - side)
    return np.concatenate([start, start + side], axis=1).astype(np.float32)


def near(rng, truths, n):
    """(n, 4) float32: boxes about the ground truth, some of them far."""
    chosen = truths[rng.integers(0, len(truths), n)]
    return (chosen + rng.normal(0, rng.choice([1, 5, 20], (n, 1)), (n, 4)) * [1, 1, 0.5, 0.5]).astype(np.float32)


def test_worked_examples():
    assert doctest.testmod(module) == (0, 7)  # failed, tried


def test_anchors_are_labelled_as_model_gardens_labeler_has_it_before_sampling():
    """150 photos of 0 to 6 garments; all anchors' labels, and the deltas of the positive ones."""
    import tensorflow as tf
    from official.vision.ops.anchor import RpnAnchorLabeler, build_anchor_generator

    grid = build_anchor_generator(LEVELS[0], LEVELS[-1], SHAPES["scales"], SHAPES["ratios"], SHAPES["size"])(CANVAS)
    ours = anchors(*CANVAS, LEVELS, **SHAPES)
    every = 10**6  # a lot of all anchors: none is drawn
    labeler = RpnAnchorLabeler(0.7, 0.3, every, 1.0)
    rng, counts = np.random.default_rng(0), np.zeros(3, int)
    for _ in range(150):
        truths = some_truths(rng, 6)
        labels, matched = label_anchors(ours, truths)
        scores, deltas = labeler.label_anchors(grid, tf.constant(truths[:, YX]), tf.ones([len(truths), 1]))
        np.testing.assert_array_equal(labels, np.concatenate([np.ravel(level) for level in scores.values()]))
        deltas = np.concatenate([np.reshape(level, (-1, 4)) for level in deltas.values()])
        np.testing.assert_allclose(targets(ours, truths, labels, matched), deltas[:, YX], atol=1e-5)
        counts += np.bincount(labels + 1, minlength=3)
    assert counts.min() > 400, counts


@pytest.mark.parametrize("background", [(0.0, 0.5), (0.1, 0.5)])
def test_rois_are_labelled_as_model_gardens_matcher_and_sampler_have_it(background):
    """Some 50 photos of 1 to 5 garments and 80 RoIs, to which the sampler adds the ground truth."""
    import tensorflow as tf
    from official.vision.modeling.layers.roi_sampler import ROISampler
    from official.vision.ops.box_matcher import BoxMatcher

    low, high = background
    everything = ROISampler(skip_subsampling=True, background_iou_low_threshold=low)
    matcher = BoxMatcher([low, high, 0.5], [-3, -1, -2, 1])  # as the sampler makes it; -1 is background, 1 garment
    sampler = ROISampler(num_sampled_rois=16, background_iou_low_threshold=low)
    rng, counts, full = np.random.default_rng(0), np.zeros(3, int), 0
    for _ in range(60):
        truths = some_truths(rng, 5)
        if not len(truths):
            continue
        classes = tf.range(1, len(truths) + 1)[None]
        rois = near(rng, truths, 80)
        given_boxes = tf.constant(rois[None][..., YX]), tf.constant(truths[None][..., YX]), classes
        boxes, matched_boxes, matched_classes, _ = (x.numpy()[0] for x in everything(*given_boxes))
        rois = np.concatenate([rois, truths])
        np.testing.assert_array_equal(boxes[:, YX], rois)
        labels, matched = label_rois(rois, truths, 0.5, background)

        _, kinds = matcher(tf.constant(iou(rois, truths), tf.float32))
        np.testing.assert_array_equal(labels, np.select([kinds == 1, kinds == -1], [1, 0], -1))
        np.testing.assert_array_equal(np.where(labels == 1, matched + 1, 0), matched_classes)
        np.testing.assert_array_equal(matched_boxes[labels == 1][:, YX], truths[matched[labels == 1]])

        _, _, sampled, _ = sampler(*given_boxes)
        ours = drawn(labels, 16, 0.25, rng)
        if (labels == 0).sum() >= 16:  # with fewer, the sampler takes more positives to fill its fixed number
            full += 1
            assert (labels[ours] == 1).sum() == (sampled.numpy() > 0).sum() == min(4, (labels == 1).sum())
        counts += np.bincount(labels + 1, minlength=3)
    assert (counts > 400).tolist() == [low > 0, True, True] and full > 20, (counts, full)


def test_targets_move_positives_onto_their_ground_truth():
    rng = np.random.default_rng(0)
    truths = np.array([[5, 5, 40, 50], [30, 10, 60, 90]], float)
    rois = near(rng, truths, 200)
    rois = rois[(rois[:, 2:] > rois[:, :2]).all(axis=1)]
    labels, matched = label_rois(rois, truths)
    deltas, positive = targets(rois, truths, labels, matched), labels == 1
    np.testing.assert_allclose(decode(deltas, rois)[positive], truths[matched[positive]], atol=1e-9)
    assert 20 < positive.sum() < len(rois) and not deltas[~positive].any()


def test_without_garments_every_anchor_and_roi_is_background():
    none = np.zeros((0, 4))
    boxes = anchors(*CANVAS, LEVELS, **SHAPES)
    for labels, matched in (label_anchors(boxes, none), label_rois(boxes, none)):
        assert not labels.any() and not matched.any()
        assert not targets(boxes, none, labels, matched).any()
    assert label_anchors(none, boxes)[0].shape == label_rois(none, boxes)[0].shape == match(none, none)[0].shape == (0,)


def test_every_box_has_its_best_anchor_and_one_that_meets_no_anchor_takes_none():
    boxes = np.array([[0, 0, 16, 16], [100, 100, 116, 116]])
    labels, matched = label_anchors(boxes, np.array([[2, 2, 6, 30], [0, 0, 3, 3], [200, 0, 210, 10]]))
    assert labels.tolist() == [1, 0] and matched.tolist()[0] == 0  # best of two boxes: the first one's


@given(
    st.lists(st.sampled_from([1, 0, -1]), max_size=60),
    st.integers(0, 40),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.integers(0, 2**32 - 1),
)
def test_as_many_are_drawn_as_there_are_and_may_be(labels, count, share, seed):
    labels = np.array(labels, int)
    found = drawn(labels, count, share, np.random.default_rng(seed))
    positives = min(int(share * count), (labels == 1).sum())
    assert len(set(found)) == len(found) == positives + min(count - positives, (labels == 0).sum())
    assert (labels[found[:positives]] == 1).all() and (labels[found[positives:]] == 0).all()
    np.testing.assert_array_equal(found, drawn(labels, count, share, np.random.default_rng(seed)))


def test_all_have_the_same_chance():
    labels = np.repeat([1, 0, -1], [10, 40, 5])
    rng = np.random.default_rng(0)
    times = sum(np.bincount(drawn(labels, 16, 0.25, rng), minlength=55) for _ in range(4000))
    np.testing.assert_allclose(times[:10], 4000 * 4 / 10, rtol=0.1)
    np.testing.assert_allclose(times[10:50], 4000 * 12 / 40, rtol=0.1)
    assert not times[50:].any()


def test_a_hierarchical_batch_comes_from_few_photos():
    rng = np.random.default_rng(0)
    labels = [rng.choice([1, 0, -1], 300, p=[0.1, 0.8, 0.1]) for _ in range(20)]
    batch = hierarchical(labels, 2, 128, 0.25, np.random.default_rng(1))
    assert len({photo for photo, _ in batch}) == 2
    for photo, rois in batch:
        assert (labels[photo][rois] == 1).sum() == 16 and (labels[photo][rois] == 0).sum() == 48
    again = hierarchical(labels, 2, 128, 0.25, np.random.default_rng(1))
    assert all(a[0] == b[0] and a[1].tolist() == b[1].tolist() for a, b in zip(batch, again, strict=True))
