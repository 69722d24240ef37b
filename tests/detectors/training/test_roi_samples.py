"""What Fast R-CNN is trained on: RoIs with their targets, and batches of them."""

import numpy as np
import pytest

from shopee_od.detectors.slots import Proposals
from shopee_od.detectors.training.region_examples import LabeledImage
from shopee_od.detectors.training.roi_samples import (
    delta_statistics,
    make_image_sample,
    sample_batch,
)
from shopee_od.ops.batching import group_by_size, round_size
from shopee_od.ops.boxes import decode_boxes
from shopee_od.ops.pyramid import resize_image

GT_BOXES = np.array([[30, 60, 90, 150]], np.float32)
PROPOSALS = np.array(
    [[30, 60, 90, 140], [0, 0, 40, 40], [35, 50, 95, 160], [60, 60, 120, 150]], np.float32
)
SCALE = np.array([256 / 150, 1.6, 256 / 150, 1.6])


class Config:
    """As `FastRCNNTrainingConfig`, which imports TensorFlow."""

    images = 2
    rois = 128
    foreground = 0.25
    foreground_iou = 0.5
    background_iou = (0.0, 0.5)


def make_sample(image, gt_boxes, label, proposals):
    labeled = LabeledImage(0, image, gt_boxes, np.array([label]), Proposals(proposals))
    resized = resize_image(image, round_size(*image.shape[:2], 320))
    return make_image_sample(labeled, resized, Config())


@pytest.fixture
def sample():
    image = np.random.default_rng(0).integers(0, 256, (200, 150, 3)).astype(np.uint8)
    return make_sample(image, GT_BOXES, 1, PROPOSALS)


def test_rois_have_the_labels_and_deltas_of_their_boxes(sample):
    assert sample.image.shape == (320, 256, 3)  # 240 pixels would be its shape
    rois = np.concatenate([GT_BOXES, PROPOSALS]) * SCALE
    np.testing.assert_allclose(sample.rois, rois, rtol=1e-6)
    assert sample.labels.tolist() == [2, 2, 0, 2, 0], "the box itself is an RoI, too"
    moved = decode_boxes(sample.deltas, sample.rois)[sample.labels > 0]
    np.testing.assert_allclose(moved, np.repeat(GT_BOXES * SCALE, 3, axis=0), rtol=1e-5)


def test_mirrored_rois_show_the_mirrored_pixels_and_lead_to_the_mirrored_box(sample):
    mirrored = sample.mirror()
    pairs = zip(sample.rois.astype(int), mirrored.rois.astype(int), strict=True)
    for (x1, y1, x2, _), (u1, _, u2, _) in pairs:
        assert abs((x2 - x1) - (u2 - u1)) <= 1
        row = mirrored.image[y1, 256 - x2 : 256 - x1]
        np.testing.assert_array_equal(row, sample.image[y1, x1:x2][::-1])
    x1, y1, x2, y2 = GT_BOXES[0] * SCALE
    moved = decode_boxes(mirrored.deltas, mirrored.rois)[3]
    np.testing.assert_allclose(moved, [256 - x2, y1, 256 - x1, y2], rtol=1e-4)
    np.testing.assert_allclose(mirrored.mirror().rois, sample.rois, rtol=1e-6)


def test_a_batch_is_of_one_size_and_has_as_many_garments_as_it_may(sample):
    wide = make_sample(sample.image[:100], GT_BOXES / 2, 0, PROPOSALS / 2)
    samples = [sample, wide, sample, wide, wide]
    groups = group_by_size(np.array([s.image.shape[:2] for s in samples]))
    for seed in range(8):
        rng = np.random.default_rng(seed)
        images, rois, image_of_roi, labels, deltas = sample_batch(samples, groups, Config(), rng)
        assert len(images) == 2
        assert len(rois) == len(image_of_roi) == len(labels) == len(deltas) == Config.rois
        used = labels >= 0
        assert (labels[used] > 0).any() and used.sum() <= 10, "both photos have five RoIs"
        assert (rois[used][:, 2:] <= [images.shape[2], images.shape[1]]).all()
        assert set(image_of_roi[used]) == {0, 1} and not rois[~used].any()


def test_delta_statistics_are_those_of_the_foreground(sample):
    mean, std = delta_statistics([sample, sample.mirror()])
    foreground = sample.deltas[sample.labels > 0]
    both = np.concatenate([foreground, foreground * [-1, 1, 1, 1]])
    np.testing.assert_allclose(mean, both.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(std, np.maximum(both.std(axis=0), 0.01), rtol=1e-5)
