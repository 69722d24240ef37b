"""Model Garden's faults that the package works around: that each is there, and that it does no harm here.

They are numbered as in the comments of `shopee_od/garden`.
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
from shopee_od.garden.experiment import experiment
from shopee_od.garden.inputs import placed
from shopee_od.garden.metric import CocoMetric
from shopee_od.garden.progress import read_history
from shopee_od.garden.targets import mirrored_at_random, network_input, on_canvas
from shopee_od.garden.task import FIGURES, FasterRCNNTask
from shopee_od.profiles import profile

SMOKE = profile("smoke")
CLASSES = ("cap", "jacket")
ANCHORS = {"min_level": 3, "max_level": 5, "num_scales": 1, "aspect_ratios": [0.5, 1.0, 2.0], "anchor_size": 4.0}


def task_of(a_profile=SMOKE, **records):
    return FasterRCNNTask(experiment(a_profile, CLASSES, (64, 64), **records).task, a_profile)


@pytest.fixture(scope="module")
def model():
    """Without dropped blocks: its training pass is its validation pass but for the RoIs."""
    return task_of(SMOKE.with_(drop_path=0.0)).build_model()


def test_1_the_rpn_score_loss_is_a_mean_over_the_sampled_anchors():
    """256 anchors of a photo are sampled; scores that say nothing cost ln 2 each."""
    task = task_of(SMOKE.with_(rois=64))
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
    assert float(theirs) == pytest.approx(4 * math.log(2), rel=1e-5), "the fault: 256 / 64 times as much"
    assert float(ours) == pytest.approx(math.log(2), rel=1e-5)


WHITE = np.zeros((64, 64, 3), np.uint8)
WHITE[16:48, 8:24] = 255
BOX = [[16 / 64, 8 / 64, 48 / 64, 24 / 64]]


def flips_and_scales(pixels, boxes, scales):
    """Normalised photos with their white box, and the scales they were drawn at -> bool, which are mirrored."""
    flipped = []
    for image, (y1, x1, y2, x2), scale in zip(pixels, boxes, scales, strict=True):
        flipped.append((x1 + x2) / 2 / scale > 32)
        inside = image[math.ceil(y1) + 2 : int(y2) - 2, math.ceil(x1) + 2 : int(x2) - 2]
        assert inside.min() > 1, "the box is where the white is"
    return np.array(flipped), np.array(scales)


def test_2_photos_are_mirrored_at_every_scale():
    data = {
        "image": tf.constant(WHITE),
        "groundtruth_boxes": tf.constant(BOX),
        "groundtruth_classes": tf.constant([1], tf.int64),
        "groundtruth_is_crowd": tf.constant([False]),
    }
    config = {"output_size": [64, 64], "aug_rand_hflip": True, "aug_scale_min": 0.5, "aug_scale_max": 1.0}
    theirs = maskrcnn_input.Parser(**ANCHORS, **config)
    tf.random.set_seed(1)
    parsed = tf.data.Dataset.from_tensors(data).repeat(120).map(theirs._parse_train_data).batch(120)
    pixels, labels = next(parsed.as_numpy_iterator())
    flipped, scales = flips_and_scales(pixels, labels["gt_boxes"][:, 0], labels["image_info"][:, 2, 0])
    assert scales[flipped].max() < scales[~flipped].min(), "the fault: mirrored where small, and there only"

    encoded = tf.io.encode_jpeg(WHITE, quality=100)
    photos = tf.data.Dataset.from_tensors(encoded).repeat(120)
    photos = photos.map(lambda jpeg: placed(jpeg, tf.constant([64.0, 64.0]), (64, 64), (0.5, 1.0)))
    photos, shown, info = next(iter(photos.padded_batch(120, ((64, 64, 3), (2,), (4, 2)))))
    given = {"boxes": tf.constant([BOX] * 120), "classes": tf.ones([120, 1], tf.int64)}
    boxes, _ = on_canvas(given | {"shown": shown, "image_info": info})
    photos, boxes = mirrored_at_random(photos, boxes, shown)
    pixels = network_input(photos, shown).numpy()
    flipped, scales = flips_and_scales(pixels, boxes.numpy()[:, 0], info.numpy()[:, 2, 0])
    small = scales < 0.75
    assert small.sum() > 40 and (~small).sum() > 40
    assert 0.3 < flipped[small].mean() < 0.7 and 0.3 < flipped[~small].mean() < 0.7


def test_3_nms_leaves_boxes_that_overlap_no_kept_one(model):
    """Three boxes in a row, each with IoU 1/2 to the next: the last overlaps the first hardly at all."""
    rois = tf.constant([[[0.0, 0, 30, 30], [0, 10, 30, 40], [0, 20, 30, 50]]])
    logits = tf.constant([[[0.0, 3, -9], [0, 2, -9], [0, 1, -9]]])
    given = tf.zeros([1, 3, 4]), logits, rois, tf.constant([[64.0, 64.0]])

    def found(generator):
        out = generator(*given, bbox_per_class=False)
        return out["detection_boxes"][0, : int(out["num_detections"][0])].numpy().tolist()

    config = model.detection_generator.get_config()
    theirs = found(detection_generator.DetectionGenerator(**config | {"nms_version": "v2"}))
    assert theirs == [[0, 0, 30, 30]], "the fault: the second is gone, and yet took the third with it"
    assert [0, 20, 30, 50] in found(model.detection_generator)


@pytest.fixture
def judged():
    """A Dataset of two photos, with a cap and with a jacket; a batch as validation gives it, with the cap found."""
    images = [{"image_id": i, "path": f"{i}.jpg", "width": 100, "height": 50, "split": "val"} for i in (7, 8)]
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
    return Dataset.build("made", "/none", CLASSES, images, boxes), groundtruths, predictions


def test_4_validation_gives_the_ap_of_every_class(judged, smoke_run):
    dataset, groundtruths, predictions = judged
    theirs = coco_evaluator.COCOEvaluator(None, include_mask=False, per_category_metrics=True)
    theirs.update_state(groundtruths, {name: (value,) for name, value in predictions.items()})
    theirs = theirs.result()
    assert not [name for name in theirs if "ByCategory" in name], "the fault: asked for, and not given"
    ours = CocoMetric(dataset)
    ours.update_state(groundtruths, predictions)
    ours = ours.result()
    assert ours["AP/cap"] == pytest.approx(1, abs=0.01) and ours["AP/jacket"] == 0
    assert ours["AP"] == pytest.approx(theirs["AP"], abs=1e-6)
    assert all(f"AP/{name}" in row for name in CLASSES for row in validations(smoke_run.run_dir))


def validations(run_dir):
    return [row for row in read_history(run_dir) if row["kind"] == "val"]


def test_5_the_figures_are_logged_in_training_and_in_validation(smoke_run):
    for row in read_history(smoke_run.run_dir):
        assert all(row[name] > 0 for name in FIGURES)
        parts = sum(row[name] for name in FIGURES if name.endswith("loss"))
        assert row["total_loss"] == pytest.approx(parts, rel=1e-4)  # AdamW decays weights apart from the loss
        assert row["roi_accuracy"] <= 1
    for row in validations(smoke_run.run_dir):
        assert row["validation_loss"] == pytest.approx(row["total_loss"], rel=1e-5)


def test_5_validation_photos_have_targets(smoke_run):
    task = task_of(val_records=str(smoke_run.run_dir / "records" / "val" / "photos-*"))
    task._val = smoke_run.val
    batch = next(iter(task.build_inputs(task.task_config.validation_data)))
    _, labels = task.prepared(batch, training=False)
    assert any((scores.numpy() == 1).any() for scores in labels["rpn_score_targets"].values())


def test_5_validation_losses_are_those_of_the_training_pass(model, smoke_run):
    """With batch norms at their moving statistics in both, and the same RoIs drawn."""
    task = task_of(val_records=str(smoke_run.run_dir / "records" / "val" / "photos-*"))
    task._val = smoke_run.val
    batch = next(iter(task.build_inputs(task.task_config.validation_data)))
    metrics = task.build_metrics(training=False)
    tf.random.set_seed(5)
    logs = task.validation_step(batch, model, metrics)
    tf.random.set_seed(5)
    images, labels = task.prepared(batch, training=False)  # the same anchors drawn, and then RoIs
    model.trainable = False  # so Keras lets batch norms be
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
    right = tf.argmax(outputs["class_outputs"], -1) == tf.cast(outputs["class_targets"], tf.int64)
    losses["roi_accuracy"] = tf.reduce_mean(tf.cast(right, tf.float32))
    assert {m.name for m in metrics} == {"total_loss", *FIGURES}
    for metric in metrics:
        assert float(metric.result()) == pytest.approx(float(losses[metric.name]), rel=1e-4), metric.name
    assert float(logs["loss"]) > 0


@pytest.fixture
def in_bfloat16():
    performance.set_mixed_precision_policy("bfloat16")
    yield
    performance.set_mixed_precision_policy("float32")


def test_6_boxes_stay_in_float32_under_bfloat16(in_bfloat16):
    task = task_of(SMOKE.with_(precision="bfloat16"))
    model = task.build_model()
    anchors = anchor.build_anchor_generator(**ANCHORS | {"min_level": 5})((1024, 1024))
    given = (
        {"5": tf.zeros([1, 32, 32, 12], tf.bfloat16)},  # deltas
        {"5": tf.cast(tf.random.stateless_normal([1, 32, 32, 3], [1, 2]), tf.bfloat16)},
        {"5": anchors["5"][None]},
        tf.constant([[1024.0, 1024.0]]),
    )

    def far(boxes):
        """Corners between 512 and 1024 px, without those on the photo's edge."""
        return boxes.numpy().astype(np.float32)[(boxes > 512) & (boxes < 1024)]

    theirs, _ = roi_generator.MultilevelROIGenerator(**model.roi_generator.get_config())(*given)
    assert len(far(theirs)) > 9 and (far(theirs) % 4 == 0).all(), "the fault: 4 px steps"
    ours, _ = model.roi_generator(*given)
    assert ours.dtype == tf.float32
    sides = {round(float(x), 2) for x in anchors["5"].numpy().ravel()}
    assert all(round(float(x), 2) in sides for x in far(ours)), "deltas of 0 leave anchors where they are"

    truth = tf.constant([[[701.3, 602.9, 901.1, 801.7]]]), tf.constant([[1]], tf.int64)
    sampler = roi_sampler.ROISampler(**model.roi_sampler[0].get_config())
    assert sampler(ours, *truth)[1].dtype == tf.bfloat16, "the fault: box targets too"
    rois, boxes, _, _ = model.roi_sampler[0](ours, *truth)
    assert rois.dtype == boxes.dtype == tf.float32
    assert truth[0].numpy().tolist()[0][0] in boxes.numpy().tolist()[0]

    found = model.detection_generator(
        tf.zeros([1, 20, 4], tf.bfloat16),
        tf.cast(tf.random.stateless_normal([1, 20, 3], [3, 4]), tf.bfloat16),
        ours,
        tf.constant([[1024.0, 1024.0]]),
        bbox_per_class=False,
    )
    assert found["detection_boxes"].dtype == tf.float32
    assert (far(found["detection_boxes"]) % 4 != 0).any()


