"""Runs one notebook through papermill and finds out whether every cell really ran.

Papermill's "completed" is not trusted: a kernel that died, timed out or called `sys.exit()` has it.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.execute import remove_error_markers
from papermill.inspection import inspect_notebook
from tqdm import tqdm

from shopee_od.errors import InputError
from shopee_od.io import project_root

ENGINE = "shopee-od"
GIB = 2**30
MEMORY_INTERVAL, TERMINAL_REFRESH, LOG_REFRESH = 0.2, 1.0, 60.0
"""Seconds between two measurements of memory, and two lines of progress in a terminal or a log."""


@dataclass(frozen=True)
class Failure:
    """Where a notebook stopped and why.

    Args:
        cell: its number among the code cells, from 1; 0 where none was reached.
        cells: the number of code cells.
        line: the first line of the cell.
        error, fix: what happened, and what to do.
        seconds: how long the notebook ran.
    """

    cell: int
    cells: int
    line: str
    error: str
    fix: str
    seconds: float = 0.0

    @property
    def location(self) -> str:
        """The cell, in words."""
        where = f"cell {self.cell} of {self.cells} (`{self.line}`)"
        return where if self.cell else "before its first cell"


@dataclass(frozen=True)
class Outcome:
    """An executed notebook.

    Args:
        notebook: with the outputs of the cells that ran.
        seconds: how long it ran.
        peak_memory: the most bytes that the kernel and its children held.
        failure: None where every cell ran to its end.
    """

    notebook: NotebookNode
    seconds: float
    peak_memory: int
    failure: Failure | None


def read_notebook(path: Path) -> NotebookNode:
    """Reads a notebook file. Raises InputError where it is not one."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception as e:  # nbformat lets any error of its JSON and schema readers through
        reason = (str(e).splitlines() or [type(e).__name__])[0]
        raise InputError(f"{path}: not readable as a notebook ({reason[:200]})") from None


def parameter_names(path: Path) -> set[str]:
    """The names in the cell tagged `parameters`. Raises InputError where a notebook has none."""
    with _silence_papermill():
        names = set(inspect_notebook(path))
    if not names:
        cells = read_notebook(path).cells
        tagged = any("parameters" in cell.metadata.get("tags", ()) for cell in cells)
        reason = "its parameters cell sets no name" if tagged else "no cell is tagged parameters"
        raise InputError(f"{path}: {reason}; add lines like profile = 'laptop'")
    return names


def execute(path: Path, part: Path, parameters: Mapping[str, Any], timeout: float) -> Outcome:
    """Runs a notebook with the project's root as working directory.

    Args:
        path: the notebook.
        part: the file that papermill writes to while it runs.
        parameters: values for its parameters.
        timeout: seconds that a cell may take.
    Raises:
        KeyboardInterrupt: stopped by hand; any other end is an Outcome.
    """
    papermill_engines.register(ENGINE, _Engine)
    cells = 1 + sum(_is_executable(cell) for cell in read_notebook(path).cells)
    monitor = _Monitor(path.stem, cells)  # one more: papermill adds a cell with the parameters
    error = None
    start = time.monotonic()
    with _silence_papermill(), monitor:
        try:
            papermill.execute_notebook(
                path,
                part,
                parameters,
                engine_name=ENGINE,
                progress_bar=False,
                cwd=project_root(),
                execution_timeout=timeout,
                coalesce_streams=True,
                # What a kernel logs would break up the progress line.
                extra_arguments=["--log-level=CRITICAL"],
                on_cell=monitor.start_cell,
            )
        except Exception as e:  # any error of a cell, a kernel or papermill goes into the report
            error = e
    seconds = time.monotonic() - start
    notebook = remove_error_markers(read_notebook(part if part.is_file() else path))
    failure = _find_failure(notebook, error, monitor, timeout, seconds)
    if failure:
        _mark_failure(notebook, monitor.index, failure)
    monitor.close("failed" if failure else "done")
    return Outcome(notebook, seconds, monitor.peak, failure)


