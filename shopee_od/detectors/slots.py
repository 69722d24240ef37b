"""The four slots of a detector: what each is given and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from shopee_od.structures import Stage


@dataclass(frozen=True, eq=False)
class WindowGrid:
    """The windows of one shape on one level of an image pyramid, row by row.

    Args:
        size: height and width of the level in pixels.
        rows: of windows.
        columns: of windows.
        label: the class whose window shape it is; None where all classes share the shape.
    """

    size: tuple[int, int]
    rows: int
    columns: int
    label: int | None = None


@dataclass(frozen=True, eq=False)
class ImageMaps:
    """The maps that one pass of a backbone makes of one image.

    Args:
        levels: a tensor (1, h, w, C) for each level of the backbone.
        size: height and width of the image in pixels as the backbone is given it, resized.
        image_size: those of the image itself.
        seconds: what the pass took.
    """

    levels: Sequence[Any]
    size: tuple[int, int]
    image_size: tuple[int, int]
    seconds: float

    @property
    def scale(self) -> np.ndarray:
        """float64 (4,): how much x1, y1, x2, y2 grow from the image to the resized one."""
        return np.tile(np.array(self.size[::-1]) / np.array(self.image_size[::-1]), 2)


@dataclass(frozen=True, eq=False)
class Proposals:
    """Regions of one image.

    Args:
        boxes: float (N, 4) in pixels of the image, the most promising first where they are ranked.
        seconds: what finding them took when they were found; a cache may have saved it this time.
        grids: where they are windows of a pyramid, its grids in the order of the boxes.
        maps: where a network proposes them, its maps of the image, for the feature extractor to
            pool from; their seconds and their pass count as the features'.
    """

    boxes: np.ndarray
    seconds: float | None = None
    grids: tuple[WindowGrid, ...] = ()
    maps: ImageMaps | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def top(self, k: int) -> Proposals:
        """The first `k`, found in the same time. Raises ValueError for windows of a pyramid."""
        if self.grids:
            raise ValueError("the windows of a pyramid are not ranked")
        return replace(self, boxes=self.boxes[:k])


@dataclass(frozen=True, eq=False)
class RegionFeatures:
    """What the feature extractor makes of N regions.

    Args:
        values: an array or tensor (N, …); for windows that share a map, one map per level.
        cnn_passes: how often a CNN ran for them; 0 where the proposals came with its maps.
        stage: for the trace: what the network was given, or its maps.
    """

    values: Any
    cnn_passes: int
    stage: Stage


@dataclass(frozen=True, eq=False)
class ScoredProposals:
    """What the head makes of N regions.

    Args:
        scores: float32 (N, classes) in [0, 1]; -inf where a region is not meant for a class.
        deltas: float32 (N, 4) for all classes alike, or (N, classes, 4); None where the head
            does not regress boxes.
    """

    scores: np.ndarray
    deltas: np.ndarray | None = None


class Proposer(Protocol):
    """Where to look."""

    def propose(self, image: np.ndarray) -> Proposals:
        """uint8 (H, W, 3) -> its regions."""
        ...


@runtime_checkable
class Part(Protocol):
    """A slot that has parameters. What another slot owns, a shared backbone, is not among them."""

    @property
    def num_parameters(self) -> int: ...

    def state_dict(self) -> dict[str, np.ndarray]:
        """What training changed, by name."""
        ...

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Puts back what `state_dict` gave. Raises KeyError or ValueError where it does not fit."""
        ...


def read_variables(variables: Sequence[Any]) -> dict[str, np.ndarray]:
    """TensorFlow variables as the state of a part."""
    return {f"weights_{k}": variable.numpy() for k, variable in enumerate(variables)}


def assign_variables(variables: Sequence[Any], state: Mapping[str, np.ndarray]) -> None:
    """Puts back what `read_variables` gave."""
    for k, variable in enumerate(variables):
        variable.assign(state[f"weights_{k}"])


class FeatureExtractor(Part, Protocol):
    """What a region looks like."""

    def extract(self, image: np.ndarray, proposals: Proposals) -> RegionFeatures:
        """uint8 (H, W, 3) and N regions of it -> their features."""
        ...


class Head(Part, Protocol):
    """What a region is, and where its box should be."""

    def predict(self, features: RegionFeatures, proposals: Proposals) -> ScoredProposals:
        """Features of N regions -> scores and deltas."""
        ...


P_co = TypeVar("P_co", bound=Proposer, covariant=True)
F_co = TypeVar("F_co", bound=FeatureExtractor, covariant=True)
H_co = TypeVar("H_co", bound=Head, covariant=True)


@dataclass(frozen=True, eq=False)
class Slots(Generic[P_co, F_co, H_co]):
    """The parts of one stage; the fourth, postprocessing, is the same for all."""

    proposer: P_co
    features: F_co
    head: H_co

    @property
    def parts(self) -> dict[str, Part]:
        """The slots that have parameters, by name. Of the proposers only a network has some."""
        return {name: slot for name, slot in vars(self).items() if isinstance(slot, Part)}


AnySlots = Slots[Any, Any, Any]
