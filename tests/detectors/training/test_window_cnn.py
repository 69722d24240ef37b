"""What the window CNN is trained on: jittered boxes, background, and hard negatives."""

import numpy as np
import pandas as pd
import pytest

from shopee_od.datasets.dataset import CORNERS
from shopee_od.detectors.features.window_cnn import WindowFeatures, build_network
from shopee_od.detectors.heads.window_softmax import WindowSoftmax
from shopee_od.detectors.proposers.sliding_windows import StretchConfig, StretchedWindows
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.window_cnn import (
    WindowTrainingConfig,
    crop_windows,
    mine_hard_windows,
    sample_background,
    sample_windows,
)
from shopee_od.ops.boxes import box_iou

CONFIG = WindowTrainingConfig()
WINDOWS = StretchConfig()


@pytest.fixture
def labeled(shape_photo):
    """A photo and the table of its box."""
    photo, box = shape_photo(np.random.default_rng(3), 1, 100)
    return photo, pd.DataFrame([[*box, 1]], columns=[*CORNERS, "label"])


def test_a_box_gives_jittered_windows_and_a_photo_background(labeled):
    photo, boxes = labeled
    rng = np.random.default_rng(0)
    crops, labels = sample_windows([photo], [boxes], WINDOWS, CONFIG, rng)
    assert crops.shape[1:] == (48, 48, 3) and crops.dtype == np.uint8
    assert np.bincount(labels).tolist() == [CONFIG.negatives, 0, CONFIG.positives]
    positives = crops[labels == 2]
    assert len({crop.tobytes() for crop in positives}) == CONFIG.positives


def test_background_windows_overlap_no_garment_much(labeled):
    photo, boxes = labeled
    background = sample_background(photo, boxes, WINDOWS, CONFIG, np.random.default_rng(0))
    assert len(background) == CONFIG.negatives
    assert box_iou(background, boxes[CORNERS].to_numpy()).max() < CONFIG.negative_iou


def test_a_crop_at_its_own_size_is_the_photo():
    photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    [crop] = crop_windows(photo, np.array([[10, 5, 58, 53]]), 48)
    np.testing.assert_array_equal(crop, photo[5:53, 10:58])
    assert crop_windows(photo, np.zeros((0, 4)), 48).shape == (0, 48, 48, 3)


@pytest.mark.slow
def test_hard_negatives_are_the_windows_with_the_least_background(labeled):
    import tf_keras

    photo, boxes = labeled
    tf_keras.utils.set_random_seed(0)
    network = build_network(2)
    features = WindowFeatures(network, WINDOWS)
    slots = Slots(StretchedWindows(WINDOWS), features, WindowSoftmax(network))
    mined = mine_hard_windows(slots, photo, boxes, CONFIG)
    proposals = slots.proposer.propose(photo)
    values = features.extract(photo, proposals).values
    background = slots.head.probabilities(values)[:, 0]
    overlap = box_iou(proposals.boxes, boxes[CORNERS].to_numpy())[:, 0]
    wrong = np.flatnonzero((overlap < CONFIG.negative_iou) & (background < 0.5))
    worst = wrong[np.argsort(background[wrong])][: CONFIG.hard_negatives]
    assert len(mined) == CONFIG.hard_negatives
    np.testing.assert_array_equal(mined, proposals.boxes[worst])
