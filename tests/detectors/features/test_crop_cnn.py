"""R-CNN's CNN on crops."""

import numpy as np
import pytest

from shopee_od.detectors.features.crop_cnn import CropCNN
from shopee_od.detectors.slots import Proposals

pytestmark = pytest.mark.slow

BOXES = np.array([[0, 0, 50, 50], [20, 20, 80, 80]])


@pytest.fixture(scope="module")
def cnn():
    return CropCNN()


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (120, 100, 3)).astype(np.uint8)


def test_boxes_of_a_photo_are_mirrored_for_training_too(cnn, image):
    crops = cnn.training_crops(image, np.array([[10, 10, 90, 100]]), BOXES)
    assert len(crops) == 4
    np.testing.assert_array_equal(crops[1], crops[0][:, ::-1])
    features = cnn.extract_training(image, np.array([[10, 10, 90, 100]]), BOXES)
    assert features.shape == (4, cnn.width)


def test_every_region_is_a_pass_of_the_cnn(cnn, image):
    features = cnn.extract(image, Proposals(BOXES))
    assert features.cnn_passes == 2
    assert features.values.shape == (2, cnn.width) == (2, 2880)
    np.testing.assert_allclose(cnn(features.stage.crops), features.values, atol=1e-5)


def test_without_regions_there_are_no_features(cnn, image):
    features = cnn.extract(image, Proposals(np.zeros((0, 4))))
    assert features.values.shape == (0, cnn.width) and features.cnn_passes == 0


def test_untuned_weights_are_not_saved(cnn):
    assert cnn.state_dict() == {}
