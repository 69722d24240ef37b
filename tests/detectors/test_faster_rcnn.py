"""Faster R-CNN from scratch, on synthetic shapes."""

import numpy as np
import pytest
from recipe_contract import RecipeContract, train

from shopee_od import load
from shopee_od.detectors.faster_rcnn import FasterRCNN, FasterRCNNConfig
from shopee_od.detectors.pipeline import WEIGHTS_FILE
from shopee_od.detectors.training.fast_rcnn import FastRCNNTrainingConfig
from shopee_od.errors import InputError
from shopee_od.ops.boxes import box_iou

pytestmark = pytest.mark.slow

EPOCHS = 6


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    detector = FasterRCNN(FasterRCNNConfig(training=FastRCNNTrainingConfig(epochs=EPOCHS)))
    return train(detector, shapes, tmp_path_factory.mktemp("faster_rcnn") / "run")


class TestFasterRCNN(RecipeContract):
    kind = "faster_rcnn_scratch"
    # A sum in another order moves a proposal, and with it all that follows.
    box_tolerance = 0.01
    score_tolerance = 1e-4

    def expected_passes(self, detector, regions):
        return 1


def test_its_four_losses_fall(trained):
    history = trained.detector.history
    assert len(history) == 30 * EPOCHS / 2
    first = history[:10].mean()
    last = history[-10:].mean()
    assert last.rpn_class_loss < first.rpn_class_loss / 2
    assert last.rpn_box_loss < first.rpn_box_loss
    assert last.class_loss < first.class_loss
    assert last.accuracy > 0.85


def test_it_proposes_better_than_untrained(trained, shape_photo):
    untrained = FasterRCNN(trained.detector.config).build(2, seed=0)
    rng = np.random.default_rng(3)
    best = {"trained": [], "untrained": []}
    for label in (0, 1, 0, 1):
        image, box = shape_photo(rng, label, 100)
        for name, slots in (("trained", trained.detector.slots), ("untrained", untrained)):
            proposals = slots.proposer.propose(image).top(5)
            best[name].append(box_iou(proposals.boxes, np.array([box])).max())
    assert np.mean(best["trained"]) > max(0.7, np.mean(best["untrained"]) + 0.1)


def test_the_shared_backbone_is_counted_and_saved_once(trained):
    slots = trained.detector.slots
    parts = (slots.proposer.head, slots.features.backbone, slots.head.model)
    assert trained.detector.num_parameters == sum(part.count_params() for part in parts)
    with np.load(trained.run_dir / WEIGHTS_FILE) as arrays:
        sizes = {name: arrays[name].shape for name in arrays}
    of_rpn = [name for name in sizes if name.startswith("proposer.")]
    assert len(of_rpn) == 8 == len(slots.proposer.variables)
    of_backbone = [name for name in sizes if name.startswith("features.")]
    assert len(of_backbone) == len(slots.features.variables)


def test_without_the_weights_of_its_rpn_it_is_refused(trained, tmp_path):
    trained.detector.save(tmp_path / "copy")
    file = tmp_path / "copy" / WEIGHTS_FILE
    with np.load(file) as saved:
        arrays = {name: saved[name] for name in saved if not name.startswith("proposer.")}
    np.savez(file, **arrays)
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent; save"):
        load(tmp_path / "copy")


def test_the_pass_of_the_shared_backbone_counts_as_the_features(trained, shape_photo):
    image, _ = shape_photo(np.random.default_rng(5), 0, 100)
    run = trained.detector.run(image)
    assert run.cnn_passes == 1 and run.features.cnn_passes == 0
    assert run.seconds["features"] > run.proposals.maps.seconds > 0
    maps = trained.detector.explain(image)["features"].maps
    assert {name: m.shape for name, m in maps.items()} == {"level 4": (20, 16), "level 5": (10, 8)}
