"""Model Garden's Faster R-CNN task without its faults in the losses and the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras
from official.vision.configs import maskrcnn as configs
from official.vision.losses import maskrcnn_losses
from official.vision.ops import box_ops
from official.vision.tasks import maskrcnn

from shopee_od.backbones import freeze, get_backbone, is_weights_file, load_weights
from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.model_garden.class_loss import ClassLoss
from shopee_od.detectors.model_garden.coco_metric import CocoMetric
from shopee_od.detectors.model_garden.input_pipeline import read_batches
from shopee_od.detectors.model_garden.model import REGRESSION_WEIGHTS, build_model
from shopee_od.detectors.model_garden.progress import TRAINING_METRICS
from shopee_od.detectors.model_garden.rpn_loss import compute_rpn_losses
from shopee_od.detectors.model_garden.targets import (
    AnchorLabeler,
    boxes_to_canvas,
    normalize_and_mask,
    random_color_jitter,
    random_horizontal_flip,
)
from shopee_od.detectors.model_garden.variables import has_variables, load_variables
from shopee_od.profiles import Profile


class FasterRCNNTask(maskrcnn.MaskRCNNTask):
    """The task that `run_experiment` trains.

    Args:
        params: the task of `build_experiment`.
        profile: the profile that it was built from.
        val: the validation split, for COCO metrics computed by `shopee_od.evaluation`.
        logging_dir: for Model Garden's summaries.
        coarse_labels: those of the training set, as `Dataset` has them.
        source_weights: the share of training images from each source of the training records.
    """

    def __init__(
        self,
        params: configs.MaskRCNNTask,
        profile: Profile,
        val: Dataset | None = None,
        logging_dir: str | None = None,
        coarse_labels: tuple[tuple[int, ...], ...] = (),
        source_weights: Sequence[float] = (1.0,),
    ) -> None:
        super().__init__(params, logging_dir=logging_dir)
        self._profile = profile
        self._val: Any = val
        self._source_weights = source_weights
        self._class_loss = ClassLoss(
            params.model.num_classes - 1, coarse_labels, params.losses.class_weights
        )

    @tf.autograph.experimental.do_not_convert
    def build_model(self) -> Any:
        """The network for the configured canvas, with all its weights made."""
        config = self.task_config
        size = config.model.input_size
        model = build_model(config.model, size[:2], config.losses.l2_weight_decay)
        freeze(model.backbone, self._profile.frozen_level)
        # The second stage's weights are made by its first call.
        model(tf_keras.Input(size), image_shape=tf_keras.Input([2]), training=False)
        return model

    def initialize(self, model: Any) -> None:
        """Loads the backbone's weights if there are any, then the profile's weights."""
        if has_variables(self._profile.weights):
            load_variables(model, Path(self._profile.weights))
        elif is_weights_file(self._profile.weights):
            load_weights(model.backbone, Path(self._profile.weights))
        elif get_backbone(self._profile.backbone).pretrained:
            load_weights(model.backbone)
        super().initialize(model)

    def build_inputs(  # type: ignore[override]
        self, params: Any, input_context: Any = None
    ) -> tf.data.Dataset:
        """Batches of records, endless in training, once through in validation."""
        canvas = tuple(self.task_config.model.input_size[:2])
        if not params.is_training:
            batches = read_batches(params, canvas, input_context)
            return self._fill_up(batches, params, input_context)
        return read_batches(
            params, canvas, input_context, self._profile.augmentation, self._source_weights
        )

    def prepare_batch(
        self, inputs: tuple[tf.Tensor, dict[str, tf.Tensor]], training: bool
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Augments images in training, and adds anchors and their targets to the labels.

        Fault 5: Model Garden's validation data have no targets, so that they give no losses.

        Args:
            inputs: a batch of `read_batches`.
            training: whether to flip and jitter.
        Returns:
            The network's input (B, H, W, 3), and the labels.
        """
        images, labels = inputs
        config = self.task_config.train_data.parser
        boxes, classes = boxes_to_canvas(labels)
        visible_size = labels["visible_size"]
        if training and config.aug_rand_hflip:
            images, boxes = random_horizontal_flip(images, boxes, visible_size)
        images = normalize_and_mask(images, visible_size)
        if training and self._profile.color_jitter:
            images = random_color_jitter(images, self._profile.color_jitter)
        targets = AnchorLabeler(self.task_config.model, config)(boxes, classes)
        return images, labels | {"gt_boxes": boxes, "gt_classes": classes} | targets

    def _fill_up(
        self, batches: tf.data.Dataset, params: Any, input_context: Any
    ) -> tf.data.Dataset:
        """Fault 7: a last batch that leaves a replica without images crashes; it is filled up.

        The first images are repeated for that. The metric identifies images by their id, so that
        one evaluated twice counts once.
        """
        replicas = input_context.num_replicas_in_sync if input_context else 1
        size = params.global_batch_size // replicas
        rounds = -(-len(self._val) // (size * replicas))
        return batches.unbatch().repeat().batch(size, drop_remainder=True).take(rounds * replicas)

    def _build_rpn_losses(self, outputs: Any, labels: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Fault 1, worked around in `rpn_loss.py`."""
        return compute_rpn_losses(self.task_config, outputs, labels)

    def _build_frcnn_losses(self, outputs: Any, labels: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Class loss and box loss; Model Garden's class loss knows no coarse labels."""
        class_loss = self._class_loss(outputs["class_outputs"], outputs["class_targets"])
        config = self.task_config
        box_loss = maskrcnn_losses.FastrcnnBoxLoss(
            config.losses.frcnn_huber_loss_delta,
            config.model.detection_head.class_agnostic_bbox_pred,
        )(outputs["box_outputs"], outputs["class_targets"], outputs["box_targets"])
        return class_loss, tf.reduce_mean(box_loss)

    def build_losses(self, outputs: Any, labels: Any, aux_losses: Any = None) -> dict[str, Any]:
        """Fault 5: adds the RoI accuracy, which Model Garden does not log in training."""
        losses = super().build_losses(outputs, labels, aux_losses)
        accuracy = self._class_loss.accuracy(outputs["class_outputs"], outputs["class_targets"])
        return losses | {"roi_accuracy": accuracy}

    def build_metrics(self, training: bool = True) -> list[tf_keras.metrics.Metric]:
        """Means of the losses and of the RoI accuracy; in validation also a CocoMetric."""
        self.coco_metric: Any = None if training else CocoMetric(self._val)
        self.instance_box_perclass_metrics = None
        self.instance_mask_perclass_metrics = None
        names = ("total_loss", *TRAINING_METRICS)
        return [tf_keras.metrics.Mean(name, dtype=tf.float32) for name in names]

    @tf.autograph.experimental.do_not_convert
    def train_step(self, inputs: Any, model: Any, optimizer: Any, metrics: Any = None) -> Any:
        names = ("total_loss", *TRAINING_METRICS)
        means = [metric for metric in metrics or [] if metric.name in names]
        return super().train_step(self.prepare_batch(inputs, True), model, optimizer, means)

    @tf.autograph.experimental.do_not_convert
    def validation_step(self, inputs: Any, model: Any, metrics: Any = None) -> dict[str, Any]:
        """Fault 5: detections for the metric, and the losses, which Model Garden reports as 0.

        The second stage's losses need sampled RoIs, so it runs twice: on proposals for the
        detections, and on RoIs sampled against the ground truth as in training, with its batch
        norms at their moving statistics.
        """
        images, labels = self.prepare_batch(inputs, training=False)
        shape = labels["image_info"][:, 1, :]
        anchors = labels["anchor_boxes"]
        outputs = model(images, anchor_boxes=anchors, image_shape=shape, training=False)
        losses = self.build_losses(
            self._outputs_on_sampled_rois(model, outputs, labels), labels, model.losses
        )
        for metric in metrics or []:
            if metric.name in losses:
                metric.update_state(losses[metric.name])
        detections = {k: v for k, v in outputs.items() if k.startswith(("detection_", "num_"))}
        predictions = detections | {"image_info": labels["image_info"]}
        return {self.loss: losses["total_loss"], self.coco_metric.name: (labels, predictions)}

    def _outputs_on_sampled_rois(self, model: Any, outputs: Any, labels: Any) -> dict[str, Any]:
        """The outputs and targets of both stages, float32, as `build_losses` takes them."""
        rois, _ = model.roi_generator(
            outputs["rpn_boxes"],
            outputs["rpn_scores"],
            labels["anchor_boxes"],
            labels["image_info"][:, 1, :],
            True,
        )
        rois, boxes, classes, _ = model.roi_sampler[0](
            rois, labels["gt_boxes"], labels["gt_classes"]
        )
        deltas = box_ops.encode_boxes(boxes, rois, weights=REGRESSION_WEIGHTS)
        pooled = model.roi_aligner(outputs["decoder_features"], rois)
        class_outputs, box_outputs = model.detection_head[0](pooled)
        sampled = {
            "rpn_scores": outputs["rpn_scores"],
            "rpn_boxes": outputs["rpn_boxes"],
            "class_outputs": class_outputs,
            "box_outputs": box_outputs,
            "class_targets": classes,
            "box_targets": tf.where((classes == 0)[..., None], tf.zeros_like(deltas), deltas),
        }
        return tf.nest.map_structure(lambda x: tf.cast(x, tf.float32), sampled)
