"""Pooling in TensorFlow: equal to NumPy's, and its gradients to finite differences."""

import numpy as np
import pytest
import tensorflow as tf

from shopee_od.detectors.features import roi_align_layer as roi_pooling
from shopee_od.ops import pooling

pytestmark = pytest.mark.slow

STRIDE = 16.0


def make_batch(seed, batch, height, width, channels, n):
    """float32 features from 0 to 1, RoIs, int32 images.

    The first RoIs are the whole image, its last corner, and one smaller than a cell.
    """
    rng = np.random.default_rng(seed)
    features = rng.uniform(0, 1, (batch, height, width, channels)).astype(np.float32)
    size = np.array([width, height]) * STRIDE
    side = rng.uniform(0.01, 1, (n, 2)) * size
    start = rng.uniform(0, 1, (n, 2)) * (size - side)
    rois = np.concatenate([start, start + side], axis=1)
    rois[:3] = [[0, 0, *size], [*np.maximum(size - 20, 0), *size], [8, 8, 9, 9]]
    return features, rois.astype(np.float32), rng.integers(0, batch, n).astype(np.int32)


IMPLEMENTATIONS = {
    "RoIAlign, one sample": (
        lambda *args: roi_pooling.roi_align(*args, STRIDE),
        lambda features, roi: pooling.roi_align(features, roi, STRIDE),
    ),
    "RoIAlign, four samples": (
        lambda *args: roi_pooling.roi_align(*args, STRIDE, 5, 2),
        lambda features, roi: pooling.roi_align(features, roi, STRIDE, 5, 2),
    ),
    "RoIAlign, one bin": (
        lambda *args: roi_pooling.roi_align(*args, STRIDE, 1),
        lambda features, roi: pooling.roi_align(features, roi, STRIDE, 1),
    ),
    "RoI pooling": (
        lambda *args: roi_pooling.roi_max_pool(*args, STRIDE),
        lambda features, roi: pooling.roi_max_pool(features, roi, STRIDE),
    ),
    "spatial pyramid pooling": (
        lambda *args: roi_pooling.pyramid_pool(*args, STRIDE, (1, 2, 3, 6)),
        lambda features, roi: pooling.pyramid_pool(
            pooling.crop_features(features, roi, STRIDE), (1, 2, 3, 6)
        ),
    ),
}


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_it_is_equal_to_numpy(name):
    """12 batches of 3 images, maps of 1 to 22 cells per side, 30 RoIs each."""
    pool, pool_numpy = IMPLEMENTATIONS[name]
    sides = np.random.default_rng(0).integers(1, 23, (12, 2))
    for seed, (height, width) in enumerate(sides):
        features, rois, images = make_batch(seed, 3, height, width, 4, 30)
        expected = np.stack(
            [pool_numpy(features[image], roi) for image, roi in zip(images, rois, strict=True)]
        )
        np.testing.assert_allclose(pool(features, rois, images), expected, atol=1e-5)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_the_gradient_is_that_of_finite_differences(name):
    """Of a random weighting of all outputs, for each of 2 · 5 · 4 · 2 values of the features.

    RoIAlign is linear, so that steps of 1 are exact; so are those of maxima while the cells that
    they come from do not change.
    """
    pool, _ = IMPLEMENTATIONS[name]
    features, rois, images = make_batch(7, 2, 5, 4, 2, 6)
    step = 1.0 if name.startswith("RoIAlign") else np.diff(np.sort(features.ravel())).min() / 2
    if step < 1:
        features = features.astype(np.float64)
        step /= 2
    features = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(features)
        outputs = pool(features, rois, images)
        weights = np.random.default_rng(1).normal(size=outputs.shape)
        gradient = tape.gradient(tf.reduce_sum(tf.cast(outputs, tf.float64) * weights), features)
    ones = np.eye(features.numpy().size).reshape(-1, *features.shape) * step

    compiled = tf.function(lambda x: pool(x, rois, images))

    def weighted(x):
        return (compiled(tf.cast(x, features.dtype)).numpy().astype(np.float64) * weights).sum()

    differences = [
        (weighted(features + one) - weighted(features - one)) / (2 * step) for one in ones
    ]
    np.testing.assert_allclose(np.ravel(gradient), differences, atol=1e-4)
    assert np.count_nonzero(gradient) > 20


def test_each_maximum_sends_its_gradient_to_one_cell():
    features = tf.constant(
        np.random.default_rng(0).permutation(48).reshape(1, 6, 8, 1).astype(np.float32)
    )
    with tf.GradientTape() as tape:
        tape.watch(features)
        pooled = roi_pooling.roi_max_pool(features, np.float32([[0, 0, 128, 96]]), [0], STRIDE, 2)
    gradient = tape.gradient(pooled, features).numpy()
    assert (
        sorted(features.numpy()[gradient == 1]) == sorted(pooled.numpy().ravel())
        and gradient.sum() == 4
    )


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_maps_of_different_sizes_go_through_one_graph(name):
    pool, _ = IMPLEMENTATIONS[name]
    graph = tf.function(
        pool,
        input_signature=[
            tf.TensorSpec([None, None, None, 4]),
            tf.TensorSpec([None, 4]),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    for seed, (height, width) in enumerate([(6, 9), (12, 4), (1, 1)]):
        batch = make_batch(seed, 2, height, width, 4, 8)
        np.testing.assert_allclose(graph(*batch), pool(*batch), atol=1e-5)
