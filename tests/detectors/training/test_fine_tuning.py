"""Fine-tuning of R-CNN's CNN."""

from dataclasses import replace

import numpy as np
import pytest

from shopee_od import load
from shopee_od.detectors.features.crop_cnn import CropCNN
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.rcnn import RCNN, RCNNConfig
from shopee_od.detectors.training.fine_tuning import FineTuningConfig, fine_tune, label_crops
from shopee_od.detectors.training.region_examples import ExamplesConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shared_cache")]

CONFIG = FineTuningConfig(enabled=True, steps=2, foreground=4, background=4)


def test_fine_tuning_changes_the_network(shapes):
    photos = shapes.split("train").sample(6)
    cnn = CropCNN()
    search = SelectiveSearch()
    crops, labels = label_crops(cnn, photos, 0, search, ExamplesConfig(), CONFIG)
    assert len(crops) == len(labels) and set(labels) == {0, 1, 2}
    before = cnn(crops[:2])
    key = cnn.key
    fine_tune(cnn, photos, 0, search, config=CONFIG)
    assert cnn.key != key and cnn.tuned
    assert not np.allclose(before, cnn(crops[:2]))


def test_a_fine_tuned_network_is_saved_with_its_detector(shapes, tmp_path):
    photos = shapes.split("train").sample(6)
    config = replace(RCNNConfig(), fine_tuning=CONFIG)
    detector = RCNN(config)
    detector.fit(photos, None, tmp_path / "run")
    loaded = load(tmp_path / "run")
    assert loaded.config == config
    crops = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3)).astype(np.uint8)
    expected = detector.slots.features(crops)
    np.testing.assert_allclose(loaded.slots.features(crops), expected, atol=1e-4)
    assert not np.allclose(CropCNN()(crops), expected)
