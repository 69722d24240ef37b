"""SPP-net on synthetic shapes."""

import numpy as np
import pytest
from recipe_contract import RecipeContract, train

from shopee_od import load
from shopee_od.detectors.features.spp_map import STRIDE, SPPMap
from shopee_od.detectors.pipeline import WEIGHTS_FILE
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.slots import Proposals
from shopee_od.detectors.spp_net import SPPNet
from shopee_od.errors import InputError
from shopee_od.ops.boxes import box_iou

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(shapes, shared_cache, tmp_path_factory):
    return train(SPPNet(), shapes, tmp_path_factory.mktemp("spp_net") / "run")


class TestSPPNet(RecipeContract):
    kind = "spp_net"
    box_tolerance = 1e-3
    score_tolerance = 1e-5

    def expected_passes(self, detector, regions):
        """One per scale."""
        return len(detector.config.maps.scales)


def test_features_are_not_computed_twice(trained, shapes, tmp_path, monkeypatch):
    """Trained elsewhere on the same photos, no photo goes through the network again."""
    monkeypatch.setattr(SPPMap, "extract_training", None)
    again = SPPNet()
    again.fit(shapes.split("train"), shapes.split("val"), tmp_path / "run")
    # Not to the last digit: sums depend on where in memory the features are.
    expected = trained.detector.slots.head.weights
    np.testing.assert_allclose(again.slots.head.weights, expected, atol=1e-5)
    assert again.metadata["minutes"] >= 0


def test_svms_of_another_network_are_refused(trained, tmp_path):
    """Those of R-CNN are shorter, and fit their own box regression."""
    trained.detector.save(tmp_path / "copy")
    file = tmp_path / "copy" / WEIGHTS_FILE
    with np.load(file) as saved:
        arrays = dict(saved)
    arrays["head.weights"] = arrays["head.weights"][:2880]
    arrays["head.box_weights"] = arrays["head.box_weights"][:2881]
    np.savez(file, **arrays)
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent"):
        load(tmp_path / "copy")


def test_the_feature_stage_shows_a_map_for_each_scale(trained, shape_photo):
    image, box = shape_photo(np.random.default_rng(5), 0, 100)
    trace = trained.detector.explain(image)
    scales = trained.detector.config.maps.scales
    stage = trace["features"]
    assert len(stage.details["scale"]) == len(trace["proposals"].boxes)
    assert set(stage.details["scale"]) <= set(scales)
    assert list(stage.maps) == [f"{side} pixels" for side in scales]
    assert [cells.shape[1] * STRIDE for cells in stage.maps.values()] == list(scales)
    assert box_iou(trace["detections"].boxes[:1], np.array([box]))[0, 0] > 0.5


def test_a_photo_without_proposals_has_no_garment(trained, monkeypatch):
    nothing = Proposals(np.zeros((0, 4), np.float32), 0.0)
    monkeypatch.setattr(SelectiveSearch, "propose", lambda self, image: nothing)
    image = np.zeros((50, 60, 3), np.uint8)
    [detections] = trained.detector.detect([image])
    assert len(detections) == 0
    assert len(trained.detector.explain(image)["detections"].boxes) == 0
