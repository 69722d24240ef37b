"""What a notebook measured, shown in it and gathered from it: `record(AP50=0.53, photos=200)`."""

from __future__ import annotations

import math

MIME = "application/vnd.shopee-od.metrics+json"
"""The type of an output that holds metrics: a flat JSON object, name -> number, text or null (not measurable)."""


def record(**metrics) -> None:
    """Shows metrics in a notebook, one a line; a report finds them again by their type.

    A value is a number, a text, or None where there was nothing to measure; a number that is not finite becomes None.
    Raises TypeError on anything else.
    """
    from IPython.display import display

    plain = {name: _plain(name, value) for name, value in metrics.items()}
    width = max(map(len, plain), default=0)
    text = "\n".join(f"{name:<{width}}  {figure(value)}" for name, value in plain.items())
    display({MIME: plain, "text/plain": text}, raw=True)


def figure(value: float | str | bool | None) -> str:
    """A metric as it is printed: four digits that count, thousands set apart, – for none."""
    if value is None:
        return "–"
    if isinstance(value, str | bool):
        return str(value)
    return f"{value:,}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:,.4g}"


def _plain(name: str, value):
    """A NumPy scalar as Python's own; refused is what JSON could not hold."""
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}; a metric is a number, a text or None")
