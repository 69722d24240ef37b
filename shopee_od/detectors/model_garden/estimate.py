"""`train --dry-run`: configuration, parameters, memory and hours of a training that is not run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shopee_od.datasets import DATASETS, open_dataset
from shopee_od.detectors.model_garden.experiment import MAX_BOXES, build_experiment
from shopee_od.detectors.model_garden.experiment_check import check_experiment
from shopee_od.errors import InputError
from shopee_od.io import data_root
from shopee_od.profiles import Profile, describe_overrides

# Used while the full data set is not on disk: the image count of its page, and a typical image.
DEEPFASHION_PHOTOS = 239_557
DEEPFASHION_SHAPE = (225, 300)

WEIGHT_COPIES = {"sgd": 4, "adamw": 5}
"""Copies of each weight: itself, gradient, running average, momentum; and AdamW's second moment."""

SAVED_FOR_BACKPROP = {
    "Conv2D",
    "DepthwiseConv2dNative",
    "FusedBatchNormV3",
    "Relu",
    "Relu6",
    "MatMul",
    "BatchMatMulV2",
    "AddV2",
    "GatherV2",
    "Mul",
    "MaxPool",
}
"""Operations whose outputs are held for back-propagation."""


def estimate(
    profile: Profile, dataset: str, data_dir: Path | None, images_per_second: list[float]
) -> str:
    """A report of what a training would take.

    Args:
        profile: the sizes of the run.
        dataset: a name in `datasets.DATASETS`.
        data_dir: where it is; None for its usual folder.
        images_per_second: speeds to compute the hours for.
    Raises:
        InputError: what training would refuse, or a speed that is not above 0.
    """
    for rate in images_per_second:
        if rate <= 0:
            raise InputError(f"--images-per-second {rate}: it must be above 0")
    classes, photos, shape, note = _describe_data(dataset, data_dir)
    check_experiment(profile, classes, 0)
    height, width = profile.canvas(*shape)
    params = build_experiment(profile, classes, (height, width))
    trainable, total, activations = count_parameters(profile, classes, (height, width))
    weights = 4 * trainable * WEIGHT_COPIES[profile.optimizer] + 4 * (total - trainable)
    epochs = profile.epochs(photos)
    overrides = describe_overrides(profile, dataset)
    lines = [
        json.dumps(params.as_dict(), indent=1, default=str),
        "",
        f"profile {profile.name}: {profile.description}",
        *([overrides] if overrides else []),
        f"data: {note}",
        f"canvas: {height} × {width} px (height × width), batch {profile.batch_size}, "
        f"{profile.precision}",
        f"parameters: {total / 1e6:.1f} M, {trainable / 1e6:.1f} M of them trained",
        f"memory, estimated: {(weights + activations) / 2**30:.1f} GiB "
        f"({weights / 2**30:.1f} for the weights, their gradients, averages and optimizer; "
        f"{activations / 2**30:.1f} for the activations that back-propagation needs)",
        f"{profile.steps:,} steps, {epochs:.1f} epochs of {photos:,} photos",
    ]
    for rate in images_per_second:
        hours = photos / rate / 3600
        lines.append(
            f"at {rate:g} images/s: {hours:.2f} hours per epoch, {hours * epochs:.1f} hours in all"
        )
    return "\n".join(lines)


def count_parameters(
    profile: Profile, classes: tuple[str, ...], canvas: tuple[int, int]
) -> tuple[int, int, int]:
    """Parameters, and the memory of a training step's activations.

    The activations are the outputs of the operations in SAVED_FOR_BACKPROP, read from the traced
    training pass; nothing is run. Real memory is higher: workspaces, the input pipeline and the
    framework are not counted.

    Args:
        profile, classes: the sizes of the run, and the data set's classes without background.
        canvas: height and width in pixels.
    Returns:
        Trainable parameters, all parameters, bytes of activations.
    """
    import tensorflow as tf
    from official.modeling import performance

    from shopee_od.detectors.model_garden.logs import suppress_logs
    from shopee_od.detectors.model_garden.task import FasterRCNNTask

    # Stochastic depth cannot be traced in a plain graph; it has no parameters.
    profile = profile.replace(drop_path=0.0)
    params = build_experiment(profile, classes, canvas)
    batch_size = profile.batch_size
    performance.set_mixed_precision_policy(params.runtime.mixed_precision_dtype)
    try:
        with suppress_logs(), tf.Graph().as_default():
            # Required where an earlier training has made operations deterministic.
            tf.random.set_seed(0)
            model = FasterRCNNTask(params.task, profile).build_model()
            size = list(params.task.model.input_size)
            before = len(tf.compat.v1.get_default_graph().get_operations())
            model(
                tf.zeros([batch_size, *size]),
                image_shape=tf.zeros([batch_size, 2]),
                gt_boxes=tf.zeros([batch_size, MAX_BOXES, 4]),
                gt_classes=tf.zeros([batch_size, MAX_BOXES], tf.int64),
                training=True,
            )
            operations = tf.compat.v1.get_default_graph().get_operations()[before:]
            activations = sum(
                _count_bytes(operation.outputs[0], batch_size)
                for operation in operations
                if operation.type in SAVED_FOR_BACKPROP
            )
            trainable = sum(v.shape.num_elements() for v in model.trainable_variables)
            total = sum(v.shape.num_elements() for v in model.variables)
    finally:
        performance.set_mixed_precision_policy("float32")
    return trainable, total, activations


def _count_bytes(tensor: Any, batch_size: int) -> int:
    """Bytes of a symbolic tensor whose unknown sides are the batch; 0 for a scalar."""
    sides = tensor.shape.as_list() if tensor.shape.rank else []
    size = tensor.dtype.size
    for side in sides:
        size *= batch_size if side is None else side
    return size if sides else 0


def _describe_data(
    dataset: str, data_dir: Path | None
) -> tuple[tuple[str, ...], int, tuple[int, int], str]:
    """Classes, number of training images, their (width, height), and a note on the source."""
    if dataset == "deepfashion" and DATASETS[dataset].missing_files(
        data_dir or data_root() / dataset
    ):
        from shopee_od.datasets.deepfashion import CLASSES

        note = (
            f"DeepFashion is not here; computed for its {len(CLASSES)} classes and "
            f"all {DEEPFASHION_PHOTOS:,} photos"
        )
        return tuple(CLASSES), DEEPFASHION_PHOTOS, DEEPFASHION_SHAPE, note
    train = open_dataset(dataset, data_dir).split("train")
    shape = int(train.images.width.median()), int(train.images.height.median())
    note = f"{len(train):,} training photos of {train.name} at {train.root}"
    return train.classes, len(train), shape, note
