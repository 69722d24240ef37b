"""Pretrained networks: weights, preprocessing, freezing. Importing this imports no TensorFlow."""

from shopee_od.backbones.efficientnet_lite0 import efficientnet_lite0, load_weights
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
    "load_weights",
    "normalize_images",
]
