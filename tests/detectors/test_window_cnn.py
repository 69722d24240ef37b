"""The window CNN on synthetic shapes."""

import numpy as np
import pytest
from recipe_contract import RecipeContract, train

from shopee_od.detector import Detector
from shopee_od.detectors.window_cnn import WindowCNN, WindowCNNConfig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    return train(WindowCNN(), shapes, tmp_path_factory.mktemp("window_cnn") / "run")


class TestWindowCNN(RecipeContract):
    kind = "window_cnn"
    min_ap50 = 0.5

    def expected_passes(self, detector, regions):
        """One per level of the photo."""
        return len(detector.config.windows.level_sizes(180, 150))


def test_one_pass_per_window_costs_more_and_detects_the_same(trained, tmp_path):
    trained.detector.save(tmp_path / "copy")
    text = (tmp_path / "copy" / "detector.json").read_text(encoding="utf-8")
    assert '"shared": true' in text
    changed = text.replace('"shared": true', '"shared": false')
    (tmp_path / "copy" / "detector.json").write_text(changed, encoding="utf-8")
    shared = trained.detector
    alone = WindowCNN.load(tmp_path / "copy")
    assert isinstance(alone, Detector) and alone.config == WindowCNNConfig(shared=False)
    image = np.random.default_rng(0).integers(0, 256, (200, 150, 3)).astype(np.uint8)
    before = shared.cost
    runs = [detector.run(image).scored.scores for detector in (shared, alone)]
    np.testing.assert_allclose(*runs, atol=1e-4)
    detections = [next(detector.detect([image], 0.0)) for detector in (shared, alone)]
    # Of almost equal scores the order may differ, and so may what NMS keeps.
    assert len(detections[0]) > 0 and len(detections[1]) > 0
    regions = shared.cost.regions - before.regions
    assert regions == alone.cost.regions == alone.cost.cnn_passes
    levels = len(shared.config.windows.level_sizes(200, 150))
    assert shared.cost.cnn_passes - before.cnn_passes == levels


def test_one_pass_per_window_shares_the_trained_weights(trained, shapes, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    trained.detector.save(folder)
    monkeypatch.setattr(WindowCNN, "train", lambda *_: pytest.fail("it is trained again"))
    alone = WindowCNN(WindowCNNConfig(shared=False))
    alone.fit(shapes.split("train"), shapes.split("val"), folder)
    assert alone.name == trained.detector.name and not alone.slots.features.shared


def test_the_feature_stage_has_a_map_for_each_level(trained, shape_photo):
    image, _ = shape_photo(np.random.default_rng(5), 0, 100)
    maps = trained.detector.explain(image)["features"].maps
    assert len(maps) == len(trained.detector.config.windows.level_sizes(180, 150))
    assert all(features.shape[2] == 128 for features in maps.values())
