"""How an answer is checked: it and the reference run on the same cases; mistakes are named."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_VALUES = 24  # of an array that a message shows
MAX_CHARACTERS = 200  # of any other value
ROUNDED = 0.005
"""How far a predicted value may be off: two decimals are enough."""


@dataclass(frozen=True)
class Outcome:
    """The result of a check.

    Args:
        state: "correct", "wrong" or "not attempted".
        message: what is wrong, or what to do.
    """

    state: str
    message: str = ""

    def __repr__(self) -> str:
        return f"{self.state}: {self.message}" if self.message else self.state


def check_answer(
    answer: Callable[..., Any],
    reference: Callable[..., Any],
    cases: Iterable[tuple],
    mistakes: Mapping[str, Callable[..., Any]] | None = None,
) -> Outcome:
    """Compares a learner's function with the reference on a few cases.

    Args:
        answer: the learner's function. One that returns None or Ellipsis for every case, or raises
            NotImplementedError, is not attempted.
        reference: the function that is right.
        cases: the arguments of each call.
        mistakes: by hint, a function that makes that mistake; the hint is shown where it returns
            the same as the answer in every case.
    Returns:
        The Outcome. Nothing is raised here, even if the answer raises an error.
    """
    if not callable(answer):
        return Outcome("not attempted", "pass the function itself, without brackets after its name")
    cases = list(cases)
    results = [_run(answer, case) for case in cases]
    if any(isinstance(result, NotImplementedError) for result in results):
        return Outcome("not attempted")
    if all(result is None or result is ... for result in results):
        return Outcome("not attempted")
    for case, result in zip(cases, results, strict=True):
        expected = reference(*case)
        if _equal(result, expected):
            continue
        message = f"{_format_call(answer, case)} {_format_result(answer, result)}"
        message += f", expected {_format(expected)}"
        hint = _find_hint(results, cases, mistakes or {})
        return Outcome("wrong", f"{message}; {hint}" if hint else message)
    return Outcome("correct")


def check_values(
    answer: Mapping[str, Any],
    expected: Mapping[str, Any],
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Outcome:
    """Compares predicted values with the right ones.

    Args:
        answer: the learner's values, by name. None or Ellipsis is a value not predicted yet.
        expected: the right values; ROUNDED is close enough.
        mistakes: by hint, the values that this mistake leads to, by name; the hint is shown where
            the first wrong value is that one.
    Returns:
        The Outcome. Nothing is raised here.
    """
    if not isinstance(answer, Mapping):
        return Outcome("not attempted", "pass the dictionary of your values")
    if all(answer.get(name) is None or answer.get(name) is ... for name in expected):
        return Outcome("not attempted")
    for name, value in expected.items():
        result = answer.get(name)
        if result is None or result is ...:
            return Outcome("wrong", f"{name} has no value yet")
        if _equal(result, value, ROUNDED):
            continue
        message = f"{name} is {_format(result)}, expected {_format(value)}"
        for hint, values in (mistakes or {}).items():
            if name in values and _equal(result, values[name], ROUNDED):
                return Outcome("wrong", f"{message}; {hint}")
        return Outcome("wrong", message)
    return Outcome("correct")


def _run(function: Callable, case: tuple) -> Any:
    """What the function returns, or the exception that it raises."""
    try:
        return function(*deepcopy(case))
    except Exception as e:
        return e


def _find_hint(results: list, cases: list[tuple], mistakes: Mapping[str, Callable]) -> str | None:
    """The hint of the first mistake that explains every result."""
    for hint, mistake in mistakes.items():
        if all(
            _equal(result, _run(mistake, case)) for result, case in zip(results, cases, strict=True)
        ):
            return hint
    return None


def _equal(result: Any, expected: Any, atol: float = 1e-6) -> bool:
    if expected is None or result is None:
        return result is expected
    if isinstance(expected, Exception) or isinstance(result, Exception):
        return type(result) is type(expected)
    try:
        a = np.asarray(result, float)
        b = np.asarray(expected, float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-4, atol=atol))


def _format_call(answer: Callable, case: tuple) -> str:
    return f"{getattr(answer, '__name__', 'answer')}({', '.join(map(_format, case))})"


def _format_result(answer: Callable, result: Any) -> str:
    if not isinstance(result, Exception):
        return f"gives {_format(result)}"
    line = _failing_line(answer, result)
    at = f" (at `{line}`)" if line else ""
    return f"raises {type(result).__name__}: {result}{at}"


def _failing_line(answer: Callable, error: Exception) -> str | None:
    """The last line of the answer's own file that led to the error, where it can be read."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.line for frame in frames if frame.filename == file]
    return lines[-1] if lines else None


def _format(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size > MAX_VALUES:
            return f"an array of shape {value.shape}"
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format, value))}]"
    text = repr(value)
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 3] + "..."
