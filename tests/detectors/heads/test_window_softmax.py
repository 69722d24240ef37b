"""The softmax of the window CNN."""

import numpy as np
import pytest
from scipy.special import softmax

from shopee_od.detectors.features.window_cnn import CHANNELS, WindowFeatures, build_network
from shopee_od.detectors.heads.window_softmax import WindowSoftmax
from shopee_od.detectors.proposers.sliding_windows import StretchConfig, StretchedWindows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network():
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    return build_network(2)


def test_probabilities_sum_to_one(network):
    head = WindowSoftmax(network)
    kernel = np.zeros((1, 1, CHANNELS, 3), np.float32)
    kernel[0, 0, 0] = [1000, 0, 0]
    kernel[0, 0, 1] = [-5, -5, -5]
    head.load_state_dict({"weights_0": kernel, "weights_1": np.zeros(3, np.float32)})
    features = np.eye(2, CHANNELS, dtype=np.float32)
    np.testing.assert_allclose(
        head.probabilities(features), [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], atol=1e-6
    )


def test_trunk_and_head_together_are_the_network(network):
    from shopee_od.detectors.features.window_cnn import normalize_pixels
    from shopee_od.ops.pyramid import resize_image

    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    proposals = StretchedWindows().propose(image)
    features = WindowFeatures(network, StretchConfig()).extract(image, proposals)
    scores = WindowSoftmax(network).predict(features, proposals).scores
    grid = proposals.grids[0]
    logits = network(normalize_pixels(resize_image(image, grid.size))[None], training=False)
    logits = logits.numpy()[0, : grid.rows, : grid.columns].reshape(-1, 3)
    expected = softmax(logits, axis=1)[:, 1:]
    np.testing.assert_allclose(scores[: len(expected)], expected, atol=1e-5)
