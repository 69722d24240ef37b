"""A measurement in a process of its own, and the table that sets it beside its peer."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass

from shopee_od.types import peak_memory


@dataclass(frozen=True)
class Row:
    """A line of the table. ratio: ours over theirs; good where it is at most (or, of a rate, at least) `limit`.

    limit None: nothing is asked for, the peer says what the ratio is worth.
    """

    what: str
    ours: float
    unit: str
    peer: str
    theirs: float
    limit: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs if self.theirs else float("inf")

    @property
    def good(self) -> bool:
        return self.ratio >= self.limit if self.more_is_better else self.ratio <= self.limit


def table(rows: list[Row]) -> str:
    """Rows -> aligned lines: what, ours, beside what, theirs, ratio, and whether that is what is asked for."""
    cells = [["", "here", "beside", "there", "ratio", "asked for", ""]]
    for row in rows:
        asked = "" if row.limit is None else f"{'≥' if row.more_is_better else '≤'} {row.limit:g}"
        verdict = "" if row.limit is None else "yes" if row.good else "NO"
        figures = f"{row.ours:,.4g} {row.unit}", row.peer, f"{row.theirs:,.4g} {row.unit}", f"{row.ratio:.2f}"
        cells.append([row.what, *figures, asked, verdict])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def alone(work: Callable, *arguments) -> dict:
    """Runs `work(*arguments) -> dict` in a fresh process -> its result with `seconds` and `peak_memory` (bytes).

    Raises RuntimeError where the process dies.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        return json.loads(ours.recv_bytes())
    except EOFError:
        process.join()
        raise RuntimeError(f"{work.__name__} ended with status {process.exitcode}") from None
    finally:
        process.join()


def _report(pipe, work: Callable, arguments: tuple) -> None:
    start = time.perf_counter()
    result = work(*arguments) or {}
    seconds = time.perf_counter() - start
    pipe.send_bytes(json.dumps({"seconds": seconds, "peak_memory": peak_memory()} | result).encode())
