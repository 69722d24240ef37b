"""Matching: labels, targets and samples, equal to those of Model Garden's labeler and sampler."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.ops.anchors import generate_anchors
from shopee_od.ops.boxes import box_iou, decode_boxes
from shopee_od.ops.label_assignment import (
    BG,
    FG,
    IGNORE,
    box_regression_targets,
    label_anchors,
    label_rois,
    match_boxes,
)
from shopee_od.ops.sampling import sample_minibatch, subsample_labels

CANVAS, LEVELS = (96, 64), (3, 4, 5)
# Ratios whose square roots are exact: anchors that tie do so in Model Garden's float32 too.
SHAPES = {"anchor_size": 4, "num_scales": 1, "aspect_ratios": [0.25, 1.0, 4.0]}
YX = [1, 0, 3, 2]  # Model Garden's y1, x1, y2, x2, and dy, dx, dh, dw


def random_gt_boxes(rng, max_boxes):
    """float32 (n, 4) with n from 0 to `max_boxes`, on the canvas."""
    n = rng.integers(0, max_boxes + 1)
    side = rng.uniform(3, 60, (n, 2))
    start = rng.uniform(0, 1, (n, 2)) * ([CANVAS[1], CANVAS[0]] - side)
    return np.concatenate([start, start + side], axis=1).astype(np.float32)


def jitter_boxes(rng, gt_boxes, n):
    """float32 (n, 4): ground-truth boxes moved at random, some of them far."""
    boxes = gt_boxes[rng.integers(0, len(gt_boxes), n)]
    noise = rng.normal(0, rng.choice([1, 5, 20], (n, 1)), (n, 4))
    return (boxes + noise * [1, 1, 0.5, 0.5]).astype(np.float32)


@pytest.mark.slow
def test_labels_of_anchors_equal_those_of_model_gardens_labeler_before_sampling():
    """150 images of 0 to 6 garments: the labels of all anchors, and the deltas of foreground."""
    import tensorflow as tf
    from official.vision.ops.anchor import RpnAnchorLabeler, build_anchor_generator

    generator = build_anchor_generator(
        LEVELS[0],
        LEVELS[-1],
        SHAPES["num_scales"],
        SHAPES["aspect_ratios"],
        SHAPES["anchor_size"],
    )
    their_anchors = generator(CANVAS)
    anchors = generate_anchors(*CANVAS, LEVELS, **SHAPES)
    num_samples = 10**6  # more than there are anchors: none is left out
    labeler = RpnAnchorLabeler(0.7, 0.3, num_samples, 1.0)
    rng = np.random.default_rng(0)
    counts = np.zeros(3, int)
    for _ in range(150):
        gt_boxes = random_gt_boxes(rng, 6)
        labels, gt_index = label_anchors(anchors, gt_boxes)
        their_labels, their_deltas = labeler.label_anchors(
            their_anchors, tf.constant(gt_boxes[:, YX]), tf.ones([len(gt_boxes), 1])
        )
        np.testing.assert_array_equal(
            labels, np.concatenate([np.ravel(level) for level in their_labels.values()])
        )
        deltas = np.concatenate([np.reshape(level, (-1, 4)) for level in their_deltas.values()])
        targets = box_regression_targets(anchors, gt_boxes, labels, gt_index)
        np.testing.assert_allclose(targets, deltas[:, YX], atol=1e-5)
        counts += np.bincount(labels + 1, minlength=3)
    assert counts.min() > 400, counts


@pytest.mark.slow
@pytest.mark.parametrize("bg_iou", [(0.0, 0.5), (0.1, 0.5)])
def test_labels_of_rois_equal_those_of_model_gardens_matcher_and_sampler(bg_iou):
    """About 50 images of 1 to 5 garments and 80 RoIs; the sampler adds the ground truth."""
    import tensorflow as tf
    from official.vision.modeling.layers.roi_sampler import ROISampler
    from official.vision.ops.box_matcher import BoxMatcher

    low, high = bg_iou
    take_all = ROISampler(skip_subsampling=True, background_iou_low_threshold=low)
    # As the sampler makes it; -1 is background, 1 foreground.
    matcher = BoxMatcher([low, high, 0.5], [-3, -1, -2, 1])
    sampler = ROISampler(num_sampled_rois=16, background_iou_low_threshold=low)
    rng = np.random.default_rng(0)
    counts = np.zeros(3, int)
    num_full = 0
    for _ in range(60):
        gt_boxes = random_gt_boxes(rng, 5)
        if not len(gt_boxes):
            continue
        classes = tf.range(1, len(gt_boxes) + 1)[None]
        rois = jitter_boxes(rng, gt_boxes, 80)
        inputs = tf.constant(rois[None][..., YX]), tf.constant(gt_boxes[None][..., YX]), classes
        boxes, matched_boxes, matched_classes, _ = (x.numpy()[0] for x in take_all(*inputs))
        rois = np.concatenate([rois, gt_boxes])
        np.testing.assert_array_equal(boxes[:, YX], rois)
        labels, gt_index = label_rois(rois, gt_boxes, 0.5, bg_iou)
        foreground = labels == FG

        _, theirs = matcher(tf.constant(box_iou(rois, gt_boxes), tf.float32))
        np.testing.assert_array_equal(
            labels, np.select([theirs == 1, theirs == -1], [FG, BG], IGNORE)
        )
        np.testing.assert_array_equal(np.where(foreground, gt_index + 1, 0), matched_classes)
        np.testing.assert_array_equal(
            matched_boxes[foreground][:, YX], gt_boxes[gt_index[foreground]]
        )

        _, _, sampled_classes, _ = sampler(*inputs)
        sample = subsample_labels(labels, 16, 0.25, rng)
        # With fewer, the sampler takes more foreground to fill its fixed number.
        if (labels == BG).sum() >= 16:
            num_full += 1
            assert (
                (labels[sample] == FG).sum()
                == (sampled_classes.numpy() > 0).sum()
                == min(4, foreground.sum())
            )
        counts += np.bincount(labels + 1, minlength=3)
    assert (counts > 400).tolist() == [low > 0, True, True] and num_full > 20, (counts, num_full)


def test_targets_move_foreground_onto_its_ground_truth():
    rng = np.random.default_rng(0)
    gt_boxes = np.array([[5, 5, 40, 50], [30, 10, 60, 90]], float)
    rois = jitter_boxes(rng, gt_boxes, 200)
    rois = rois[(rois[:, 2:] > rois[:, :2]).all(axis=1)]
    labels, gt_index = label_rois(rois, gt_boxes)
    deltas = box_regression_targets(rois, gt_boxes, labels, gt_index)
    foreground = labels == FG
    decoded = decode_boxes(deltas, rois)
    np.testing.assert_allclose(decoded[foreground], gt_boxes[gt_index[foreground]], atol=1e-9)
    assert 20 < foreground.sum() < len(rois) and not deltas[~foreground].any()


def test_without_garments_every_anchor_and_roi_is_background():
    empty = np.zeros((0, 4))
    boxes = generate_anchors(*CANVAS, LEVELS, **SHAPES)
    for labels, gt_index in (label_anchors(boxes, empty), label_rois(boxes, empty)):
        assert not labels.any() and not gt_index.any()
        assert not box_regression_targets(boxes, empty, labels, gt_index).any()
    assert label_anchors(empty, boxes)[0].shape == (0,)
    assert label_rois(empty, boxes)[0].shape == (0,)
    assert match_boxes(empty, empty)[0].shape == (0,)


def test_each_box_has_its_best_anchor_and_a_box_that_overlaps_none_has_none():
    anchors = np.array([[0, 0, 16, 16], [100, 100, 116, 116]])
    gt_boxes = np.array([[2, 2, 6, 30], [0, 0, 3, 3], [200, 0, 210, 10]])
    labels, gt_index = label_anchors(anchors, gt_boxes)
    assert labels.tolist() == [FG, BG]
    assert gt_index.tolist()[0] == 0  # the best of two boxes: it belongs to the first


@given(
    st.lists(st.sampled_from([FG, BG, IGNORE]), max_size=60),
    st.integers(0, 40),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.integers(0, 2**32 - 1),
)
def test_a_sample_is_as_large_as_the_labels_and_limits_allow(
    labels, num_samples, fg_fraction, seed
):
    labels = np.array(labels, int)
    sample = subsample_labels(labels, num_samples, fg_fraction, np.random.default_rng(seed))
    num_fg = min(int(fg_fraction * num_samples), (labels == FG).sum())
    num_bg = min(num_samples - num_fg, (labels == BG).sum())
    assert len(set(sample)) == len(sample) == num_fg + num_bg
    assert (labels[sample[:num_fg]] == FG).all() and (labels[sample[num_fg:]] == BG).all()
    again = subsample_labels(labels, num_samples, fg_fraction, np.random.default_rng(seed))
    np.testing.assert_array_equal(sample, again)


def test_all_have_the_same_chance():
    labels = np.repeat([FG, BG, IGNORE], [10, 40, 5])
    rng = np.random.default_rng(0)
    counts = sum(
        np.bincount(subsample_labels(labels, 16, 0.25, rng), minlength=55) for _ in range(4000)
    )
    np.testing.assert_allclose(counts[:10], 4000 * 4 / 10, rtol=0.1)
    np.testing.assert_allclose(counts[10:50], 4000 * 12 / 40, rtol=0.1)
    assert not counts[50:].any()


def test_a_hierarchical_minibatch_comes_from_few_images():
    rng = np.random.default_rng(0)
    labels = [rng.choice([FG, BG, IGNORE], 300, p=[0.1, 0.8, 0.1]) for _ in range(20)]
    batch = sample_minibatch(labels, 2, 128, 0.25, np.random.default_rng(1))
    assert len({image for image, _ in batch}) == 2
    for image, rois in batch:
        assert (labels[image][rois] == FG).sum() == 16 and (labels[image][rois] == BG).sum() == 48
    again = sample_minibatch(labels, 2, 128, 0.25, np.random.default_rng(1))
    assert all(
        a[0] == b[0] and a[1].tolist() == b[1].tolist() for a, b in zip(batch, again, strict=True)
    )
