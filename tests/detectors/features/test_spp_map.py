"""SPP-net's maps: their pooled features, compared with those of the plain network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.detectors.features.spp_map import (
    LEVEL,
    STRIDE,
    SPPConfig,
    scale_to_cells,
    shared_spp_map,
)
from shopee_od.detectors.slots import Proposals
from shopee_od.ops.pooling import pyramid_pool

pytestmark = pytest.mark.slow

SCALES = SPPConfig().scales
PYRAMID = SPPConfig().pyramid


@pytest.fixture(scope="module")
def cnn():
    return shared_spp_map(SPPConfig())


def some_regions(seed, count):
    """float32 (count, 4) in a photo of 150 × 180 pixels."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, [100, 120], (count, 2))
    sizes = rng.uniform(10, [50, 60], (count, 2))
    return np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(180, 150), (300, 201), (97, 260)])
def test_features_of_the_whole_photo_are_those_of_the_plain_network(cnn, height, width):
    """Of a network for this one size, on the photo at the scale that was assigned."""
    from shopee_od.backbones import IMAGENET_MEAN, IMAGENET_STD, efficientnet_lite0

    photo = np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)
    features, [scale] = cnn.pool(cnn.compute_maps(photo), np.array([[0, 0, width, height]]))
    scaled = scale_to_cells(photo, SCALES[scale])
    plain = efficientnet_lite0(scaled.shape[:2])
    normalized = (scaled[None] / 255 - IMAGENET_MEAN) / IMAGENET_STD
    cells = plain.predict(normalized, verbose=0)[LEVEL][0]
    np.testing.assert_allclose(features[0], pyramid_pool(cells, PYRAMID), atol=1e-4)


@given(st.integers(1, 1200), st.integers(1, 1200), st.sampled_from(SCALES))
def test_a_scaled_photo_is_whole_cells_and_keeps_its_shape(height, width, side):
    factor = side / min(height, width)
    if max(height, width) * factor > 3000:
        return
    h, w = scale_to_cells(np.zeros((height, width, 3), np.uint8), side).shape[:2]
    assert h % STRIDE == w % STRIDE == 0 and min(h, w) == side
    assert abs(h - height * factor) <= STRIDE / 2 and abs(w - width * factor) <= STRIDE / 2


def test_a_region_is_pooled_from_its_cells_alone(cnn, shape_photo):
    image, _ = shape_photo(np.random.default_rng(1), 1, 90)
    feature_map = cnn.compute_map(image, SCALES[-1])
    rois = some_regions(0, 20)
    pooled = feature_map.pool(rois, PYRAMID)
    windows = feature_map.quantize(rois)
    for roi, features, (x1, y1, x2, y2) in zip(rois, pooled, windows, strict=True):
        cells = feature_map.cells[y1:y2, x1:x2]
        np.testing.assert_array_equal(features, pyramid_pool(cells, PYRAMID))
        rounded = feature_map.to_image(np.array([[x1, y1, x2, y2]]))
        assert np.abs(rounded - roi).max() <= STRIDE / feature_map.scale * 1.01
    whole = feature_map.quantize(np.array([[0, 0, 150, 180]]))
    assert whole.tolist() == [[0, 0, *feature_map.cells.shape[1::-1]]]


def test_small_regions_are_pooled_from_large_maps(cnn):
    photo = np.random.default_rng(0).integers(0, 256, (300, 240, 3)).astype(np.uint8)
    sides = np.array([40, 130, 160, 235])
    regions = np.stack([0 * sides, 0 * sides, sides, sides], axis=1)
    _, scales = cnn.pool(cnn.compute_maps(photo), regions)
    assert (np.diff(scales) <= 0).all() and scales[0] == len(SCALES) - 1 and scales[-1] == 0


def test_mirrored_boxes_are_those_of_the_mirrored_photo(cnn, shape_photo):
    image, box = shape_photo(np.random.default_rng(2), 1, 90)
    x1, y1, x2, y2 = box
    mirrored = np.array([[150 - x2, y1, 150 - x1, y2]], np.float32)
    features = cnn.extract_training(image, np.array([box], np.float32), some_regions(0, 5))
    nothing = np.zeros((0, 4), np.float32)
    of_mirror = cnn.extract_training(np.ascontiguousarray(image[:, ::-1]), mirrored, nothing)
    assert features.shape == (7, cnn.width) and of_mirror.shape == (2, cnn.width)
    np.testing.assert_allclose(features[[1, 0]], of_mirror, atol=1e-5)


def test_there_is_a_pass_for_each_scale_for_any_number_of_regions(cnn, shape_photo):
    image, _ = shape_photo(np.random.default_rng(2), 1, 90)
    for count in (0, 1, 50):
        features = cnn.extract(image, Proposals(some_regions(0, count)))
        assert features.values.shape == (count, cnn.width)
        assert features.cnn_passes == len(SCALES)


def test_one_network_is_shared_by_all_detectors_of_a_config(cnn):
    assert shared_spp_map(SPPConfig()) is cnn
    assert cnn.state_dict() == {}
