"""HOG + SVM on synthetic shapes."""

from dataclasses import replace

import numpy as np
import pytest
from recipe_contract import RecipeContract, train

from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.hog_svm import HOGSVM, HOGSVMConfig
from shopee_od.detectors.training.hard_negative_mining import mine_hard_negatives
from shopee_od.detectors.training.hog_svm import HOGTrainingConfig

NO_BOXES = np.zeros((0, 4))


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    return train(HOGSVM(), shapes, tmp_path_factory.mktemp("hog_svm") / "run")


class TestHOGSVM(RecipeContract):
    kind = "sliding_window"

    def expected_passes(self, detector, regions):
        return 0


def test_hard_negatives_push_the_worst_mistakes_down(trained, shapes, tmp_path):
    training = HOGTrainingConfig()
    without = HOGSVM(HOGSVMConfig(training=replace(training, rounds=0)))
    photos = shapes.split("train")
    without.fit(photos, None, tmp_path / "run")
    image = read_photo(photos.images.path[0])
    [label] = photos.boxes_of(photos.images.image_id[0]).label
    other = 1 - label  # none of its kind is in the image
    highest = []
    for detector in (without, trained.detector):
        head = detector.slots.head
        smallest = tuple(head.window_sizes.min(axis=0).tolist())
        levels = detector.slots.features.levels(image, smallest)
        margins = [head.margins(level, other) for level in levels]
        mistakes = mine_hard_negatives(levels, head.shapes[other], margins, NO_BOXES, training)
        highest.append(mistakes[0][0] if mistakes else -1)
    assert highest[1] < highest[0]


def test_a_photo_smaller_than_all_windows_has_no_garment(trained):
    [detections] = trained.detector.detect([np.zeros((40, 40, 3), np.uint8)])
    assert len(detections) == 0


def test_a_large_photo_costs_no_more_than_its_longest_side_allows(trained):
    proposals = trained.detector.slots.proposer.propose(np.zeros((1000, 800, 3), np.uint8))
    first = [grid for grid in proposals.grids if grid.label == 0]
    windows = sum(grid.rows * grid.columns for grid in first)
    assert 100 < windows < 5000
    assert (proposals.boxes[:, 2:].max(axis=0) <= np.array([800, 1000]) + 1e-6).all()


def test_all_windows_of_all_classes_are_scored(trained):
    detector = trained.detector
    run = detector.run(np.zeros((180, 150, 3), np.uint8))
    scored = np.isfinite(run.scored.scores)
    assert (scored.sum(axis=1) == 1).all(), "each window is scored for the class whose shape it has"
    assert len(scored) == sum(grid.rows * grid.columns for grid in run.proposals.grids) > 100


def test_the_feature_stage_shows_edge_strength_at_full_size(trained, shape_photo):
    image, _ = shape_photo(np.random.default_rng(5), 0, 100)
    [strength] = trained.detector.explain(image)["features"].maps.values()
    assert strength.shape == (22, 18)
