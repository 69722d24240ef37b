"""Training Fast R-CNN: images and RoIs sampled at random, one loss for class and box."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tqdm import tqdm

from shopee_od.backbones import normalize_images
from shopee_od.cache import read_arrays, write_arrays
from shopee_od.config import setting
from shopee_od.detectors.features.roi_align_map import RoIAlignMap
from shopee_od.detectors.heads.softmax_box_head import SoftmaxBoxHead
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.losses import multi_task_loss
from shopee_od.detectors.training.region_examples import iterate_images
from shopee_od.detectors.training.roi_samples import (
    ImageSample,
    delta_statistics,
    make_image_sample,
    sample_batch,
)
from shopee_od.ops.batching import group_by_size
from shopee_od.ops.label_assignment import IGNORE

FastRCNNSlots = Slots[SelectiveSearch, RoIAlignMap, SoftmaxBoxHead]
MEASURED = ("class_loss", "box_loss", "accuracy")


@dataclass(frozen=True)
class FastRCNNTrainingConfig:
    """How Fast R-CNN is trained.

    Args:
        epochs: how often each image is seen, about.
        images: per step.
        rois: per step, of all its images.
        foreground: share of the RoIs with a garment, at most.
        foreground_iou: from this IoU with a box an RoI is foreground.
        background_iou: between these it is background.
        learning_rate: of AdamW, the highest.
        weight_decay: of AdamW.
        warmup: share of the steps.
        clip_norm: largest norm of the gradient.
        checkpoint_every: steps.
    """

    epochs: int = 8
    images: int = 2
    rois: int = 128
    foreground: float = 0.25
    foreground_iou: float = 0.5
    background_iou: tuple[float, float] = setting((0.0, 0.5), at_least=0)
    learning_rate: float = 5e-4
    weight_decay: float = setting(0.05, at_least=0)
    warmup: float = setting(0.1, at_least=0)
    clip_norm: float = 10.0
    checkpoint_every: int = 40


def train_fast_rcnn(
    slots: FastRCNNSlots, data: TrainingData, config: FastRCNNTrainingConfig
) -> TrainingResult:
    """Trains backbone and head together.

    What a step samples depends on the seed and its number alone. Every `checkpoint_every` steps the
    whole state is written to `data.checkpoint`: after a stop, training continues from there.
    """
    samples, seconds = collect_samples(slots, data, config)
    mean, std = delta_statistics(samples)
    slots.head.mean, slots.head.std = mean, std
    steps = max(1, -(-len(samples) * config.epochs // config.images))
    variables = [*slots.features.variables, *slots.head.variables]
    schedule = WarmupCosine(config.learning_rate, steps, config.warmup)
    optimizer = tf_keras.optimizers.AdamW(schedule, config.weight_decay)
    optimizer.build(variables)
    train_step = build_train_step(slots, variables, optimizer, config)
    state = [*variables, *optimizer.variables]
    groups = group_by_size(np.array([sample.image.shape[:2] for sample in samples]))
    history, earlier = restore_checkpoint(data, state)
    start = time.perf_counter()
    remaining = range(len(history), steps)
    for k in tqdm(remaining, "Fast R-CNN", steps, initial=len(history), unit="step", mininterval=2):
        rng = np.random.default_rng([data.seed, k])
        *inputs, deltas = sample_batch(samples, groups, config, rng)
        history.append(train_step(*inputs, (deltas - mean) / std).numpy())
        if (k + 1) % config.checkpoint_every == 0 or k + 1 == steps:
            spent = earlier + time.perf_counter() - start
            write_checkpoint(data, state, history, spent)
    return TrainingResult(seconds + earlier, np.array(history))


def collect_samples(
    slots: FastRCNNSlots, data: TrainingData, config: FastRCNNTrainingConfig
) -> tuple[list[ImageSample], float]:
    """A sample for each training image, and the seconds that their proposals took."""
    samples = []
    seconds = 0.0
    for labeled in iterate_images(data.train, slots.proposer):
        seconds += labeled.proposals.seconds or 0.0
        resized = slots.features.resize(labeled.image)
        samples.append(make_image_sample(labeled, resized, config))
    return samples, seconds


def build_train_step(
    slots: FastRCNNSlots,
    variables: Sequence[tf.Variable],
    optimizer: tf_keras.optimizers.Optimizer,
    config: FastRCNNTrainingConfig,
) -> Callable[..., tf.Tensor]:
    """A function of a batch, deltas normalized, that changes the weights and returns MEASURED."""

    def train_step(images, rois, image_of_roi, labels, gt_deltas):
        with tf.GradientTape() as tape:
            maps = slots.features.compute_maps(normalize_images(images))
            pooled = slots.features.pool(maps, rois, image_of_roi)
            logits, deltas = slots.head.compute(pooled, training=True)
            class_loss, box_loss = multi_task_loss(logits, deltas, labels, gt_deltas)
            loss = class_loss + box_loss
        gradients = tape.gradient(loss, variables)
        gradients, _ = tf.clip_by_global_norm(gradients, config.clip_norm)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        correct = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
        accuracy = tf.reduce_mean(tf.cast(tf.boolean_mask(correct, labels != IGNORE), tf.float32))
        return tf.stack([class_loss, box_loss, accuracy])

    rois = config.rois
    shapes = (
        ([None, None, None, 3], tf.uint8),
        ([rois, 4], tf.float32),
        ([rois], tf.int32),
        ([rois], tf.int32),
        ([rois, 4], tf.float32),
    )
    return tf.function(train_step, input_signature=[tf.TensorSpec(*shape) for shape in shapes])


class WarmupCosine(tf_keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise over the share `warmup` of the steps, then a cosine down to 0."""

    def __init__(self, learning_rate: float, steps: int, warmup: float) -> None:
        self.warmup_steps = max(1, round(warmup * steps))
        self.cosine = tf_keras.optimizers.schedules.CosineDecay(learning_rate, steps)

    def __call__(self, step):
        rise = (tf.cast(step, tf.float32) + 1) / self.warmup_steps
        return self.cosine(step) * tf.minimum(1.0, rise)


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
