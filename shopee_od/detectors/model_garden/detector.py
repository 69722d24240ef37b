"""Faster R-CNN with a feature pyramid, as TF Model Garden trains it, behind the Detector protocol.

Source: Ren et al., "Faster R-CNN", NeurIPS 2015; Lin et al., "Feature Pyramid Networks", CVPR 2017.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.config import to_dict
from shopee_od.datasets.dataset import Dataset
from shopee_od.detector import MAX_DETECTIONS, SCORE_THRESHOLD
from shopee_od.detectors.base import BaseDetector, check_image
from shopee_od.detectors.model_garden.canvas import fit_to_canvas
from shopee_od.detectors.model_garden.experiment import PRE_NMS_FACTOR, SCORE_FLOOR
from shopee_od.detectors.model_garden.litert import NETWORK_FILE, LiteRTNetwork
from shopee_od.detectors.model_garden.raw_outputs import RawOutputs, build_trace
from shopee_od.detectors.model_garden.upgrade import is_saved_model, upgrade
from shopee_od.detectors.model_garden.variables import VARIABLES_FILE, count_variables
from shopee_od.detectors.saving import (
    INFO_FILE,
    DetectorInfo,
    claim_folder,
    read_info,
    write_info,
)
from shopee_od.errors import InputError
from shopee_od.io import atomic_folder
from shopee_od.ops import two_stage
from shopee_od.ops.anchors import generate_anchors
from shopee_od.profiles import LAPTOP, Profile, profile_from_dict
from shopee_od.structures import Detections, Trace

NETWORK_FILES = (NETWORK_FILE, VARIABLES_FILE)


class ModelGardenFasterRCNN(BaseDetector):
    """A `Detector` of three parts: a profile, TF Model Garden's training, a network in LiteRT.

    Images of any size go in, boxes in their own pixels come out. Only `fit` imports TensorFlow.

    Args:
        config: the sizes of the network and of its training.
    """

    kind = "faster_rcnn"
    default_config = LAPTOP

    def __init__(self, config: Profile = LAPTOP) -> None:
        super().__init__()
        self.config = config
        self._directory = Path()
        self._opened: LiteRTNetwork | None = None

    @classmethod
    def load(cls, directory: Path) -> ModelGardenFasterRCNN:
        """Opens a saved detector. Raises InputError where the folder does not hold a whole one."""
        directory = Path(directory)
        if is_saved_model(directory):
            directory = upgrade(directory)
        info = read_info(directory)
        for name in NETWORK_FILES:
            if not (directory / name).is_file():
                raise InputError(f"{directory}: there is no {name}; save the detector again")
        missing = {"canvases", "proposals", "nms_iou", "network_sha256"} - info.inference.keys()
        if missing:
            raise InputError(
                f"{directory / INFO_FILE}: does not record {min(missing)}; save the detector again"
            )
        detector = cls(profile_from_dict(info.config))
        detector._set_trained(replace(info, config=to_dict(detector.config)), directory)
        return detector

    @property
    def num_parameters(self) -> int:
        """Numbers it computes with, the moving statistics of batch norms included."""
        self.info  # noqa: B018  raises where the detector is untrained
        return count_variables(self._directory / VARIABLES_FILE)

    def fit(self, train: Dataset, val: Dataset | None, run_dir: Path, seed: int = 0) -> None:
        """Trains in `run_dir`, or continues a training that was stopped there.

        1. `train.train` trains and keeps the checkpoint with the best AP on `val`.
        2. That checkpoint is exported to `run_dir/network`.
        3. The garment score with the best F1 on `val` becomes the threshold, and the class score
           from which on most tags are right the category threshold.

        Args:
            train: images without boxes are learned from too: all they show is background.
            val: without it the last weights are taken, and the threshold is 0.5.
            run_dir: a folder of its own for this training.
            seed: of initialization, shuffling, augmentation and sampling.
        Raises:
            InputError: the profile or the data set cannot work, or `run_dir` holds other things.
        """
        from shopee_od.detectors.model_garden import runs
        from shopee_od.detectors.model_garden import train as training
        from shopee_od.detectors.model_garden.training_data import select_validation_images
        from shopee_od.evaluation import (
            find_category_threshold,
            find_garment_threshold,
            predict,
        )

        run_dir = Path(run_dir)
        checkpoint = training.train(train, val, self.config, run_dir, seed)
        network = run_dir / "network"
        runs.export_checkpoint(run_dir, checkpoint, network)
        profile = runs.profile_of_run(run_dir)
        info = DetectorInfo(
            kind=self.kind,
            name=f"{self.kind}-{self.config.backbone}-{train.name}-{datetime.now(UTC):%Y%m%d}",
            classes=train.classes,
            types=train.types,
            threshold=0.5,
            # Without the folder, which others do not have.
            config=to_dict(profile.replace(weights=Path(profile.weights).name)),
            inference=runs.inference_settings(run_dir, network / NETWORK_FILE),
            metadata=runs.provenance(run_dir, checkpoint),
        )
        self._set_trained(info, network)
        val = select_validation_images(val, self.config)
        if val is not None:
            detections = predict(self, val)
            images = val.take(detections)
            threshold, f1 = find_garment_threshold(detections, images)
            info = replace(
                info,
                threshold=threshold,
                category_threshold=find_category_threshold(
                    detections, images, self.classes, threshold
                ),
                metadata={**info.metadata, "threshold_f1_on_val": f1},
            )
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
        self._network  # noqa: B018  opened before the clock starts
        for image in images:
            start = time.perf_counter()
            detections = self.raw_outputs(image).postprocess().above(score_threshold)
            seconds = time.perf_counter() - start
            self._count(seconds, self.info.inference["proposals"], cnn_passes=1)
            yield detections.top(max_detections)

    def raw_outputs(self, image: np.ndarray) -> RawOutputs:
        """What the network computes for an image, from which NumPy can continue.

        Args:
            image: uint8 (H, W, 3).
        """
        network = self._network
        height, width = check_image(image).shape[:2]
        inference = self.info.inference
        pixels, scale = fit_to_canvas(image, inference["canvases"])
        canvas = (pixels.shape[0], pixels.shape[1])
        maps: dict[str, Any] = network.compute_maps(pixels)
        anchors = self._generate_anchors(canvas)
        num_proposals = inference["proposals"]
        pre_nms_top_n = PRE_NMS_FACTOR * num_proposals
        boxes, scores, levels = two_stage.decode_anchors_by_level(
            maps["objectness"], maps["deltas"], anchors, canvas, pre_nms_top_n
        )
        proposals = two_stage.filter_proposals(boxes, scores, levels, num_proposals)
        rois = boxes[proposals].astype(np.float32)
        head: dict[str, Any] = network.classify_rois(canvas, maps["features"], rois)
        return RawOutputs(
            canvas=canvas,
            image_size=(height, width),
            scale=scale,
            anchors=anchors,
            rois=rois,
            roi_scores=scores[proposals],
            pre_nms_top_n=pre_nms_top_n,
            score_threshold=SCORE_FLOOR,
            nms_iou=inference["nms_iou"],
            **maps,
            **head,
        )

    def explain(self, image: np.ndarray) -> Trace:
        """The stages of an image's way through the detector.

        Args:
            image: uint8 (H, W, 3).
        Returns:
            Maps of the backbone, the pyramid and the RPN, then anchors, candidates, proposals,
            pooled features, classes, refined boxes and detections.
        """
        outputs = self.raw_outputs(image)
        return build_trace(image, outputs, outputs.postprocess().select_garments(self.threshold))

    def save(self, directory: Path) -> None:
        """Writes detector.json, network.tflite and variables.npz, whole or not at all.

        Raises:
            InputError: it is untrained, or the folder holds other things.
        """
        info = self.info
        directory = Path(directory)
        claim_folder(directory, (INFO_FILE, *NETWORK_FILES))
        with atomic_folder(directory) as temporary:
            for name in NETWORK_FILES:
                shutil.copyfile(self._directory / name, temporary / name)
            write_info(temporary, info)

    def _set_trained(self, info: DetectorInfo, directory: Path) -> None:
        """Takes over a trained network; `directory` holds its files."""
        self._become(info)
        self._directory = directory
        self._opened = None

    @property
    def _network(self) -> LiteRTNetwork:
        """The network, opened once. Raises InputError where it is damaged."""
        if self._opened is None:
            sha256 = self.info.inference["network_sha256"]
            self._opened = LiteRTNetwork(self._directory / NETWORK_FILE, sha256)
        return self._opened

    def _generate_anchors(self, canvas: tuple[int, int]) -> dict[int, np.ndarray]:
        """float32 (N, 4) by level."""
        config = self.config
        height, width = canvas
        anchors = {
            level: generate_anchors(
                height,
                width,
                [level],
                config.anchor_size,
                config.anchor_scales,
                config.anchor_ratios,
            )
            for level in range(config.min_level, config.max_level + 1)
        }
        return {level: boxes.astype(np.float32) for level, boxes in anchors.items()}
