"""Training Fast R-CNN: images and RoIs sampled at random, one loss for class and box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
import tf_keras

from shopee_od.backbones import normalize_images
from shopee_od.config import setting
from shopee_od.detectors.features.roi_align_map import RoIAlignMap
from shopee_od.detectors.heads.softmax_box_head import SoftmaxBoxHead
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.loop import (
    build_optimizer,
    build_update,
    count_steps,
    run_steps,
)
from shopee_od.detectors.training.losses import compute_accuracy, multi_task_loss
from shopee_od.detectors.training.region_examples import iterate_images
from shopee_od.detectors.training.roi_samples import (
    ImageSample,
    delta_statistics,
    make_image_sample,
    sample_batch,
)
from shopee_od.ops.batching import group_by_size

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
    """Trains backbone and head together; after a stop it continues from `data.checkpoint`."""
    samples, seconds = collect_samples(slots, data, config)
    mean, std = delta_statistics(samples)
    slots.head.mean, slots.head.std = mean, std
    steps = count_steps(len(samples), config)
    variables = [*slots.features.variables, *slots.head.variables]
    optimizer = build_optimizer(variables, steps, config)
    compute_step = build_train_step(slots, variables, optimizer, config)
    groups = group_by_size(np.array([sample.image.shape[:2] for sample in samples]))

    def train_step(rng: np.random.Generator) -> np.ndarray:
        *inputs, deltas = sample_batch(samples, groups, config, rng)
        return compute_step(*inputs, (deltas - mean) / std).numpy()

    state = [*variables, *optimizer.variables]
    result = run_steps("Fast R-CNN", train_step, steps, state, data, config)
    return replace(result, cached_seconds=result.cached_seconds + seconds)


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
    update = build_update(variables, optimizer, config)

    def train_step(images, rois, image_of_roi, labels, gt_deltas):
        with tf.GradientTape() as tape:
            maps = slots.features.compute_maps(normalize_images(images))
            pooled = slots.features.pool(maps, rois, image_of_roi)
            logits, deltas = slots.head.compute(pooled, training=True)
            class_loss, box_loss = multi_task_loss(logits, deltas, labels, gt_deltas)
            loss = class_loss + box_loss
        update(tape.gradient(loss, variables))
        return tf.stack([class_loss, box_loss, compute_accuracy(logits, labels)])

    rois = config.rois
    shapes = (
        ([None, None, None, 3], tf.uint8),
        ([rois, 4], tf.float32),
        ([rois], tf.int32),
        ([rois], tf.int32),
        ([rois, 4], tf.float32),
    )
    return tf.function(train_step, input_signature=[tf.TensorSpec(*shape) for shape in shapes])
