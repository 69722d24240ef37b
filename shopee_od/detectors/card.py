"""`detector.json`: what a saved detector says of itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from shopee_od.paths import read_json, write_json
from shopee_od.types import TYPES, Card, InputError

CARD = "detector.json"


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
