"""What a recipe trains on, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a recipe trains on.

    Args:
        train: images with boxes.
        val: images that choose the threshold, where there are any.
        seed: of everything random.
        checkpoint: the file that long training continues from.
        checkpoint_key: of images, seed and config; a checkpoint of another key is not continued.
    """

    train: Dataset
    val: Dataset | None
    seed: int
    checkpoint: Path
    checkpoint_key: str

    @property
    def paths(self) -> list[str]:
        """The photo files of both."""
        val = [] if self.val is None else self.val.images.path
        return [*self.train.images.path, *val]


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What training reports.

    Args:
        cached_seconds: what it would have taken longer but for the cache and earlier checkpoints.
        history: float (steps, K), a row per step, its columns as the recipe's `history_columns`.
    """

    cached_seconds: float = 0.0
    history: np.ndarray | None = None
