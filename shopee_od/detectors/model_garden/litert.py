"""The trained network in LiteRT (TensorFlow Lite): it runs without TensorFlow.

`network.tflite` holds the weights once, as float16, and computes in float32. It has two functions
for every canvas; what is between and after them is NumPy (`shopee_od.ops.two_stage`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.detectors.model_garden.logs import suppress_native_logs
from shopee_od.errors import InputError
from shopee_od.system import usable_cores

NETWORK_FILE = "network.tflite"

Maps = dict[int, np.ndarray]
"""An array of each pyramid level."""


class LiteRTNetwork:
    """Faster R-CNN's two stages, for one image at a time.

    Args:
        file: `network.tflite`, as `export.py` writes it.
        sha256: of the file. LiteRT itself checks little of what it reads.
    Raises:
        InputError: the file cannot be read, or it is damaged.
    """

    def __init__(self, file: Path, sha256: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._file = file
        try:
            content = Path(file).read_bytes()
        except OSError as e:
            raise InputError(f"{file}: not readable ({e}); save the detector again") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise InputError(f"{file}: damaged (its sha256 differs); save the detector again")
        self._interpreter = Interpreter(model_content=content, num_threads=usable_cores())
        with suppress_native_logs():  # LiteRT names its delegate
            self._interpreter.allocate_tensors()

    def compute_maps(self, pixels: np.ndarray) -> dict[str, Maps]:
        """The first stage: backbone, pyramid and RPN.

        Args:
            pixels: float32 (H, W, 3) of `fit_to_canvas`.
        Returns:
            backbone, features: (h, w, C) by level; objectness: (N,) logits and deltas: (N, 4) dx,
            dy, dw, dh of the level's anchors.
        """
        outputs = self._function("maps", pixels.shape[:2])(pixels=pixels[None])
        maps: dict[str, Maps] = {"backbone": {}, "features": {}, "objectness": {}, "deltas": {}}
        for name in sorted(outputs):
            kind, level = name.split("_")
            maps[kind][int(level)] = outputs[name]
        return maps

    def classify_rois(
        self, canvas: tuple[int, int], features: Maps, rois: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The second stage: RoIAlign and the head.

        Args:
            canvas: its height and width in pixels.
            features: the pyramid.
            rois: (K, 4) x1, y1, x2, y2 in pixels of the canvas; at most the profile's `proposals`.
        Returns:
            pooled: (K, 7, 7, C); class_logits: (K, 1 + classes); roi_deltas: (K, 1 or 1 + classes,
            4) dx, dy, dw, dh.
        """
        run = self._function("head", canvas)
        all_rois = np.zeros(run.get_input_details()["rois"]["shape"], np.float32)
        all_rois[: len(rois)] = rois
        inputs = {f"features_{level}": cells[None] for level, cells in features.items()}
        outputs = run(rois=all_rois, **inputs)
        return {name: array[: len(rois)] for name, array in outputs.items()}

    def _function(self, name: str, canvas: tuple[int, ...]) -> Any:
        height, width = canvas
        try:
            return self._interpreter.get_signature_runner(f"{name}_{height}x{width}")
        except ValueError:
            raise InputError(
                f"{self._file}: takes no canvas of {height} × {width} pixels; "
                "save the detector again"
            ) from None
