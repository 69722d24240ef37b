"""From a profile and a data set to Model Garden's experiment configuration.

What Model Garden would get wrong, or refuse late and unclearly, is set or refused here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from shopee_od.backbones import Backbone, get_backbone, is_weights_file
from shopee_od.detectors.model_garden.variables import has_variables
from shopee_od.detectors.postprocessing import NMS_IOU
from shopee_od.profiles import Profile

MAX_BOXES = 100
"""Boxes per image, labeled and detected; Model Garden drops further labeled boxes silently."""
SCORE_FLOOR = 0.01
"""Boxes with a lower score are not detections: COCO's AP hardly depends on them."""

PRE_NMS_FACTOR = 2
"""RPN candidates per level before NMS, for every proposal that NMS may keep of all levels."""
SHUFFLE_BUFFER = 1000
"""Encoded images held in memory; Model Garden's own 10,000 are gigabytes."""


def read_checkpoint_modules(checkpoint: str) -> list[str]:
    """Which of backbone and decoder (the pyramid) a checkpoint holds; [] where it is none."""
    import tensorflow as tf

    try:
        names = [name for name, _ in tf.train.list_variables(checkpoint)]
    except (tf.errors.OpError, ValueError):
        return []
    prefixes = {name.partition("/")[0] for name in names}
    return [module for module in ("backbone", "decoder") if module in prefixes]


def build_experiment(
    profile: Profile,
    classes: tuple[str, ...],
    canvas: tuple[int, int],
    train_records: str = "",
    val_records: str = "",
    seed: int = 0,
    gpus: int = 0,
    validate: bool = True,
    photos: int = SHUFFLE_BUFFER,
    boxes: Sequence[int] | np.ndarray = (),
) -> Any:
    """Model Garden's configuration for a profile, validated and locked.

    Args:
        profile, classes: the sizes of the run, and the data set's classes without background.
        canvas: height and width in pixels.
        train_records, val_records: file patterns of TFRecords.
        seed: of shuffling.
        gpus: how many to train on; 0 is the CPU.
        validate: whether the best checkpoint is kept by validation AP.
        photos: training images, so that the shuffle buffer holds none twice.
        boxes: number of training boxes of each class, for the profile's `class_balance`.
    Returns:
        An official.core.config_definitions.ExperimentConfig.
    """
    from official.core import exp_factory
    from official.vision.configs import maskrcnn  # noqa: F401  registers the experiment

    backbone = get_backbone(profile.backbone)
    # The task loads a backbone's .npz and a saved detector itself.
    is_npz = is_weights_file(profile.weights) or has_variables(profile.weights)
    checkpoint = "" if is_npz else profile.weights
    init_modules = read_checkpoint_modules(checkpoint) if checkpoint else "all"
    use_class_weights = len(boxes) > 0 and profile.class_balance > 0
    losses = {
        # AdamW decays weights itself.
        "l2_weight_decay": 0.0 if profile.optimizer == "adamw" else profile.weight_decay,
        "class_weights": class_weights(boxes, profile.class_balance) if use_class_weights else None,
    }
    params = exp_factory.get_exp_config("fasterrcnn_resnetfpn_coco")
    params.override(
        {
            "runtime": {
                "mixed_precision_dtype": profile.precision,
                "num_gpus": gpus,
                "distribution_strategy": "mirrored" if gpus > 1 else "one_device",
            },
            "task": {
                # The default is a path on Google's storage.
                "init_checkpoint": checkpoint or None,
                "init_checkpoint_modules": init_modules,
                "annotation_file": None,
                "model": _model(profile, backbone, len(classes), canvas),
                "losses": losses,
                "train_data": _data(profile, train_records, seed, photos, training=True),
                "validation_data": _data(profile, val_records, seed, photos, training=False),
            },
            "trainer": _trainer(profile, validate),
        },
        is_strict=True,
    )
    params.validate()
    params.lock()
    return params


def class_weights(boxes: Sequence[int] | np.ndarray, balance: float) -> list[float]:
    """The weight of each class in the class loss.

    A class weighs (mean count / count) ** balance, scaled so that the mean over all boxes is 1; a
    class without boxes weighs 1.

    Args:
        boxes: number of training boxes of each class.
        balance: 0 weights all boxes equally, 1 all classes.
    Returns:
        1 for the background, then a weight per class.

    >>> [round(w, 2) for w in class_weights([90, 10], 0.5)]
    [1.0, 0.83, 2.5]
    """
    counts = np.asarray(boxes, float)
    values = np.where(counts > 0, (counts.mean() / np.maximum(counts, 1)) ** balance, 1.0)
    values[counts > 0] *= counts.sum() / (values * counts).sum()
    return [1.0, *map(float, values)]


