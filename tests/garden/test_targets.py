import numpy as np
import pytest
import tensorflow as tf
from official.vision.ops import anchor

from shopee_od.garden.experiment import experiment
from shopee_od.garden.targets import (
    AnchorTargets,
    mirrored_at_random,
    network_input,
    on_canvas,
    sampled,
    stretched_at_random,
)
from shopee_od.profiles import profile

EVERY = 10**6  # lots enough for all anchors, so that none are drawn


def targets_of(lots=256, share=0.5):
    config = experiment(profile("smoke"), ("cap", "jacket"), (96, 64)).task
    parser = config.train_data.parser.replace(rpn_batch_size_per_im=lots, rpn_fg_fraction=share)
    return config, parser, AnchorTargets(config.model, parser)


def some_boxes(rng, photos, most):
    """Boxes on a canvas of 96 × 64, none to `most` a photo, in any of the rows; -1 elsewhere."""
    boxes = np.full((photos, 6, 4), -1, np.float32)
    for rows in boxes:
        for row in rng.permutation(6)[: rng.integers(0, most + 1)]:
            side = rng.uniform(3, 60, 2)
            corner = rng.uniform(0, np.array([96, 64]) - side)
            rows[row] = [*corner, *(corner + side)]
    return boxes


def test_anchors_are_labelled_as_model_garden_labels_them_one_photo_at_a_time():
    config, parser, ours = targets_of(EVERY, 1.0)
    build = anchor.build_anchor_generator(
        config.model.min_level, config.model.max_level, config.model.anchor.num_scales,
        config.model.anchor.aspect_ratios, config.model.anchor.anchor_size,
    )  # fmt: skip
    anchors = build(image_size=(96, 64))
    labeler = anchor.RpnAnchorLabeler(parser.rpn_match_threshold, parser.rpn_unmatched_threshold, EVERY, 1.0)
    boxes = some_boxes(np.random.default_rng(0), 200, 6)
    found = ours(tf.constant(boxes))
    positives = 0
    for i, rows in enumerate(boxes):
        real = rows[rows[:, 0] >= 0]
        scores, deltas = labeler.label_anchors(anchors, tf.constant(real), tf.ones([len(real), 1]))
        for level in anchors:
            np.testing.assert_array_equal(found["anchor_boxes"][level][i], anchors[level])
            np.testing.assert_array_equal(found["rpn_score_targets"][level][i], scores[level])
            np.testing.assert_allclose(found["rpn_box_targets"][level][i], deltas[level], atol=1e-5)
            positives += (scores[level].numpy() == 1).sum()
    assert positives > 500


def test_the_lots_are_half_positive_where_there_are_enough():
    _, _, ours = targets_of(lots=20)
    boxes = some_boxes(np.random.default_rng(1), 50, 6)
    _, _, every = targets_of(EVERY, 1.0)
    drawn = _flat(ours(tf.constant(boxes))["rpn_score_targets"])
    there = _flat(every(tf.constant(boxes))["rpn_score_targets"])
    assert ((drawn == 1) <= (there == 1)).all() and ((drawn == 0) <= (there == 0)).all()
    np.testing.assert_array_equal((drawn == 1).sum(1), np.minimum((there == 1).sum(1), 10))
    np.testing.assert_array_equal((drawn >= 0).sum(1), 20)


def _flat(levels):
    return np.concatenate([level.numpy().reshape(len(level), -1) for level in levels.values()], axis=1)


def test_every_candidate_is_drawn_about_as_often():
    tf.random.set_seed(3)
    positive = tf.constant([[True] * 8 + [False] * 12] * 4000)
    drawn, rest = sampled(positive, ~positive, 10, 4)
    assert (drawn.numpy().sum(1) == 4).all() and (rest.numpy().sum(1) == 6).all()
    np.testing.assert_allclose(drawn.numpy().mean(0)[:8], 4 / 8, atol=0.05)
    np.testing.assert_allclose(rest.numpy().mean(0)[8:], 6 / 12, atol=0.05)
    few, rest = sampled(tf.constant([[True, False, False]]), tf.constant([[False, True, False]]), 10, 4)
    assert few.numpy().tolist() == [[True, False, False]] and rest.numpy().tolist() == [[False, True, False]]


def test_boxes_go_where_the_photo_went():
    """A photo of 100 × 50 at twice its size, of which the canvas shows 80 × 60 pixels from (20, 10) on."""
    info = tf.constant([[[100.0, 50.0], [96.0, 64.0], [2.0, 2.0], [20.0, 10.0]]])
    given = [[0.2, 0.2, 0.4, 0.5], [0.0, 0.0, 1.0, 1.0], [0.9, 0.9, 1.0, 1.0], [0.2, 0.2, 0.4, 0.5], [-1.0] * 4]
    classes = tf.constant([[1, 2, 3, 0, -1]], tf.int64)
    labels = {
        "boxes": tf.constant([given]),
        "classes": classes,
        "shown": tf.constant([[80.0, 60.0]]),
        "image_info": info,
    }
    boxes, classes = on_canvas(labels)
    np.testing.assert_allclose(boxes[0], [[20, 10, 60, 40], [0, 0, 80, 60], [-1] * 4, [-1] * 4, [-1] * 4], atol=1e-5)
    assert classes.numpy().tolist() == [[1, 2, -1, -1, -1]]  # outside, a crowd, none


def test_a_mirrored_photo_stays_at_the_left_with_its_boxes():
    tf.random.set_seed(0)
    photos = np.zeros((40, 4, 10, 3), np.float32)
    photos[:, :, 1:3] = 255
    boxes = tf.constant([[[0.0, 1.0, 4.0, 3.0], [-1.0] * 4]] * 40)
    mirrored, moved = mirrored_at_random(tf.constant(photos), boxes, tf.constant([[4.0, 6.0]] * 40))
    seen = set()
    for photo, (box, nothing) in zip(mirrored.numpy(), moved.numpy(), strict=True):
        white = np.flatnonzero(photo[0, :, 0])
        assert [white[0], white[-1] + 1] == box[[1, 3]].tolist() and nothing.tolist() == [-1] * 4
        seen.add(tuple(box))
    assert seen == {(0, 1, 4, 3), (0, 3, 4, 5)}


@pytest.mark.parametrize("stretch", [False, True])
def test_beyond_the_photo_is_the_mean_colour(stretch):
    photos = tf.random.uniform([2, 8, 8, 3], 0, 255, seed=1)
    images = network_input(photos, tf.constant([[5.0, 6.0], [8.0, 8.0]]))
    if stretch:
        plain, images = images, stretched_at_random(images, 0.2)
        ratio = (images / plain).numpy()[1]
        assert np.ptp(ratio, axis=(0, 1)).max() < 1e-5 and 0.8 <= ratio.min() < ratio.max() <= 1.2
    assert (images.numpy()[0, 5:] == 0).all() and (images.numpy()[0, :, 6:] == 0).all()
    assert (images.numpy()[1] != 0).all()
