"""Losses: by hand, and equal to those of Keras."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shopee_od.ops.losses import cross_entropy, multi_task_loss, smooth_l1


def test_three_rois_by_hand():
    """A skirt (2) with probability 0.5, a blouse (1) with 0.25, and background with 0.8."""
    logits = np.log([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25], [0.8, 0.1, 0.1]])
    deltas = np.zeros((3, 2, 4))
    deltas[0, 1] = [0.5, 0, 0, 0]
    # Deltas of other classes and of background do not count.
    deltas[0, 0] = deltas[1, 1] = deltas[2] = 9
    box_targets = np.array([[0, 0, 0, 3], [0.2, 0, 0, 0], [9, 9, 9, 9]])
    class_loss, box_loss = multi_task_loss(logits, deltas, np.array([2, 1, 0]), box_targets)
    assert np.isclose(class_loss, (np.log(2) + np.log(4) - np.log(0.8)) / 3)
    assert np.isclose(box_loss, (0.125 + 2.5 + 0.02) / 3)


@pytest.mark.slow
@given(arrays(float, 5, elements=st.floats(-50, 50)))
def test_smooth_l1_equals_the_huber_loss_with_delta_1_and_is_never_steeper_than_1(x):
    import tf_keras

    ours = smooth_l1(x)
    np.testing.assert_allclose(ours.mean(), tf_keras.losses.huber(np.zeros(5), x), atol=1e-6)
    assert (ours >= 0).all() and (np.abs(smooth_l1(x + 0.01) - ours) <= 0.01 + 1e-9).all()


@pytest.mark.slow
def test_cross_entropy_equals_that_of_keras_and_does_not_overflow():
    import tf_keras

    logits = np.random.default_rng(0).normal(0, 5, (20, 4))
    labels = np.arange(20) % 4
    theirs = tf_keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    np.testing.assert_allclose(cross_entropy(logits, labels), theirs, atol=1e-6)
    assert np.isfinite(cross_entropy(np.array([[1000.0, -1000]]), np.array([1])))


def test_a_batch_without_garments_has_no_box_loss():
    _, box_loss = multi_task_loss(
        np.zeros((2, 3)), np.ones((2, 2, 4)), np.zeros(2, int), np.zeros((2, 4))
    )
    assert box_loss == 0
