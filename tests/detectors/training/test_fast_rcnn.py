"""Training Fast R-CNN: its loss, what the gradient reaches, and continuing after a stop."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from shopee_od.detectors.fast_rcnn import FastRCNN
from shopee_od.detectors.pipeline import CHECKPOINT_FILE
from shopee_od.detectors.training import fast_rcnn as training
from shopee_od.detectors.training import losses as losses_with_gradients
from shopee_od.detectors.training.data import TrainingData
from shopee_od.detectors.training.fast_rcnn import FastRCNNTrainingConfig, train_fast_rcnn
from shopee_od.ops.losses import multi_task_loss

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shared_cache")]

ROOT = Path(__file__).resolve().parents[3]
CONFIG = FastRCNNTrainingConfig(epochs=2, checkpoint_every=1)


def test_the_loss_is_that_of_the_lesson():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (9, 4))
    deltas = rng.normal(0, 2, (9, 3, 4))
    labels = rng.integers(0, 4, 9)
    gt_deltas = rng.normal(0, 2, (9, 4))
    losses = losses_with_gradients.multi_task_loss(
        tf.constant(logits, tf.float32),
        tf.constant(deltas, tf.float32),
        tf.constant(labels, tf.int32),
        tf.constant(gt_deltas, tf.float32),
    )
    np.testing.assert_allclose(
        losses, multi_task_loss(logits, deltas, labels, gt_deltas), rtol=1e-5
    )


def test_the_gradient_reaches_neither_first_layers_nor_batch_norms():
    slots = FastRCNN().build(2, seed=0)
    variables = [*slots.features.variables, *slots.head.variables]
    optimizer = tf_keras.optimizers.SGD(0.1)
    optimizer.build(variables)
    backbone = slots.features.backbone
    before = [variable.numpy() for variable in backbone.weights]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 160, 128, 3)).astype(np.uint8)
    corners = rng.uniform(0, 60, (CONFIG.rois, 2))
    rois = np.concatenate([corners, corners + 60], axis=1).astype(np.float32)
    image_of_roi = np.arange(CONFIG.rois, dtype=np.int32) % 2
    labels = (np.arange(CONFIG.rois) % 4 - 1).astype(np.int32)
    deltas = rng.normal(0, 1, (CONFIG.rois, 4)).astype(np.float32)
    step = training.build_train_step(slots, variables, optimizer, CONFIG)
    class_loss, box_loss, accuracy = step(images, rois, image_of_roi, labels, deltas).numpy()
    assert class_loss > 0 and box_loss > 0 and 0 <= accuracy <= 1
    changed = {
        id(variable)
        for variable, old in zip(backbone.weights, before, strict=True)
        if (variable.numpy() != old).any()
    }
    assert changed == {id(variable) for variable in backbone.trainable_variables}
    assert 0 < len(changed) < len(before) / 3


TRAIN = """
import sys
from pathlib import Path

import pandas as pd

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.fast_rcnn import FastRCNN
from shopee_od.detectors.training.data import TrainingData
from shopee_od.detectors.training.fast_rcnn import FastRCNNTrainingConfig, train_fast_rcnn

tables, checkpoint, root = map(Path, sys.argv[1:])
images, boxes = (
    pd.read_csv(tables / f"{name}.csv", keep_default_na=False) for name in ("images", "boxes")
)
photos = Dataset.build("shapes", root, ("cross", "ring"), images, boxes)
config = FastRCNNTrainingConfig(epochs=2, checkpoint_every=1)
data = TrainingData(photos, None, 0, checkpoint, "key")
train_fast_rcnn(FastRCNN().build(2, 0), data, config)
"""


def test_killed_it_continues_from_its_last_checkpoint(shapes, tmp_path, monkeypatch):
    photos = shapes.split("train").sample(6)
    checkpoint = tmp_path / "run" / CHECKPOINT_FILE
    photos.images.to_csv(tmp_path / "images.csv", index=False)
    photos.boxes.to_csv(tmp_path / "boxes.csv", index=False)
    command = [sys.executable, "-c", TRAIN, str(tmp_path), str(checkpoint), str(photos.root)]
    child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    while not checkpoint.is_file():
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with np.load(checkpoint) as saved:
        before = saved["history"].copy()
    assert 1 <= len(before) < 6
    steps = []
    sample_batch = training.sample_batch

    def count_steps(*args):
        steps.append(1)
        return sample_batch(*args)

    monkeypatch.setattr(training, "sample_batch", count_steps)
    data = TrainingData(photos, None, 0, checkpoint, "key")
    result = train_fast_rcnn(FastRCNN().build(2, 0), data, CONFIG)
    assert len(result.history) == 6 and len(steps) == 6 - len(before)
    assert result.cached_seconds > 0
    np.testing.assert_array_equal(result.history[: len(before)], before)
    data = replace(data, checkpoint=tmp_path / "other.npz")
    whole = train_fast_rcnn(FastRCNN().build(2, 0), data, replace(CONFIG, checkpoint_every=99))
    # A step samples the same, whenever it runs.
    np.testing.assert_allclose(result.history, whole.history, rtol=0.02, atol=0.02)
