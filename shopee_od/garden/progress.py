"""What a training says while it runs, and the history that it leaves: one line, one row, every few steps."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

from shopee_od.garden.task import FIGURES
from shopee_od.paths import whole_file
from shopee_od.types import InputError

HISTORY = "history.jsonl"


class History:
    """Rows of figures by step, in `run_dir/history.jsonl`; none of a step that a resumed training will repeat."""

    def __init__(self, run_dir: Path, resumed_at: int):
        self.path = Path(run_dir) / HISTORY
        kept = [row for row in read_history(run_dir) if row["step"] <= resumed_at]
        with whole_file(self.path) as part:
            part.write_text("".join(json.dumps(row) + "\n" for row in kept))

    def add(self, **row) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def read_history(run_dir: Path) -> list[dict]:
    """The rows of a run so far; a last row that a kill cut short is left out."""
    path = Path(run_dir) / HISTORY
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


class Progress:
    """Orbit's actions after every loop of training steps (`trained`) and every validation (`validated`)."""

    def __init__(self, trainer, history: History, steps: int, batch_size: int, out=None):
        self._trainer, self._history, self._steps, self._batch = trainer, history, steps, batch_size
        self._out = out or sys.stderr
        self._last_step, self._last_time = None, time.monotonic()
        self._paces = []

    def begin(self, step: int) -> None:
        self._last_step, self._last_time = step, time.monotonic()

    def trained(self, output) -> None:
        step, now = int(self._trainer.global_step.numpy()), time.monotonic()
        done, seconds = step - self._last_step, now - self._last_time
        self.begin(step)
        self._paces = [*self._paces[-4:], seconds / max(done, 1)]
        figures = {name: _number(output[name]) for name in ("total_loss", *FIGURES)}
        rate = done * self._batch / seconds
        row = {"step": step, "seconds": seconds, "images_per_second": rate, **figures}
        row["learning_rate"] = _number(output["learning_rate"])
        self._history.add(kind="train", **row)
        left = timedelta(seconds=round((self._steps - step) * float(np.median(self._paces))))
        self.say(
            f"step {step:>{len(str(self._steps))}}/{self._steps}  {_losses(figures)}  {rate:.1f} images/s  {left} left"
        )
        if not np.isfinite(figures["total_loss"]):
            raise InputError(f"{self._history.path}: the loss is not finite at step {step}; use a lower learning_rate")

    def validated(self, output) -> None:
        step, now = int(self._trainer.global_step.numpy()), time.monotonic()
        figures = {k: _number(v) for k, v in output.items() if np.ndim(_value(v)) == 0}
        self._history.add(kind="val", step=step, seconds=now - self._last_time, **figures)
        best = "  (best so far)" if figures["AP"] >= figures.get("best_AP", np.inf) else ""
        self.say(
            f"validation at step {step}: AP {figures['AP']:.3f}  AP50 {figures['AP50']:.3f}  {_losses(figures)}{best}"
        )
        self.begin(step)

    def say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def _losses(figures: dict) -> str:
    rpn, boxes, classes, box, right = (figures[name] for name in FIGURES)
    return (
        f"loss {figures['total_loss']:.3f} (RPN {rpn:.3f} + {boxes:.3f}, class {classes:.3f}, box {box:.3f})"
        f"  RoIs right {right:.1%}"
    )


def _value(value):
    return value.numpy() if hasattr(value, "numpy") else value


def _number(value) -> float:
    return float(_value(value))
