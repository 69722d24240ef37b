"""HOG features of every window: the histograms of each pyramid level, shared by its windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from shopee_od.detectors.proposers.sliding_windows import PyramidConfig
from shopee_od.detectors.slots import Proposals, RegionFeatures
from shopee_od.ops.hog import BLOCK, CELL, cell_histograms, normalize_blocks
from shopee_od.ops.pyramid import boxes_to_image, resize_image, window_grid
from shopee_od.structures import MapStage


@dataclass(frozen=True, eq=False)
class HOGLevel:
    """HOG of one pyramid level of an image.

    Args:
        image_size: height and width of the image in pixels.
        size: those of the level.
        cells: float (r, c, 9), the histogram of each cell.
        blocks: float32 (R, C, 36), the normalized blocks of 2 × 2 cells.
    """

    image_size: tuple[int, int]
    size: tuple[int, int]
    cells: np.ndarray
    blocks: np.ndarray

    def window_boxes(self, shape: Sequence[int]) -> np.ndarray:
        """Rows and columns of blocks -> float64 (N, 4), all such windows in pixels of the image."""
        height, width = ((side + BLOCK - 1) * CELL for side in shape)
        return boxes_to_image(
            window_grid(*self.size, (height, width), CELL), self.size, self.image_size
        )

    def window_features(self, shape: Sequence[int], indices: Sequence[int]) -> np.ndarray:
        """Indices (K,) of such windows -> float32 (K, rows · columns · 36): their HOG."""
        views = sliding_window_view(self.blocks, tuple(shape), axis=(0, 1))
        y, x = np.divmod(indices, views.shape[1])
        return views[y, x].transpose(0, 2, 3, 1).reshape(len(indices), -1)


@dataclass(frozen=True)
class HOGPyramid:
    """The feature extractor of HOG + SVM; it has no parameters."""

    config: PyramidConfig = PyramidConfig()
    num_parameters: ClassVar[int] = 0

    def extract(self, image: np.ndarray, proposals: Proposals) -> RegionFeatures:
        """uint8 (H, W, 3) and windows on its pyramid -> a HOGLevel for each level size."""
        sizes = list(dict.fromkeys(grid.size for grid in proposals.grids))
        levels = dict(zip(sizes, self._compute_levels(image, sizes), strict=True))
        largest = {f"{h} × {w}": levels[h, w].cells.sum(axis=2) for h, w in sizes[:1]}
        stage = MapStage(
            name="features", description="HOG: how strong the edges of each cell are.", maps=largest
        )
        return RegionFeatures(levels, 0, stage)

    def levels(self, image: np.ndarray, smallest: tuple[int, int]) -> list[HOGLevel]:
        """uint8 (H, W, 3) -> HOG of all levels that hold a window of `smallest` (height, width)."""
        height, width = image.shape[:2]
        return self._compute_levels(image, self.config.level_sizes(height, width, smallest))

    def state_dict(self) -> dict[str, np.ndarray]:
        return {}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        pass

    def _compute_levels(
        self, image: np.ndarray, sizes: Sequence[tuple[int, int]]
    ) -> list[HOGLevel]:
        height, width = image.shape[:2]
        base = resize_image(image, self.config.base_size(height, width))
        levels = []
        for size in sizes:
            cells = cell_histograms(resize_image(base, size))
            blocks = normalize_blocks(cells).astype(np.float32)
            levels.append(HOGLevel((height, width), size, cells, blocks))
        return levels
