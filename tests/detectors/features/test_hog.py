"""HOG of the windows of a pyramid level."""

import numpy as np
import pytest

from shopee_od.detectors.features.hog import HOGPyramid
from shopee_od.detectors.heads.hog_templates import HOGTemplates
from shopee_od.detectors.proposers.sliding_windows import PyramidWindows
from shopee_od.ops.hog import hog

SHAPES = np.array([[7, 7], [5, 10]])


@pytest.fixture
def noise():
    return np.random.default_rng(1).integers(0, 256, (160, 144, 3)).astype(np.uint8)


def test_windows_are_the_pixels_of_the_image(noise):
    """At the image's own size a window's features are HOG of its pixels, but for its edge cells."""
    level = HOGPyramid().levels(noise, (64, 64))[0]
    boxes = level.window_boxes(SHAPES[0])
    indices = [0, len(boxes) // 2, len(boxes) - 1]
    features = level.window_features(SHAPES[0], indices)
    for (x1, y1, x2, y2), values in zip(boxes[indices].astype(int), features, strict=True):
        assert np.corrcoef(hog(noise[y1:y2, x1:x2]), values)[0, 1] > 0.9


def test_the_extractor_computes_one_level_for_each_size(noise):
    head = HOGTemplates(2)
    head.assign(SHAPES)
    proposals = PyramidWindows(head).propose(noise)
    features = HOGPyramid().extract(noise, proposals)
    assert set(features.values) == {grid.size for grid in proposals.grids}
    assert features.cnn_passes == 0
    for grid in proposals.grids:
        level = features.values[grid.size]
        assert level.image_size == (160, 144) and level.size == grid.size
        windows = len(level.window_boxes(SHAPES[grid.label]))
        assert windows == grid.rows * grid.columns


def test_levels_of_the_training_are_those_of_the_proposer(noise):
    head = HOGTemplates(2)
    head.assign(SHAPES)
    smallest = tuple(head.window_sizes.min(axis=0).tolist())
    levels = HOGPyramid().levels(noise, smallest)
    sizes = dict.fromkeys(grid.size for grid in PyramidWindows(head).propose(noise).grids)
    assert [level.size for level in levels][: len(sizes)] == list(sizes)
