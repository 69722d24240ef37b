"""The `shopee-od` command: one file per group of commands.

Each command imports what it needs when it runs, so that `--help` answers at once and imports no
TensorFlow.
"""

from __future__ import annotations

import os
import sys

import typer

from shopee_od.cli import data, detect, doctor, evaluate, report, train
from shopee_od.errors import InputError

app = typer.Typer(
    help="Find and tag garments in shop photos: train, evaluate and run object detectors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("detect")(detect.detect)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Runs the command; bad input ends it with one sentence on stderr and status 2."""
    # TensorFlow's start-up messages would hide the command's own. Its errors still raise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app()
    except InputError as e:
        print(f"shopee-od: {e}", file=sys.stderr)
        sys.exit(2)
    except OSError as e:
        if not e.filename:
            raise
        print(f"shopee-od: {e.filename}: {e.strerror}", file=sys.stderr)
        sys.exit(2)
