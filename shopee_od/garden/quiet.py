"""Without the chatter of Orbit, Model Garden and Keras; errors still come as exceptions."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No printing (Orbit prints and logs each line), no log below an error, no warning about unused inputs."""
    from absl import logging as absl_logging

    absl_level, tensorflow = absl_logging.get_verbosity(), logging.getLogger("tensorflow")
    tensorflow_level = tensorflow.level
    absl_logging.set_verbosity(absl_logging.ERROR)
    tensorflow.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="tf_keras")
            yield
    finally:
        absl_logging.set_verbosity(absl_level)
        tensorflow.setLevel(tensorflow_level)
