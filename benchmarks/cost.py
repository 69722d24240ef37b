"""What detecting with a saved detector costs: wall time with fixed threads, and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import run_in_new_process
from shopee_od import cache
from shopee_od.datasets.photos import read_photo
from shopee_od.detector import Detector

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Environment variables for BLAS and TensorFlow. LiteRT uses the cores that a process may use."""
POSTPROCESSING = "postprocessing"


def measure_cost(
    load: Callable[[Path], Detector], directory: Path, files: Sequence[str], threads: int = 2
) -> dict[str, Any]:
    """Detects in a new process, with so many threads and without the cache: proposals are searched.

    The first photo is detected once more before the clock starts.

    Args:
        load: opens the detector; a function that another process can import.
        directory: of the saved detector.
        files: photos.
        threads: of TensorFlow, LiteRT and BLAS.
    Returns:
        seconds: wall time per image, the median over the photos;
        seconds_by_step: the same for each slot of a pipeline, medians too, so that their sum is
        near `seconds`; None for another detector;
        peak_memory: of the process, in bytes;
        load_before: the machine's load average before it, 0 on an idle one; None where the system
        does not know it.
    """
    load_before = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    environment = {name: str(threads) for name in THREAD_VARIABLES}
    cost = run_in_new_process(
        _measure, load, str(directory), list(files), threads, environment=environment
    )
    return cost | {"load_before": load_before}


def _measure(
    load: Callable[[Path], Detector], directory: str, files: list[str], threads: int
) -> dict[str, Any]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    images = [read_photo(file) for file in files]
    detector = load(Path(directory))
    seconds = []
    steps = []
    with cache.disabled():
        list(detector.detect(images[:1]))
        for image in images:
            before = _read_steps(detector)
            start = time.perf_counter()
            list(detector.detect([image]))
            seconds.append(time.perf_counter() - start)
            after = _read_steps(detector)
            image_steps = {name: after[name] - before[name] for name in after}
            steps.append(image_steps | {POSTPROCESSING: seconds[-1] - sum(image_steps.values())})
    by_step = {name: median(row[name] for row in steps) for name in steps[0]}
    is_pipeline = len(by_step) > 1
    return {"seconds": median(seconds), "seconds_by_step": by_step if is_pipeline else None}


def _read_steps(detector: Any) -> dict[str, float]:
    """The seconds that each slot of a pipeline has taken so far; {} for another detector."""
    return dict(getattr(detector, "seconds", {}))
