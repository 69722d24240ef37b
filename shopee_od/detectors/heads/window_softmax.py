"""The head of the window CNN: a linear classifier and a softmax over classes and background."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import softmax

from shopee_od.detectors.slots import Proposals, RegionFeatures, ScoredProposals


class WindowSoftmax:
    """Features of each window -> class scores.

    Args:
        network: as `features.window_cnn.build_network` makes it; its last layer is the classifier.
    """

    def __init__(self, network: Any) -> None:
        self._classifier = network.layers[-1]

    @property
    def num_parameters(self) -> int:
        return sum(weights.size for weights in self._classifier.get_weights())

    def predict(self, features: RegionFeatures, proposals: Proposals) -> ScoredProposals:
        """float32 (N, 128) -> the softmax of each window, background left out."""
        return ScoredProposals(self.probabilities(features.values)[:, 1:])

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """float32 (N, 128) -> (N, classes + 1), 0 for background; each row sums to 1."""
        kernel, bias = self._classifier.get_weights()
        return softmax(features @ kernel[0, 0] + bias, axis=1)

    def state_dict(self) -> dict[str, np.ndarray]:
        return {f"weights_{k}": w for k, w in enumerate(self._classifier.get_weights())}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        count = len(self._classifier.weights)
        self._classifier.set_weights([state[f"weights_{k}"] for k in range(count)])
