"""The steps of a long training: learning rate, optimizer, and checkpoints to continue from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tf_keras
from tqdm import tqdm

from shopee_od.cache import read_arrays, write_arrays
from shopee_od.detectors.training.data import TrainingData, TrainingResult

Update = Callable[[Sequence[tf.Tensor]], None]


class LoopConfig(Protocol):
    """What decides how long and how fast a network is trained."""

    @property
    def epochs(self) -> int: ...
    @property
    def images(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warmup(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...
    @property
    def checkpoint_every(self) -> int: ...


def count_steps(images: int, config: LoopConfig) -> int:
    """How many steps the epochs of so many images have."""
    return max(1, -(-images * config.epochs // config.images))


def build_optimizer(
    variables: Sequence[tf.Variable], steps: int, config: LoopConfig
) -> tf_keras.optimizers.Optimizer:
    """AdamW with warmup and a cosine, for these variables."""
    schedule = WarmupCosine(config.learning_rate, steps, config.warmup)
    optimizer = tf_keras.optimizers.AdamW(schedule, config.weight_decay)
    optimizer.build(variables)
    return optimizer


def build_update(
    variables: Sequence[tf.Variable],
    optimizer: tf_keras.optimizers.Optimizer,
    config: LoopConfig,
) -> Update:
    """A function of the gradients, which are clipped to `clip_norm`, that changes the variables."""

    @tf.function
    def update(gradients: Sequence[tf.Tensor]) -> None:
        clipped, _ = tf.clip_by_global_norm(gradients, config.clip_norm)
        optimizer.apply_gradients(zip(clipped, variables, strict=True))

    return update


class WarmupCosine(tf_keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise over the share `warmup` of the steps, then a cosine down to 0."""

    def __init__(self, learning_rate: float, steps: int, warmup: float) -> None:
        self.warmup_steps = max(1, round(warmup * steps))
        self.cosine = tf_keras.optimizers.schedules.CosineDecay(learning_rate, steps)

    def __call__(self, step):
        rise = (tf.cast(step, tf.float32) + 1) / self.warmup_steps
        return self.cosine(step) * tf.minimum(1.0, rise)


def run_steps(
    name: str,
    train_step: Callable[[np.random.Generator], np.ndarray],
    steps: int,
    state: Sequence[tf.Variable],
    data: TrainingData,
    config: LoopConfig,
) -> TrainingResult:
    """Trains, step by step, and writes the state to `data.checkpoint` every few steps.

    What a step samples depends on the seed and its number alone, so that after a stop training
    continues as if there had been none.

    Args:
        name: for the progress bar.
        train_step: changes the weights; given a step's random generator, it returns its row of the
            history.
        steps: how many there are.
        state: all variables that training continues from.
        data: its seed and its checkpoint.
        config: how often the state is written.
    Returns:
        The history, and the seconds before the last stop.
    """
    history, earlier = restore_checkpoint(data, state)
    start = time.perf_counter()
    remaining = range(len(history), steps)
    for k in tqdm(remaining, name, steps, initial=len(history), unit="step", mininterval=2):
        history.append(train_step(np.random.default_rng([data.seed, k])))
        if (k + 1) % config.checkpoint_every == 0 or k + 1 == steps:
            write_checkpoint(data, state, history, earlier + time.perf_counter() - start)
    return TrainingResult(earlier, np.array(history))


def write_checkpoint(
    data: TrainingData,
    state: Sequence[tf.Variable],
    history: Sequence[np.ndarray],
    seconds: float,
) -> None:
    """Writes all that training continues from: the file is whole, or the one before it remains."""
    arrays: dict[str, Any] = {f"state_{k}": variable.numpy() for k, variable in enumerate(state)}
    arrays |= {"key": data.checkpoint_key, "history": np.array(history), "seconds": seconds}
    write_arrays(data.checkpoint, arrays)


def restore_checkpoint(
    data: TrainingData, state: Sequence[tf.Variable]
) -> tuple[list[np.ndarray], float]:
    """Puts a checkpoint of the same training into `state`.

    Returns:
        The history up to it and the seconds spent so far; nothing and 0 where there is no
        checkpoint, it is another training's, or it is damaged.
    """
    arrays = read_arrays(data.checkpoint)
    names = [f"state_{k}" for k in range(len(state))]
    needed = {*names, "history", "seconds"}
    if (
        arrays is None
        or str(arrays.get("key")) != data.checkpoint_key
        or not needed <= arrays.keys()
    ):
        return [], 0.0
    for variable, name in zip(state, names, strict=True):
        variable.assign(arrays[name])
    return list(arrays["history"]), float(arrays["seconds"])
