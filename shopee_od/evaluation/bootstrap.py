"""Confidence intervals over images: the basic bootstrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

ELEMENTS_AT_ONCE = 5_000_000
"""Detections × resamples held in memory at a time."""


def draw_resamples(
    num_images: int, num_resamples: int, seed: int, num_detections: int
) -> Iterator[np.ndarray]:
    """Draws resamples: as many images each, at random with replacement.

    Images are drawn, not boxes: the boxes of one image are not independent.

    Args:
        num_images: P.
        num_resamples: how many in all.
        seed: the same seed draws the same resamples.
        num_detections: bounds how many resamples are drawn at a time.
    Yields:
        int (B, P), how often each of B resamples contains each image.
    """
    rng = np.random.default_rng(seed)
    step = max(1, ELEMENTS_AT_ONCE // max(num_detections, num_images))
    for start in range(0, num_resamples, step):
        count = min(step, num_resamples - start)
        resamples = [rng.integers(num_images, size=num_images) for _ in range(count)]
        yield np.array([np.bincount(images, minlength=num_images) for images in resamples])


def compute_basic_interval(
    value: float | None,
    resampled: Sequence[np.ndarray],
    limits: tuple[float, float] = (0.0, 1.0),
) -> list[float] | None:
    """The 95% interval of a metric by the basic bootstrap.

    It assumes that the value is as far from the truth as the resampled values are from the value.
    The percentiles of the resamples themselves would be biased: AP is too high on few images, and
    too high again in resamples of them, so that they miss the truth far too often.

    Args:
        value: the metric on all images; None where it is not defined.
        resampled: its values in the resamples, in parts; NaN where it is not defined.
        limits: the lowest and highest value that the metric can have.
    Returns:
        [low, high]; None where there is no value.
    Source: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 5.2.
    """
    values = np.concatenate([[], *resampled])
    values = values[~np.isnan(values)]
    if value is None or not len(values):
        return None
    low, high = 2 * value - np.percentile(values, [97.5, 2.5])
    return [max(limits[0], float(low)), min(limits[1], float(high))]
