"""The progress of a training: a line on stderr and a row in history.jsonl every few steps."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from shopee_od.errors import InputError
from shopee_od.io import atomic_file

HISTORY_FILE = "history.jsonl"
TRAINING_METRICS = (
    "rpn_score_loss",
    "rpn_box_loss",
    "frcnn_cls_loss",
    "frcnn_box_loss",
    "roi_accuracy",
)
"""The four losses and the RoI accuracy, the share of sampled RoIs that are classified correctly."""


class History:
    """The rows of metrics in `run_dir/history.jsonl`.

    Args:
        run_dir: the run's folder.
        resumed_at: the step that training continues from; later rows, which it will write again,
            are dropped.
    """

    def __init__(self, run_dir: Path, resumed_at: int) -> None:
        self.path = Path(run_dir) / HISTORY_FILE
        rows = [row for row in read_history(run_dir) if row["step"] <= resumed_at]
        with atomic_file(self.path) as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def append(self, **row: Any) -> None:
        """Adds a row."""
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def read_history(run_dir: Path) -> list[dict[str, Any]]:
    """The rows of a run so far.

    Returns:
        A dictionary per row: kind ("train" or "val"), step, seconds, total_loss, TRAINING_METRICS,
        and AP and the like where it is a validation. A last row that a kill cut short is left out.
    """
    path = Path(run_dir) / HISTORY_FILE
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


class Progress:
    """Orbit's actions after a loop of training steps and after a validation.

    Args:
        trainer: Model Garden's; its global step is read.
        history: where the rows go.
        steps: of the whole training.
        batch_size: images per step.
        out: where the lines go; stderr by default.
    """

    def __init__(
        self,
        trainer: Any,
        history: History,
        steps: int,
        batch_size: int,
        out: TextIO | None = None,
    ) -> None:
        self._trainer = trainer
        self._history = history
        self._steps = steps
        self._batch_size = batch_size
        self._out = out or sys.stderr
        self._last_step = 0
        self._last_time = time.monotonic()
        self._seconds_per_step: list[float] = []

    def start_timer(self, step: int) -> None:
        """Training continues from `step` now."""
        self._last_step = step
        self._last_time = time.monotonic()

    def on_train_loop_end(self, output: Mapping[str, Any]) -> None:
        """Records the metrics of a loop. Raises InputError where the loss is not finite."""
        step = self._current_step()
        seconds = time.monotonic() - self._last_time
        steps = step - self._last_step
        self.start_timer(step)
        self._seconds_per_step = [*self._seconds_per_step[-4:], seconds / max(steps, 1)]
        metrics = {name: _to_float(output[name]) for name in ("total_loss", *TRAINING_METRICS)}
        rate = steps * self._batch_size / seconds
        learning_rate = _to_float(output["learning_rate"])
        self._history.append(
            kind="train",
            step=step,
            seconds=seconds,
            images_per_second=rate,
            **metrics,
            learning_rate=learning_rate,
        )
        pace = float(np.median(self._seconds_per_step))
        remaining = timedelta(seconds=round((self._steps - step) * pace))
        self.log(
            f"step {step:>{len(str(self._steps))}}/{self._steps}  {_format_losses(metrics)}  "
            f"{rate:.1f} images/s  {remaining} remaining"
        )
        if not np.isfinite(metrics["total_loss"]):
            raise InputError(
                f"{self._history.path}: the loss is not finite at step {step}; "
                "use a lower learning_rate"
            )

    def on_validation_end(self, output: Mapping[str, Any]) -> None:
        """Records the metrics of a validation."""
        step = self._current_step()
        seconds = time.monotonic() - self._last_time
        metrics = {k: _to_float(v) for k, v in output.items() if np.ndim(_to_numpy(v)) == 0}
        self._history.append(kind="val", step=step, seconds=seconds, **metrics)
        best = "  (best so far)" if metrics["AP"] >= metrics.get("best_AP", np.inf) else ""
        self.log(
            f"validation at step {step}: AP {metrics['AP']:.3f}  AP50 {metrics['AP50']:.3f}  "
            f"{_format_losses(metrics)}{best}"
        )
        self.start_timer(step)

    def log(self, line: str) -> None:
        """Prints a line at once."""
        print(line, file=self._out, flush=True)

    def _current_step(self) -> int:
        return int(self._trainer.global_step.numpy())


def _format_losses(metrics: Mapping[str, float]) -> str:
    rpn_score, rpn_box, box_class, box, accuracy = (metrics[name] for name in TRAINING_METRICS)
    return (
        f"loss {metrics['total_loss']:.3f} (RPN {rpn_score:.3f} + {rpn_box:.3f}, "
        f"class {box_class:.3f}, box {box:.3f})  RoI accuracy {accuracy:.1%}"
    )


def _to_numpy(value: Any) -> Any:
    return value.numpy() if hasattr(value, "numpy") else value


def _to_float(value: Any) -> float:
    return float(_to_numpy(value))
