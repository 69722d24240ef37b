"""The CNN on windows: alone and shared give the same; what it learns it finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopee_od import load
from shopee_od.detectors.regions import WEIGHTS
from shopee_od.detectors.window_cnn import (
    SIDE,
    WindowCNN,
    levels,
    multiply_adds,
    network,
    normalised,
    probabilities,
    scored,
)
from shopee_od.ops.pyramid import count_windows
from shopee_od.profiles import profile
from shopee_od.types import Card, Detector, InputError

SMOKE = profile("smoke")


@pytest.fixture(scope="module")
def untrained():
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    return network(3)


def test_a_window_gives_one_vector_and_each_step_of_8_pixels_one_more(untrained):
    for height, width in ((48, 48), (56, 48), (55, 130), (200, 143)):
        logits = untrained.run(normalised(np.zeros((1, height, width, 3))))
        rows, columns = (height - SIDE) // 8 + 1, (width - SIDE) // 8 + 1
        assert logits.shape[1] >= rows and logits.shape[2] >= columns and logits.shape[3] == 4
        assert count_windows(height, width, (SIDE, SIDE), 8) == rows * columns


def test_once_over_the_photo_is_the_same_as_on_every_window(untrained):
    image = np.random.default_rng(0).integers(0, 256, (170, 140, 3)).astype(np.uint8)
    windows = 0
    alone, together = scored(untrained, image, shared=False), scored(untrained, image, shared=True)
    for (size, boxes, a), (same, places, b) in zip(alone, together, strict=True):
        assert size == same
        np.testing.assert_array_equal(boxes, places)
        np.testing.assert_allclose(a, b, atol=1e-4)
        assert np.ptp(a) > 0.01
        windows += len(a)
    assert windows > 300


def test_multiply_adds_are_counted(untrained):
    one_window = 22 * 22 * 5 * 5 * 3 * 16 + 20 * 20 * 9 * 16 * 32 + 8 * 8 * 9 * 32 * 64 + 4 * 4 * 64 * 128 + 128 * 4
    assert multiply_adds(untrained, SIDE, SIDE) == one_window
    at_once, windows = multiply_adds(untrained, 200, 144), count_windows(200, 144, (SIDE, SIDE), 8)
    assert 4 * at_once < windows * one_window


@settings(max_examples=30)
@given(st.integers(1, 900), st.integers(1, 900))
def test_every_level_holds_a_window_and_every_window_lies_in_the_photo(height, width):
    for h, w in levels(height, width):
        assert h >= SIDE and w >= SIDE
        assert h * w < SIDE * SIDE * 60  # no larger for a larger photo


def test_counts(untrained):
    card = Card("window_cnn", ("a", "b", "c"), ("", "", ""), 0.5)
    image = np.random.default_rng(0).integers(0, 256, (200, 150, 3)).astype(np.uint8)
    shared, alone = WindowCNN(untrained, card), WindowCNN(untrained, card, shared=False)
    ours, theirs = (next(each.detect([image], 0.0)) for each in (shared, alone))
    assert isinstance(shared, Detector)
    assert shared.cost.regions == alone.cost.regions == alone.cost.cnn_passes
    assert shared.cost.cnn_passes == len(levels(200, 150))
    # Of almost equal scores the order may differ, and so may what NMS leaves.
    assert len(ours) > 0 and len(theirs) > 0


def test_it_learns_and_is_saved_and_opened(shapes, tmp_path):
    from shopee_od.evaluation import evaluate

    detector = WindowCNN()
    detector.fit(shapes.split("train"), shapes.split("val"), SMOKE, tmp_path / "run")
    figures = evaluate(detector, shapes.split("test"), bootstrap=0)
    assert figures["AP50"] > 0.5
    same = load(tmp_path / "run")
    image = np.random.default_rng(0).integers(0, 256, (180, 150, 3)).astype(np.uint8)
    [ours], [theirs] = detector.detect([image], 0.01), same.detect([image], 0.01)
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    stages = same.explain(image).stages
    assert [stage.name for stage in stages] == ["scores", "windows", "kept"]
    assert len(stages[0].arrays) == len(levels(180, 150))
    again = WindowCNN()
    before = (tmp_path / "run" / WEIGHTS).stat().st_mtime_ns
    again.fit(shapes.split("train"), shapes.split("val"), SMOKE, tmp_path / "run")
    assert (tmp_path / "run" / WEIGHTS).stat().st_mtime_ns == before
    (tmp_path / "run" / WEIGHTS).write_bytes(b"x")
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent"):
        load(tmp_path / "run")


def test_probabilities_sum_to_one():
    found = probabilities(np.array([[1000.0, 0, 0], [-5, -5, -5]]))
    np.testing.assert_allclose(found, [[1, 0, 0], [1 / 3] * 3], atol=1e-6)
