import numpy as np
import pytest
import tensorflow as tf
from official.vision.losses import maskrcnn_losses
from scipy.special import log_softmax

from shopee_od.detectors.model_garden.class_loss import ClassLoss

pytestmark = pytest.mark.slow

NUM_CLASSES = 4
WEIGHTS = [1.0, 0.5, 2.0, 1.5, 0.7]


@pytest.fixture
def logits():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 7, 1 + NUM_CLASSES)).astype(np.float32) * 3


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_without_coarse_labels_the_loss_is_model_gardens(logits, weights):
    labels = np.random.default_rng(1).integers(0, 1 + NUM_CLASSES, (2, 7))
    theirs = maskrcnn_losses.FastrcnnClassLoss()(tf.constant(logits), labels, weights)
    assert np.isclose(ClassLoss(NUM_CLASSES, (), weights)(logits, labels), theirs, rtol=1e-6)


def test_a_coarse_label_adds_the_probabilities_of_its_candidates(logits):
    labels = np.full((2, 7), 1 + NUM_CLASSES + 1)  # the second coarse label: classes 1 and 3
    loss = ClassLoss(NUM_CLASSES, ((0, 1), (1, 3)), WEIGHTS)(logits, labels)
    probabilities = np.exp(log_softmax(logits.astype(float), axis=-1))
    expected = -np.log(probabilities[..., 2] + probabilities[..., 4])
    assert np.isclose(loss, expected.mean() * (WEIGHTS[2] + WEIGHTS[4]) / 2, rtol=1e-5)


def test_a_coarse_label_does_not_move_its_candidates_apart():
    logits = tf.Variable(np.zeros((1, 1, 1 + NUM_CLASSES), np.float32))
    with tf.GradientTape() as tape:
        loss = ClassLoss(NUM_CLASSES, ((0, 1),))(logits, [[1 + NUM_CLASSES]])
    gradient = tape.gradient(loss, logits).numpy().ravel()
    assert gradient[1] == gradient[2] < 0  # both rise alike
    assert (gradient[[0, 3, 4]] > 0).all()  # and all that it is not falls


def test_extreme_logits_give_a_finite_loss_and_gradient():
    logits = tf.Variable([[[0.0, -400.0, -300.0, 400.0, 0.0]]])
    with tf.GradientTape() as tape:
        loss = ClassLoss(NUM_CLASSES, ((0, 1),))(logits, [[1 + NUM_CLASSES]])
    assert np.isclose(loss, 700, rtol=1e-5)
    assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


def test_any_candidate_counts_as_correct():
    logits = np.eye(1 + NUM_CLASSES, dtype=np.float32)[[[1, 2, 3, 0]]]
    labels = [[1 + NUM_CLASSES, 1 + NUM_CLASSES, 1 + NUM_CLASSES, 0]]
    assert ClassLoss(NUM_CLASSES, ((0, 1),)).accuracy(logits, labels) == 0.75
