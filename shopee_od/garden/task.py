"""Model Garden's Faster R-CNN task, with the faults mended that it has in the losses, the metrics and the precision."""

from __future__ import annotations

import tensorflow as tf
import tf_keras
from official.vision.configs import maskrcnn as configs
from official.vision.losses import maskrcnn_losses
from official.vision.ops import box_ops
from official.vision.tasks import maskrcnn

from shopee_od.datasets.dataset import Dataset
from shopee_od.garden.backbones import freeze, load_lite0
from shopee_od.garden.inputs import batches
from shopee_od.garden.metric import CocoMetric
from shopee_od.garden.model import REGRESSION_WEIGHTS, build_model
from shopee_od.garden.targets import AnchorTargets, mirrored_at_random, network_input, on_canvas, stretched_at_random
from shopee_od.profiles import Profile

FIGURES = ("rpn_score_loss", "rpn_box_loss", "frcnn_cls_loss", "frcnn_box_loss", "roi_accuracy")
"""The five figures that tell how training goes: the four losses, and the share of RoIs with the right class."""


class FasterRCNNTask(maskrcnn.MaskRCNNTask):
    """The task that `run_experiment` trains: `params` of `experiment`, made from `profile`.

    `val` is the validation split, for COCO metrics as evaluation has them.
    """

    def __init__(
        self,
        params: configs.MaskRCNNTask,
        profile: Profile,
        val: Dataset | None = None,
        logging_dir: str | None = None,
    ):
        super().__init__(params, logging_dir=logging_dir)
        self._profile, self._val = profile, val

    @tf.autograph.experimental.do_not_convert
    def build_model(self):
        """The network for the configured canvas, with all its weights made."""
        config = self.task_config
        model = build_model(config.model, config.model.input_size[:2], config.losses.l2_weight_decay)
        freeze(model.backbone, self._profile)
        images, shape = tf_keras.Input(config.model.input_size), tf_keras.Input([2])
        model(images, image_shape=shape, training=False)  # the second stage's weights are made by its first call
        return model

    def initialize(self, model) -> None:
        """ImageNet weights for the backbone that has them in the package, else the configured checkpoint."""
        if self.task_config.model.backbone.type == "efficientnet":
            load_lite0(model.backbone)
        super().initialize(model)

    def build_inputs(self, params, input_context=None):
        """Records -> batches for training, endless, or for validation, once through; `prepared` adds to them."""
        found = batches(params, tuple(self.task_config.model.input_size[:2]), input_context)
        return found if params.is_training else self._whole_batches(found, params, input_context)

    def prepared(self, inputs, training: bool):
        """A batch of `inputs.batches` -> what the network sees, and labels with anchors and their targets.

        Fault 5: Model Garden's validation data carry no targets, so that no losses can be computed on them.
        """
        photos, labels = inputs
        config = self.task_config.train_data.parser
        boxes, classes = on_canvas(labels)
        if training and config.aug_rand_hflip:
            photos, boxes = mirrored_at_random(photos, boxes, labels["shown"])
        images = network_input(photos, labels["shown"])
        if training and self._profile.colour:
            images = stretched_at_random(images, self._profile.colour)
        return images, labels | {"gt_boxes": boxes, "gt_classes": classes} | AnchorTargets(
            self.task_config.model, config
        )(boxes)

    def _whole_batches(self, batches, params, input_context):
        """Fault 7: a last batch that leaves a replica without photos crashes; the first photos fill it up.

        The metric knows photos by their id, so that one seen twice counts once.
        """
        replicas = input_context.num_replicas_in_sync if input_context else 1
        size = params.global_batch_size // replicas
        rounds = -(-len(self._val) // (size * replicas))
        return batches.unbatch().repeat().batch(size, drop_remainder=True).take(rounds * replicas)

    def _build_rpn_losses(self, outputs, labels):
        """Fault 1: the score loss is to be divided by the anchors sampled a photo, not by the sampled RoIs."""
        config = self.task_config
        anchors = config.train_data.parser.rpn_batch_size_per_im
        score_loss = maskrcnn_losses.RpnScoreLoss(anchors)(outputs["rpn_scores"], labels["rpn_score_targets"])
        box_loss = maskrcnn_losses.RpnBoxLoss(config.losses.rpn_huber_loss_delta)(
            outputs["rpn_boxes"], labels["rpn_box_targets"]
        )
        return tf.reduce_mean(score_loss), tf.reduce_mean(box_loss)

    def build_losses(self, outputs, labels, aux_losses=None):
        """Fault 5: with the share of sampled RoIs whose class is right, the figure that training does not log."""
        losses = super().build_losses(outputs, labels, aux_losses)
        right = tf.argmax(outputs["class_outputs"], -1, tf.int32) == tf.cast(outputs["class_targets"], tf.int32)
        return losses | {"roi_accuracy": tf.reduce_mean(tf.cast(right, tf.float32))}

    def build_metrics(self, training: bool = True):
        self.coco_metric = None if training else CocoMetric(self._val)
        self.instance_box_perclass_metrics = self.instance_mask_perclass_metrics = None
        return [tf_keras.metrics.Mean(name, dtype=tf.float32) for name in ("total_loss", *FIGURES)]

    @tf.autograph.experimental.do_not_convert
    def train_step(self, inputs, model, optimizer, metrics=None):
        kept = [m for m in metrics or [] if m.name in ("total_loss", *FIGURES)]
        return super().train_step(self.prepared(inputs, training=True), model, optimizer, kept)

    @tf.autograph.experimental.do_not_convert
    def validation_step(self, inputs, model, metrics=None):
        """Fault 5: detections for the metric, and the losses, which Model Garden reports as 0.

        The second stage's losses need sampled RoIs, so it runs twice: on proposals for the detections, and on
        RoIs sampled against the ground truth as in training, its batch norms still at their moving statistics.
        """
        images, labels = self.prepared(inputs, training=False)
        shape = labels["image_info"][:, 1, :]
        anchors = labels["anchor_boxes"]
        outputs = model(images, anchor_boxes=anchors, image_shape=shape, training=False)
        rois, _ = model.roi_generator(outputs["rpn_boxes"], outputs["rpn_scores"], anchors, shape, True)
        rois, boxes, classes, _ = model.roi_sampler[0](rois, labels["gt_boxes"], labels["gt_classes"])
        deltas = box_ops.encode_boxes(boxes, rois, weights=REGRESSION_WEIGHTS)
        class_outputs, box_outputs = model.detection_head[0](model.roi_aligner(outputs["decoder_features"], rois))
        sampled = {
            "rpn_scores": outputs["rpn_scores"],
            "rpn_boxes": outputs["rpn_boxes"],
            "class_outputs": class_outputs,
            "box_outputs": box_outputs,
            "class_targets": classes,
            "box_targets": tf.where((classes == 0)[..., None], tf.zeros_like(deltas), deltas),
        }
        sampled = tf.nest.map_structure(lambda x: tf.cast(x, tf.float32), sampled)
        losses = self.build_losses(sampled, labels, model.losses)
        for metric in metrics or []:
            if metric.name in losses:
                metric.update_state(losses[metric.name])
        found = {k: v for k, v in outputs.items() if k.startswith(("detection_", "num_"))}
        predictions = found | {"image_info": labels["image_info"]}
        return {self.loss: losses["total_loss"], self.coco_metric.name: (labels, predictions)}
