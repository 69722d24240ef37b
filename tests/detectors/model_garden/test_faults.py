"""Model Garden's faults that the package works around: theirs fails, ours does not.

They are numbered as in the comments of `shopee_od/detectors/model_garden`.
"""

import json
import math
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from official.modeling import performance
from official.vision.dataloaders import maskrcnn_input
from official.vision.evaluation import coco_evaluator
from official.vision.modeling.layers import detection_generator, roi_generator, roi_sampler
from official.vision.ops import anchor
from official.vision.tasks import maskrcnn

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.model_garden.coco_metric import CocoMetric
from shopee_od.detectors.model_garden.experiment import build_experiment
from shopee_od.detectors.model_garden.input_pipeline import decode_to_canvas
from shopee_od.detectors.model_garden.progress import TRAINING_METRICS, read_history
from shopee_od.detectors.model_garden.targets import (
    boxes_to_canvas,
    normalize_and_mask,
    random_horizontal_flip,
)
from shopee_od.detectors.model_garden.task import FasterRCNNTask
from shopee_od.profiles import profile

pytestmark = pytest.mark.slow

SMOKE = profile("smoke")
CLASSES = ("cap", "jacket")
ANCHORS = {
    "min_level": 3,
    "max_level": 5,
    "num_scales": 1,
    "aspect_ratios": [0.5, 1.0, 2.0],
    "anchor_size": 4.0,
}


def make_task(sizes=SMOKE, **records):
    return FasterRCNNTask(build_experiment(sizes, CLASSES, (64, 64), **records).task, sizes)


@pytest.fixture(scope="module")
def model():
    """Without dropped blocks, so that training and validation differ in their RoIs only."""
    return make_task(SMOKE.replace(drop_path=0.0)).build_model()


def test_1_the_rpn_score_loss_is_a_mean_over_the_sampled_anchors():
    """256 anchors of a photo are sampled; with logits of 0 the loss of each is ln 2."""
    task = make_task(SMOKE.replace(rois=64))
    targets = np.full(8 * 8 * 6, -1.0, np.float32)
    targets[:256] = np.arange(256) % 2
    labels = {
        "rpn_score_targets": {"3": tf.reshape(targets, [1, 8, 8, 6])},
        "rpn_box_targets": {"3": tf.zeros([1, 8, 8, 24])},
    }
    outputs = {
        "rpn_scores": {"3": tf.zeros([1, 8, 8, 6])},
        "rpn_boxes": {"3": tf.zeros([1, 8, 8, 24])},
        "box_outputs": tf.zeros([1, 64, 4]),  # 64 RoIs
    }
    ours, _ = task._build_rpn_losses(outputs, labels)
    theirs, _ = maskrcnn.MaskRCNNTask._build_rpn_losses(task, outputs, labels)
    assert float(theirs) == pytest.approx(4 * math.log(2), rel=1e-5), (
        "the fault: 256 / 64 times as much"
    )
    assert float(ours) == pytest.approx(math.log(2), rel=1e-5)


WHITE = np.zeros((64, 64, 3), np.uint8)
WHITE[16:48, 8:24] = 255
BOX = [[16 / 64, 8 / 64, 48 / 64, 24 / 64]]


def flips_and_scales(pixels, boxes, scales):
    """Which photos (bool) are flipped, by the position of their white box; and the scales."""
    flipped = []
    for image, (y1, x1, y2, x2), scale in zip(pixels, boxes, scales, strict=True):
        flipped.append((x1 + x2) / 2 / scale > 32)
        inside = image[math.ceil(y1) + 2 : int(y2) - 2, math.ceil(x1) + 2 : int(x2) - 2]
        assert inside.min() > 1, "the box is where the white is"
    return np.array(flipped), np.array(scales)


