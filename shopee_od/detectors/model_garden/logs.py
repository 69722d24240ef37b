"""Silences Orbit, Model Garden, Keras and LiteRT; errors still come as exceptions."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def suppress_logs() -> Iterator[None]:
    """Suppresses prints (Orbit prints what it logs), logs below errors, and Keras warnings."""
    from absl import logging as absl_logging

    tensorflow_log = logging.getLogger("tensorflow")
    absl_level = absl_logging.get_verbosity()
    tensorflow_level = tensorflow_log.level
    absl_logging.set_verbosity(absl_logging.ERROR)
    tensorflow_log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="tf_keras")
            yield
    finally:
        absl_logging.set_verbosity(absl_level)
        tensorflow_log.setLevel(tensorflow_level)


@contextlib.contextmanager
def suppress_native_logs() -> Iterator[None]:
    """Suppresses what native code writes to the process's standard error."""
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with open(os.devnull, "wb") as null:  # noqa: PTH123
            os.dup2(null.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
