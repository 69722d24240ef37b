"""The interface of every detector: what training, evaluation and the stage comparison use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from shopee_od.structures import Cost, Detections, Trace

if TYPE_CHECKING:
    from shopee_od.datasets.dataset import Dataset

SCORE_THRESHOLD = 0.05
"""`detect` leaves out lower scores, unless it is asked for them."""
MAX_DETECTIONS = 100


@runtime_checkable
class Detector(Protocol):
    """What every detector can do; a class that satisfies it can be evaluated and compared.

    classes:            the names, in the order of the labels
    types:              for each class upper, lower, full, or "" where it is not known
    threshold:          the operating threshold: the garment score with the best F1 on validation
                        images
    category_threshold: the lowest score of a tag that names the class; below it a tag names the
                        garment's type; 0: every tag names the class
    name:               short, for tables and tags
    metadata:           provenance (dataset, photos, minutes, initial weights); not needed to detect
    num_parameters:     numbers that the detector computes with
    cost:               what `detect` has cost since the detector was made
    """

    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def types(self) -> tuple[str, ...]: ...
    @property
    def threshold(self) -> float: ...
    @property
    def category_threshold(self) -> float: ...
    @property
    def name(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def num_parameters(self) -> int: ...
    @property
    def cost(self) -> Cost: ...

    def fit(self, train: Dataset, val: Dataset | None, run_dir: Path, seed: int = 0) -> None:
        """Trains on `train`, chooses by `val`; called again with the same `run_dir`, continues."""

    def detect(
        self,
        images: Iterable[np.ndarray],
        score_threshold: float = SCORE_THRESHOLD,
        max_detections: int = MAX_DETECTIONS,
    ) -> Iterator[Detections]:
        """uint8 (H, W, 3) RGB images of any sizes, one by one -> their Detections, in order."""

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> the stages of its way through the detector."""

    def save(self, directory: Path) -> None:
        """Writes `detector.json` and the weights; never a pickle."""
