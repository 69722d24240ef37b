"""Fast R-CNN on synthetic shapes."""

import numpy as np
import pytest
from recipe_contract import RecipeContract, train

from shopee_od.detectors.fast_rcnn import FastRCNN, FastRCNNConfig
from shopee_od.detectors.training.fast_rcnn import FastRCNNTrainingConfig

pytestmark = pytest.mark.slow

EPOCHS = 4


@pytest.fixture(scope="module")
def trained(shapes, shared_cache, tmp_path_factory):
    detector = FastRCNN(FastRCNNConfig(training=FastRCNNTrainingConfig(epochs=EPOCHS)))
    return train(detector, shapes, tmp_path_factory.mktemp("fast_rcnn") / "run")


class TestFastRCNN(RecipeContract):
    kind = "fast_rcnn"

    def expected_passes(self, detector, regions):
        return 1


def test_its_losses_fall(trained):
    history = trained.detector.history
    assert len(history) == 30 * EPOCHS / 2
    first = history[:10].mean()
    last = history[-10:].mean()
    assert last.class_loss < first.class_loss / 2
    assert last.box_loss < first.box_loss
    assert last.accuracy > 0.9


def test_every_proposal_is_a_region(trained, shape_photo):
    detector = trained.detector
    image, _ = shape_photo(np.random.default_rng(5), 1, 90)
    before = detector.cost.regions
    list(detector.detect([image]))
    proposals = detector.slots.proposer.search(image)
    assert detector.cost.regions - before == min(300, len(proposals))


def test_the_backbone_counts_as_parameters(trained):
    head = trained.detector.slots.head
    assert trained.detector.num_parameters > head.model.count_params() + 2e6


def test_the_feature_stage_shows_a_map_for_each_level(trained, shape_photo):
    image, box = shape_photo(np.random.default_rng(5), 0, 100)
    trace = trained.detector.explain(image)
    maps = trace["features"].maps
    assert {name: m.shape for name, m in maps.items()} == {"level 4": (20, 16), "level 5": (10, 8)}
    candidates = trace["candidates"]
    assert len(candidates.before) == len(candidates.boxes)
    np.testing.assert_allclose(trace["detections"].boxes[0], box, atol=25)
