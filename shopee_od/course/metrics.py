"""What a notebook measured, shown in it and collected by a report: `record(AP50=0.53)`."""

from __future__ import annotations

import math
from typing import Any

MIME = "application/vnd.shopee-od.metrics+json"
"""The type of an output that holds metrics: a flat JSON object of numbers, texts and nulls."""

Metric = float | int | str | bool | None
"""None is a metric that could not be measured."""


def record(**metrics: Metric) -> None:
    """Shows metrics in a notebook, one per line, in a form that a report can collect.

    Args:
        metrics: numbers, texts or None, by name; NumPy scalars count as numbers. A number that is
            not finite becomes None.
    Raises:
        TypeError: a value is anything else.
    """
    from IPython.display import display

    values = {name: _to_json_value(name, value) for name, value in metrics.items()}
    width = max(map(len, values), default=0)
    text = "\n".join(f"{name:<{width}}  {format_value(value)}" for name, value in values.items())
    display({MIME: values, "text/plain": text}, raw=True)


def format_value(value: Metric) -> str:
    """A metric as it is printed: four significant digits, thousands separated, – for None.

    >>> format_value(0.123456), format_value(12345), format_value(None)
    ('0.1235', '12,345', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, str | bool):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,}"
    return f"{value:,.4g}"


def _to_json_value(name: str, value: Any) -> Metric:
    """Python's own scalar for a NumPy one; raises TypeError on what JSON cannot hold."""
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}; a metric is a number, a text or None")
