"""The head of Fast R-CNN: what it makes of pooled regions."""

import numpy as np
import pytest
import tensorflow as tf

from shopee_od.detectors.heads.softmax_box_head import BoxHeadConfig, SoftmaxBoxHead
from shopee_od.detectors.slots import Proposals, RegionFeatures
from shopee_od.structures import Stage

pytestmark = pytest.mark.slow

STAGE = Stage(name="features")


@pytest.fixture
def head():
    tf.random.set_seed(0)
    return SoftmaxBoxHead(3, 2, 5, BoxHeadConfig(channels=4, units=6))


@pytest.fixture
def pooled():
    return tf.constant(np.random.default_rng(0).normal(size=(8, 2, 2, 5)), tf.float32)


def test_scores_are_the_softmax_without_background_and_deltas_those_of_each_class(head, pooled):
    head.mean = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    head.std = np.array([1, 2, 3, 4], np.float32)
    proposals = Proposals(np.zeros((6, 4)))
    scored = head.predict(RegionFeatures(pooled[:6], 1, STAGE), proposals)
    logits, deltas = head.compute(pooled)
    probabilities = tf.nn.softmax(logits).numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(scored.scores, probabilities[:6, 1:], rtol=1e-5)
    assert scored.deltas.shape == (6, 3, 4)
    expected = deltas.numpy()[:6] * head.std + head.mean
    np.testing.assert_allclose(scored.deltas, expected, rtol=1e-5)


def test_untrained_it_hardly_moves_boxes(head, pooled):
    logits, deltas = head.compute(pooled)
    assert np.abs(logits).max() < 0.5 and np.abs(deltas).max() < 0.05


def test_a_state_is_put_back(head, pooled):
    head.std = np.array([1, 2, 3, 4], np.float32)
    other = SoftmaxBoxHead(3, 2, 5, BoxHeadConfig(channels=4, units=6))
    other.load_state_dict(head.state_dict())
    assert other.num_parameters == head.num_parameters
    features = RegionFeatures(pooled, 1, STAGE)
    proposals = Proposals(np.zeros((8, 4)))
    expected = head.predict(features, proposals)
    scored = other.predict(features, proposals)
    np.testing.assert_array_equal(scored.scores, expected.scores)
    np.testing.assert_array_equal(scored.deltas, expected.deltas)


def test_a_state_of_other_classes_is_refused(head):
    other = SoftmaxBoxHead(2, 2, 5, BoxHeadConfig(channels=4, units=6))
    with pytest.raises(ValueError):
        other.load_state_dict(head.state_dict())
