"""`detector.json`: what a saved detector is. Those saved by version 0.1.0 still open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.errors import InputError
from shopee_od.io import read_json, write_json
from shopee_od.structures import GARMENT_TYPES

INFO_FILE = "detector.json"
THRESHOLDS = ("threshold", "category_threshold")
LITTER = (".DS_Store", "Thumbs.db", ".ipynb_checkpoints")
"""What operating systems and JupyterLab leave in any folder."""

# 0.1.0 had one dictionary, `trained`, for provenance and for what inference needs.
_OLD_INFERENCE = ("canvases", "proposals")
_RENAMED = {"moves": "box_weights"}


@dataclass(frozen=True)
class DetectorInfo:
    """The contents of `detector.json`.

    kind:      which detector it is, as `detectors.KINDS` names it
    name:      short, for tables and tags
    classes:   the names, in the order of the labels
    types:     upper, lower, full or "" for each class
    threshold: the operating threshold: the garment score with the best F1 on validation images
    config:    its hyperparameters, as its config dataclass has them
    inference: what else running it needs and training decided
    metadata:  provenance only: what it was trained on, for how long, from which weights
    category_threshold: the lowest score of a tag that names the class; below it, the garment's type
    """

    kind: str
    name: str
    classes: tuple[str, ...]
    types: tuple[str, ...]
    threshold: float
    config: Mapping[str, Any] = field(default_factory=dict)
    inference: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    category_threshold: float = 0.0


def write_info(directory: Path, info: DetectorInfo) -> None:
    """Writes `detector.json` into a folder."""
    write_json(Path(directory) / INFO_FILE, asdict(info))


def read_info(directory: Path) -> DetectorInfo:
    """Reads `detector.json` from a folder.

    Raises:
        InputError: it is absent, or it does not describe a detector.
    """
    path = Path(directory) / INFO_FILE
    if not path.is_file():
        inner = Path(directory) / "detector"
        is_run = (inner / INFO_FILE).is_file()
        fix = f"did you mean {inner}?" if is_run else "name a saved detector, as RUN/detector"
        raise InputError(f"{directory}: no {INFO_FILE} there; {fix}")
    try:
        values = _upgrade(read_json(path))
        info = DetectorInfo(**values)
        # JSON has lists only.
        classes, types = tuple(info.classes), tuple(info.types)
        thresholds = {name: float(getattr(info, name)) for name in THRESHOLDS}
        info = DetectorInfo(**values | {"classes": classes, "types": types} | thresholds)
    except (TypeError, ValueError, AttributeError, KeyError) as e:
        if isinstance(e, InputError):
            raise
        raise InputError(
            f"{path}: does not describe a detector ({e}); save the detector again"
        ) from None
    if not classes or len(types) != len(classes) or set(types) - {*GARMENT_TYPES, ""}:
        raise InputError(f"{path}: classes and types do not fit; save the detector again")
    for name in ("config", "inference", "metadata"):
        if not isinstance(getattr(info, name), Mapping):
            raise InputError(f"{path}: {name} is no JSON object; save the detector again")
    for name in THRESHOLDS:
        if not 0 <= getattr(info, name) <= 1:
            raise InputError(
                f"{path}: {name} {getattr(info, name)} is not in 0–1; save the detector again"
            )
    return info


def claim_folder(directory: Path, names: Iterable[str]) -> None:
    """Checks that a folder holds nothing but these files and what a killed writer left of them.

    Raises:
        InputError: it holds something else.
    """
    directory = Path(directory)
    names = tuple(names)
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file; name a folder for the detector")
    for file in directory.iterdir() if directory.is_dir() else ():
        unfinished = file.name.startswith(tuple(f".{name}." for name in names))
        if file.name not in names and file.name not in LITTER and not unfinished:
            raise InputError(
                f"{directory} holds other things than a detector ({file.name}); "
                "give it a folder of its own"
            )


def _upgrade(values: Any) -> dict[str, Any]:
    """detector.json of version 0.1.0 -> that of this version."""
    if "trained" not in values:
        return values
    metadata = dict(values["trained"])
    config = metadata.pop("profile", {})
    inference = {name: metadata.pop(name) for name in _OLD_INFERENCE if name in metadata}
    if values["kind"] != "faster_rcnn":
        training = {k: metadata.pop(k) for k in ("rounds", "epochs") if k in metadata}
        config = {"training": training} if training else {}
    weights, comma, _ = str(metadata.get("weights", "")).partition(", fine-tuned")
    if comma:
        metadata["weights"] = weights
        config = config | {"fine_tuning": {"enabled": True}}
    rest = {name: value for name, value in values.items() if name != "trained"}
    return rest | {"config": config, "inference": inference, "metadata": metadata}


def upgrade_arrays(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """weights.npz of version 0.1.0 -> that of this version: names begin with their slot."""
    if any(name.startswith("head.") for name in arrays):
        return dict(arrays)
    numbered = sum(name.startswith("weights_") for name in arrays)
    # The last layers of a network are its head's.
    first_of_head = {"window_cnn": numbered - 2, "fast_rcnn": numbered - 12}.get(kind, 0)
    upgraded = {}
    for name, value in arrays.items():
        if name.startswith("cnn_"):
            upgraded[f"features.weights_{name.removeprefix('cnn_')}"] = value
        elif name.startswith("weights_") and int(name.removeprefix("weights_")) < first_of_head:
            upgraded[f"features.{name}"] = value
        elif name.startswith("weights_"):
            number = int(name.removeprefix("weights_")) - first_of_head
            upgraded[f"head.weights_{number}"] = value
        elif name == "history":
            upgraded[name] = value
        else:
            upgraded[f"head.{_RENAMED.get(name, name)}"] = value
    return upgraded
