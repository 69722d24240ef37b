"""One linear SVM per class over HOG: a template, laid over every position of a level."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit
from threadpoolctl import ThreadpoolController

from shopee_od.detectors.features.hog import HOGLevel
from shopee_od.detectors.slots import Proposals, RegionFeatures, ScoredProposals
from shopee_od.ops.hog import BLOCK, CELL

MARGIN_SCALE = 2.0
"""A margin times this is the logit of its score: 0.12 and 0.88 at the edges of the margin."""
NEVER = -10.0
"""The margin of a class without boxes to learn from: its score is 0."""
BLAS = ThreadpoolController()


class HOGTemplates:
    """The head of HOG + SVM.

    shapes:  int (classes, 2), rows and columns of blocks of each class's window
    weights: for each class float32 (rows · columns · 36,)
    biases:  float32 (classes,)

    Args:
        classes: without background.
    """

    def __init__(self, classes: int) -> None:
        self.assign(np.zeros((classes, 2), int))

    def assign(
        self,
        shapes: np.ndarray,
        weights: tuple[np.ndarray, ...] = (),
        biases: np.ndarray | None = None,
    ) -> None:
        """Takes shapes, weights and biases; weights and biases that are not given are zeros."""
        sizes = (shapes.prod(axis=1) * 36).tolist()
        self.shapes = shapes
        self.weights = weights or tuple(np.zeros(size, np.float32) for size in sizes)
        self.biases = np.zeros(len(sizes), np.float32) if biases is None else biases

    @property
    def window_sizes(self) -> np.ndarray:
        """int (classes, 2): height and width of each class's window in pixels of a level."""
        return (self.shapes + BLOCK - 1) * CELL

    @property
    def num_parameters(self) -> int:
        return sum(w.size for w in self.weights) + self.biases.size + self.shapes.size

    def template(self, label: int) -> np.ndarray:
        """A class's weights as float32 (rows, columns, 36)."""
        return self.weights[label].reshape(*self.shapes[label], -1)

    def margins(self, level: HOGLevel, label: int) -> np.ndarray:
        """Signed distances of a class's windows from its SVM's plane, in units of the margin.

        The template is laid over every position and multiplied with the blocks beneath it.

        Args:
            level: HOG of one pyramid level.
            label: the class.
        Returns:
            float32 (rows, columns) of windows.
        """
        rows, columns = np.maximum(np.array(level.blocks.shape[:2]) - self.shapes[label] + 1, 0)
        # On a busy machine threads make so small a product slower.
        with BLAS.limit(limits=1, user_api="blas"):
            products = np.tensordot(level.blocks, self.template(label), (2, 2))
        offsets = np.ndindex(*self.shapes[label])
        total = sum(products[i : i + rows, j : j + columns, i, j] for i, j in offsets)
        return total + self.biases[label]

    def predict(self, features: RegionFeatures, proposals: Proposals) -> ScoredProposals:
        """HOG of each level and its windows -> each window's score for its own class."""
        scores = np.full((len(proposals), len(self.shapes)), -np.inf, np.float32)
        start = 0
        for grid in proposals.grids:
            end = start + grid.rows * grid.columns
            label = grid.label
            if label is None:
                raise ValueError("HOG templates need windows of each class's own shape")
            margins = self.margins(features.values[grid.size], label)
            scores[start:end, label] = margins_to_scores(margins).ravel()
            start = end
        return ScoredProposals(scores)

    def state_dict(self) -> dict[str, np.ndarray]:
        weights = {f"weights_{k}": w for k, w in enumerate(self.weights)}
        return weights | {"shapes": self.shapes, "biases": self.biases}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        shapes = state["shapes"]
        weights = tuple(state[f"weights_{k}"] for k in range(len(self.shapes)))
        if [len(w) for w in weights] != (shapes.prod(axis=1) * 36).tolist():
            raise ValueError("its weights do not fit its shapes")
        self.assign(shapes, weights, state["biases"])


def margins_to_scores(margins: np.ndarray) -> np.ndarray:
    """An SVM's margins, of any shape -> scores in 0 to 1 by a sigmoid.

    >>> margins_to_scores(np.array([-1, 0, 1])).round(2).tolist()
    [0.12, 0.5, 0.88]
    """
    return expit(MARGIN_SCALE * margins)
