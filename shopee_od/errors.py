"""The package's own error."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input, described in one sentence that names the file, the row and the fix."""
