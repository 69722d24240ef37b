"""The steps of a long training: the learning rate, and continuing after a stop."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

pytestmark = pytest.mark.slow

import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402

from shopee_od.detectors.pipeline import CHECKPOINT_FILE  # noqa: E402
from shopee_od.detectors.training import loop  # noqa: E402
from shopee_od.detectors.training.data import TrainingData  # noqa: E402


@dataclass(frozen=True)
class Config:
    """A `LoopConfig`."""

    epochs: int = 3
    images: int = 2
    learning_rate: float = 0.5
    weight_decay: float = 0.1
    warmup: float = 0.2
    clip_norm: float = 1.0
    checkpoint_every: int = 4


@pytest.fixture
def data(tmp_path):
    return TrainingData(None, None, 7, tmp_path / CHECKPOINT_FILE, "key")


def test_every_image_is_used_once_per_epoch():
    assert loop.count_steps(8, Config()) == 12
    assert loop.count_steps(7, Config()) == 11
    assert loop.count_steps(1, Config(epochs=1, images=4)) == 1


def test_the_learning_rate_rises_linearly_and_falls_to_zero():
    schedule = loop.WarmupCosine(0.5, 100, 0.2)
    rates = np.array([float(schedule(tf.constant(k))) for k in range(101)])
    assert rates.argmax() == 19 and 0.45 < rates.max() < 0.5
    np.testing.assert_allclose(rates[:20] / rates[19], np.linspace(0.05, 1, 20), atol=0.06)
    assert (np.diff(rates[19:]) < 0).all() and rates[-1] == 0


def test_an_update_is_clipped():
    variables = [tf.Variable([3.0, 4.0])]
    optimizer = tf_keras.optimizers.SGD(1.0)
    optimizer.build(variables)
    loop.build_update(variables, optimizer, Config())([tf.constant([30.0, 40.0])])
    np.testing.assert_allclose(variables[0], [3 - 0.6, 4 - 0.8], rtol=1e-6)


def test_after_a_stop_it_continues_as_if_there_had_been_none(data, tmp_path):
    def train(data, stop_at=None):
        weights = tf.Variable(0.0)
        steps = []

        def train_step(rng):
            if len(steps) == stop_at:
                raise KeyboardInterrupt
            steps.append(1)
            weights.assign_add(rng.normal())
            return np.array([weights.numpy(), rng.normal()])

        result = loop.run_steps("test", train_step, 10, [weights], data, Config())
        return result, len(steps), float(weights)

    with pytest.raises(KeyboardInterrupt):
        train(data, stop_at=6)
    stopped, steps, weights = train(data)
    assert steps == 6, "the last checkpoint was that of step 4"
    assert stopped.cached_seconds > 0
    whole, steps, expected = train(replace(data, checkpoint=tmp_path / "other.npz"))
    assert steps == 10 and weights == pytest.approx(expected)
    np.testing.assert_allclose(stopped.history, whole.history, rtol=1e-6)
    assert whole.cached_seconds == 0


def test_only_a_whole_checkpoint_of_the_same_training_is_continued(data):
    saved = [tf.Variable([1.0, 2.0]), tf.Variable(3.0)]
    history = [np.array([0.5, 0.4, 0.3])]
    loop.write_checkpoint(data, saved, history, 7.0)
    state = [tf.Variable([0.0, 0.0]), tf.Variable(0.0)]
    restored, seconds = loop.restore_checkpoint(data, state)
    np.testing.assert_array_equal(restored, history)
    assert seconds == 7.0
    assert [variable.numpy().tolist() for variable in state] == [[1, 2], 3]
    other = replace(data, checkpoint_key="of another config")
    assert loop.restore_checkpoint(other, state) == ([], 0.0)
    more = [*state, tf.Variable(0.0)]
    assert loop.restore_checkpoint(data, more) == ([], 0.0)
    data.checkpoint.write_bytes(data.checkpoint.read_bytes()[:200])
    assert loop.restore_checkpoint(data, state) == ([], 0.0)
