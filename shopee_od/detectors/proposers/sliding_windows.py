"""Sliding windows: every window of a few shapes, on every level of an image pyramid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from shopee_od.config import setting
from shopee_od.detectors.slots import Proposals, WindowGrid
from shopee_od.ops.hog import CELL
from shopee_od.ops.pyramid import boxes_to_image, level_sizes, window_grid


class HasWindowShapes(Protocol):
    """A head with a window shape for each class."""

    @property
    def window_sizes(self) -> np.ndarray:
        """int (classes, 2): height and width in pixels of a level."""
        ...


@dataclass(frozen=True)
class PyramidConfig:
    """The pyramid of HOG + SVM.

    Args:
        longest: pixels; an image with a longer side is scaled to it first.
        step: the factor between two levels.
    """

    longest: int = 400
    step: float = setting(1.25, above=1)
    stride: ClassVar[int] = CELL
    """Pixels between two windows of a level: a cell of HOG."""

    def base_size(self, height: int, width: int) -> tuple[int, int]:
        """An image's size -> (height, width) of the first level, from which the others are made."""
        factor = min(1, self.longest / max(height, width))
        return max(1, round(height * factor)), max(1, round(width * factor))

    def level_sizes(
        self, height: int, width: int, smallest: tuple[int, int]
    ) -> list[tuple[int, int]]:
        """An image's size -> (height, width) of all levels that hold a window of `smallest`."""
        return level_sizes(*self.base_size(height, width), smallest, self.step)


@dataclass(frozen=True, eq=False)
class PyramidWindows:
    """Windows of each class's own shape on an image that shrinks level by level."""

    head: HasWindowShapes
    config: PyramidConfig = PyramidConfig()

    def propose(self, image: np.ndarray) -> Proposals:
        """uint8 (H, W, 3) -> level by level and class by class, all windows."""
        windows = self.head.window_sizes
        size = (image.shape[0], image.shape[1])
        smallest = tuple(windows.min(axis=0).tolist())
        grids = []
        for level in self.config.level_sizes(*size, smallest):
            for label, window in enumerate(windows.tolist()):
                grids.append((level, tuple(window), label))
        return grid_proposals(size, grids, self.config.stride)


@dataclass(frozen=True)
class StretchConfig:
    """The pyramid of the window CNN, whose windows are squares of one size on a stretched image.

    Args:
        ratios: width to height of the windows in the image.
        smallest: side of the smallest window (geometric mean) in an image of `longest` pixels.
        longest: pixels; windows grow with the longer side of an image.
        step: the factor between two window sizes.
    """

    ratios: tuple[float, ...] = (0.45, 0.7, 1.1)
    smallest: int = 64
    longest: int = 300
    step: float = setting(1.3, above=1)
    side: ClassVar[int] = 48
    """Pixels of a window on its level: the CNN's input."""
    stride: ClassVar[int] = 8
    """Pixels between two windows of a level: the product of the CNN's strides."""

    def level_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """An image's size -> (height, width) of its level for each shape and size of window.

        A window that is no square becomes one where the image is stretched.
        """
        sizes = []
        for ratio in self.ratios:
            side = self.smallest * max(height, width) / self.longest
            while side * max(ratio**0.5 / width, ratio**-0.5 / height) <= 1:
                level_height = round(height * self.side / side * ratio**0.5)
                level_width = round(width * self.side / side * ratio**-0.5)
                sizes.append((max(level_height, self.side), max(level_width, self.side)))
                side *= self.step
        return sizes


@dataclass(frozen=True)
class StretchedWindows:
    """Square windows of one size on an image stretched to several ratios and sizes."""

    config: StretchConfig = StretchConfig()

    def propose(self, image: np.ndarray) -> Proposals:
        """uint8 (H, W, 3) -> level by level, all windows."""
        window = (self.config.side, self.config.side)
        grids = [(size, window, None) for size in self.config.level_sizes(*image.shape[:2])]
        size = (image.shape[0], image.shape[1])
        return grid_proposals(size, grids, self.config.stride)


def grid_proposals(
    size: tuple[int, int],
    grids: Sequence[tuple[tuple[int, int], tuple[int, int], int | None]],
    stride: int,
) -> Proposals:
    """Windows of an image.

    Args:
        size: height and width of the image.
        grids: size of a level, size of the windows on it, and their class or None, for each grid.
        stride: pixels between two windows of a level.
    Returns:
        The boxes of all grids in pixels of the image; grids without a window are left out.
    """
    boxes = [np.zeros((0, 4))]
    window_grids = []
    for level, window, label in grids:
        rows = (level[0] - window[0]) // stride + 1
        columns = (level[1] - window[1]) // stride + 1
        if rows > 0 and columns > 0:
            windows = window_grid(*level, window, stride)
            boxes.append(boxes_to_image(windows, level, size))
            window_grids.append(WindowGrid(level, rows, columns, label))
    return Proposals(np.concatenate(boxes), grids=tuple(window_grids))
