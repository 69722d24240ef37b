"""Fast R-CNN's map: what is pooled from it does not depend on padding; what training changes."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from shopee_od.backbones import normalize_images
from shopee_od.detectors.features.roi_align_map import RoIAlignMap
from shopee_od.detectors.slots import Proposals
from shopee_od.ops.batching import pad_images
from shopee_od.ops.pooling import roi_align

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def features():
    return RoIAlignMap(max_regions=8)


def test_padded_and_alone_a_photo_gives_the_same_roi_features(features):
    rng = np.random.default_rng(1)
    photos = [
        normalize_images(rng.uniform(0, 255, (*size, 3))).numpy() for size in ((90, 128), (128, 70))
    ]
    batch, sizes = pad_images(photos)
    together = features.compute_maps(tf.constant(batch), tf.constant(sizes))
    for k, photo in enumerate(photos):
        height, width = photo.shape[:2]
        rois = tf.constant([[0, 0, width, height], [width / 2, 3, width, height]], tf.float32)
        alone = features.compute_maps(*map(tf.constant, pad_images([photo])))
        pooled = features.pool(together, rois, tf.fill([2], k))
        expected = features.pool(alone, rois, tf.zeros(2, tf.int32))
        np.testing.assert_allclose(pooled, expected, atol=1e-4)


def test_regions_are_pooled_from_the_maps_of_the_resized_photo(features):
    image = np.random.default_rng(0).integers(0, 256, (100, 80, 3)).astype(np.uint8)
    boxes = np.array([[5, 10, 60, 90], [20, 20, 50, 40]], np.float32)
    result = features.extract(image, Proposals(boxes))
    assert result.cnn_passes == 1
    resized = features.resize(image)
    assert resized.shape == (320, 256, 3)
    maps = features.compute_maps(normalize_images(resized[None]))
    for k, box in enumerate(boxes * 3.2):
        parts = [
            roi_align(cells[0].numpy(), box, 2**level)
            for cells, level in zip(maps, features.config.levels, strict=True)
        ]
        expected = np.concatenate(parts, axis=-1)
        np.testing.assert_allclose(result.values[k], expected, atol=1e-4)


def test_first_levels_and_batch_norms_are_not_trained(features):
    trainable = {id(variable) for variable in features.variables}
    assert 0 < len(trainable) < len(features.backbone.weights) / 3
    for part in features.backbone.submodules:
        if isinstance(part, tf_keras.layers.BatchNormalization):
            assert not trainable & {id(variable) for variable in part.weights}


def test_a_state_is_put_back(features):
    state = features.state_dict()
    changed = {name: array + 1 for name, array in state.items()}
    features.load_state_dict(changed)
    for name, array in features.state_dict().items():
        np.testing.assert_array_equal(array, changed[name])
    features.load_state_dict(state)
