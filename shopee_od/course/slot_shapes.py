"""The shapes of the arrays that pass from one slot of a stage to the next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shopee_od.course.context import NotebookContext
from shopee_od.course.networks import format_shape
from shopee_od.detector import MAX_DETECTIONS, Detector
from shopee_od.ops.batching import round_size

if TYPE_CHECKING:
    from shopee_od.detectors.pipeline_run import Run

ARROWS = ("image", "regions", "features", "scores", "detections")
"""What enters the first slot, what is passed on, and what leaves the last one."""
CHANNELS = {2: 24, 3: 40, 4: 112, 5: 320}
"""Of EfficientNet-Lite0's maps, by level."""
WINDOWS = {"hog_svm", "cnn_each_window", "cnn_once"}
MAX_PROPOSALS = 300


def describe_shapes(stage: str) -> dict[str, str]:
    """The shapes of any image in symbols: H × W pixels, N regions, K classes.

    Args:
        stage: a key of `stage_slots.STAGE_SLOTS`.
    Returns:
        A text for each of ARROWS.
    """
    features = {
        "hog_svm": "N × blocks × 36",
        "cnn_each_window": "N × 128",
        "cnn_once": "N × 128",
        "rcnn": "N × 2,880",
        "spp_net": "N × 3,200",
        "faster_rcnn": "N × 7 × 7 × C",
    }
    shares_deltas = stage in ("rcnn", "spp_net", "roi_align_svms", "faster_rcnn")
    scores = "N × K scores"
    if stage not in WINDOWS:
        scores += f"\n{'N × 4' if shares_deltas else 'N × K × 4'} deltas"
    return {
        "image": "H × W × 3",
        "regions": "N windows" if stage in WINDOWS else f"N ≤ {MAX_PROPOSALS} boxes",
        "features": features.get(stage, "N × 7 × 7 × C"),
        "scores": scores,
        "detections": f"≤ {MAX_DETECTIONS} boxes\nwith label, score",
    }


def compute_shapes(stage: str, context: NotebookContext) -> dict[str, str]:
    """The shapes of the example image, as far as they are known before training.

    Args:
        stage: a key of `stage_slots.STAGE_SLOTS`.
        context: of it the example image, the number of classes and the profile.
    Returns:
        As `describe_shapes`; and what is computed inside a slot, by the slot's name.
    """
    height, width = context.example_image.shape[:2]
    shapes = describe_shapes(stage) | _INSIDE[stage](height, width, context)
    shapes["image"] = format_shape((height, width, 3))
    shapes["scores"] = shapes["scores"].replace("K", str(len(context.data.classes)))
    return shapes


def measure_shapes(stage: str, context: NotebookContext, detector: Detector) -> dict[str, str]:
    """The shapes of the example image in a trained detector.

    Args:
        stage: a key of `stage_slots.STAGE_SLOTS`.
        context: of it the example image, the number of classes and the profile.
        detector: trained, of this stage.
    Returns:
        As `compute_shapes`, with the numbers of regions and detections of this image.
    """
    image = context.example_image
    shapes = compute_shapes(stage, context)
    if hasattr(detector, "raw_outputs"):
        outputs = detector.raw_outputs(image)
        count, classes = outputs.class_logits.shape
        shapes["features"] = format_shape(outputs.pooled.shape)
        shapes["scores"] = _format_scores((count, classes - 1), (count, 4))
        detections = outputs.postprocess().above(detector.threshold)
    else:
        from shopee_od.detectors.postprocessing import postprocess

        run: Run = detector.run(image)  # type: ignore[attr-defined]
        count = len(run.proposals)
        values = run.features.values
        is_array = hasattr(values, "shape")  # HOG's blocks are shared by the windows
        shapes["features"] = format_shape(values.shape) if is_array else f"{count:,} × blocks × 36"
        deltas = None if run.scored.deltas is None else run.scored.deltas.shape
        shapes["scores"] = _format_scores(run.scored.scores.shape, deltas)
        detections = postprocess(run.select(detector.threshold))
    shapes["regions"] = f"{count:,} {'windows' if stage in WINDOWS else 'boxes'}"
    boxes = "box" if len(detections) == 1 else "boxes"
    shapes["detections"] = f"{len(detections)} {boxes}\nwith label, score"
    return shapes


def _format_scores(scores: tuple[int, ...], deltas: tuple[int, ...] | None) -> str:
    text = f"{format_shape(scores)} scores"
    return text if deltas is None else f"{text}\n{format_shape(deltas)} deltas"


