"""SVMs on RoIAlign of one map, on synthetic shapes."""

import numpy as np
import pytest
from recipe_contract import RecipeContract, train

from shopee_od.detectors.features.roi_align_map import RoIAlignMap
from shopee_od.detectors.roi_align_svms import RoIAlignSVMs
from shopee_od.detectors.slots import Proposals
from shopee_od.ops.boxes import mirror_boxes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(shapes, shared_cache, tmp_path_factory):
    return train(RoIAlignSVMs(), shapes, tmp_path_factory.mktemp("roi_align_svms") / "run")


class TestRoIAlignSVMs(RecipeContract):
    kind = "roi_align_svms"
    box_tolerance = 1e-3
    score_tolerance = 1e-5

    def expected_passes(self, detector, regions):
        return 1


def test_nothing_of_the_backbone_is_trained(trained):
    features = trained.detector.slots.features
    assert features.variables == [] and features.state_dict() == {}
    fresh = RoIAlignMap(features.config, features.max_regions)
    assert fresh.key == features.key


def test_training_features_are_those_of_detection(trained, shape_photo):
    """Boxes, their mirror images in the mirrored photo, proposals: each a flat row."""
    features = trained.detector.slots.features
    image, box = shape_photo(np.random.default_rng(5), 0, 100)
    gt_boxes = np.array([box], np.float32)
    proposals = np.array([[5, 10, 60, 90], [20, 20, 50, 40]], np.float32)
    rows = features.extract_training(image, gt_boxes, proposals)
    assert rows.shape == (4, features.flat_width) and features.flat_width == 9 * 432
    mirrored = np.ascontiguousarray(image[:, ::-1])
    expected = [
        features.extract(image, Proposals(gt_boxes)),
        features.extract(mirrored, Proposals(mirror_boxes(gt_boxes, image.shape[1]))),
        features.extract(image, Proposals(proposals)),
    ]
    flat = np.concatenate([np.reshape(e.values, (len(e.values), -1)) for e in expected])
    np.testing.assert_allclose(rows, flat, atol=1e-4)
    assert abs(rows[0] - rows[1]).max() > 0.1


def test_features_are_not_computed_twice(trained, shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(RoIAlignMap, "extract_training", None)
    again = RoIAlignSVMs()
    again.fit(shapes.split("train"), shapes.split("val"), tmp_path / "run")
    expected = trained.detector.slots.head.weights
    np.testing.assert_allclose(again.slots.head.weights, expected, atol=1e-5)
