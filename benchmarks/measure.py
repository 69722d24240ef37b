"""Measurements, each in a process of its own, and the table that compares them with a baseline."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from shopee_od.system import end_with_parent, peak_memory

HEADINGS: tuple[str, ...] = ("", "measured", "baseline", "its value", "ratio", "wanted", "")


@dataclass(frozen=True)
class Measurement:
    """One line of the table.

    Args:
        name: what was measured.
        value: in `unit`.
        unit: of both values.
        baseline: what it is compared with.
        baseline_value: in `unit`.
        limit: the highest ratio that passes (the lowest one where more is better); None passes any.
        more_is_better: whether the values are rates.
    """

    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    limit: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        """The value over the baseline's."""
        return self.value / self.baseline_value if self.baseline_value else float("inf")

    @property
    def passes(self) -> bool:
        """Whether the ratio is within the limit."""
        if self.limit is None:
            return True
        return self.ratio >= self.limit if self.more_is_better else self.ratio <= self.limit


def format_table(measurements: Sequence[Measurement]) -> str:
    """Aligned lines: a line of headings, then one line per measurement."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for measurement in measurements:
        unit = measurement.unit
        wanted = result = ""
        if measurement.limit is not None:
            wanted = f"{'≥' if measurement.more_is_better else '≤'} {measurement.limit:g}"
            result = "yes" if measurement.passes else "NO"
        rows.append(
            (
                measurement.name,
                f"{measurement.value:,.4g} {unit}",
                measurement.baseline,
                f"{measurement.baseline_value:,.4g} {unit}",
                f"{measurement.ratio:.2f}",
                wanted,
                result,
            )
        )
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def run_in_new_process(
    function: Callable[..., dict | None],
    *arguments: Any,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Runs a function in a new process, so that its peak memory is its own.

    Args:
        function: returns a dictionary of JSON's types, or None.
        arguments: its arguments: numbers, text, paths, data sets.
        environment: variables that are set before the process starts.
    Returns:
        What the function returned, with `seconds` and `peak_memory` (bytes) unless it set them.
    Raises:
        RuntimeError: the process died.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(sender, function, arguments))
    with _environment_with(environment or {}):
        process.start()
    sender.close()
    try:
        return json.loads(receiver.recv_bytes())
    except EOFError:
        process.join()
        raise RuntimeError(f"{function.__name__} ended with status {process.exitcode}") from None
    finally:
        process.join()


@contextmanager
def _environment_with(variables: Mapping[str, str]) -> Iterator[None]:
    """Within it these environment variables are set, for processes that start there."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _send_result(sender: Connection, function: Callable, arguments: tuple) -> None:
    end_with_parent()
    start = time.perf_counter()
    result = function(*arguments) or {}
    seconds = time.perf_counter() - start
    values = {"seconds": seconds, "peak_memory": peak_memory()} | result
    sender.send_bytes(json.dumps(values).encode())
