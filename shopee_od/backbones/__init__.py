"""Pretrained networks: weights, preprocessing, freezing. Importing this imports no TensorFlow."""

from shopee_od.backbones.efficientnet_lite import (
    efficientnet_lite0,
    is_weights_file,
    load_weights,
    read_card,
)
from shopee_od.backbones.freezing import freeze
from shopee_od.backbones.preprocessing import IMAGENET_MEAN, IMAGENET_STD, normalize_images
from shopee_od.backbones.registry import BACKBONES, Backbone, get_backbone

__all__ = [
    "BACKBONES",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Backbone",
    "efficientnet_lite0",
    "freeze",
    "get_backbone",
    "is_weights_file",
    "load_weights",
    "normalize_images",
    "read_card",
]
