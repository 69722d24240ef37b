"""Hyperparameters: frozen dataclasses, nested where a part has its own, set by `NAME=VALUE`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
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
    check = getattr(config, "check", None)
    if check is not None:
        check()
    return config


def to_dict(config: Any) -> dict[str, Any]:
    """A config as JSON's types."""
    return json.loads(json.dumps(asdict(config)))


def from_dict(config: Config, values: Mapping[str, Any]) -> Config:
    """A copy of a config with the values of `to_dict`; unknown names are ignored.

    Raises:
        InputError: a group of settings has a plain value.
    """
    changes = {}
    for field in fields(config):  # type: ignore[arg-type]
        if field.name in values:
            default, value = getattr(config, field.name), values[field.name]
            if is_dataclass(default):
                if not isinstance(value, Mapping):
                    raise InputError(f"{field.name} is a group of settings, not {value!r}")
                value = from_dict(default, value)
            changes[field.name] = _tuples(value) if isinstance(default, tuple) else value
    return replace(config, **changes)  # type: ignore[type-var]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list | tuple) else value


def _set_value(config: Any, path: list[str], text: str, where: str) -> Any:
    name, *rest = path
    if name not in {field.name for field in fields(config)}:
        names = ", ".join(field.name for field in fields(config))
        raise InputError(
            f"{where}: there is no setting {name!r}; use NAME=VALUE with one of {names}"
        )
    current = getattr(config, name)
    if rest and not is_dataclass(current):
        raise InputError(f"{where}: {name} has no settings of its own; use {name}=VALUE")
    if is_dataclass(current):
        if not rest:
            inner = ", ".join(f"{name}.{field.name}" for field in fields(current))
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
            return tuple(kind(part) for part in text.split(","))
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
