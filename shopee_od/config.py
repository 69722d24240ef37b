"""Hyperparameters: frozen dataclasses, nested where a part has its own, set by `NAME=VALUE`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from shopee_od.errors import InputError

Config = TypeVar("Config")


def set_values(config: Config, assignments: Iterable[str], option: str = "--set") -> Config:
    """A copy of a config with `NAME=VALUE` put in, each in its field's own type.

    Args:
        config: a frozen dataclass; a field that is a dataclass itself is reached with a dot.
        assignments: as in `steps=500`, `svm.c=0.1`, `scale=0.8,1.2` (several values with commas).
        option: the name of the command line's option, for messages.
    Raises:
        InputError: there is no such field, the value is of another type, or the config's own
            `check` refuses it.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Example:
    ...     steps: int = 10
    >>> set_values(Example(), ["steps=500"]).steps
    500
    """
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        config = _set_value(
            config, name.strip().split("."), value.strip(), f"{option} {assignment}"
        )
    check_config(config, option)
    return config


def setting(
    default: Any, at_least: float | None = None, above: float = 0, choices: Sequence[Any] = ()
) -> Any:
    """A field of a config with a range of its own.

    Args:
        default: its value without `--set`.
        at_least: the smallest number that is allowed.
        above: without `at_least`, all numbers above this one are allowed.
        choices: the only values that are allowed, also of each part of a tuple.
    """
    limits = {"at_least": at_least, "above": above, "choices": tuple(choices)}
    return field(default=default, metadata=limits)


def check_config(config: Any, where: str = "config") -> None:
    """Checks every number and choice of a config, its groups too.

    Numbers must be finite and above 0, unless the field is a `setting` with other limits. A config
    with a `check` of its own is checked by that.

    Args:
        config: a frozen dataclass.
        where: what the message begins with.
    Raises:
        InputError: a value is outside its limits.
    """
    if hasattr(config, "check"):
        config.check()
        return
    for part in fields(config):
        value = getattr(config, part.name)
        name = f"{where}: {part.name}"
        if is_dataclass(value):
            check_config(value, f"{name}")
            continue
        for number in value if isinstance(value, tuple) else (value,):
            _check_value(number, name, part.metadata)


def _check_value(value: Any, name: str, limits: Mapping[str, Any]) -> None:
    choices = limits.get("choices", ())
    if choices and value not in choices:
        raise InputError(f"{name} is {value!r}; use {', '.join(map(str, choices))}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    at_least, above = limits.get("at_least"), limits.get("above", 0)
    if at_least is not None and not at_least <= value < math.inf:
        raise InputError(f"{name} is {value}; it must be at least {at_least}")
    if at_least is None and not above < value < math.inf:
        raise InputError(f"{name} is {value}; it must be above {above}")


def to_dict(config: Any) -> dict[str, Any]:
    """A config as JSON's types."""
    return json.loads(json.dumps(asdict(config)))


def from_dict(config: Config, values: Mapping[str, Any]) -> Config:
    """A copy of a config with the values of `to_dict`; unknown names are ignored.

    Raises:
        InputError: a value has another type than the config's.
    """
    changes = {}
    for part in fields(config):  # type: ignore[arg-type]
        if part.name in values:
            default = getattr(config, part.name)
            changes[part.name] = _convert(values[part.name], default, part.name)
    return replace(config, **changes)  # type: ignore[type-var]


def _convert(value: Any, default: Any, name: str) -> Any:
    """A value of JSON as one of the default's type."""
    if is_dataclass(default) and isinstance(value, Mapping):
        return from_dict(default, value)
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(_convert(v, default[0], name) for v in value) if default else tuple(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, float) and is_number:
        return value
    if type(value) is type(default) and not is_dataclass(default):
        return value
    raise InputError(f"{name} is {value!r}, which is of another type than {default!r}")


def _set_value(config: Any, path: list[str], text: str, where: str) -> Any:
    name, *rest = path
    if name not in {part.name for part in fields(config)}:
        names = ", ".join(part.name for part in fields(config))
        raise InputError(
            f"{where}: there is no setting {name!r}; use NAME=VALUE with one of {names}"
        )
    current = getattr(config, name)
    if rest and not is_dataclass(current):
        raise InputError(f"{where}: {name} has no settings of its own; use {name}=VALUE")
    if is_dataclass(current):
        if not rest:
            inner = ", ".join(f"{name}.{part.name}" for part in fields(current))
            raise InputError(f"{where}: {name} is a group of settings; use one of {inner}")
        return replace(config, **{name: _set_value(current, rest, text, where)})
    return replace(config, **{name: _parse(text, current, name, where)})


def _parse(text: str, current: Any, name: str, where: str) -> Any:
    """Text as a value of the same type as the current one."""
    try:
        if isinstance(current, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(current, tuple):
            kind = type(current[0]) if current else float
            return tuple(kind(part.strip()) for part in text.split(","))
        return type(current)(text)
    except (ValueError, KeyError):
        kinds = {bool: "true or false", tuple: "values with commas between", str: "text"}
        expected = kinds.get(type(current), "a number")
        raise InputError(
            f"{where}: {name} is {expected}, as in {name}={_as_text(current)}"
        ) from None


def _as_text(value: Any) -> str:
    return (
        ",".join(map(str, value))
        if isinstance(value, tuple)
        else str(value).lower()
        if value in (True, False)
        else str(value)
    )
