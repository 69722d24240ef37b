"""The CNN on windows: one pass per window and one per level give the same."""

import numpy as np
import pytest

from shopee_od.detectors.features.window_cnn import (
    CHANNELS,
    WindowFeatures,
    build_network,
    count_multiply_adds,
    normalize_pixels,
)
from shopee_od.detectors.proposers.sliding_windows import StretchConfig, StretchedWindows
from shopee_od.ops.pyramid import count_windows, resize_image

pytestmark = pytest.mark.slow

SIDE = StretchConfig().side
STRIDE = StretchConfig().stride


@pytest.fixture(scope="module")
def network():
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    return build_network(3)


@pytest.fixture(scope="module")
def features(network):
    return WindowFeatures(network, StretchConfig())


@pytest.mark.parametrize("size", [(48, 48), (56, 48), (55, 130), (200, 143)])
def test_a_window_gives_one_vector_and_each_step_of_8_pixels_one_more(network, features, size):
    height, width = size
    level = normalize_pixels(np.zeros((height, width, 3)))
    logits = network(level[None]).numpy()
    rows = (height - SIDE) // STRIDE + 1
    columns = (width - SIDE) // STRIDE + 1
    assert logits.shape[1] >= rows and logits.shape[2] >= columns and logits.shape[3] == 4
    assert count_windows(height, width, (SIDE, SIDE), STRIDE) == rows * columns
    assert features.extract_shared(level).shape == (rows, columns, CHANNELS)


def test_one_pass_per_level_gives_the_same_as_one_per_window(network, features):
    image = np.random.default_rng(0).integers(0, 256, (170, 140, 3)).astype(np.uint8)
    windows = 0
    for size in StretchConfig().level_sizes(170, 140):
        level = normalize_pixels(resize_image(image, size))
        shared = features.extract_shared(level)
        np.testing.assert_allclose(shared, features.extract_each(level), atol=1e-4)
        assert np.ptp(shared) > 0.01
        windows += shared.shape[0] * shared.shape[1]
    assert windows > 300


def test_features_are_in_the_order_of_the_windows(network, features):
    image = np.random.default_rng(0).integers(0, 256, (170, 140, 3)).astype(np.uint8)
    proposals = StretchedWindows().propose(image)
    shared = features.extract(image, proposals)
    alone = WindowFeatures(network, StretchConfig(), shared=False).extract(image, proposals)
    assert shared.values.shape == (len(proposals), CHANNELS)
    np.testing.assert_allclose(shared.values, alone.values, atol=1e-4)
    assert shared.cnn_passes == len(proposals.grids)
    assert alone.cnn_passes == len(proposals)
    assert [m.shape[:2] for m in shared.stage.maps.values()] == [
        (grid.rows, grid.columns) for grid in proposals.grids
    ]


def test_multiply_adds_are_counted(network):
    one_window = (
        22 * 22 * 5 * 5 * 3 * 16
        + 20 * 20 * 9 * 16 * 32
        + 8 * 8 * 9 * 32 * 64
        + 4 * 4 * 64 * 128
        + 128 * 4
    )
    assert count_multiply_adds(network, SIDE, SIDE) == one_window
    at_once = count_multiply_adds(network, 200, 144)
    windows = count_windows(200, 144, (SIDE, SIDE), STRIDE)
    assert 4 * at_once < windows * one_window