def _hog_shapes(height: int, width: int, context: NotebookContext) -> dict[str, str]:
    from shopee_od.detectors.hog_svm import HOGSVMConfig
    from shopee_od.ops.hog import BLOCK, CELL

    first = HOGSVMConfig().pyramid.base_size(height, width)
    blocks = tuple(side // CELL - BLOCK + 1 for side in first)
    return {
        "proposer": f"first level {format_shape(first)}",
        "region features": f"first level {format_shape((*blocks, 36))}",
    }


def _window_shapes(height: int, width: int, context: NotebookContext) -> dict[str, str]:
    from shopee_od.detectors.features.window_cnn import CHANNELS as FEATURES
    from shopee_od.detectors.proposers.sliding_windows import StretchConfig, StretchedWindows

    config = StretchConfig()
    windows = StretchedWindows(config).propose(np.zeros((height, width, 3), np.uint8))
    count = len(windows)
    side = config.side
    return {
        "regions": f"{count:,} windows",
        "features": format_shape((count, FEATURES)),
        "scores": f"{count:,} × K scores",
        "proposer": f"{len(windows.grids)} levels",
        "region features": f"{side} × {side} × 3 → {FEATURES}",
    }


def _crop_shapes(height: int, width: int, context: NotebookContext) -> dict[str, str]:
    from shopee_od.detectors.features.crop_cnn import CropConfig

    side = CropConfig().side
    cells = (side // 2**5, side // 2**5, CHANNELS[5])
    return {
        "features": f"N × {math.prod(cells):,}",
        "region features": f"{format_shape((side, side, 3))}\n→ {format_shape(cells)}",
    }


def _spp_shapes(height: int, width: int, context: NotebookContext) -> dict[str, str]:
    from shopee_od.detectors.features.spp_map import STRIDE, SPPConfig, scale_to_cells

    config = SPPConfig()
    blank = np.zeros((height, width, 3), np.uint8)
    sizes = [scale_to_cells(blank, side).shape[:2] for side in config.scales]
    *first, last = (f"{h // STRIDE} × {w // STRIDE}" for h, w in sizes)
    maps = f"{', '.join(first)},\n{last}, × {CHANNELS[5]}"
    bins = " + ".join(f"{n * n}" for n in config.pyramid)
    return {
        "features": f"N × {CHANNELS[5] * sum(n * n for n in config.pyramid):,}",
        "region features": f"{maps}\n{bins} bins",
    }


def _map_shapes(height: int, width: int, context: NotebookContext) -> dict[str, str]:
    from shopee_od.detectors.features.roi_align_map import RoIAlignConfig

    config = RoIAlignConfig()
    size = round_size(height, width, config.longest)
    levels = config.levels
    maps = [format_shape((size[0] // 2**k, size[1] // 2**k, CHANNELS[k])) for k in levels]
    pooled = (config.size, config.size, sum(CHANNELS[k] for k in levels))
    return {
        "features": f"N × {format_shape(pooled)}",
        "region features": "\n".join([f"{format_shape((*size, 3))} →", *maps]),
    }


def _scratch_shapes(height: int, width: int, context: NotebookContext) -> dict[str, str]:
    from shopee_od.detectors.features.roi_align_map import RoIAlignConfig
    from shopee_od.detectors.proposers.rpn import RPNConfig

    config = RPNConfig()
    maps = RoIAlignConfig()
    cells = math.prod(
        side // 2 ** min(maps.levels) for side in round_size(height, width, maps.longest)
    )
    anchors = cells * len(config.anchor_sizes) * len(config.anchor_ratios)
    return _map_shapes(height, width, context) | {
        "regions": f"N ≤ {config.proposals} boxes",
        "proposer": f"{anchors:,} anchors",
    }


def _rpn_shapes(height: int, width: int, context: NotebookContext) -> dict[str, str]:
    profile = context.profile
    canvas = profile.canvas(width, height)
    per_cell = profile.anchor_scales * len(profile.anchor_ratios)
    sizes = [
        (canvas[0] // 2**level, canvas[1] // 2**level)
        for level in range(profile.min_level, profile.max_level + 1)
    ]
    anchors = sum(rows * columns for rows, columns in sizes) * per_cell
    maps = "\n".join(format_shape((*size, profile.fpn_filters)) for size in sizes)
    return {
        "regions": f"N ≤ {profile.proposals} boxes",
        "features": f"N × 7 × 7 × {profile.fpn_filters}",
        "proposer": f"{anchors:,} anchors",
        "region features": f"{format_shape((*canvas, 3))} →\n{maps}",
    }


_INSIDE = {
    "hog_svm": _hog_shapes,
    "cnn_each_window": _window_shapes,
    "cnn_once": _window_shapes,
    "rcnn": _crop_shapes,
    "spp_net": _spp_shapes,
    "roi_align_svms": _map_shapes,
    "roi_align_softmax": _map_shapes,
    "fast_rcnn": _map_shapes,
    "faster_rcnn_scratch": _scratch_shapes,
    "faster_rcnn": _rpn_shapes,
}
