"""The profiles that come with the package, from two cores to several GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shopee_od.augmentation import SHOP_PHOTOS
from shopee_od.config import from_dict
from shopee_od.errors import InputError
from shopee_od.profiles.definition import Profile

# COCO's one scale and its ratios leave many garments without an anchor at IoU 0.7; `shopee-od data
# check` counts them.
GARMENT_ANCHORS: dict[str, Any] = {"anchor_scales": 2, "anchor_ratios": (0.35, 0.65, 1.3)}

LAPTOP = Profile(
    name="laptop",
    description="two cores, no GPU: EfficientNet-Lite0 with ImageNet weights",
    backbone="efficientnet-lite0",
    input_size=352,
    batch_size=4,
    steps=3000,
    # Garments are large, and level 2 is the most expensive one.
    min_level=3,
    max_level=5,
    anchor_size=5.0,
    **GARMENT_ANCHORS,
    fpn_filters=128,
    head_convs=0,
    head_fc=512,
    train_proposals=300,
    proposals=200,
    rois=64,
    frozen_level=2,
    drop_path=0.1,
    class_balance=0.5,
    scale=(0.7, 1.4),
    optimizer="adamw",
    learning_rate=6e-4,
    weight_decay=0.05,
    warmup=100,
    ema_decay=0.998,
    validate_every=400,
    val_photos=200,
    deterministic=True,
)

PROFILES = {
    p.name: p
    for p in (
        LAPTOP.replace(
            name="smoke",
            description="tests: all code paths in seconds; it learns nothing",
            input_size=64,
            batch_size=2,
            steps=4,
            fpn_filters=16,
            head_fc=32,
            train_proposals=20,
            proposals=20,
            rois=8,
            warmup=1,
            validate_every=2,
            val_photos=4,
            report_every=2,
        ),
        LAPTOP,
        LAPTOP.replace(
            name="shop",
            description="the shipped detector: two cores, no GPU, several data sets, some hours",
            input_size=448,
            steps=20_000,
            anchor_scales=3,
            anchor_ratios=(0.3, 0.6, 1.0, 1.8),
            augmentation=SHOP_PHOTOS,
            source_balance=0.5,
            ema_decay=0.9995,
            validate_every=2000,
            report_every=100,
            deterministic=False,
        ),
        Profile(
            name="gpu",
            description="one GPU: ResNet-50 from scratch, or from a checkpoint (weights)",
            backbone="resnet-50",
            input_size=512,
            batch_size=16,
            steps=20_000,
            **GARMENT_ANCHORS,
            learning_rate=0.03,
            precision="bfloat16",
        ),
        Profile(
            name="deepfashion",
            description="all of DeepFashion Consumer-to-Shop, one or more GPUs",
            backbone="resnet-50",
            input_size=320,  # the long side of its images is 300
            batch_size=64,
            steps=36_000,
            **GARMENT_ANCHORS,
            learning_rate=0.08,
            precision="bfloat16",
            rois=256,
            validate_every=2000,
            val_photos=5000,
        ),
    )
}

DATASET_OVERRIDES: dict[tuple[str, str], dict[str, Any]] = {
    # ShopSim's images are 300 px and synthetic: they need smaller canvases and fewer steps.
    ("laptop", "shopsim"): {"input_size": 256, "steps": 750, "validate_every": 250},
}
"""(profile, data set) -> the fields that `profile` changes for this data set."""

_ALONE = "+categories"
"""What `datasets.joint` adds to the name of a single data set."""

# Fields that version 0.1.0 wrote under another name.
_OLD_NAMES = {"says": "description", "colour": "color_jitter", "balance": "class_balance"}


def profile(name: str, dataset: str = "") -> Profile:
    """The profile of this name, with the overrides of a data set.

    The same name gives other sizes on a data set that DATASET_OVERRIDES lists, which is only
    `laptop` on `shopsim`. `train` and `train --dry-run` print them (`describe_overrides`).

    Args:
        name: smoke, laptop, shop, gpu or deepfashion.
        dataset: as `datasets.DATASETS` names it; "" for no overrides.
    Returns:
        The profile; it is not checked.
    Raises:
        InputError: there is no such profile.
    """
    if name not in PROFILES:
        raise InputError(f"profile {name!r} is not known; choose one of {', '.join(PROFILES)}")
    return PROFILES[name].replace(**DATASET_OVERRIDES.get((name, dataset), {}))


def describe_overrides(profile: Profile, dataset: str) -> str:
    """Names what DATASET_OVERRIDES changed in a profile.

    Args:
        profile: as it is used.
        dataset: that it is used for; one data set, with its own classes or with categories.
    Returns:
        One line; "" where nothing was changed.

    >>> describe_overrides(profile("laptop", "shopsim"), "shopsim")
    'laptop has other sizes for shopsim: input_size=256, steps=750, validate_every=250'
    """
    dataset = dataset.removesuffix(_ALONE)
    overrides = DATASET_OVERRIDES.get((profile.name, dataset), {})
    changed = {name: value for name, value in overrides.items() if getattr(profile, name) == value}
    values = ", ".join(f"{name}={value}" for name, value in changed.items())
    return f"{profile.name} has other sizes for {dataset}: {values}" if changed else ""


def profile_from_dict(values: Mapping[str, Any]) -> Profile:
    """The profile that `config.to_dict` made into a dictionary, or that version 0.1.0 recorded.

    Args:
        values: by field; those of fields that are absent are `laptop`'s.
    Returns:
        The profile; it is not checked.
    Raises:
        InputError: as `config.from_dict`.
    """
    return from_dict(LAPTOP, {_OLD_NAMES.get(name, name): v for name, v in values.items()})
