"""The head of R-CNN and SPP-net: a linear SVM per class, and a ridge regression that moves boxes.

The stages differ in where features come from; the head is the same. The paper has a box
regression per class; from a dozen boxes per class one for all classes learns more.

Source: Girshick et al., "Rich feature hierarchies", CVPR 2014, section 2.3, appendices B and C.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shopee_od.detectors.heads.hog_templates import margins_to_scores
from shopee_od.detectors.slots import Proposals, RegionFeatures, ScoredProposals


class LinearSVMs:
    """A head: margins of linear SVMs as scores, and one box regression for all classes.

    scale:       float32, by which features are multiplied first
    weights:     float32 (D, classes)
    biases:      float32 (classes,)
    box_weights: float32 (D + 1, 4), features and a 1 -> deltas

    `training/region_svms.py` trains it.

    Args:
        width: D, the length of a region's features.
        classes: without background.
    """

    def __init__(self, width: int, classes: int) -> None:
        self.scale = np.ones((), np.float32)
        self.weights = np.zeros((width, classes), np.float32)
        self.biases = np.zeros(classes, np.float32)
        self.box_weights = np.zeros((width + 1, 4), np.float32)

    def margins(self, features: np.ndarray) -> np.ndarray:
        """(N, D) -> float32 (N, classes): signed distance from each class's plane."""
        return features * self.scale @ self.weights + self.biases

    def deltas(self, features: np.ndarray) -> np.ndarray:
        """(N, D) -> float32 (N, 4): how each box should move."""
        return features * self.scale @ self.box_weights[:-1] + self.box_weights[-1]

    def predict(self, features: RegionFeatures, proposals: Proposals) -> ScoredProposals:
        """float32 (N, D), or (N, …) of as many -> scores, a sigmoid of the margins, and deltas."""
        values = np.reshape(features.values, (-1, len(self.weights)))
        return ScoredProposals(margins_to_scores(self.margins(values)), self.deltas(values))

    @property
    def num_parameters(self) -> int:
        return sum(np.size(part) for part in self.state_dict().values())

    def state_dict(self) -> dict[str, np.ndarray]:
        return {
            "scale": self.scale,
            "weights": self.weights,
            "biases": self.biases,
            "box_weights": self.box_weights,
        }

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        for name, array in self.state_dict().items():
            if state[name].shape != array.shape:
                raise ValueError(f"{name} has the shape {state[name].shape}, not {array.shape}")
        self.scale = state["scale"]
        self.weights = state["weights"]
        self.biases = state["biases"]
        self.box_weights = state["box_weights"]
