"""How much better a detector is than another one on the same images: the paired bootstrap."""

from __future__ import annotations

from typing import Any

import numpy as np

from shopee_od.evaluation.average_precision import AT_50, Matches, compute_average_precision
from shopee_od.evaluation.bootstrap import compute_basic_interval, draw_resamples


def compute_gain(
    matches: Matches, baseline: Matches, bootstrap: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """The gain in AP50 over another detector.

    Each resample has the same images for both. What makes an image hard is hard for both, so that
    the interval of the gain is narrower than those of the two values suggest.

    Args:
        matches, baseline: of the two detectors on the same images, in one category.
        bootstrap: resamples for the interval; 0 for none.
        seed: of the resamples.
    Returns:
        AP50, baseline_AP50: of each; gain: their difference; interval: [low, high], 95%, of the
        gain. None where no box counts.
    """

    def compute(weights: np.ndarray) -> np.ndarray:
        """int (B, P), how often each resample contains each image -> AP50 of each (2, B)."""
        both = (compute_average_precision(m, weights) for m in (matches, baseline))
        return np.stack([ap[:, AT_50] for ap in both])

    num_images = len(matches.num_gt)
    value, baseline_value = compute(np.ones((1, num_images), int))[:, 0]
    if np.isnan(value):
        return dict.fromkeys(("AP50", "baseline_AP50", "gain", "interval"))
    num_detections = len(matches.image) + len(baseline.image)
    resamples = draw_resamples(num_images, bootstrap, seed, num_detections)
    gains = [np.subtract(*compute(weights)) for weights in resamples]
    gain = float(value - baseline_value)
    return {
        "AP50": float(value),
        "baseline_AP50": float(baseline_value),
        "gain": gain,
        "interval": compute_basic_interval(gain, gains, limits=(-1.0, 1.0)),
    }
