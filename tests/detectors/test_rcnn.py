"""R-CNN on synthetic shapes."""

import numpy as np
import pytest
from recipe_contract import RecipeContract, train

from shopee_od.backbones.efficientnet_lite import read_weights
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.rcnn import RCNN
from shopee_od.detectors.slots import Proposals

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(shapes, shared_cache, tmp_path_factory):
    return train(RCNN(), shapes, tmp_path_factory.mktemp("rcnn") / "run")


class TestRCNN(RecipeContract):
    kind = "rcnn"
    box_tolerance = 1e-2
    score_tolerance = 1e-4

    def expected_passes(self, detector, regions):
        """One per region."""
        return regions


def test_the_steps_take_most_of_the_seconds(trained, shape_photo):
    detector = trained.detector
    image, _ = shape_photo(np.random.default_rng(8), 1, 100)
    before = detector.cost.seconds
    seconds_before = sum(detector.seconds.values())
    list(detector.detect([image]))
    spent = sum(detector.seconds.values()) - seconds_before
    assert spent == pytest.approx(detector.cost.seconds - before, rel=0.5)


def test_cached_proposals_count_with_the_seconds_they_took(trained, shapes, monkeypatch):
    """The search is given as an hour long, and does not run again."""
    detector = trained.detector
    path = shapes.split("test").images.path[0]
    search = detector.slots.proposer
    search.prefetch([path])
    boxes = search.propose(read_photo(path)).boxes
    monkeypatch.setattr(SelectiveSearch, "propose", lambda self, image: Proposals(boxes, 3600.0))
    before = detector.cost.seconds
    list(detector.detect([read_photo(path)]))
    assert 3600 < detector.cost.seconds - before < 3700


def test_the_cnn_s_parameters_are_counted(trained):
    weights = read_weights().items()
    cnn = sum(
        array.size for name, array in weights if not name.startswith(("classifier/", "head/"))
    )
    assert trained.detector.num_parameters == cnn + 1 + 2880 * 2 + 2 + 2881 * 4


def test_the_feature_stage_shows_the_crops(trained, shape_photo):
    image, _ = shape_photo(np.random.default_rng(5), 0, 100)
    trace = trained.detector.explain(image)
    regions = len(trace["proposals"].boxes)
    side = trained.detector.config.crops.side
    assert trace["features"].crops.shape == (regions, side, side, 3)
    candidates = trace["candidates"]
    assert candidates.boxes.shape == candidates.before.shape
