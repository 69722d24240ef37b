"""Faster R-CNN with a feature pyramid, as TF Model Garden trains it, behind the Detector protocol.

Source: Ren et al., "Faster R-CNN", NeurIPS 2015; Lin et al., "Feature Pyramid Networks", CVPR 2017.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.config import to_dict
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import MAX_ASPECT_RATIO
from shopee_od.detector import MAX_DETECTIONS, SCORE_THRESHOLD
from shopee_od.detectors.base import BaseDetector, check_image
from shopee_od.detectors.model_garden.raw_outputs import RawOutputs, build_trace
from shopee_od.detectors.saving import (
    INFO_FILE,
    DetectorInfo,
    claim_folder,
    read_info,
    write_info,
)
from shopee_od.errors import InputError
from shopee_od.io import atomic_folder
from shopee_od.profiles import LAPTOP, Profile, choose_canvas, profile_from_dict
from shopee_od.structures import Detections, Trace

SAVED_MODEL = "saved_model"
_OLD_NMS_IOU = 0.5
"""Of detectors saved by version 0.1.0, which did not record it."""


class ModelGardenFasterRCNN(BaseDetector):
    """A `Detector` of three parts: a profile, TF Model Garden's training, a SavedModel.

    Images of any size go in, boxes in their own pixels come out.

    Args:
        config: the sizes of the network and of its training.
    """

    kind = "faster_rcnn"
    default_config = LAPTOP

    def __init__(self, config: Profile = LAPTOP) -> None:
        super().__init__()
        self.config = config
        self._saved_model: Path | None = None
        self._opened: Any = None

    @classmethod
    def load(cls, directory: Path) -> ModelGardenFasterRCNN:
        """Opens a saved detector. Raises InputError where the folder does not hold a whole one."""
        directory = Path(directory)
        info = read_info(directory)
        saved_model = directory / SAVED_MODEL
        if not (saved_model / "saved_model.pb").is_file():
            raise InputError(f"{saved_model}: there is no SavedModel; save the detector again")
        missing = {"canvases", "proposals"} - info.inference.keys()
        if missing:
            raise InputError(
                f"{directory / INFO_FILE}: does not record {min(missing)}; save the detector again"
            )
        detector = cls(profile_from_dict(info.config))
        detector._set_trained(replace(info, config=to_dict(detector.config)), saved_model)
        return detector

    @property
    def num_parameters(self) -> int:
        """Numbers it computes with, the moving statistics of batch norms included."""
        self._signatures()
        return sum(int(np.prod(weight.shape)) for weight in self._opened.weights)

    def fit(self, train: Dataset, val: Dataset | None, run_dir: Path, seed: int = 0) -> None:
        """Trains in `run_dir`, or continues a training that was stopped there.

        1. `train.train` trains and keeps the checkpoint with the best AP on `val`.
        2. That checkpoint is exported to `run_dir/saved_model`.
        3. The score with the best F1 on `val` becomes the threshold.

        Args:
            train: images without boxes are left out.
            val: without it the last weights are taken, and the threshold is 0.5.
            run_dir: a folder of its own for this training.
            seed: of initialization, shuffling, augmentation and sampling.
        Raises:
            InputError: the profile or the data set cannot work, or `run_dir` holds other things.
        """
        from shopee_od.detectors.model_garden import runs
        from shopee_od.detectors.model_garden import train as training
        from shopee_od.evaluation import find_best_threshold, predict

        run_dir = Path(run_dir)
        checkpoint = training.train(train, val, self.config, run_dir, seed)
        runs.export_checkpoint(run_dir, checkpoint, run_dir / SAVED_MODEL)
        info = DetectorInfo(
            kind=self.kind,
            name=f"{self.kind}-{self.config.backbone}-{train.name}-{datetime.now(UTC):%Y%m%d}",
            classes=train.classes,
            types=train.types,
            threshold=0.5,
            config=to_dict(runs.profile_of_run(run_dir)),
            inference=runs.inference_settings(run_dir),
            metadata=runs.provenance(run_dir, checkpoint),
        )
        self._set_trained(info, run_dir / SAVED_MODEL)
        val = training.select_validation_images(val, self.config)
        if val is not None:
            detections = predict(self, val)
            images = val.take(detections)
            threshold, f1 = find_best_threshold(detections, images, self.classes)
            metadata = {**info.metadata, "threshold_f1_on_val": f1}
            info = replace(info, threshold=float(threshold), metadata=metadata)
        self._become(info)  # choosing the threshold does not count

    def detect(
        self,
        images: Iterable[np.ndarray],
        score_threshold: float = SCORE_THRESHOLD,
        max_detections: int = MAX_DETECTIONS,
    ) -> Iterator[Detections]:
        """Finds garments in images, one by one.

        Args:
            images: uint8 (H, W, 3) RGB, of any sizes.
            score_threshold: lower scores are left out.
            max_detections: per image.
        Returns:
            The Detections of each image, in order.
        """
        self._signatures()  # opened before the clock starts
        for image in images:
            start = time.perf_counter()
            detections = self._detect_one(image, score_threshold)
            seconds = time.perf_counter() - start
            self._count(seconds, self.info.inference["proposals"], cnn_passes=1)
            yield detections.top(max_detections)

    def _detect_one(self, image: np.ndarray, score_threshold: float) -> Detections:
        from shopee_od.detectors.model_garden.coco_metric import to_detections

        name, canvas, image_info = self._fit_to_canvas(image)
        outputs = self._call(f"detect_{name}", images=canvas)
        detections = to_detections(outputs | {"image_info": image_info[None]}, 0)
        return detections.above(score_threshold)

    def raw_outputs(self, image: np.ndarray) -> RawOutputs:
        """What the network computes for an image, from which NumPy can continue.

        Args:
            image: uint8 (H, W, 3).
        Raises:
            InputError: the detector was saved by a version that did not export these outputs.
        """
        from shopee_od.detectors.model_garden.experiment import PRE_NMS_FACTOR, SCORE_FLOOR

        name, canvas, image_info = self._fit_to_canvas(image)
        if f"heads_{name}" not in self._signatures():
            raise InputError(
                f"{self._saved_model}: saved by an earlier version, without its stages; "
                "fit it again in its run folder"
            )
        arrays: dict[str, Any] = self._call(f"heads_{name}", images=canvas)
        by_level = ("backbone", "features", "anchors", "objectness", "deltas")
        levels: dict[str, Any] = {part: {} for part in by_level}
        for key in sorted(key for key in arrays if key.startswith(by_level)):
            part, level = key.split("_")
            levels[part][int(level)] = arrays.pop(key)
        height, width = image.shape[:2]
        inference = self.info.inference
        return RawOutputs(
            canvas=(canvas.shape[1], canvas.shape[2]),
            image_size=(height, width),
            scale=image_info[2],
            pre_nms_top_n=PRE_NMS_FACTOR * inference["proposals"],
            score_threshold=SCORE_FLOOR,
            nms_iou=inference.get("nms_iou", _OLD_NMS_IOU),
            **levels,
            **arrays,
        )

    def explain(self, image: np.ndarray) -> Trace:
        """The stages of an image's way through the detector.

        Args:
            image: uint8 (H, W, 3).
        Returns:
            Maps of the backbone, the pyramid and the RPN, then anchors, candidates, proposals,
            pooled features, classes, refined boxes and detections.
        """
        detections = self._detect_one(image, self.threshold)
        return build_trace(image, self.raw_outputs(image), detections)

    def save(self, directory: Path) -> None:
        """Writes detector.json and the SavedModel, whole or not at all.

        Raises:
            InputError: it is untrained, or the folder holds other things.
        """
        info = self.info
        directory = Path(directory)
        claim_folder(directory, (INFO_FILE, SAVED_MODEL))
        with atomic_folder(directory) as temporary:
            shutil.copytree(str(self._saved_model), temporary / SAVED_MODEL)
            write_info(temporary, info)

    def _set_trained(self, info: DetectorInfo, saved_model: Path) -> None:
        self._become(info)
        self._saved_model = saved_model
        self._opened = None

    def _fit_to_canvas(self, image: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
        """The name of the best canvas, the image in it (1, H, W, 3), its image_info (4, 2)."""
        height, width = check_image(image).shape[:2]
        h, w = choose_canvas(self.info.inference["canvases"], width, height)
        # A thinner image would be scaled to no pixels at all: its edge is repeated.
        min_side = -(-max(height, width) // MAX_ASPECT_RATIO)
        padding = [(0, max(0, min_side - side)) for side in (height, width)]
        fitted = self._call(f"fit_{h}x{w}", photo=np.pad(image, [*padding, (0, 0)], "edge"))
        fitted["image_info"][0] = height, width
        return f"{h}x{w}", fitted["canvas"][None], fitted["image_info"]

    def _signatures(self) -> Mapping[str, Any]:
        """The SavedModel's signatures, opened once. Raises InputError where it is damaged."""
        import tensorflow as tf

        if self._opened is None:
            self.info  # noqa: B018  raises where the detector is untrained
            try:
                self._opened = tf.saved_model.load(str(self._saved_model))
            except (OSError, ValueError, tf.errors.OpError) as e:
                reason = str(e).splitlines()[0]
                raise InputError(
                    f"{self._saved_model}: damaged ({reason}); save the detector again"
                ) from None
        return self._opened.signatures

    def _call(self, signature: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        import tensorflow as tf

        function = self._signatures()[signature]
        outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}