MIRRORED = """
import json, sys
from pathlib import Path
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from official.core import train_lib, train_utils
from shopee_od.datasets.coco import read_coco
from shopee_od.garden.experiment import experiment
from shopee_od.garden.inputs import placed
from shopee_od.garden.metric import CocoMetric
from shopee_od.garden.runs import profile_of
from shopee_od.garden.task import FasterRCNNTask
from shopee_od.paths import read_json

cuts, run_dir = map(Path, sys.argv[1:])
run, data = read_json(run_dir / "run.json"), read_coco(cuts)
profile = profile_of(run)
records = [str(run_dir / "records" / name / "photos-*") for name in ("train", "val")]
params = experiment(profile, data.classes, tuple(run["canvas"]), *records, gpus=2, validate=False)
photos = []

class Counting(CocoMetric):
    def update_state(self, groundtruths, predictions):
        photos.append([len(part) for part in groundtruths["source_id"]])
        super().update_state(groundtruths, predictions)

    def result(self):
        photos.append(sorted(self.detections))
        return super().result()

import shopee_od.garden.task as module
module.CocoMetric = Counting
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    task = FasterRCNNTask(params.task, profile, data.split("val"))
    trainer = train_utils.create_trainer(params, task, train=True, evaluate=True)
_, logs = train_lib.run_experiment(strategy, task, "eval", params, str(run_dir), trainer=trainer, run_post_eval=True)
assert strategy.num_replicas_in_sync == 2
print(json.dumps({"photos": photos, "figures": {k: float(v) for k, v in logs.items() if k.startswith("A")}}))
"""


