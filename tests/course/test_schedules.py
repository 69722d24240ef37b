"""Learning rate and running average: by hand, and as Model Garden computes them."""

import numpy as np
import pytest

from shopee_od.course.schedules import running_average, warmup_cosine

WEIGHTS = np.array([11.0, 4.0, 8.0, 8.0, 0.0, 2.0, -3.0])


def test_the_average_by_hand():
    np.testing.assert_allclose(running_average(WEIGHTS[:2], 0.998), [9, 9 / 4 + 3])
    np.testing.assert_allclose(running_average(np.full(4, 8.0), 0.5, False), [4, 6, 7, 7.5])


def test_the_schedule_by_hand():
    rates = [warmup_cosine(step, 0, 100, 8.0) for step in (0, 25, 50, 100)]
    np.testing.assert_allclose(rates, [8, 4 + 2 * 2**0.5, 4, 0], atol=1e-12)
    assert warmup_cosine(0, 10, 100, 8.0) == pytest.approx(0.4)


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0.3, 0.998])
def test_the_average_is_model_gardens(decay):
    import tensorflow as tf
    import tf_keras
    from official.modeling.optimization.ema_optimizer import ExponentialMovingAverage

    weight = tf.Variable(5.0)
    model = tf_keras.Model()
    model.weight = weight
    sgd = tf_keras.optimizers.legacy.SGD(1.0)
    optimizer = ExponentialMovingAverage(sgd, average_decay=decay, dynamic_decay=True)
    optimizer.shadow_copy(model)
    averages = []
    for target in WEIGHTS:
        optimizer.apply_gradients([(weight - target, weight)])
        averages.append(float(optimizer.get_slot(weight, "average")))
    np.testing.assert_allclose(averages, running_average(WEIGHTS, decay), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_learning_rate_is_model_gardens():
    from official.modeling.optimization import OptimizationConfig, OptimizerFactory

    steps = 40
    warmup = 10
    highest = 0.1
    config = OptimizationConfig(
        {
            "optimizer": {"type": "sgd"},
            "learning_rate": {
                "type": "cosine",
                "cosine": {"initial_learning_rate": highest, "decay_steps": steps},
            },
            "warmup": {
                "type": "linear",
                "linear": {"warmup_steps": warmup, "warmup_learning_rate": highest / 20},
            },
        }
    )
    schedule = OptimizerFactory(config).build_learning_rate()
    for step in range(steps + 1):
        expected = float(schedule(step))
        assert warmup_cosine(step, warmup, steps, highest) == pytest.approx(expected, abs=1e-7)