def test_2_photos_are_flipped_at_all_scales():
    data = {
        "image": tf.constant(WHITE),
        "groundtruth_boxes": tf.constant(BOX),
        "groundtruth_classes": tf.constant([1], tf.int64),
        "groundtruth_is_crowd": tf.constant([False]),
    }
    config = {
        "output_size": [64, 64],
        "aug_rand_hflip": True,
        "aug_scale_min": 0.5,
        "aug_scale_max": 1.0,
    }
    theirs = maskrcnn_input.Parser(**ANCHORS, **config)
    tf.random.set_seed(1)
    parsed = tf.data.Dataset.from_tensors(data).repeat(120).map(theirs._parse_train_data).batch(120)
    pixels, labels = next(parsed.as_numpy_iterator())
    flipped, scales = flips_and_scales(
        pixels, labels["gt_boxes"][:, 0], labels["image_info"][:, 2, 0]
    )
    assert scales[flipped].max() < scales[~flipped].min(), (
        "the fault: only small photos are flipped"
    )

    encoded = tf.io.encode_jpeg(WHITE, quality=100)
    photos = tf.data.Dataset.from_tensors(encoded).repeat(120)
    photos = photos.map(
        lambda jpeg: decode_to_canvas(jpeg, tf.constant([64.0, 64.0]), (64, 64), (0.5, 1.0))
    )
    photos, visible_size, info = next(iter(photos.padded_batch(120, ((64, 64, 3), (2,), (4, 2)))))
    labels = {"boxes": tf.constant([BOX] * 120), "classes": tf.ones([120, 1], tf.int64)}
    labels |= {"visible_size": visible_size, "image_info": info}
    boxes, _ = boxes_to_canvas(labels)
    photos, boxes = random_horizontal_flip(photos, boxes, visible_size)
    pixels = normalize_and_mask(photos, visible_size).numpy()
    flipped, scales = flips_and_scales(pixels, boxes.numpy()[:, 0], info.numpy()[:, 2, 0])
    small = scales < 0.75
    assert small.sum() > 40 and (~small).sum() > 40
    assert 0.3 < flipped[small].mean() < 0.7 and 0.3 < flipped[~small].mean() < 0.7


def test_3_nms_keeps_boxes_that_overlap_no_kept_box(model):
    """Three boxes in a row; neighbors have an IoU of 1/2, the first and the last one of 1/5."""
    rois = tf.constant([[[0.0, 0, 30, 30], [0, 10, 30, 40], [0, 20, 30, 50]]])
    logits = tf.constant([[[0.0, 3, -9], [0, 2, -9], [0, 1, -9]]])
    inputs = tf.zeros([1, 3, 4]), logits, rois, tf.constant([[64.0, 64.0]])

    def detect(generator):
        out = generator(*inputs, bbox_per_class=False)
        return out["detection_boxes"][0, : int(out["num_detections"][0])].numpy().tolist()

    config = model.detection_generator.get_config()
    theirs = detect(detection_generator.DetectionGenerator(**config | {"nms_version": "v2"}))
    assert theirs == [[0, 0, 30, 30]], (
        "the fault: the second box is suppressed, and yet it suppresses the third"
    )
    assert [0, 20, 30, 50] in detect(model.detection_generator)


@pytest.fixture
def validation_batch():
    """A Dataset of two photos, with a cap and a jacket; labels and predictions of a batch."""
    images = [
        {"image_id": i, "path": f"{i}.jpg", "width": 100, "height": 50, "split": "val"}
        for i in (7, 8)
    ]
    box = {"x1": 20, "y1": 10, "x2": 60, "y2": 40}
    boxes = [{"box_id": i, "image_id": 7 + i, "label": i, **box} for i in (0, 1)]
    groundtruths = {
        "source_id": tf.constant([7, 8]),
        "height": tf.constant([50, 50]),
        "width": tf.constant([100, 100]),
        "num_detections": tf.constant([1, 1]),
        "boxes": tf.constant([[[10.0, 20, 40, 60]]] * 2),
        "classes": tf.constant([[1], [2]]),
        "is_crowds": tf.constant([[0], [0]]),
    }
    predictions = {
        "source_id": tf.constant([7, 8]),
        "image_info": tf.constant([[[50.0, 100], [64, 64], [0.5, 0.5], [0, 0]]] * 2),
        "detection_boxes": tf.constant([[[5.0, 10, 20, 30]]] * 2),
        "detection_scores": tf.constant([[0.9], [0.8]]),
        "detection_classes": tf.constant([[1], [1]]),
        "num_detections": tf.constant([1, 1]),
    }
    return Dataset.build("generated", "/none", CLASSES, images, boxes), groundtruths, predictions


def test_4_validation_gives_the_ap_of_every_class(validation_batch, smoke_run):
    dataset, groundtruths, predictions = validation_batch
    theirs = coco_evaluator.COCOEvaluator(None, include_mask=False, per_category_metrics=True)
    theirs.update_state(groundtruths, {name: (value,) for name, value in predictions.items()})
    theirs = theirs.result()
    assert not [name for name in theirs if "ByCategory" in name], (
        "the fault: requested, but not computed"
    )
    ours = CocoMetric(dataset)
    ours.update_state(groundtruths, predictions)
    ours = ours.result()
    assert ours["AP/cap"] == pytest.approx(1, abs=0.01) and ours["AP/jacket"] == 0
    assert ours["AP"] == pytest.approx(theirs["AP"], abs=1e-6)
    assert all(f"AP/{name}" in row for name in CLASSES for row in validations(smoke_run.run_dir))


