import numpy as np
import pytest
import tensorflow as tf
from official.vision.ops import anchor

from shopee_od.detectors.model_garden.experiment import build_experiment
from shopee_od.detectors.model_garden.ignore_regions import IGNORED
from shopee_od.detectors.model_garden.targets import (
    AnchorLabeler,
    boxes_to_canvas,
    normalize_and_mask,
    random_color_jitter,
    random_horizontal_flip,
    subsample_anchors,
)
from shopee_od.profiles import profile

pytestmark = pytest.mark.slow

ALL = 10**6  # more than there are anchors, so that none are left out


def make_labeler(batch_size=256, share=0.5):
    config = build_experiment(profile("smoke"), ("cap", "jacket"), (96, 64)).task
    parser = config.train_data.parser.replace(
        rpn_batch_size_per_im=batch_size, rpn_fg_fraction=share
    )
    return config, parser, AnchorLabeler(config.model, parser)


def random_boxes(rng, photos, max_boxes):
    """(photos, 6, 4): up to `max_boxes` boxes on a canvas of 96 × 64, -1 in the other rows."""
    boxes = np.full((photos, 6, 4), -1, np.float32)
    for rows in boxes:
        for row in rng.permutation(6)[: rng.integers(0, max_boxes + 1)]:
            side = rng.uniform(3, 60, 2)
            corner = rng.uniform(0, np.array([96, 64]) - side)
            rows[row] = [*corner, *(corner + side)]
    return boxes


def classes_of(boxes):
    """(photos, 6): 1 for a box, -1 for padding."""
    return tf.constant(np.where(boxes[..., 0] >= 0, 1, -1))


def test_no_anchor_on_an_ignore_box_is_labeled():
    _, _, labeler = make_labeler(ALL, 1.0)
    boxes = random_boxes(np.random.default_rng(4), 50, 3)
    boxes[:, 4] = [11, 21, 71, 61]
    classes = classes_of(boxes).numpy()
    classes[:, 4] = IGNORED
    targets = labeler(tf.constant(boxes), tf.constant(classes))
    without = boxes.copy()
    without[:, 4] = -1
    labels = _flat(targets["rpn_score_targets"])
    expected = _flat(labeler(tf.constant(without), classes_of(without))["rpn_score_targets"])
    anchors = np.concatenate(
        [level[0].numpy().reshape(-1, 4) for level in targets["anchor_boxes"].values()]
    )
    low = np.maximum(anchors[:, :2], [11, 21])
    high = np.minimum(anchors[:, 2:], [71, 61])
    covered = np.prod(np.maximum(high - low, 0), 1) > 0.5 * np.prod(
        anchors[:, 2:] - anchors[:, :2], 1
    )
    assert covered.sum() > 50
    assert not (labels[:, covered] == 0).any()
    np.testing.assert_array_equal(labels == 1, expected == 1)
    np.testing.assert_array_equal(labels[:, ~covered], expected[:, ~covered])


def test_anchors_are_labeled_as_by_model_garden_one_photo_at_a_time():
    config, parser, ours = make_labeler(ALL, 1.0)
    build = anchor.build_anchor_generator(
        config.model.min_level, config.model.max_level, config.model.anchor.num_scales,
        config.model.anchor.aspect_ratios, config.model.anchor.anchor_size,
    )  # fmt: skip
    anchors = build(image_size=(96, 64))
    labeler = anchor.RpnAnchorLabeler(
        parser.rpn_match_threshold, parser.rpn_unmatched_threshold, ALL, 1.0
    )
    boxes = random_boxes(np.random.default_rng(0), 200, 6)
    targets = ours(tf.constant(boxes), classes_of(boxes))
    positives = 0
    for i, rows in enumerate(boxes):
        real = rows[rows[:, 0] >= 0]
        scores, deltas = labeler.label_anchors(anchors, tf.constant(real), tf.ones([len(real), 1]))
        for level in anchors:
            np.testing.assert_array_equal(targets["anchor_boxes"][level][i], anchors[level])
            np.testing.assert_array_equal(targets["rpn_score_targets"][level][i], scores[level])
            np.testing.assert_allclose(
                targets["rpn_box_targets"][level][i], deltas[level], atol=1e-5
            )
            positives += (scores[level].numpy() == 1).sum()
    assert positives > 500