def _model(
    profile: Profile, backbone: Backbone, num_classes: int, canvas: tuple[int, int]
) -> dict[str, Any]:
    return {
        "num_classes": num_classes + 1,  # 0 is background
        "input_size": [*canvas, 3],
        "min_level": profile.min_level,
        "max_level": profile.max_level,
        "anchor": {
            "num_scales": profile.anchor_scales,
            "aspect_ratios": list(profile.anchor_ratios),
            "anchor_size": profile.anchor_size,
        },
        "backbone": backbone.config_with_drop_path(profile.drop_path),
        "decoder": {
            "type": "fpn",
            "fpn": {"num_filters": profile.fpn_filters, "use_keras_layer": True},
        },
        "rpn_head": {"num_filters": profile.fpn_filters},
        "detection_head": {
            "num_convs": profile.head_convs,
            "num_filters": profile.fpn_filters,
            "fc_dims": profile.head_fc,
            # All classes share their deltas: rare classes alone have too few boxes to learn them.
            "class_agnostic_bbox_pred": True,
        },
        "roi_generator": {
            "pre_nms_top_k": PRE_NMS_FACTOR * profile.train_proposals,
            "num_proposals": profile.train_proposals,
            "test_pre_nms_top_k": PRE_NMS_FACTOR * profile.proposals,
            "test_num_proposals": profile.proposals,
        },
        "roi_sampler": {"num_sampled_rois": profile.rois},
        # Fault 3: 'v2' suppresses boxes whose IoU is below the threshold.
        "detection_generator": {
            "nms_version": "batched",
            "pre_nms_score_threshold": SCORE_FLOOR,
            "nms_iou_threshold": NMS_IOU,
            "max_num_detections": MAX_BOXES,
        },
        "norm_activation": {
            "activation": backbone.activation,
            "norm_epsilon": backbone.norm_epsilon,
            "norm_momentum": profile.norm_momentum,
            "use_sync_bn": False,
        },
    }


def _data(profile: Profile, records: str, seed: int, photos: int, training: bool) -> dict[str, Any]:
    return {
        "input_path": os.fspath(records),
        "is_training": training,
        "global_batch_size": profile.batch_size,
        "dtype": "float32",  # the model casts; in bfloat16 the images would be rounded first
        "drop_remainder": training,
        "shuffle_buffer_size": min(SHUFFLE_BUFFER, photos),
        "seed": seed,
        # Fault 7: with several workers, COCO metrics would cover each worker's part only.
        "sharding": training,
        "parser": {
            "aug_rand_hflip": training,
            "aug_scale_min": profile.scale[0] if training else 1.0,
            "aug_scale_max": profile.scale[1] if training else 1.0,
            "max_num_instances": MAX_BOXES,
        },
    }


def _trainer(profile: Profile, validate: bool) -> dict[str, Any]:
    loop = min(profile.report_every, profile.steps)
    settings = {
        "sgd": {"momentum": 0.9, "clipnorm": 10.0},
        "adamw": {
            "weight_decay_rate": profile.weight_decay,
            "exclude_from_weight_decay": ["gamma", "beta", "bias"],
            "gradient_clip_norm": 10.0,
        },
    }
    interval = min(profile.validate_every, profile.steps)
    return {
        "train_steps": profile.steps,
        "validation_steps": -1,
        "validation_interval": interval,
        "steps_per_loop": loop,
        "summary_interval": loop,
        "checkpoint_interval": max(loop, min(interval, 100) // loop * loop),
        "max_to_keep": 2,
        "best_checkpoint_export_subdir": "best" if validate else "",
        "best_checkpoint_eval_metric": "AP" if validate else "",
        "optimizer_config": {
            "optimizer": {
                "type": profile.optimizer,
                profile.optimizer: settings[profile.optimizer],
            },
            "ema": {"average_decay": profile.ema_decay, "dynamic_decay": True},
            "learning_rate": {
                "type": "cosine",
                "cosine": {
                    "initial_learning_rate": profile.learning_rate,
                    "decay_steps": profile.steps,
                },
            },
            "warmup": {
                "type": "linear",
                "linear": {
                    "warmup_steps": profile.warmup,
                    "warmup_learning_rate": profile.learning_rate / 20,
                },
            },
        },
    }
