"""Notebook 05: what its page defines is what the package runs."""

import numpy as np
import pytest
from course import find_notebook, load_functions

from shopee_od.ops import pooling

pytestmark = pytest.mark.slow

NOTEBOOK = find_notebook("05_fast_rcnn")
CLASSES = 3


@pytest.fixture(scope="module")
def page():
    """The functions of the page; a test adds the names that they need."""
    functions = ("pool_roi", "interpolate", "align_roi")
    networks = ("build_head", "multi_task_loss", "train_step")
    return load_functions(NOTEBOOK, *functions, *networks, num_classes=CLASSES)


@pytest.fixture
def batch():
    """Two images with RoIs of all kinds: garments, background, and fillers."""
    from shopee_od.detectors.fast_rcnn import FastRCNN

    rois_per_step = FastRCNN().config.training.rois
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 160, 128, 3)).astype(np.uint8)
    corners = rng.uniform(0, 60, (rois_per_step, 2))
    rois = np.concatenate([corners, corners + 60], axis=1).astype(np.float32)
    image_of_roi = (np.arange(rois_per_step) % 2).astype(np.int32)
    labels = (np.arange(rois_per_step) % (CLASSES + 2) - 1).astype(np.int32)
    targets = rng.normal(0, 2, (rois_per_step, 4)).astype(np.float32)
    return images, rois, image_of_roi, labels, targets


@pytest.mark.parametrize("roi", [(4, 12, 52, 44), (7.3, 20.1, 90.9, 70.5), (0, 0, 112, 96)])
def test_its_pooling_is_that_of_the_package(page, roi):
    features = np.random.default_rng(1).normal(size=(6, 7, 5))
    roi = np.array(roi)
    pooled = page["pool_roi"](features, roi, 16, 3)
    np.testing.assert_array_equal(pooled, pooling.roi_max_pool(features, roi, 16, 3))
    aligned = page["align_roi"](features, roi, 16, 3)
    np.testing.assert_allclose(aligned, pooling.roi_align(features, roi, 16, 3), atol=1e-9)


def test_its_head_is_that_of_the_package(page):
    from shopee_od.detectors.heads.softmax_box_head import BoxHeadConfig, build_box_head
    from shopee_od.detectors.training.seeding import set_random_seed

    heads = []
    for build, options in ((page["build_head"], ()), (build_box_head, (BoxHeadConfig(),))):
        set_random_seed(0)
        heads.append(build(CLASSES, 7, 432, *options))
    ours, package = heads
    layers = [[type(layer) for layer in head.layers] for head in heads]
    assert layers[0] == layers[1]
    pooled = np.random.default_rng(0).normal(size=(5, 7, 7, 432)).astype(np.float32)
    for output, expected in zip(ours(pooled), package(pooled), strict=True):
        assert output.shape == expected.shape
        np.testing.assert_allclose(output, expected, atol=1e-6)  # their first weights are equal


def test_its_loss_is_that_of_the_package(page):
    import tensorflow as tf

    from shopee_od.detectors.training.losses import multi_task_loss

    rng = np.random.default_rng(2)
    labels = np.array([-1, 0, 1, 2, 3, 0, -1, 1], np.int32)
    arrays = (rng.normal(0, 2, (8, 4)), rng.normal(0, 2, (8, 3, 4)), rng.normal(0, 2, (8, 4)))
    logits, deltas, targets = (tf.constant(array, tf.float32) for array in arrays)
    args = (logits, deltas, tf.constant(labels), targets)
    np.testing.assert_allclose(page["multi_task_loss"](*args), multi_task_loss(*args), rtol=1e-5)


def test_its_training_step_changes_the_weights_as_that_of_the_package(page, batch):
    import tensorflow as tf
    import tf_keras

    from shopee_od.detectors.fast_rcnn import FastRCNN
    from shopee_od.detectors.training.fast_rcnn import build_train_step

    detector = FastRCNN()
    training = detector.config.training
    weights = []
    losses = []
    for is_page in (True, False):
        slots = detector.build(CLASSES, seed=0)
        extractor = slots.features
        variables = [*extractor.variables, *slots.head.model.trainable_variables]
        optimizer = tf_keras.optimizers.SGD(0.01)
        if is_page:
            page |= {"extractor": extractor, "head": slots.head.model, "training": training}
            page |= {"variables": variables, "optimizer": optimizer}
            step = page["train_step"]
        else:
            optimizer.build(variables)
            step = build_train_step(slots, variables, optimizer, training)
        before = [variable.numpy() for variable in variables]
        losses.append([float(loss) for loss in step(*map(tf.constant, batch))[:2]])
        weights.append([variable.numpy() for variable in variables])
        assert any((new != old).any() for new, old in zip(weights[-1], before, strict=True))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    for ours, package in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, package, rtol=1e-3, atol=1e-5)
