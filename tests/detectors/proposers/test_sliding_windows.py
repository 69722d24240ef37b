"""Windows of image pyramids."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shopee_od.detectors.heads.hog_templates import HOGTemplates
from shopee_od.detectors.proposers.sliding_windows import (
    PyramidWindows,
    StretchConfig,
    StretchedWindows,
)
from shopee_od.ops.pyramid import sliding_windows

SIDE = StretchConfig().side


@settings(max_examples=30)
@given(st.integers(1, 900), st.integers(1, 900))
def test_every_stretched_level_has_a_window_and_none_is_large(height, width):
    for level_height, level_width in StretchConfig().level_sizes(height, width):
        assert level_height >= SIDE and level_width >= SIDE
        assert level_height * level_width < SIDE * SIDE * 60  # no larger for a larger image


@settings(max_examples=30)
@given(st.integers(1, 900), st.integers(1, 900))
def test_every_window_is_in_the_image(height, width):
    image = np.zeros((height, width, 3), np.uint8)
    head = HOGTemplates(2)
    head.assign(np.array([[7, 7], [5, 10]]))
    for proposer in (PyramidWindows(head), StretchedWindows()):
        proposals = proposer.propose(image)
        assert len(proposals) == sum(grid.rows * grid.columns for grid in proposals.grids)
        assert (proposals.boxes >= 0).all()
        assert (proposals.boxes <= np.array([width, height] * 2) + 1e-6).all()
        assert (proposals.boxes[:, 2:] > proposals.boxes[:, :2]).all()


def test_pyramid_windows_are_those_of_the_lesson():
    """`ops.pyramid.sliding_windows`, in which each level is resized from the image."""
    image = np.zeros((180, 150, 3), np.uint8)
    head = HOGTemplates(2)
    head.assign(np.array([[7, 7], [5, 10]]))
    shapes = [(64, 64), (48, 88)]
    lesson = [
        (level.shape[:2], shapes.index(shape), len(windows))
        for level, shape, windows in sliding_windows(image, shapes, stride=8)
    ]
    grids = PyramidWindows(head).propose(image).grids
    assert [(grid.size, grid.label, grid.rows * grid.columns) for grid in grids] == lesson


def test_stretched_windows_have_the_ratios_of_the_config():
    boxes = StretchedWindows().propose(np.zeros((300, 240, 3), np.uint8)).boxes
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    ratios = np.array(StretchConfig().ratios)
    nearest = np.abs(np.log(width / height)[:, None] - np.log(ratios)).min(axis=1)
    assert nearest.max() < 0.05
    assert np.sqrt(width * height).min() > 62
