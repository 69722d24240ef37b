"""Detectors saved by earlier versions, as a SavedModel, become detectors of this version."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from shopee_od.cache import cache_dir, make_key
from shopee_od.detectors.model_garden.litert import NETWORK_FILE
from shopee_od.detectors.saving import INFO_FILE, DetectorInfo, read_info, write_info
from shopee_od.errors import InputError
from shopee_od.io import atomic_folder, hash_file
from shopee_od.profiles import profile_from_dict
from shopee_od.version import __version__

SAVED_MODEL = "saved_model"
VARIABLES = "variables/variables"

_OLD_NMS_IOU = 0.5
"""Of detectors saved by version 0.1.0, which did not record it."""


def is_saved_model(directory: Path) -> bool:
    """Whether a folder holds a detector with a SavedModel."""
    return (directory / SAVED_MODEL).is_dir() and not (directory / NETWORK_FILE).exists()


def upgrade(directory: Path) -> Path:
    """Converts a detector with a SavedModel into one of this version, once; it stays as it is.

    Returns:
        The folder of the converted detector, in the cache.
    Raises:
        InputError: the detector is damaged.
    """
    info = read_info(directory)
    saved_model = directory / SAVED_MODEL
    data = saved_model / f"{VARIABLES}.data-00000-of-00001"
    if not data.is_file():
        raise InputError(f"{saved_model}: holds no variables; save the detector again")
    key = make_key(__version__, hash_file(data), hash_file(directory / INFO_FILE))
    new_directory = cache_dir() / "upgraded" / key
    if not (new_directory / INFO_FILE).is_file():
        print(
            f"{directory}: saved by an earlier version; converting it once",
            file=sys.stderr,
            flush=True,
        )
        variables = _read_variables(saved_model)
        with atomic_folder(new_directory) as temporary:
            _convert(info, variables, saved_model, temporary)
    return new_directory


def _convert(
    info: DetectorInfo, variables: Sequence[np.ndarray], saved_model: Path, directory: Path
) -> None:
    from shopee_od.detectors.model_garden.export import ExportedNetwork

    missing = {"canvases", "proposals"} - info.inference.keys()
    if missing:
        raise InputError(
            f"{saved_model.parent / INFO_FILE}: does not record {min(missing)}; "
            "save the detector again"
        )
    canvases = [(height, width) for height, width in info.inference["canvases"]]
    network = ExportedNetwork(profile_from_dict(info.config), info.classes, canvases)
    try:
        network.restore_variables(variables)
    except ValueError as e:
        raise InputError(
            f"{saved_model}: its variables do not fit detector.json ({e}); save the detector again"
        ) from None
    network.save(directory)
    inference = {"nms_iou": _OLD_NMS_IOU, **info.inference}
    inference["network_sha256"] = hash_file(directory / NETWORK_FILE)
    write_info(directory, replace(info, inference=inference))


def _read_variables(saved_model: Path) -> list[np.ndarray]:
    """The variables of a SavedModel in the order of the network's."""
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(saved_model / VARIABLES))
        count = sum(name.startswith("weights/") for name in reader.get_variable_to_shape_map())
        return [reader.get_tensor(f"weights/{i}/.ATTRIBUTES/VARIABLE_VALUE") for i in range(count)]
    except (OSError, ValueError, tf.errors.OpError) as e:
        reason = str(e).splitlines()[0]
        raise InputError(f"{saved_model}: damaged ({reason}); save the detector again") from None
