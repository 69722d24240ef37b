"""What an RPN is trained on: the labels, deltas and images of sampled anchors."""

import numpy as np
import pytest

from shopee_od.detectors.training.anchor_samples import AnchorSamplingConfig, sample_anchors
from shopee_od.ops.anchors import anchor_grid, shapes_of_area
from shopee_od.ops.boxes import box_iou, decode_boxes

ANCHORS = anchor_grid(256, 192, 16, shapes_of_area([48, 96, 192], [0.5, 1, 2]))
GT_BOXES = [
    np.array([[10, 20, 110, 130], [60.0, 150, 100, 240]]),
    np.array([[0.0, 0, 190, 250]]),
    np.zeros((0, 4)),
]
CONFIG = AnchorSamplingConfig(anchors=64)


@pytest.fixture
def samples():
    return sample_anchors(ANCHORS, GT_BOXES, CONFIG, np.random.default_rng(0))


def test_each_image_has_as_many_and_at_most_half_foreground(samples):
    image = samples.indices[:, 0]
    assert np.bincount(image).tolist() == [64, 64, 64]
    foreground = [samples.labels[image == k].sum() for k in range(3)]
    assert 2 <= foreground[0] <= 32 and 1 <= foreground[1] <= 32 and foreground[2] == 0


def test_foreground_leads_to_its_box_and_background_is_far_from_all(samples):
    for (image, anchor), label, deltas in zip(*samples, strict=True):
        box = ANCHORS[[anchor]]
        if label:
            moved = decode_boxes(deltas[None], box)
            assert abs(moved - GT_BOXES[image]).max(axis=1).min() < 1e-3
        else:
            assert box_iou(box, GT_BOXES[image]).max(initial=0) < CONFIG.background_iou
            assert not deltas.any()


def test_anchors_that_extend_beyond_the_image_are_sampled_too(samples):
    sampled = ANCHORS[samples.indices[samples.labels == 1][:, 1]]
    outside = (sampled < 0).any(axis=1) | (sampled > [192, 256, 192, 256]).any(axis=1)
    assert outside.any()


def test_the_same_random_numbers_sample_the_same(samples):
    again = sample_anchors(ANCHORS, GT_BOXES, CONFIG, np.random.default_rng(0))
    other = sample_anchors(ANCHORS, GT_BOXES, CONFIG, np.random.default_rng(1))
    np.testing.assert_array_equal(again.indices, samples.indices)
    assert (other.indices != samples.indices).any()
