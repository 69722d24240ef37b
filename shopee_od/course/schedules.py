"""What follows a schedule in a training: the learning rate, and the average of the weights."""

from __future__ import annotations

import math

import numpy as np


def warmup_cosine(step: int, warmup: int, steps: int, highest: float) -> float:
    """The learning rate of a linear warmup and a cosine decay, as in Model Garden.

    Args:
        step: from 0.
        warmup: steps of the line, which starts at highest / 20 and ends on the cosine.
        steps: of the cosine, which starts at step 0, too, and ends at 0.
        highest: where the cosine starts.
    Returns:
        The learning rate at `step`.
    Source: Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """

    def cosine(step: int) -> float:
        return highest * (1 + math.cos(math.pi * step / steps)) / 2

    if step < warmup:
        start = highest / 20
        return start + (cosine(warmup) - start) * step / warmup
    return cosine(step)


def running_average(weights: np.ndarray, decay: float, dynamic: bool = True) -> np.ndarray:
    """The exponential moving average of a weight, as Model Garden computes it.

    It starts at 0. Step t multiplies it by a factor d and adds 1 - d times the weight.

    Args:
        weights: float (n,), after the steps 1 to n.
        decay: the largest factor.
        dynamic: whether the factor of step t is at most (1 + t) / (10 + t), so that the average
            follows the weight closely at first.
    Returns:
        float (n,): the average after each step.

    >>> running_average(np.full(3, 8), 0.5, dynamic=False)
    array([4., 6., 7.])
    """
    average = 0.0
    averages = []
    for step, weight in enumerate(weights, 1):
        factor = min(decay, (1 + step) / (10 + step)) if dynamic else decay
        average = factor * average + (1 - factor) * float(weight)
        averages.append(average)
    return np.array(averages)
