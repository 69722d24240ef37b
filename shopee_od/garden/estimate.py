"""`train --dry-run`: the configuration, the parameters, the memory and the hours, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

from shopee_od.datasets import DATASETS, open_dataset
from shopee_od.garden.experiment import MAX_BOXES, check, experiment
from shopee_od.paths import data_root
from shopee_od.profiles import Profile
from shopee_od.types import InputError

# What to reckon with while the full data set is not here: its page's count, and photos of 225 × 300.
DEEPFASHION_PHOTOS, DEEPFASHION_SHAPE = 239_557, (225, 300)
COPIES = {
    "sgd": 4,
    "adamw": 5,
}  # of each weight: itself, gradient, running average, momentum; and AdamW's second moment


def estimate(profile: Profile, dataset: str, data_dir: Path | None, images_per_second: list[float]) -> str:
    """profile, data set and speeds to reckon with -> text. Raises InputError as training would."""
    classes, photos, shape, note = _data(dataset, data_dir)
    check(profile, classes, (), 0)
    canvas = profile.canvas(*shape)
    params = experiment(profile, classes, canvas)
    trainable, all_, activations = count(params, profile)
    weights = 4 * trainable * COPIES[profile.optimizer] + 4 * (all_ - trainable)
    epochs = profile.epochs(photos)
    lines = [
        json.dumps(params.as_dict(), indent=1, default=str),
        "",
        f"profile {profile.name}: {profile.says}",
        f"data: {note}",
        f"canvas: {canvas[0]} × {canvas[1]} px (height × width), batch {profile.batch_size}, {profile.precision}",
        f"parameters: {all_ / 1e6:.1f} M, {trainable / 1e6:.1f} M of them trained",
        f"memory, estimated: {(weights + activations) / 2**30:.1f} GiB ({weights / 2**30:.1f} for the weights, their "
        f"gradients, averages and optimizer; {activations / 2**30:.1f} for what back-propagation keeps of a batch)",
        f"{profile.steps:,} steps, {epochs:.1f} epochs of {photos:,} photos",
    ]
    for rate in images_per_second:
        if rate <= 0:
            raise InputError(f"--images-per-second {rate}: it must be above 0")
        hours = photos / rate / 3600
        lines.append(f"at {rate:g} images/s: {hours:.2f} hours an epoch, {hours * epochs:.1f} hours in all")
    return "\n".join(lines)


def count(params, profile: Profile) -> tuple[int, int, int]:
    """Trainable parameters, all parameters, and bytes that back-propagation keeps of a batch.

    The last is the sum of the outputs of the layers whose gradient needs them, read from the traced training
    pass; nothing is run. Real memory lies above: workspaces, the input pipeline and the framework come on top.
    """
    import tensorflow as tf
    from official.modeling import performance

    from shopee_od.garden.quiet import quiet
    from shopee_od.garden.task import FasterRCNNTask

    batch_size = profile.batch_size
    performance.set_mixed_precision_policy(params.runtime.mixed_precision_dtype)
    try:
        with quiet(), tf.Graph().as_default():
            tf.random.set_seed(0)  # asked for where a training has made operations deterministic
            model = FasterRCNNTask(params.task, profile).build_model()
            size = list(params.task.model.input_size)
            operations = len(tf.compat.v1.get_default_graph().get_operations())
            model(
                tf.zeros([batch_size, *size]),
                image_shape=tf.zeros([batch_size, 2]),
                gt_boxes=tf.zeros([batch_size, MAX_BOXES, 4]),
                gt_classes=tf.zeros([batch_size, MAX_BOXES], tf.int64),
                training=True,
            )
            added = tf.compat.v1.get_default_graph().get_operations()[operations:]
            kept = sum(_bytes(op.outputs[0], batch_size) for op in added if op.type in KEPT)
            trainable = sum(v.shape.num_elements() for v in model.trainable_variables)
            all_ = sum(v.shape.num_elements() for v in model.variables)
    finally:
        performance.set_mixed_precision_policy("float32")
    return trainable, all_, kept


KEPT = {
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
"""Operations whose outputs back-propagation keeps."""


def _bytes(tensor, batch_size: int) -> int:
    shape = [batch_size if side is None else side for side in (tensor.shape.as_list() if tensor.shape.rank else [])]
    size = tensor.dtype.size
    for side in shape:
        size *= side
    return size if shape else 0


def _data(dataset: str, data_dir: Path | None) -> tuple[tuple[str, ...], int, tuple[int, int], str]:
    """Classes, training photos, their (width, height), and a word on where these come from."""
    if dataset == "deepfashion" and DATASETS[dataset].missing(data_dir or data_root() / dataset):
        from shopee_od.datasets.deepfashion import CLASSES

        note = (
            f"DeepFashion is not here; {len(CLASSES)} classes and all {DEEPFASHION_PHOTOS:,} photos are reckoned with"
        )
        return tuple(CLASSES), DEEPFASHION_PHOTOS, DEEPFASHION_SHAPE, note
    found = open_dataset(dataset, data_dir).split("train")
    shape = int(found.images.width.median()), int(found.images.height.median())
    return found.classes, len(found), shape, f"{len(found):,} training photos of {found.name} at {found.root}"