def validations(run_dir):
    return [row for row in read_history(run_dir) if row["kind"] == "val"]


def test_5_losses_and_roi_accuracy_are_logged_in_training_and_in_validation(smoke_run):
    for row in read_history(smoke_run.run_dir):
        assert all(row[name] > 0 for name in TRAINING_METRICS)
        parts = sum(row[name] for name in TRAINING_METRICS if name.endswith("loss"))
        assert row["total_loss"] == pytest.approx(
            parts, rel=1e-4
        )  # AdamW decays weights apart from the loss
        assert row["roi_accuracy"] <= 1
    for row in validations(smoke_run.run_dir):
        assert row["validation_loss"] == pytest.approx(row["total_loss"], rel=1e-5)


def test_5_validation_photos_have_targets(smoke_run):
    task = make_task(val_records=str(smoke_run.run_dir / "records" / "val" / "photos-*"))
    task._val = smoke_run.val
    batch = next(iter(task.build_inputs(task.task_config.validation_data)))
    _, labels = task.prepare_batch(batch, training=False)
    assert any((scores.numpy() == 1).any() for scores in labels["rpn_score_targets"].values())


def test_5_validation_losses_are_those_of_the_training_pass(model, smoke_run):
    """With batch norms at their moving statistics in both, and the same RoIs sampled."""
    task = make_task(val_records=str(smoke_run.run_dir / "records" / "val" / "photos-*"))
    task._val = smoke_run.val
    batch = next(iter(task.build_inputs(task.task_config.validation_data)))
    metrics = task.build_metrics(training=False)
    tf.random.set_seed(5)
    logs = task.validation_step(batch, model, metrics)
    tf.random.set_seed(5)
    images, labels = task.prepare_batch(
        batch, training=False
    )  # the same anchors and RoIs are sampled
    model.trainable = False  # Keras then keeps the batch norms' moving statistics
    try:
        outputs = model(
            images,
            image_shape=labels["image_info"][:, 1, :],
            anchor_boxes=labels["anchor_boxes"],
            gt_boxes=labels["gt_boxes"],
            gt_classes=labels["gt_classes"],
            training=True,
        )
    finally:
        model.trainable = True
    losses = maskrcnn.MaskRCNNTask.build_losses(task, outputs, labels)
    predicted = tf.argmax(outputs["class_outputs"], -1)
    is_correct = predicted == tf.cast(outputs["class_targets"], tf.int64)
    losses["roi_accuracy"] = tf.reduce_mean(tf.cast(is_correct, tf.float32))
    assert {m.name for m in metrics} == {"total_loss", *TRAINING_METRICS}
    for metric in metrics:
        assert float(metric.result()) == pytest.approx(float(losses[metric.name]), rel=1e-4), (
            metric.name
        )
    assert float(logs["loss"]) > 0


@pytest.fixture
def in_bfloat16():
    performance.set_mixed_precision_policy("bfloat16")
    yield
    performance.set_mixed_precision_policy("float32")