def test_7_mirrored_validation_sees_every_photo_once(smoke_run, cuts, tmp_path):
    """Three photos for two devices, one each at a time: in the last batch one device would have none, and crash."""
    run_dir = shutil.copytree(smoke_run.run_dir, tmp_path / "run")
    assert len(smoke_run.val) == 3 and smoke_run.profile.batch_size == 2
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED, cuts, run_dir], env=environment, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["photos"][:2] == [[1, 1], [1, 1]], "whole batches on both devices"
    assert answer["photos"][2] == sorted(smoke_run.val.images.image_id), "each photo once"
    one_device = validations(run_dir)[-1]
    for name in ("AP", "AP50", "AR100", "AP/jacket"):
        assert answer["figures"][name] == pytest.approx(one_device[name], abs=1e-4), name


def test_7_no_worker_sees_a_part_of_the_validation_photos_only():
    assert task_of().task_config.validation_data.sharding is False


def test_8_a_seed_makes_a_run_repeatable(smoke_run, killed_run):
    """Another process, the same seed: the same losses and figures to the last bit."""
    figures = ("step", "kind", "total_loss", *FIGURES)
    rows = [row for row in read_history(smoke_run.run_dir) if row["step"] <= 24]
    assert len(rows) == 7 and [{k: row[k] for k in figures} for row in rows] == [
        {k: row[k] for k in figures} for row in killed_run.rows
    ]
    assert validations(smoke_run.run_dir)[0]["AP"] == killed_run.rows[5]["AP"]
