"""The detector that ships with the package: `shopee_od.load()` opens it."""

from pathlib import Path

SHIPPED = Path(__file__).with_name("shop")
"""Its folder; MODEL_CARD.md there tells what it was trained on, and how well it works."""
