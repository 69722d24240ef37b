"""Pretrained weights, each with a card of the same name: source, license, sha256."""

from pathlib import Path

WEIGHTS = Path(__file__).resolve().parent
EFFICIENTNET_LITE0 = WEIGHTS / "efficientnet_lite0.npz"
