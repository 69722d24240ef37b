"""From a profile and a data set to Model Garden's experiment configuration.

Everything Model Garden would get wrong or refuse late is set or refused here, in one sentence.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from shopee_od.garden.backbones import LITE0, backbone
from shopee_od.profiles import Profile
from shopee_od.types import InputError

MAX_BOXES = 100  # Model Garden pads to this many a photo, and silently forgets the rest
SHUFFLED = 1000  # encoded photos held in memory; Model Garden's own 10,000 are gigabytes
CANDIDATES = 2  # of each level, for every proposal that NMS may leave of them all
SCORE_FLOOR = 0.01  # detections below it are not made: COCO's AP has little left there


def check(profile: Profile, classes: tuple[str, ...], labels, most_boxes: int, where: str = "a photo") -> None:
    """Refuses what would fail later: sizes, levels, class count, labels out of range, missing weights.

    most_boxes: that any photo has, and `where`
    """
    profile.check()
    deepest = backbone(profile.backbone).max_level
    if profile.max_level > deepest:
        raise InputError(
            f"profile {profile.name}: {profile.backbone} carries levels up to {deepest}, "
            f"not {profile.max_level}; lower max_level"
        )
    if not classes:
        raise InputError("the data set has no classes; a detector needs at least one")
    if len(set(classes)) != len(classes):
        twice = next(c for c in classes if classes.count(c) > 1)
        raise InputError(f"class {twice!r} stands twice in the data set's classes; name each once")
    wrong = [int(label) for label in labels if not 0 <= label < len(classes)]
    if wrong:
        raise InputError(f"label {wrong[0]} is out of range; there are {len(classes)} classes, 0–{len(classes) - 1}")
    if most_boxes > MAX_BOXES:
        raise InputError(f"{where} has {most_boxes} boxes; Model Garden takes at most {MAX_BOXES}: split the photo")
    if backbone(profile.backbone).pretrained and not LITE0.is_file():
        raise InputError(f"{LITE0}: the pretrained weights are missing; reinstall shopee-od")
    if profile.frozen_level and not (backbone(profile.backbone).pretrained and 2 <= profile.frozen_level <= 5):
        raise InputError(
            f"profile {profile.name}: frozen_level {profile.frozen_level} with {profile.backbone}; "
            "use 0, or a level from 2 to 5 of a backbone with weights in the package"
        )
    if profile.weights and not checkpoint_modules(profile.weights):
        raise InputError(f"{profile.weights}: no Model Garden checkpoint there; name it as CKPT of CKPT.index")


def checkpoint_modules(checkpoint: str) -> list[str]:
    """Which of backbone and decoder (the pyramid) a checkpoint holds, from its names; [] where it is none."""
    import tensorflow as tf

    try:
        names = [name for name, _ in tf.train.list_variables(checkpoint)]
    except (tf.errors.OpError, ValueError):
        return []
    return [module for module in ("backbone", "decoder") if any(name.startswith(f"{module}/") for name in names)]


def experiment(
    profile: Profile,
    classes: tuple[str, ...],
    canvas: tuple[int, int],
    train_records: str = "",
    val_records: str = "",
    seed: int = 0,
    gpus: int = 0,
    validate: bool = True,
    photos: int = SHUFFLED,
    boxes: Sequence[int] = (),
):
    """profile, classes, canvas (height, width) in pixels, record patterns -> official ExperimentConfig, validated.

    photos: how many there are to train on, so that the shuffling holds none twice.
    boxes:  how many of each class there are, for the profile's `balance`.
    """
    from official.core import exp_factory
    from official.vision.configs import maskrcnn  # noqa: F401  registers the experiment

    network = backbone(profile.backbone)
    params = exp_factory.get_exp_config("fasterrcnn_resnetfpn_coco")
    params.override(
        {
            "runtime": {
                "mixed_precision_dtype": profile.precision,
                "num_gpus": gpus,
                "distribution_strategy": "mirrored" if gpus > 1 else "one_device",
            },
            "task": {
                "init_checkpoint": profile.weights or None,  # the default is a path on Google's storage
                "init_checkpoint_modules": checkpoint_modules(profile.weights) if profile.weights else "all",
                "annotation_file": None,
                "model": _model(profile, network, len(classes), canvas),
                "losses": {
                    "l2_weight_decay": 0.0 if profile.optimizer == "adamw" else profile.weight_decay,
                    "class_weights": class_weights(boxes, profile.balance) if len(boxes) and profile.balance else None,
                },
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


def class_weights(boxes: Sequence[int], balance: float) -> list[float]:
    """Boxes of each class -> what one of them weighs in the class loss, after the background's 1.

    (mean count / count) ** balance, scaled so that a box weighs 1 on average; a class without boxes weighs 1.

    >>> [round(w, 2) for w in class_weights([90, 10], 0.5)]
    [1.0, 0.83, 2.5]
    """
    counts = np.asarray(boxes, float)
    weights = np.where(counts > 0, (counts.mean() / np.maximum(counts, 1)) ** balance, 1.0)
    weights[counts > 0] *= counts.sum() / (weights * counts).sum()
    return [1.0, *map(float, weights)]


def _model(profile: Profile, network, n_classes: int, canvas: tuple[int, int]) -> dict:
    return {
        "num_classes": n_classes + 1,  # 0 is background
        "input_size": [*canvas, 3],
        "min_level": profile.min_level,
        "max_level": profile.max_level,
        "anchor": {
            "num_scales": profile.anchor_scales,
            "aspect_ratios": list(profile.anchor_ratios),
            "anchor_size": profile.anchor_size,
        },
        "backbone": network.configured(profile.drop_path),
        "decoder": {"type": "fpn", "fpn": {"num_filters": profile.fpn_filters, "use_keras_layer": True}},
        "rpn_head": {"num_filters": profile.fpn_filters},
        "detection_head": {
            "num_convs": profile.head_convs,
            "num_filters": profile.fpn_filters,
            "fc_dims": profile.head_fc,
            # One set of deltas for all classes: few photos show a romper, all of them show edges.
            "class_agnostic_bbox_pred": True,
        },
        "roi_generator": {
            "pre_nms_top_k": CANDIDATES * profile.train_proposals,
            "num_proposals": profile.train_proposals,
            "test_pre_nms_top_k": CANDIDATES * profile.proposals,
            "test_num_proposals": profile.proposals,
        },
        "roi_sampler": {"num_sampled_rois": profile.rois},
        # Fault 3: 'v2' suppresses boxes that overlap less than the threshold.
        "detection_generator": {
            "nms_version": "batched",
            "pre_nms_score_threshold": SCORE_FLOOR,
            "max_num_detections": MAX_BOXES,
        },
        "norm_activation": {
            "activation": network.activation,
            "norm_epsilon": network.norm_epsilon,
            "norm_momentum": profile.norm_momentum,
            "use_sync_bn": False,
        },
    }


def _data(profile: Profile, records: str, seed: int, photos: int, training: bool) -> dict:
    return {
        "input_path": os.fspath(records),
        "is_training": training,
        "global_batch_size": profile.batch_size,
        "dtype": "float32",  # the model casts; bfloat16 photos would be rounded before that
        "drop_remainder": training,
        "shuffle_buffer_size": min(SHUFFLED, photos),
        "seed": seed,
        # Fault 7: with several workers COCO would see each worker's part only.
        "sharding": training,
        "parser": {
            "aug_rand_hflip": training,
            "aug_scale_min": profile.scale[0] if training else 1.0,
            "aug_scale_max": profile.scale[1] if training else 1.0,
            "max_num_instances": MAX_BOXES,
        },
    }


def _trainer(profile: Profile, validate: bool) -> dict:
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
            "optimizer": {"type": profile.optimizer, profile.optimizer: settings[profile.optimizer]},
            "ema": {"average_decay": profile.ema_decay, "dynamic_decay": True},
            "learning_rate": {
                "type": "cosine",
                "cosine": {"initial_learning_rate": profile.learning_rate, "decay_steps": profile.steps},
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
