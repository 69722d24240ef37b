"""`detector.json`: what a saved detector says of itself; and `Carded`, what every detector has by it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from shopee_od.paths import read_json, write_json
from shopee_od.types import TYPES, Card, Cost, InputError, peak_memory

CARD = "detector.json"
LITTER = (".DS_Store", "Thumbs.db", ".ipynb_checkpoints")  # what systems and JupyterLab leave in any folder


def write_card(directory: Path, card: Card) -> None:
    write_json(Path(directory) / CARD, asdict(card))


def read_card(directory: Path) -> Card:
    """Raises InputError that names the file and the mend where it is absent or says something impossible."""
    path = Path(directory) / CARD
    if not path.is_file():
        inner = Path(directory) / "detector"
        mend = f"did you mean {inner}?" if (inner / CARD).is_file() else "name a saved detector, as RUN/detector"
        raise InputError(f"{directory}: no {CARD} there; {mend}")
    try:
        card = Card(**read_json(path))
        card = Card(card.kind, tuple(card.classes), tuple(card.types), float(card.threshold), card.trained, card.name)
    except (TypeError, ValueError, AttributeError) as e:
        raise InputError(f"{path}: not a detector's card ({e}); save the detector again") from None
    if not card.classes or len(card.types) != len(card.classes) or set(card.types) - {*TYPES, ""}:
        raise InputError(f"{path}: classes and types do not fit; save the detector again")
    if not 0 <= card.threshold <= 1:
        raise InputError(f"{path}: threshold {card.threshold} is not in 0–1; save the detector again")
    return card


def own_folder(directory: Path, names: Iterable[str]) -> None:
    """Raises InputError where `directory` holds anything but these names, and what a killed writing of them left."""
    directory, names = Path(directory), tuple(names)
    for file in directory.iterdir() if directory.is_dir() else ():
        left = file.name.startswith(tuple(f".{name}." for name in names))
        if file.name not in names and file.name not in LITTER and not left:
            raise InputError(
                f"{directory} holds other things than a detector ({file.name}); give it a folder of its own"
            )


def checked(image: np.ndarray) -> np.ndarray:
    """The photo, as it is. Raises InputError where it is not uint8 (H, W, 3)."""
    if not (isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8):
        shape = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"a photo is uint8 (height, width, 3), not {shape}")
    return image


class Carded:
    """The part that all detectors share: what they say of themselves, and what detecting has cost."""

    def __init__(self, learnt=None, card: Card | None = None):
        """What training brought, and the card; without them it is untrained."""
        self._learnt, self._card, self._cost = learnt, card, Cost()

    @property
    def classes(self) -> tuple[str, ...]:
        return self._trained().classes

    @property
    def types(self) -> tuple[str, ...]:
        return self._trained().types

    @property
    def threshold(self) -> float:
        return self._trained().threshold

    @property
    def name(self) -> str:
        return self._trained().name

    @property
    def trained(self) -> dict:
        """What it was trained on, for how long, from which weights."""
        return self._trained().trained

    @property
    def cost(self) -> Cost:
        return self._cost

    def _count(self, seconds: float, regions: int, cnn_passes: int) -> None:
        """Adds one photo to the cost."""
        before = self._cost
        self._cost = Cost(
            before.photos + 1,
            before.seconds + seconds,
            before.regions + regions,
            before.cnn_passes + cnn_passes,
            peak_memory(),
        )

    def _trained(self) -> Card:
        if self._card is None:
            raise InputError("this detector is not trained; call fit, or open a saved one with shopee_od.load")
        return self._card