def test_6_boxes_stay_in_float32_under_bfloat16(in_bfloat16):
    task = make_task(SMOKE.replace(precision="bfloat16"))
    model = task.build_model()
    anchors = anchor.build_anchor_generator(**ANCHORS | {"min_level": 5})((1024, 1024))
    inputs = (
        {"5": tf.zeros([1, 32, 32, 12], tf.bfloat16)},  # deltas
        {"5": tf.cast(tf.random.stateless_normal([1, 32, 32, 3], [1, 2]), tf.bfloat16)},
        {"5": anchors["5"][None]},
        tf.constant([[1024.0, 1024.0]]),
    )

    def far(boxes):
        """Corners between 512 and 1024 px, without those on the border of the photo."""
        return boxes.numpy().astype(np.float32)[(boxes > 512) & (boxes < 1024)]

    theirs, _ = roi_generator.MultilevelROIGenerator(**model.roi_generator.get_config())(*inputs)
    assert len(far(theirs)) > 9 and (far(theirs) % 4 == 0).all(), "the fault: 4 px steps"
    ours, _ = model.roi_generator(*inputs)
    assert ours.dtype == tf.float32
    sides = {round(float(x), 2) for x in anchors["5"].numpy().ravel()}
    assert all(round(float(x), 2) in sides for x in far(ours)), "deltas of 0 do not move anchors"

    gt = tf.constant([[[701.3, 602.9, 901.1, 801.7]]]), tf.constant([[1]], tf.int64)
    sampler = roi_sampler.ROISampler(**model.roi_sampler[0].get_config())
    assert sampler(ours, *gt)[1].dtype == tf.bfloat16, "the fault: box targets too"
    rois, boxes, _, _ = model.roi_sampler[0](ours, *gt)
    assert rois.dtype == boxes.dtype == tf.float32
    assert gt[0].numpy().tolist()[0][0] in boxes.numpy().tolist()[0]

    detections = model.detection_generator(
        tf.zeros([1, 20, 4], tf.bfloat16),
        tf.cast(tf.random.stateless_normal([1, 20, 3], [3, 4]), tf.bfloat16),
        ours,
        tf.constant([[1024.0, 1024.0]]),
        bbox_per_class=False,
    )
    assert detections["detection_boxes"].dtype == tf.float32
    assert (far(detections["detection_boxes"]) % 4 != 0).any()


MIRRORED = """
import json, sys
from pathlib import Path
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from official.core import train_lib, train_utils
from shopee_od.datasets.coco import read_coco
from shopee_od.detectors.model_garden.experiment import build_experiment
from shopee_od.detectors.model_garden.coco_metric import CocoMetric
from shopee_od.detectors.model_garden.runs import profile_of
from shopee_od.detectors.model_garden.task import FasterRCNNTask
from shopee_od.io import read_json

cuts, run_dir = map(Path, sys.argv[1:])
run = read_json(run_dir / "run.json")
data = read_coco(cuts)
profile = profile_of(run)
records = [str(run_dir / "records" / name / "photos-*") for name in ("train", "val")]
params = build_experiment(
    profile, data.classes, tuple(run["canvas"]), *records, gpus=2, validate=False
)
photos = []

class Counting(CocoMetric):
    def update_state(self, groundtruths, predictions):
        photos.append([len(part) for part in groundtruths["source_id"]])
        super().update_state(groundtruths, predictions)

    def result(self):
        photos.append(sorted(self.detections))
        return super().result()

import shopee_od.detectors.model_garden.task as module
module.CocoMetric = Counting
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    task = FasterRCNNTask(params.task, profile, data.split("val"))
    trainer = train_utils.create_trainer(params, task, train=True, evaluate=True)
_, logs = train_lib.run_experiment(
    strategy, task, "eval", params, str(run_dir), trainer=trainer, run_post_eval=True
)
assert strategy.num_replicas_in_sync == 2
metrics = {k: float(v) for k, v in logs.items() if k.startswith("A")}
print(json.dumps({"photos": photos, "metrics": metrics}))
"""


def test_7_mirrored_validation_evaluates_all_photos_once(smoke_run, cuts, tmp_path):
    """Three photos for two devices, one each per batch: the last would leave a device empty."""
    run_dir = shutil.copytree(smoke_run.run_dir, tmp_path / "run")
    assert len(smoke_run.val) == 3 and smoke_run.profile.batch_size == 2
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    process = subprocess.run(
        [sys.executable, "-c", MIRRORED, cuts, run_dir],
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    answer = json.loads(process.stdout.splitlines()[-1])
    assert answer["photos"][:2] == [[1, 1], [1, 1]], "whole read_batches on both devices"
    assert answer["photos"][2] == sorted(smoke_run.val.images.image_id), "all photos, once"
    one_device = validations(run_dir)[-1]
    for name in ("AP", "AP50", "AR100", "AP/jacket"):
        assert answer["metrics"][name] == pytest.approx(one_device[name], abs=1e-4), name


def test_7_workers_do_not_share_the_validation_photos_out():
    assert make_task().task_config.validation_data.sharding is False


def test_8_a_seed_makes_a_run_repeatable(smoke_run, killed_run):
    """Another process, the same seed: the same losses and metrics to the last bit."""
    names = ("step", "kind", "total_loss", *TRAINING_METRICS)
    rows = [row for row in read_history(smoke_run.run_dir) if row["step"] <= 24]
    assert len(rows) == 7 and [{k: row[k] for k in names} for row in rows] == [
        {k: row[k] for k in names} for row in killed_run.rows
    ]
    assert validations(smoke_run.run_dir)[0]["AP"] == killed_run.rows[5]["AP"]
