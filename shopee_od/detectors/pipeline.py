"""A detector is four slots: proposer → features → head → postprocessing. Each paper swaps one.

    proposer        where to look: windows, selective search, an RPN        proposers/
    features        what HOG or a network makes of each region              features/
    head            a score per class, and deltas where it regresses boxes  heads/
    postprocessing  threshold, NMS within each class, top k                 postprocessing.py

A recipe (`rcnn.py`, `spp_net.py`, …) names the parts of a stage and says how they are trained. The
cost of an image is recorded here, and the trace of its way in `pipeline_run.py`, for all stages
alike.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from shopee_od.cache import make_key, read_arrays, write_arrays
from shopee_od.config import check_config, from_dict, to_dict
from shopee_od.datasets.dataset import Dataset
from shopee_od.detector import MAX_DETECTIONS, SCORE_THRESHOLD
from shopee_od.detectors import saving
from shopee_od.detectors.base import BaseDetector, UntrainedError, check_image
from shopee_od.detectors.pipeline_run import Run
from shopee_od.detectors.postprocessing import describe_postprocessing, postprocess
from shopee_od.detectors.saving import DetectorInfo
from shopee_od.detectors.slots import AnySlots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.errors import InputError
from shopee_od.evaluation import find_best_threshold, predict
from shopee_od.io import atomic_folder
from shopee_od.structures import Detections, Trace

STEPS = ("proposals", "features", "head")
WEIGHTS_FILE = "weights.npz"
CHECKPOINT_FILE = "checkpoint.npz"
"""Where long training continues from; gone once the detector is saved."""
FILES = (saving.INFO_FILE, WEIGHTS_FILE, CHECKPOINT_FILE)


class Pipeline(BaseDetector):
    """A `Detector` of four slots. A recipe adds `kind`, `default_config`, `build` and `train`.

    Args:
        config: its hyperparameters, a frozen dataclass; without it the recipe's defaults.
    """

    default_config: Any
    initial_weights: str = "EfficientNet-Lite0 of ImageNet"
    """Where the weights come from that training starts with."""
    method: str = "lite0"
    """A word for its name."""
    val_images: int | None = None
    """At most so many validation images choose the threshold; None is all."""
    history_columns: tuple[str, ...] = ()

    def __init__(self, config: Any = None) -> None:
        super().__init__()
        self.config = self.default_config if config is None else config
        check_config(self.config, self.kind)
        self.seconds = dict.fromkeys(STEPS, 0.0)
        self._slots: AnySlots | None = None
        self._history: np.ndarray | None = None

    def build(self, classes: int, seed: int | None = None) -> AnySlots:
        """The parts for so many classes, untrained; their random weights by `seed`, if given."""
        raise NotImplementedError

    def train(self, slots: AnySlots, data: TrainingData) -> TrainingResult:
        """Trains the parts."""
        raise NotImplementedError

    @staticmethod
    def training_config(config: Any) -> Any:
        """What of a config training depends on: detectors that share it share their weights."""
        return config

    @property
    def slots(self) -> AnySlots:
        """The trained parts. Raises InputError where the detector is untrained."""
        if self._slots is None:
            raise UntrainedError
        return self._slots

    @property
    def num_parameters(self) -> int:
        """Numbers it computes with, those that training does not change among them."""
        return sum(part.num_parameters for part in self.slots.parts.values())

    @property
    def history(self) -> pd.DataFrame:
        """A row per training step; empty where the recipe records none."""
        rows = np.zeros((0, len(self.history_columns))) if self._history is None else self._history
        return pd.DataFrame(rows, columns=list(self.history_columns))

    def run(self, image: np.ndarray) -> Run:
        """uint8 (H, W, 3) -> what the first three slots make of it."""
        slots = self.slots
        start = time.perf_counter()
        proposals = slots.proposer.propose(check_image(image))
        proposed = time.perf_counter()
        features = slots.features.extract(image, proposals)
        extracted = time.perf_counter()
        scored = slots.head.predict(features, proposals)
        predicted = time.perf_counter()
        mapping = 0.0 if proposals.maps is None else proposals.maps.seconds
        searching = proposed - start - mapping if proposals.seconds is None else proposals.seconds
        seconds = (searching, extracted - proposed + mapping, predicted - extracted)
        return Run(image, proposals, features, scored, dict(zip(STEPS, seconds, strict=True)))

    def detect(
        self,
        images: Iterable[np.ndarray],
        score_threshold: float = SCORE_THRESHOLD,
        max_detections: int = MAX_DETECTIONS,
    ) -> Iterator[Detections]:
        """Finds garments in images, one by one.

        Args:
            images: uint8 (H, W, 3) RGB, of any sizes.
            score_threshold: lower scores are left out before NMS.
            max_detections: per image.
        Returns:
            The Detections of each image, in order.
        """
        for image in images:
            run = self.run(image)
            start = time.perf_counter()
            detections = postprocess(run.select(score_threshold), max_detections)
            seconds = sum(run.seconds.values()) + time.perf_counter() - start
            self.seconds = {step: self.seconds[step] + run.seconds[step] for step in STEPS}
            self._count(seconds, len(run.proposals), run.cnn_passes)
            yield detections

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> its proposals, features, scores, candidates and detections."""
        return self.run(image).trace(self.threshold)

    def fit(self, train: Dataset, val: Dataset | None, run_dir: Path, seed: int = 0) -> None:
        """Trains on `train` and chooses the operating threshold, the best F1, by `val`.

        A detector of the same images, seed and config that `run_dir` holds is reused. Proposals
        and features are cached, and long training is checkpointed: after a stop it continues.

        Args:
            train: images without boxes are left out; boxes of coarse labels are ignored.
            val: without it the threshold is 0.5.
            run_dir: a folder of its own for the detector.
            seed: of everything that is random.
        Raises:
            InputError: no image has a box, or `run_dir` holds anything but a detector of this kind.
        """
        run_dir = Path(run_dir)
        train = train.without_coarse_labels()
        if val is not None and self.val_images is not None:
            val = val.sample(self.val_images, seed)
        saving.claim_folder(run_dir, FILES)
        fingerprints = [data.fingerprint() for data in (train, val) if data is not None]
        key = {"fingerprints": fingerprints, "seed": seed, "weights": self.initial_weights}
        if self._reuse(run_dir, key):
            return
        start = time.perf_counter()
        checkpoint = run_dir / CHECKPOINT_FILE
        checkpoint_key = make_key(fingerprints[0], seed, self.config)
        data = TrainingData(train.with_boxes(), val, seed, checkpoint, checkpoint_key)
        slots = self.build(len(train.classes), seed)
        result = self.train(slots, data)
        minutes = round((time.perf_counter() - start + result.cached_seconds) / 60, 1)
        metadata = key | {"dataset": train.name, "photos": len(data.train), "minutes": minutes}
        name = f"{self.kind}-{self.method}-{train.name}-{datetime.now(UTC):%Y%m%d}"
        info = DetectorInfo(
            kind=self.kind,
            name=name,
            classes=train.classes,
            types=train.types,
            threshold=0.5,
            config=to_dict(self.config),
            inference=describe_postprocessing(),
            metadata=metadata,
        )
        self._take(slots, info, result.history)
        if val is not None and val.counted_mask.any():
            detections = predict(self, val)
            threshold, f1 = find_best_threshold(detections, val.take(detections), self.classes)
            metadata["threshold_f1_on_val"] = f1
            info = replace(info, threshold=float(threshold), metadata=metadata)
        self._take(slots, info, result.history)
        self.save(run_dir)

    def save(self, directory: Path) -> None:
        """Writes detector.json and the weights, whole or not at all.

        Raises:
            InputError: it is untrained, or the folder holds other things.
        """
        arrays = {
            f"{name}.{key}": array
            for name, part in self.slots.parts.items()
            for key, array in part.state_dict().items()
        }
        if self._history is not None:
            arrays["history"] = self._history
        saving.claim_folder(directory, FILES)
        with atomic_folder(directory) as temporary:
            write_arrays(temporary / WEIGHTS_FILE, arrays)
            saving.write_info(temporary, self.info)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Opens a saved detector. Raises InputError where the folder does not hold a whole one."""
        info = saving.read_info(directory)
        if info.kind != cls.kind:
            raise InputError(
                f"{directory} holds a detector of the kind {info.kind}, not {cls.kind}"
            )
        try:
            detector = cls(from_dict(cls.default_config, info.config))
        except InputError as e:
            raise InputError(f"{Path(directory) / saving.INFO_FILE}: config: {e}") from None
        detector._restore(Path(directory), info)
        return detector

    def _restore(self, directory: Path, info: DetectorInfo) -> None:
        """Builds the parts of its own config and puts the saved weights into them."""
        slots = self.build(len(info.classes))
        file = directory / WEIGHTS_FILE
        arrays = read_arrays(file)
        damaged = f"{file}: damaged or absent; save the detector again"
        if arrays is None:
            raise InputError(damaged)
        try:
            arrays = saving.upgrade_arrays(info.kind, arrays)
            for name, part in slots.parts.items():
                part.load_state_dict(_state_of(arrays, f"{name}."))
        except (KeyError, ValueError, IndexError) as e:
            raise InputError(f"{damaged} ({e})") from None
        self._take(slots, info, arrays.get("history"))

    def _reuse(self, run_dir: Path, key: Mapping[str, Any]) -> bool:
        """Takes over the detector in `run_dir` if data, seed and config are the same."""
        try:
            info = saving.read_info(run_dir)
        except InputError:
            return False
        if info.kind != self.kind:
            raise InputError(
                f"{run_dir} holds a detector of the kind {info.kind}; "
                "give this one a folder of its own"
            )
        same_data = key.items() <= info.metadata.items()
        if not same_data or info.inference != describe_postprocessing():
            return False
        try:
            saved = from_dict(self.default_config, info.config)
            if self.training_config(saved) != self.training_config(self.config):
                return False
            self._restore(run_dir, replace(info, config=to_dict(self.config)))
        except InputError:
            return False
        return True

    def _take(self, slots: AnySlots, info: DetectorInfo, history: np.ndarray | None) -> None:
        """Becomes a trained detector, whose cost counts from zero."""
        self._become(info)
        self.seconds = dict.fromkeys(STEPS, 0.0)
        self._slots = slots
        self._history = history


def _state_of(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