def test_half_of_the_sampled_anchors_are_positive_where_there_are_enough():
    _, _, ours = make_labeler(batch_size=20)
    boxes = random_boxes(np.random.default_rng(1), 50, 6)
    _, _, all_anchors = make_labeler(ALL, 1.0)
    sampled = _flat(ours(tf.constant(boxes), classes_of(boxes))["rpn_score_targets"])
    labels = _flat(all_anchors(tf.constant(boxes), classes_of(boxes))["rpn_score_targets"])
    assert ((sampled == 1) <= (labels == 1)).all() and ((sampled == 0) <= (labels == 0)).all()
    np.testing.assert_array_equal((sampled == 1).sum(1), np.minimum((labels == 1).sum(1), 10))
    np.testing.assert_array_equal((sampled >= 0).sum(1), 20)


def _flat(levels):
    return np.concatenate(
        [level.numpy().reshape(len(level), -1) for level in levels.values()], axis=1
    )


def test_all_candidates_are_sampled_equally_often():
    tf.random.set_seed(3)
    positive = tf.constant([[True] * 8 + [False] * 12] * 4000)
    sampled, rest = subsample_anchors(positive, ~positive, 10, 4)
    assert (sampled.numpy().sum(1) == 4).all() and (rest.numpy().sum(1) == 6).all()
    np.testing.assert_allclose(sampled.numpy().mean(0)[:8], 4 / 8, atol=0.05)
    np.testing.assert_allclose(rest.numpy().mean(0)[8:], 6 / 12, atol=0.05)
    few, rest = subsample_anchors(
        tf.constant([[True, False, False]]), tf.constant([[False, True, False]]), 10, 4
    )
    assert few.numpy().tolist() == [[True, False, False]] and rest.numpy().tolist() == [
        [False, True, False]
    ]


def test_boxes_move_with_the_photo():
    """A photo of 100 × 50 at twice its size; the canvas shows 80 × 60 pixels from (20, 10)."""
    info = tf.constant([[[100.0, 50.0], [96.0, 64.0], [2.0, 2.0], [20.0, 10.0]]])
    boxes = [
        [0.2, 0.2, 0.4, 0.5],
        [0.0, 0.0, 1.0, 1.0],
        [0.9, 0.9, 1.0, 1.0],
        [0.2, 0.2, 0.4, 0.5],
        [-1.0] * 4,
    ]
    classes = tf.constant([[1, 2, 3, 0, -1]], tf.int64)
    labels = {
        "boxes": tf.constant([boxes]),
        "classes": classes,
        "visible_size": tf.constant([[80.0, 60.0]]),
        "image_info": info,
    }
    boxes, classes = boxes_to_canvas(labels)
    np.testing.assert_allclose(
        boxes[0],
        [[20, 10, 60, 40], [0, 0, 80, 60], [-1] * 4, [20, 10, 60, 40], [-1] * 4],
        atol=1e-5,
    )
    assert classes.numpy().tolist() == [[1, 2, -1, IGNORED, -1]]  # outside, a crowd, none


def test_a_flipped_photo_stays_at_the_left_with_its_boxes():
    tf.random.set_seed(0)
    photos = np.zeros((40, 4, 10, 3), np.float32)
    photos[:, :, 1:3] = 255
    boxes = tf.constant([[[0.0, 1.0, 4.0, 3.0], [-1.0] * 4]] * 40)
    flipped, moved = random_horizontal_flip(
        tf.constant(photos), boxes, tf.constant([[4.0, 6.0]] * 40)
    )
    positions = set()
    for photo, (box, nothing) in zip(flipped.numpy(), moved.numpy(), strict=True):
        white = np.flatnonzero(photo[0, :, 0])
        assert [white[0], white[-1] + 1] == box[[1, 3]].tolist() and nothing.tolist() == [-1] * 4
        positions.add(tuple(box))
    assert positions == {(0, 1, 4, 3), (0, 3, 4, 5)}


@pytest.mark.parametrize("jitter", [False, True])
def test_beyond_the_photo_is_the_mean_color(jitter):
    photos = tf.random.uniform([2, 8, 8, 3], 0, 255, seed=1)
    images = normalize_and_mask(photos, tf.constant([[5.0, 6.0], [8.0, 8.0]]))
    if jitter:
        plain, images = images, random_color_jitter(images, 0.2)
        ratio = (images / plain).numpy()[1]
        assert np.ptp(ratio, axis=(0, 1)).max() < 1e-5 and 0.8 <= ratio.min() < ratio.max() <= 1.2
    assert (images.numpy()[0, 5:] == 0).all() and (images.numpy()[0, :, 6:] == 0).all()
    assert (images.numpy()[1] != 0).all()
