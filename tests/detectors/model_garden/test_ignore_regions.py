import numpy as np
import pytest
import tensorflow as tf
from official.vision.modeling.layers import roi_sampler

from shopee_od.detectors.model_garden.ignore_regions import (
    IGNORED,
    ROISampler,
    find_covered,
    split_ignore_boxes,
)

pytestmark = pytest.mark.slow

PADDING = [-1.0] * 4
GARMENT = [0.0, 0.0, 40.0, 40.0]
IGNORE = [50.0, 50.0, 90.0, 90.0]


def test_ground_truth_is_split():
    boxes = tf.constant([[GARMENT, IGNORE, PADDING], [IGNORE, PADDING, IGNORE]])
    classes = tf.constant([[3, IGNORED, -1], [IGNORED, -1, IGNORED]], tf.int64)
    garments, labels, ignore_boxes = split_ignore_boxes(boxes, classes)
    assert garments.numpy().tolist() == [[GARMENT, PADDING, PADDING], [PADDING] * 3]
    assert labels.numpy().tolist() == [[3, -1, -1], [-1, -1, -1]]
    assert ignore_boxes.numpy().tolist() == [[IGNORE, PADDING], [IGNORE, IGNORE]]
    assert split_ignore_boxes(boxes[:1, :1], classes[:1, :1])[2].shape == (1, 0, 4)


def test_a_box_is_covered_where_over_half_of_it_is():
    boxes = tf.constant([[IGNORE, [50.0, 30.0, 90.0, 69.0], [50.0, 30.0, 90.0, 71.0], PADDING]])
    covered = find_covered(boxes, tf.constant([[IGNORE, PADDING]]))
    assert covered.numpy().tolist() == [[True, False, True, False]]
    assert not find_covered(boxes, tf.zeros([1, 0, 4])).numpy().any()


def sample(sampler, classes, boxes, rois):
    result = sampler(num_sampled_rois=8, mix_gt_boxes=False)(
        tf.constant([rois]), tf.constant([boxes]), tf.constant([classes])
    )
    return result[0].numpy()[0], result[2].numpy()[0]


def test_without_ignore_boxes_rois_are_sampled_as_by_model_garden():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 60, (8, 2))
    rois = np.hstack([corners, corners + rng.uniform(5, 40, (8, 2))]).astype(np.float32)
    ours = sample(ROISampler, [1, -1], [GARMENT, PADDING], rois)
    theirs = sample(roi_sampler.ROISampler, [1, -1], [GARMENT, PADDING], rois)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(np.sort(mine, axis=0), np.sort(other, axis=0))


def test_an_roi_on_an_ignore_box_is_not_background_but_one_on_a_garment_stays():
    on_both = [30.0, 30.0, 70.0, 70.0]
    rois = [*[GARMENT] * 2, *[IGNORE] * 3, on_both, *[[0.0, 60.0, 30.0, 90.0]] * 2]
    boxes = [GARMENT, on_both, [25.0, 25.0, 75.0, 75.0]]
    sampled, classes = sample(ROISampler, [1, 2, IGNORED], boxes, np.array(rois, np.float32))
    assert (classes == 2).sum() == 1 and (classes == 1).sum() == 2
    real = sampled[(sampled >= 0).all(axis=1)]
    covered = find_covered(tf.constant(real[None]), tf.constant([[boxes[2]]])).numpy()[0]
    assert [row.tolist() for row in real[covered]] == [on_both]
    sampled, classes = sample(
        ROISampler, [1, IGNORED, -1], [GARMENT, IGNORE, PADDING], np.array(rois, np.float32)
    )
    assert not (sampled == IGNORE).all(axis=1).any() and (classes <= 1).all()
