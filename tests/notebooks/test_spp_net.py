"""Notebook 04: what its page defines is what the package runs."""

import numpy as np
import pytest
from course import find_cell, find_notebook, load_functions

from shopee_od.ops.pooling import pyramid_pool

pytestmark = pytest.mark.slow

NOTEBOOK = find_notebook("04_spp_net")


@pytest.fixture(scope="module")
def page():
    functions = ("spatial_pyramid", "features_from_map", "training_step", "to_unit_length")
    return load_functions(NOTEBOOK, *functions)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (4, 4), (13, 9)])
@pytest.mark.parametrize("levels", [(1, 3), (1, 2, 3, 6)])
def test_its_pyramid_is_that_of_the_package(page, size, levels):
    cells = np.random.default_rng(0).normal(size=(*size, 5))
    np.testing.assert_array_equal(
        page["spatial_pyramid"](cells, levels), pyramid_pool(cells, levels)
    )


def test_its_exercise_has_the_answer_that_the_check_expects(page):
    names = {"np": np}
    exec(find_cell(NOTEBOOK, "tiny = np").splitlines()[0], names)
    tiny = names["tiny"]

    def changed(row, column, old, new):
        assert tiny[row, column] == old
        other = tiny.copy()
        other[row, column] = new
        pooled = [page["spatial_pyramid"](cells[..., None], (1, 2, 3)) for cells in (tiny, other)]
        return np.flatnonzero(pooled[0] != pooled[1]).tolist()

    assert changed(2, 2, 6, 10) == [0, 4, 9, 10, 12, 13]
    assert changed(2, 1, 0, 1) == []
    assert len(page["spatial_pyramid"](np.zeros((13, 17, 256)), (1, 2, 3, 6))) == 12_800


def test_a_step_through_the_map_has_the_gradients_of_the_convolutions(page):
    import tensorflow as tf

    from shopee_od.detectors.features.spp_map import FeatureMap, SPPConfig, shared_spp_map

    cnn = shared_spp_map(SPPConfig())
    levels = cnn.config.pyramid
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (160, 128, 3)).astype(np.uint8)
    boxes = np.array([[0, 0, 64, 90], [20, 30, 120, 150], [5, 5, 40, 40]], np.float32)
    feature_map = FeatureMap(cnn.compute(image[None])[0].numpy(), image.shape[:2])
    page |= {"cnn": cnn, "levels": levels, "pixels": tf.constant(image[None], tf.float32)}
    page |= {"rois": tf.constant(boxes), "image_of_roi": tf.zeros(3, tf.int32)}
    page |= {"labels": tf.constant([0, 1, 2]), "dense": tf.Variable(tf.ones((cnn.width, 4)))}
    pooled = page["features_from_map"]()
    np.testing.assert_allclose(pooled, feature_map.pool(boxes, levels), rtol=1e-3, atol=1e-3)
    first_kernel = cnn.model.trainable_variables[0]
    gradients, seconds = page["training_step"](
        page["features_from_map"], [page["dense"], first_kernel]
    )
    assert seconds > 0 and all(np.abs(gradient).max() > 0 for gradient in gradients)
