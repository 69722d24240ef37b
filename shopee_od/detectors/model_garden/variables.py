"""`variables.npz`: all variables of a trained network, from which another training can start.

`network.tflite` cannot give them: it has the batch norms multiplied into the convolutions.

    PART.NUMBER.NAME          PART is one of PARTS, NUMBER counts the part's variables
    PART.NUMBER.NAME.scale    where the variable is int8: multiplied by this it is float32

Kernels are int8 with a scale for each output channel; everything else is float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.cache import read_arrays, write_arrays
from shopee_od.detectors.saving import read_info
from shopee_od.errors import InputError
from shopee_od.profiles import Profile, profile_from_dict

VARIABLES_FILE = "variables.npz"
PARTS = ("backbone", "decoder", "rpn_head", "detection_head")

INT8_MAX = 127


def has_variables(directory: str) -> bool:
    """Whether a folder is that of a saved detector, with variables to start a training from."""
    return bool(directory) and Path(directory, VARIABLES_FILE).is_file()


def check_variables(directory: str, profile: Profile) -> None:
    """Refuses the variables of a saved detector whose backbone or pyramid is another.

    Raises:
        InputError: names what the profile must have.
    """
    detector_profile = profile_from_dict(read_info(Path(directory)).config)
    for name in ("backbone", "fpn_filters", "min_level", "max_level"):
        value = getattr(detector_profile, name)
        if value != getattr(profile, name):
            raise InputError(
                f"{directory}: its {name} is {value}, not {getattr(profile, name)}; "
                f"set {name}={value}"
            )


def write_variables(model: Any, file: Path) -> None:
    """Writes the variables of Model Garden's Faster R-CNN."""
    arrays = {}
    for part, variables in variables_by_part(model).items():
        for number, variable in enumerate(variables):
            name = variable.name.rpartition("/")[2].partition(":")[0]
            key = f"{part}.{number:03d}.{name}"
            value = variable.numpy().astype(np.float32)
            # A depthwise kernel has few weights, and its last axis is no output channel.
            if value.ndim > 1 and value.shape[-1] > 1:
                arrays[key], arrays[f"{key}.scale"] = quantize(value)
            else:
                arrays[key] = value
    write_arrays(file, arrays, compress=True)


def read_variables(file: Path) -> dict[str, list[np.ndarray]]:
    """The variables of each part, float32. Raises InputError where the file is damaged."""
    arrays = read_arrays(file)
    if arrays is None:
        raise InputError(f"{file}: missing or damaged; save the detector again")
    variables: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    for key in sorted(key for key in arrays if not key.endswith(".scale")):
        part = key.partition(".")[0]
        if part not in variables:
            raise InputError(f"{file}: holds {key}, which is no part of the network")
        value = arrays[key]
        scale = arrays.get(f"{key}.scale")
        if scale is not None:
            if scale.dtype != np.float32 or scale.shape != value.shape[-1:]:
                raise InputError(f"{file}: {key}.scale is damaged; save the detector again")
            value = value * scale
        variables[part].append(value.astype(np.float32))
    return variables


def load_variables(model: Any, directory: Path) -> None:
    """Takes over the variables of a saved detector that fit a network.

    Its backbone and pyramid must fit. In the heads, layers of other sizes keep their own values,
    as the one that classifies where the number of classes is another.

    Args:
        model: Model Garden's Faster R-CNN, built.
        directory: of the detector.
    Raises:
        InputError: the file is damaged, or of another backbone or pyramid.
    """
    file = directory / VARIABLES_FILE
    values_by_part = read_variables(file)
    for part, variables in variables_by_part(model).items():
        values = values_by_part[part]
        fits = [
            variable.shape == value.shape
            for variable, value in zip(variables, values, strict=False)
        ]
        if part in ("backbone", "decoder") and not (all(fits) and len(values) == len(variables)):
            raise InputError(
                f"{file}: its {part} does not fit the profile; save the detector again"
            )
        if len(values) == len(variables):
            for variable, value, fit in zip(variables, values, fits, strict=True):
                if fit:
                    variable.assign(value)


def count_variables(file: Path) -> int:
    """How many numbers the variables are. Raises InputError where the file is damaged."""
    return sum(value.size for part in read_variables(file).values() for value in part)


def quantize(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A kernel as int8 (…, C) and the float32 scale (C,) of each output channel.

    >>> quantize(np.array([[1.0, -0.5], [-2.0, 0.0]]))
    (array([[  64, -127],
           [-127,    0]], dtype=int8), array([0.01574803, 0.00393701], dtype=float32))
    """
    largest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    scale = np.where(largest > 0, largest / INT8_MAX, 1).astype(np.float32)
    return np.round(kernel / scale).astype(np.int8), scale


def variables_by_part(model: Any) -> dict[str, list[Any]]:
    """The variables of each part of Model Garden's Faster R-CNN, in the order of the file.

    It is layer by layer: the order of `part.variables` depends on which layers are frozen.
    """
    parts = (model.backbone, model.decoder, model.rpn_head, model.detection_head[0])
    return {name: _list_variables(part) for name, part in zip(PARTS, parts, strict=True)}


def _list_variables(part: Any) -> list[Any]:
    innermost = [layer for layer in part.submodules if not tuple(layer.submodules)]
    return [variable for layer in innermost for variable in layer.variables]
