"""How a check judges: a learner's function and the reference on the same cases, and usual mistakes by name."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice

import numpy as np

MOST = 24  # numbers of an array that a message shows


@dataclass(frozen=True)
class Outcome:
    """correct, wrong or not attempted, and what is to be said of it."""

    state: str
    says: str = ""

    def __repr__(self) -> str:
        return f"{self.state}: {self.says}" if self.says else self.state


def judge(
    answer, reference: Callable, cases: Iterable[tuple], mistakes: Mapping[str, Callable] | None = None
) -> Outcome:
    """Runs both on each case. A stub answers None or Ellipsis to all of them, or says that it is not implemented.

    mistakes: what to say of a wrong answer that is this function's in every case.
    """
    if not callable(answer):
        return Outcome("not attempted", "hand in the function itself, without brackets after its name")
    cases = list(cases)
    got = [_run(answer, case) for case in cases]
    if any(isinstance(value, NotImplementedError) for value in got):
        return Outcome("not attempted")
    if all(value is None or value is ... for value in got):
        return Outcome("not attempted")
    for case, value in zip(cases, got, strict=True):
        expected = reference(*case)
        if not _same(value, expected):
            did = f"raises {_raised(answer, value)}" if isinstance(value, Exception) else f"gives {_short(value)}"
            says = f"{_call(answer, case)} {did}, expected {_short(expected)}"
            return Outcome("wrong", "; ".join([says, *_named(got, cases, mistakes or {})]))
    return Outcome("correct")


def _run(function: Callable, case: tuple):
    """What it answers; whatever a learner's code raises is an answer, too."""
    try:
        return function(*deepcopy(case))
    except Exception as e:
        return e


def _raised(answer: Callable, error: Exception) -> str:
    """The error, and the last line of the answer's own file that led to it, where that can be read."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    lines = [frame.line for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{type(error).__name__}: {error}" + (f" (at `{lines[-1]}`)" if lines and lines[-1] else "")


def _named(got: list, cases: list[tuple], mistakes: Mapping[str, Callable]) -> list[str]:
    """The first mistake that explains every answer."""
    alike = (
        says
        for says, mistake in mistakes.items()
        if all(_same(value, _run(mistake, case)) for value, case in zip(got, cases, strict=True))
    )
    return list(islice(alike, 1))


def _same(value, expected) -> bool:
    if expected is None or value is None:
        return value is expected
    if isinstance(expected, Exception) or isinstance(value, Exception):
        return type(value) is type(expected)
    try:
        value, expected = np.asarray(value, float), np.asarray(expected, float)
    except (TypeError, ValueError):
        return False
    return value.shape == expected.shape and bool(np.allclose(value, expected, rtol=1e-4, atol=1e-6))


def _call(answer, case: tuple) -> str:
    return f"{getattr(answer, '__name__', 'answer')}({', '.join(map(_short, case))})"


def _short(value) -> str:
    if isinstance(value, np.ndarray):
        if value.size > MOST:
            return f"an array of shape {value.shape}"
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_short, value))}]"
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
