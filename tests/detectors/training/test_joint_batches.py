"""Batches of Faster R-CNN: images with their boxes, and RoIs from the RPN's proposals."""

from types import SimpleNamespace

import numpy as np
import pytest

from shopee_od.detectors.training.joint_batches import (
    TrainingImage,
    load_images,
    sample_and_repeat,
    sample_images,
    sample_rois,
)
from shopee_od.ops.batching import group_by_size, round_size
from shopee_od.ops.boxes import box_iou, decode_boxes
from shopee_od.ops.pyramid import resize_image

CONFIG = SimpleNamespace(
    images=2, rois=32, foreground=0.25, foreground_iou=0.5, background_iou=(0.0, 0.5)
)


@pytest.fixture
def images():
    """Five images of two sizes; a white rectangle is each one's garment."""
    rng = np.random.default_rng(0)
    images = []
    for k in range(5):
        image = np.zeros((96, 128 if k % 2 else 64, 3), np.uint8)
        x, y = rng.integers(0, 20, 2)
        image[y : y + 40, x : x + 30] = 255
        box = np.array([[x, y, x + 30, y + 40]], float)
        images.append(TrainingImage(image, box, np.array([k % 3])))
    return images


@pytest.fixture
def groups(images):
    return group_by_size(np.array([image.image.shape[:2] for image in images]))


def bounds(image):
    """The box around all that is white."""
    rows, columns = np.nonzero(image[..., 0])
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_images_are_resized_with_the_boxes_that_count(shapes):
    def resize(image):
        return resize_image(image, round_size(*image.shape[:2], 320))

    train = shapes.split("train").sample(3)
    train.boxes.loc[train.boxes.index[0], "ignore"] = True
    images = load_images(train, SimpleNamespace(resize=resize))
    assert [len(image.gt_boxes) for image in images].count(0) == 1
    x1, y1, x2, y2 = train.boxes.iloc[1][["x1", "y1", "x2", "y2"]]
    [image] = [
        image
        for image, row in zip(images, train.images.itertuples(), strict=True)
        if row.image_id == train.boxes.image_id.iloc[1]
    ]
    assert image.image.shape == (320, 256, 3)
    scale = np.tile([256 / 150, 320 / 180], 2)
    np.testing.assert_allclose(image.gt_boxes[0], np.array([x1, y1, x2, y2], float) * scale)


def test_a_batch_is_of_one_size_and_mirrored_boxes_fit_mirrored_images(images, groups):
    mirrored = 0
    for seed in range(20):
        batch = sample_images(images, groups, 2, np.random.default_rng(seed))
        assert batch.images.dtype == np.uint8 and len(batch.images) == 2
        for k, image in enumerate(batch.images):
            np.testing.assert_allclose(batch.boxes_of(k), [bounds(image)])
            mirrored += not any(
                (image == original.image).all()
                for original in images
                if original.image.shape == image.shape
            )
    assert 10 < mirrored < 30


def test_what_is_sampled_depends_on_the_random_numbers_alone(images, groups):
    batches = [sample_images(images, groups, 2, np.random.default_rng([3, 8])) for _ in range(2)]
    for first, second in zip(*batches, strict=True):
        np.testing.assert_array_equal(first, second)


def select_proposals(logits, deltas, size):
    """In place of an RPN's: the deltas are the boxes."""
    return deltas, logits


def test_rois_are_ground_truth_and_proposals_with_their_labels(images, groups):
    rpn = SimpleNamespace(select_proposals=select_proposals)
    batch = sample_images(images, groups, 2, np.random.default_rng(1))
    corners = np.random.default_rng(2).uniform(0, 60, (2, 50, 2))
    proposals = np.concatenate([corners, corners + np.array([30, 40])], axis=2)
    logits = np.zeros((2, 50))
    rois, image_of_roi, labels, deltas = sample_rois(rpn, CONFIG, logits, proposals, batch)
    assert np.bincount(image_of_roi[labels >= 0]).tolist() == [16, 16]
    for k in range(2):
        of_image = (image_of_roi == k) & (labels > 0)
        assert of_image.sum() == 4
        assert (labels[of_image] == batch.gt_labels[batch.image_of_box == k] + 1).all()
        moved = decode_boxes(deltas[of_image], rois[of_image])
        np.testing.assert_allclose(moved, np.repeat(batch.boxes_of(k), len(moved), 0), atol=1e-3)
        background = (image_of_roi == k) & (labels == 0)
        assert box_iou(rois[background], batch.boxes_of(k)).max() < 0.5
    again = sample_rois(rpn, CONFIG, logits, proposals, batch)
    np.testing.assert_array_equal(again[0], rois)
    other = sample_rois(rpn, CONFIG, logits, proposals, batch._replace(seed=batch.seed + 1))
    assert (other[0] != rois).any()


def test_without_a_proposal_the_ground_truth_is_the_only_roi(images, groups):
    rpn = SimpleNamespace(select_proposals=select_proposals)
    batch = sample_images(images, groups, 2, np.random.default_rng(1))
    empty = np.zeros((2, 0, 4))
    rois, image_of_roi, labels, _ = sample_rois(rpn, CONFIG, empty[..., 0], empty, batch)
    assert (labels > 0).sum() == (labels >= 0).sum() == 8
    np.testing.assert_allclose(rois[:8], np.repeat(batch.gt_boxes, 4, axis=0))
    assert image_of_roi[:8].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(("foreground", "background"), [(1, 60), (3, 60), (40, 60), (2, 5)])
def test_foreground_has_its_share_whatever_is_proposed(foreground, background):
    labels = np.array([1] * foreground + [0] * background + [-1] * 9)
    rows = sample_and_repeat(labels, 16, 0.25, np.random.default_rng(0))
    assert (labels[rows] == 1).sum() == 4 and (labels[rows] == 0).sum() == min(12, background)
    repeats = np.bincount(rows[labels[rows] == 1], minlength=foreground)
    assert repeats.max() - repeats[repeats > 0].min() <= 1, "all equally often"
    assert len(set(rows[labels[rows] == 0])) == min(12, background)


def test_an_image_whose_boxes_do_not_count_has_background_only():
    rows = sample_and_repeat(np.zeros(30, int), 16, 0.25, np.random.default_rng(0))
    assert len(set(rows)) == 16
