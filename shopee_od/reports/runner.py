"""One notebook through papermill: executed under a temporary name, watched, and judged by what really ran.

papermill writes "completed" over a notebook whose kernel died or whose time was up, and passes one whose cell ended
the kernel by `sys.exit()`. So nothing here trusts its metadata.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
import psutil
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import NBClientEngine, papermill_engines
from papermill.execute import remove_error_markers
from papermill.inspection import inspect_notebook
from tqdm import tqdm

from shopee_od.paths import project_root
from shopee_od.types import InputError

ENGINE = "shopee-od"
SAMPLE = 0.2  # seconds between two looks at the kernel's memory
REFRESH = {True: 1.0, False: 60.0}  # seconds between two signs of life, in a terminal and in a log


@dataclass(frozen=True)
class Failure:
    """Where a notebook stopped and why. cell: its number among the `cells` code cells; 0 where none was reached."""

    cell: int
    cells: int
    line: str
    error: str
    mend: str

    @property
    def place(self) -> str:
        return f"cell {self.cell} of {self.cells} (`{self.line}`)" if self.cell else "before its first cell"


@dataclass(frozen=True)
class Outcome:
    """An executed notebook, as far as it got; what it cost; and the failure, if it was one."""

    notebook: nbformat.NotebookNode
    seconds: float
    peak_memory: int
    failure: Failure | None


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Raises InputError where the file is no notebook."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception as e:  # nbformat raises whatever its JSON and its schema do
        reason = (str(e).splitlines() or [type(e).__name__])[0]
        raise InputError(f"{path}: not readable as a notebook ({reason[:200]})") from None


def parameters_of(path: Path) -> set[str]:
    """The names in the cell tagged `parameters`. Raises InputError where a notebook has none."""
    with _papermill_silent():
        names = set(inspect_notebook(path))
    if not names:
        absent = not any("parameters" in cell.metadata.get("tags", ()) for cell in read_notebook(path).cells)
        reason = "no cell is tagged parameters" if absent else "its parameters cell sets no name"
        raise InputError(f"{path}: {reason}; give it one with lines like profile = 'laptop'")
    return names


def execute(path: Path, part: Path, parameters: dict, timeout: float) -> Outcome:
    """Runs the notebook at `path` with `parameters`, at most `timeout` seconds a cell, writing to `part` as it goes.

    The kernel works in the project's root. Raises KeyboardInterrupt when stopped by hand; any other end is an Outcome.
    """
    cells = sum(_runs(cell) for cell in read_notebook(path).cells) + 1  # papermill adds one with the parameters
    watch = _Watch(path.stem, cells)
    error = None
    start = time.monotonic()
    with _papermill_silent(), watch:
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
                extra_arguments=["--log-level=CRITICAL"],  # what a kernel logs would break into the line
                on_cell=watch.at,
            )
        except Exception as e:  # what a cell, a kernel or papermill raises becomes the report's message
            error = e
    seconds = time.monotonic() - start
    notebook = remove_error_markers(read_notebook(part if part.is_file() else path))
    failure = _judge(notebook, error, watch, timeout)
    if failure:
        _mark(notebook, watch.index, failure)
    watch.close("failed" if failure else "done")
    return Outcome(notebook, seconds, watch.peak, failure)


class _Engine(NBClientEngine):
    """papermill's own engine, that says which cell is next."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, on_cell=None, **kwargs):
        begin = nb_man.cell_start

        def cell_start(cell, cell_index=None, **more):
            on_cell(cell_index, cell)
            return begin(cell, cell_index, **more)

        nb_man.cell_start = cell_start
        return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)


papermill_engines.register(ENGINE, _Engine)


class _Watch:
    """While its block runs, looks at the memory of the kernel and its children, and keeps one line up to date."""

    def __init__(self, name: str, cells: int):
        self.index, self.peak = -1, 0
        self.cells, self.cell = cells, 0
        self._mine = psutil.Process()
        self._others = {child.pid for child in self._mine.children(recursive=True)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._bar = tqdm(total=cells, desc=name, bar_format="{desc}: cell {n_fmt}/{total_fmt}, {elapsed}{postfix}")

    def at(self, index: int, cell) -> None:
        self.index = index
        if _runs(cell):
            self.cell += 1
            self._bar.n = self.cell

    def close(self, verdict: str) -> None:
        self._bar.set_postfix_str(f"{verdict}, {self.peak / 2**30:.1f} GiB", refresh=False)
        self._bar.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, traceback):
        self._stop.set()
        self._thread.join()
        if kind:
            self.close("stopped")

    def _look(self) -> None:
        pause, said = REFRESH[sys.stderr.isatty()], time.monotonic()
        while not self._stop.wait(SAMPLE):
            held = 0
            for child in self._mine.children(recursive=True):
                if child.pid not in self._others:
                    with contextlib.suppress(psutil.Error):
                        held += child.memory_info().rss
            self.peak = max(self.peak, held)
            if time.monotonic() - said >= pause:
                self._bar.refresh()
                said = time.monotonic()


def _judge(notebook, error: Exception | None, watch: _Watch, timeout: float) -> Failure | None:
    """None where every code cell ran to its end, else what happened and what to do."""
    left = [i for i, cell in enumerate(notebook.cells) if _runs(cell) and cell.execution_count is None]
    if error is None and not left:
        return None
    cell = notebook.cells[watch.index] if watch.index >= 0 else None
    lines = [text for text in (cell.source if cell else "").splitlines() if text.strip() and text.strip()[0] != "#"]
    again = "then give the same command with --resume"
    if isinstance(error, DeadKernelError):
        what = f"the kernel died: it was killed or ended itself (it held {watch.peak / 2**30:.1f} GiB at most)"
        mend = f"most often memory was short: close other programs or take a smaller --profile, {again}"
    elif isinstance(error, CellTimeoutError):
        what = f"it took longer than the {timeout:g} s that a cell has"
        mend = f"give cells longer, as in --timeout {timeout * 4:g} --resume"
    elif hasattr(error, "ename"):
        what = f"{error.ename}: {error.evalue}".strip(": ")
        mend = f"mend what it says, {again}"
    elif error is None:
        what = "it ended the kernel (sys.exit?), and the cells after it did not run"
        mend = f"let the cell raise an error or go on, {again}"
    else:
        what = f"{type(error).__name__}: {error}"
        mend = f"see what shopee-od doctor finds to mend, {again}"
    return Failure(watch.cell if cell else 0, watch.cells, lines[0].strip()[:100] if lines else "", what, mend)


def _mark(notebook, index: int, failure: Failure) -> None:
    """Puts right what papermill wrote: the cell failed, those after it did not run; and says so in the notebook."""
    notebook.metadata.setdefault("papermill", {})["exception"] = True
    for position, cell in enumerate(notebook.cells):
        if position >= max(index, 0):
            cell.metadata.setdefault("papermill", {})["status"] = "failed" if position == index else "pending"
    if index < 0 or notebook.cells[index].cell_type != "code":
        return
    outputs = notebook.cells[index].outputs
    if not any(output.output_type == "error" for output in outputs):
        text = f"{failure.error}; {failure.mend}"
        outputs.append(nbformat.v4.new_output("error", ename="Stopped", evalue=text, traceback=[text]))


def _runs(cell) -> bool:
    """Whether a cell is one that a kernel is given."""
    return cell.cell_type == "code" and bool(cell.source.strip())


@contextlib.contextmanager
def _papermill_silent():
    logger = logging.getLogger("papermill")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
