"""What HOG templates are trained on: window shapes, positives and hard negatives."""

import numpy as np
import pytest

from shopee_od.detectors.features.hog import HOGPyramid
from shopee_od.detectors.training.hard_negative_mining import mine_hard_negatives
from shopee_od.detectors.training.hog_svm import (
    HOGTrainingConfig,
    hog_of_box_and_mirror,
    window_shapes,
)
from shopee_od.ops.boxes import box_iou

SHAPE = np.array([7, 7])
CONFIG = HOGTrainingConfig()


@pytest.fixture
def noise():
    return np.random.default_rng(3).integers(0, 256, (160, 144, 3)).astype(np.uint8)


@pytest.mark.parametrize("index", [20, 31])
def test_a_box_that_is_a_window_has_the_features_of_the_window(noise, index):
    level = HOGPyramid().levels(noise, (64, 64))[0]
    [expected] = level.window_features(SHAPE, [index])
    box = level.window_boxes(SHAPE)[index].astype(int)
    features, mirrored = hog_of_box_and_mirror(noise, box, SHAPE)
    np.testing.assert_allclose(features, expected, atol=1e-5)
    x1, y1, x2, y2 = box
    mirrored_box = np.array([144 - x2, y1, 144 - x1, y2])
    of_mirror, _ = hog_of_box_and_mirror(noise[:, ::-1], mirrored_box, SHAPE)
    np.testing.assert_allclose(of_mirror, mirrored, atol=1e-5)


def test_a_box_at_the_edge_of_the_photo_has_features(noise):
    image = noise[:90, :70]
    features = hog_of_box_and_mirror(image, np.array([0, 0, 70, 90]), SHAPE)
    assert features.shape == (2, SHAPE.prod() * 36)


def test_hard_negatives_are_the_highest_margins_off_the_garment(shape_photo):
    image, box = shape_photo(np.random.default_rng(3), 0, 100)
    gt_boxes = np.array([box])
    levels = HOGPyramid().levels(image, (64, 64))
    rng = np.random.default_rng(4)
    margins = [rng.normal(size=len(level.window_boxes(SHAPE))) for level in levels]
    allowed = [
        (margin, number, index)
        for number, (level, values) in enumerate(zip(levels, margins, strict=True))
        for index, (window, margin) in enumerate(
            zip(level.window_boxes(SHAPE), values, strict=True)
        )
        if box_iou(window[None], gt_boxes)[0, 0] < CONFIG.negative_iou
    ]
    mistakes = mine_hard_negatives(levels, SHAPE, margins, gt_boxes, CONFIG)
    assert mistakes == sorted(allowed, reverse=True)[: CONFIG.negatives]
    assert len(mistakes) == CONFIG.negatives


def test_where_no_margin_is_high_there_are_no_hard_negatives(noise):
    levels = HOGPyramid().levels(noise, (64, 64))
    margins = [np.full(len(level.window_boxes(SHAPE)), -2.0) for level in levels]
    assert mine_hard_negatives(levels, SHAPE, margins, np.zeros((0, 4)), CONFIG) == []


def test_a_window_has_the_shape_of_its_class_and_without_boxes_that_of_all(shapes):
    wide = shapes.boxes.assign(x2=shapes.boxes.x1 + 100, y2=shapes.boxes.y1 + 50, label=1)
    only_rings = shapes.with_classes(shapes.classes, wide)
    assert window_shapes(only_rings, CONFIG).tolist() == [[5, 10], [5, 10]]