class _Engine(NBClientEngine):
    """papermill's own engine, which also tells which cell starts."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, *args: Any, **kwargs: Any
    ) -> NotebookNode:
        on_cell = kwargs.pop("on_cell")
        start_cell = nb_man.cell_start

        def cell_start(cell: NotebookNode, cell_index: int | None = None, **more: Any) -> None:
            on_cell(cell_index, cell)
            return start_cell(cell, cell_index, **more)

        nb_man.cell_start = cell_start
        return super().execute_managed_notebook(nb_man, kernel_name, *args, **kwargs)


class _Monitor:
    """Within its block: measures the memory of the kernel and its children, updates one line."""

    def __init__(self, name: str, cells: int):
        self.index = -1
        self.cell = 0
        self.cells = cells
        self.peak = 0
        self._process = psutil.Process()
        self._other_children = {child.pid for child in self._process.children(recursive=True)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)
        self._bar = tqdm(
            total=cells,
            desc=name,
            bar_format="{desc}: cell {n_fmt}/{total_fmt}, {elapsed}{postfix}",
        )

    def start_cell(self, index: int, cell: NotebookNode) -> None:
        self.index = index
        if _is_executable(cell):
            self.cell += 1
            self._bar.n = self.cell

    def close(self, result: str) -> None:
        self._bar.set_postfix_str(f"{result}, {self.peak / GIB:.1f} GiB", refresh=False)
        self._bar.close()

    def __enter__(self) -> _Monitor:
        self._thread.start()
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        self._stop.set()
        self._thread.join()
        if kind:
            self.close("stopped")

    def _measure(self) -> None:
        interval = TERMINAL_REFRESH if sys.stderr.isatty() else LOG_REFRESH
        last_refresh = time.monotonic()
        while not self._stop.wait(MEMORY_INTERVAL):
            memory = 0
            for child in self._process.children(recursive=True):
                if child.pid not in self._other_children:
                    with contextlib.suppress(psutil.Error):
                        memory += child.memory_info().rss
            self.peak = max(self.peak, memory)
            if time.monotonic() - last_refresh >= interval:
                self._bar.refresh()
                last_refresh = time.monotonic()


def _find_failure(
    notebook: NotebookNode,
    error: Exception | None,
    monitor: _Monitor,
    timeout: float,
    seconds: float,
) -> Failure | None:
    """None where every code cell ran to its end, else what happened and what to do."""
    not_run = [
        cell for cell in notebook.cells if _is_executable(cell) and cell.execution_count is None
    ]
    if error is None and not not_run:
        return None
    message, fix = _explain(error, monitor.peak, timeout)
    cell = notebook.cells[monitor.index] if monitor.index >= 0 else None
    lines = [line.strip() for line in (cell.source if cell else "").splitlines()]
    code = [line for line in lines if line and not line.startswith("#")]
    return Failure(
        cell=monitor.cell if cell else 0,
        cells=monitor.cells,
        line=code[0][:100] if code else "",
        error=message,
        fix=fix,
        seconds=round(seconds, 1),
    )


def _explain(error: Exception | None, peak_memory: int, timeout: float) -> tuple[str, str]:
    """What happened, and what to do."""
    resume = "then give the same command with --resume"
    if isinstance(error, DeadKernelError):
        return (
            "the kernel died: it was killed or ended itself "
            f"(its peak memory was {peak_memory / GIB:.1f} GiB)",
            "most often there was too little memory: close other programs or use a smaller "
            f"--profile, {resume}",
        )
    if isinstance(error, CellTimeoutError):
        return (
            f"it took longer than the {timeout:g} s that a cell may take",
            f"allow cells more time, as in --timeout {timeout * 4:g} --resume",
        )
    if error is None:
        return (
            "it ended the kernel (sys.exit?), and the cells after it did not run",
            f"let the cell raise an error or run to its end, {resume}",
        )
    name = getattr(error, "ename", None)
    if name is not None:
        return f"{name}: {getattr(error, 'evalue', '')}".strip(": "), f"fix this error, {resume}"
    return (
        f"{type(error).__name__}: {error}",
        f"run shopee-od doctor and fix what it finds, {resume}",
    )


def _mark_failure(notebook: NotebookNode, index: int, failure: Failure) -> None:
    """Corrects papermill's metadata: this cell failed, those after it did not run."""
    notebook.metadata.setdefault("papermill", {})["exception"] = True
    for position, cell in enumerate(notebook.cells):
        if position >= max(index, 0):
            status = "failed" if position == index else "pending"
            cell.metadata.setdefault("papermill", {})["status"] = status
    if index < 0 or notebook.cells[index].cell_type != "code":
        return
    outputs = notebook.cells[index].outputs
    if not any(output.output_type == "error" for output in outputs):
        text = f"{failure.error}; {failure.fix}"
        outputs.append(
            nbformat.v4.new_output("error", ename="Stopped", evalue=text, traceback=[text])
        )


def _is_executable(cell: NotebookNode) -> bool:
    """Whether a kernel is given this cell."""
    return cell.cell_type == "code" and bool(cell.source.strip())


@contextlib.contextmanager
def _silence_papermill() -> Iterator[None]:
    logger = logging.getLogger("papermill")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
