"""How Fast R-CNN learns: photos and their RoIs drawn by lot, one loss for class and box, all layers at once."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.batching import buckets, fitted
from shopee_od.detectors.fast_rcnn import LONGEST
from shopee_od.detectors.fast_rcnn_network import Network
from shopee_od.detectors.kept import key_of
from shopee_od.detectors.proposed import labelled
from shopee_od.garden.backbones import normalised
from shopee_od.ops.matching import IGNORED, NEGATIVE, POSITIVE, hierarchical, label_rois, targets
from shopee_od.ops.pyramid import resized
from shopee_od.paths import whole_file

PHOTOS, ROIS, GARMENTS = 2, 128, 0.25  # of a step: photos, RoIs of all of them, share with a garment (section 2.3)
FOREGROUND, BACKGROUND = 0.5, (0.0, 0.5)  # IoU with a box
RATE, DECAY = 5e-4, 0.05  # of AdamW: the weights' highest rate, and how much they shrink
WARM_UP = 0.1  # share of the steps
CLIP = 10.0  # largest norm of the gradient
EVERY = 40  # steps between two checkpoints


@dataclass(frozen=True)
class Sample:
    """A training photo: uint8 (h, w, 3), its RoIs float32 (N, 4) in its pixels, and what each is to answer.

    labels: int (N,), the class from 1, 0 for background, -1 ignored; deltas: float32 (N, 4).
    """

    image: np.ndarray
    rois: np.ndarray
    labels: np.ndarray
    deltas: np.ndarray

    @property
    def kinds(self) -> np.ndarray:
        """(N,): garment, background or ignored, as `ops.matching` has them."""
        return np.where(self.labels > 0, POSITIVE, np.where(self.labels == 0, NEGATIVE, IGNORED))

    def mirrored(self) -> Sample:
        """Left and right exchanged, in the RoIs as in the photo."""
        x1, y1, x2, y2 = self.rois.T
        width = self.image.shape[1]
        rois = np.stack([width - x2, y1, width - x1, y2], axis=1)
        return Sample(self.image[:, ::-1], rois, self.labels, self.deltas * np.float32([-1, 1, 1, 1]))


def sample(image: np.ndarray, corners: np.ndarray, labels: np.ndarray, boxes: np.ndarray, longest: int) -> Sample:
    """A photo, its ground truth (M, 4) with labels (M,), proposals (N, 4) -> the photo resized, M + N RoIs.

    The ground truth is among the RoIs: a photo whose proposals all miss teaches something, too.
    """
    size = fitted(*image.shape[:2], longest)
    scale = np.tile([size[1] / image.shape[1], size[0] / image.shape[0]], 2)
    truths, rois = corners * scale, np.concatenate([corners, boxes]) * scale
    kinds, matched = label_rois(rois, truths, FOREGROUND, BACKGROUND)
    classes = np.where(kinds == POSITIVE, labels[matched] + 1, kinds).astype(np.int32)
    deltas = targets(rois, truths, kinds, matched)
    return Sample(resized(image, size), rois.astype(np.float32), classes, deltas.astype(np.float32))


def samples(train: Dataset) -> tuple[list[Sample], float]:
    """Photos with boxes -> a `Sample` each; and the seconds that their proposals took."""
    found, seconds = [], 0.0
    for _, image, corners, labels, proposed in labelled(train):
        seconds += proposed.seconds
        found.append(sample(image, corners, labels, proposed.boxes, LONGEST))
    return found, seconds


def normalisation(found: Sequence[Sample]) -> tuple[np.ndarray, np.ndarray]:
    """float32 (4,) mean and standard deviation of the deltas of all garments: section 2.3."""
    deltas = np.concatenate([each.deltas[each.labels > 0] for each in found])
    return deltas.mean(axis=0), np.maximum(deltas.std(axis=0), 0.01)


def batch(found: Sequence[Sample], groups: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Samples, the indices of those of each size -> photos (B, h, w, 3), and of ROIS RoIs: rois (ROIS, 4), the photo
    of each, labels, deltas (ROIS, 4).

    A bucket by lot, by its photos; from it a few photos, and from each many RoIs; every second photo is mirrored.
    Where photos have too few RoIs, empty ones with label -1 fill up.
    """
    photos = np.array([len(group) for group in groups])
    group = groups[rng.choice(len(groups), p=photos / photos.sum())]
    count = min(PHOTOS, len(group))
    chosen = hierarchical([found[k].kinds for k in group], count, ROIS // PHOTOS * count, GARMENTS, rng)
    rois, owners = np.zeros((ROIS, 4), np.float32), np.zeros(ROIS, np.int32)
    labels, deltas = np.full(ROIS, IGNORED, np.int32), np.zeros((ROIS, 4), np.float32)
    images, start = [], 0
    for owner, (k, rows) in enumerate(chosen):
        each = found[group[k]].mirrored() if rng.random() < 0.5 else found[group[k]]
        at = slice(start, start := start + len(rows))
        images.append(each.image)
        rois[at], owners[at], labels[at], deltas[at] = each.rois[rows], owner, each.labels[rows], each.deltas[rows]
    return np.stack(images), rois, owners, labels, deltas


def multi_task(
    logits: tf.Tensor, deltas: tf.Tensor, labels: tf.Tensor, wanted: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """`ops.losses.multi_task` for gradients; RoIs with label -1 do not count.

    Huber's loss with delta 1 is smooth L1, as a mean over the four.
    """
    logits, deltas, wanted, labels = (
        tf.boolean_mask(each, labels != IGNORED) for each in (logits, deltas, wanted, labels)
    )
    class_loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    own = tf.gather(deltas, tf.maximum(labels - 1, 0), axis=1, batch_dims=1)
    of_boxes = 4 * tf_keras.losses.huber(wanted, own)
    return class_loss, tf.reduce_mean(tf.where(labels > 0, of_boxes, 0.0))


def stepper(network: Network, optimizer: tf_keras.optimizers.Optimizer):
    """-> a function of a `batch`, deltas normalised, that changes the weights, and says (3,) MEASURED."""

    def step(photos, rois, owners, labels, wanted):
        with tf.GradientTape() as tape:
            pooled = network.pooled(network.maps(normalised(photos)), rois, owners)
            logits, deltas = network.heads(pooled, training=True)
            losses = multi_task(logits, deltas, labels, wanted)
            total = sum(losses)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(total, network.variables), CLIP)
        optimizer.apply_gradients(zip(gradients, network.variables, strict=True))
        right = tf.boolean_mask(tf.argmax(logits, axis=1, output_type=tf.int32) == labels, labels != IGNORED)
        return tf.stack([*losses, tf.reduce_mean(tf.cast(right, tf.float32))])

    shapes = ([None, None, None, 3], tf.uint8), ([ROIS, 4],), ([ROIS], tf.int32), ([ROIS], tf.int32), ([ROIS, 4],)
    return tf.function(step, [tf.TensorSpec(*shape) for shape in shapes])


class Schedule(tf_keras.optimizers.schedules.LearningRateSchedule):
    """Up in a line, then down to 0 as a cosine."""

    def __init__(self, steps: int):
        self.warm = max(1, round(WARM_UP * steps))
        self.cosine = tf_keras.optimizers.schedules.CosineDecay(RATE, steps)

    def __call__(self, step):
        return self.cosine(step) * tf.minimum(1.0, (tf.cast(step, tf.float32) + 1) / self.warm)


def learn(train: Dataset, checkpoint: Path, seed: int, epochs: int) -> tuple[Network, np.ndarray, float]:
    """Photos with boxes -> a trained network, float32 (steps, 3) MEASURED, seconds spent on it before it was stopped.

    What a step draws depends on the seed and its number alone. Every EVERY steps all of it is kept in `checkpoint`:
    stopped, it goes on from there.
    """
    tf_keras.utils.set_random_seed(seed)
    found, seconds = samples(train)
    mean, std = normalisation(found)
    network = Network(len(train.classes), mean, std)
    steps = max(1, -(-len(found) * epochs // PHOTOS))
    optimizer = tf_keras.optimizers.AdamW(Schedule(steps), DECAY)
    optimizer.build(network.variables)
    step = stepper(network, optimizer)
    state, key = [*network.variables, *optimizer.variables], key_of(train.fingerprint(), seed, steps)
    groups = buckets(np.array([each.image.shape[:2] for each in found]))
    history, before = resume(checkpoint, key, state)
    start = time.perf_counter()
    for k in tqdm(range(len(history), steps), "Fast R-CNN", steps, initial=len(history), unit="step", mininterval=2):
        *inputs, deltas = batch(found, groups, np.random.default_rng([seed, k]))
        history.append(step(*inputs, (deltas - mean) / std).numpy())
        if (k + 1) % EVERY == 0 or k + 1 == steps:
            keep(checkpoint, key, state, history, before + time.perf_counter() - start)
    return network, np.array(history), seconds + before


def keep(checkpoint: Path, key: str, state: Sequence[tf.Variable], history: list[np.ndarray], seconds: float) -> None:
    """Writes all that training goes on from: the file is whole, or the one before."""
    with whole_file(checkpoint) as part:
        arrays = {f"state_{k}": each.numpy() for k, each in enumerate(state)}
        np.savez(part, key=key, history=np.array(history), seconds=seconds, **arrays)


def resume(checkpoint: Path, key: str, state: Sequence[tf.Variable]) -> tuple[list[np.ndarray], float]:
    """Puts a checkpoint of the same training into `state` -> the history up to it, and the seconds it has taken.

    Where there is none, it is another training's or it is damaged: nothing, and 0.
    """
    try:
        with np.load(checkpoint, allow_pickle=False) as held:
            if str(held["key"]) != key:
                return [], 0.0
            values = [held[f"state_{k}"] for k in range(len(state))]
            history, seconds = list(held["history"]), float(held["seconds"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return [], 0.0
    for variable, value in zip(state, values, strict=True):
        variable.assign(value)
    return history, seconds
