"""Faster R-CNN on photos: seconds to the first tagged photo, s/image, memory.

`python -m benchmarks.detect --model RUN/detector --photos FOLDER`, or `make bench-detect`, on an
idle machine. The baseline of the speed is the same network in TensorFlow, as Model Garden runs it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import shopee_od
from benchmarks.measure import Measurement, format_table, run_in_new_process
from shopee_od.datasets.photos import list_photos, read_photo
from shopee_od.errors import InputError

MAX_COLD_SECONDS = 8.0
MAX_SECONDS_PER_IMAGE = 0.08
MAX_PHOTOS = 40
RUNS = 3  # of a cold start; the median counts
GB = 1e9


def benchmark_detect(model: Path, photos: Path) -> Iterator[Measurement]:
    """Measures a saved detector.

    1. A cold `shopee-od detect` of one photo; limit: 8 s.
    2. Importing TensorFlow, which it does not need, and opening the detector.
    3. s/image; limit: 0.08 s. Also against the network in TensorFlow.
    4. The memory of both.

    Args:
        model: the folder of a saved Faster R-CNN.
        photos: a folder of photos, of which at most MAX_PHOTOS are used.
    Yields:
        One Measurement after another.
    """
    detector = shopee_od.load(model)
    if not hasattr(detector, "raw_outputs"):
        raise InputError(f"{model}: not a Faster R-CNN of Model Garden")
    files = [str(file) for file in list_photos([photos])[:MAX_PHOTOS]]
    if not files:
        raise InputError(f"{photos}: holds no photos")
    cost = measure_cost(model, files)
    cold = cost["first_photo_seconds"]
    import_seconds = run_in_new_process(_import_tensorflow)["seconds"]
    yield Measurement("first tagged photo", cold, "s", "limit", MAX_COLD_SECONDS, 1)
    yield Measurement("  the same", cold, "s", "import tensorflow", import_seconds)
    tensorflow = run_in_new_process(_measure_tensorflow, str(model), files)
    name = "the network in TensorFlow"
    yield Measurement("load, open", cost["open_seconds"], "s", name, tensorflow["open_seconds"])
    speed = cost["seconds_per_image"]
    yield Measurement("detect", speed, "s/image", "limit", MAX_SECONDS_PER_IMAGE, 1)
    yield Measurement("  the same", speed, "s/image", name, tensorflow["seconds_per_image"])
    memory = cost["peak_memory"] / GB
    yield Measurement("  memory", memory, "GB", name, tensorflow["peak_memory"] / GB)


def measure_cost(model: Path, files: Sequence[str]) -> dict[str, float]:
    """What detecting with a saved detector costs, each measured in new processes.

    Args:
        model: the folder of a saved detector.
        files: photos.
    Returns:
        first_photo_seconds: of a cold `shopee-od detect` of one photo, the median of RUNS;
        open_seconds: from loading the detector to its first detections;
        seconds_per_image: the median over the photos, once it is open;
        peak_memory: bytes.
    """
    cold = median(_detect_one(model, files[0]) for _ in range(RUNS))
    costs = run_in_new_process(_measure_detector, str(model), list(files))
    names = ("open_seconds", "seconds_per_image", "peak_memory")
    return {"first_photo_seconds": cold, **{name: costs[name] for name in names}}


def main(arguments: list[str] | None = None) -> None:
    """The command: prints all measurements as a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detect",
        description="Measure a saved Faster R-CNN: cold start, s/image and memory.",
    )
    parser.add_argument("--model", type=Path, required=True, help="the folder of a saved detector")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos")
    options = parser.parse_args(arguments)
    try:
        print(format_table(list(benchmark_detect(options.model, options.photos))))
    except InputError as e:
        parser.error(str(e))


def _detect_one(model: Path, photo: str) -> float:
    """Seconds of the whole command."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        command = [sys.executable, "-m", "shopee_od.cli", "detect", photo, "--model", str(model)]
        subprocess.run([*command, "--out", out], check=True, capture_output=True)
        return time.perf_counter() - start


def _import_tensorflow() -> None:
    import tensorflow  # noqa: F401


def _measure_detector(model: str, files: list[str]) -> dict[str, float]:
    images = [read_photo(file) for file in files]
    start = time.perf_counter()
    detector = shopee_od.load(model)
    list(detector.detect(images[:1]))
    seconds = time.perf_counter() - start
    return {"open_seconds": seconds, "seconds_per_image": _time_per_image(detector.detect, images)}


def _measure_tensorflow(model: str, files: list[str]) -> dict[str, float]:
    """Model Garden's network with the detector's variables, NMS included, for square images."""
    import tensorflow as tf

    from shopee_od.detectors.model_garden.canvas import fit_to_canvas
    from shopee_od.detectors.model_garden.export import ExportedNetwork
    from shopee_od.detectors.model_garden.variables import load_variables

    images = [read_photo(file) for file in files]
    start = time.perf_counter()
    detector: Any = shopee_od.load(model)
    size = detector.config.input_size
    network = ExportedNetwork(detector.config, detector.classes, [(size, size)])
    load_variables(network.model, Path(model))

    @tf.function(autograph=False)
    def run(pixels: tf.Tensor) -> Any:
        shape = tf.constant([[size, size]], tf.float32)
        return network.model(pixels, image_shape=shape, training=False)["detection_boxes"]

    def detect(images: list[np.ndarray]) -> Iterator[np.ndarray]:
        for image in images:
            pixels, _ = fit_to_canvas(image, [(size, size)])
            yield run(tf.constant(pixels[None])).numpy()

    list(detect(images[:1]))
    seconds = time.perf_counter() - start
    return {"open_seconds": seconds, "seconds_per_image": _time_per_image(detect, images)}


def _time_per_image(detect: Any, images: list[np.ndarray]) -> float:
    """The median over images; before it, each image once."""
    seconds = []
    for image in [*images, *images]:
        start = time.perf_counter()
        list(detect([image]))
        seconds.append(time.perf_counter() - start)
    return median(seconds[len(images) :])


if __name__ == "__main__":
    main()
