"""A value printed next to its expected range: `expect("AP50", 0.83, 0.5, 1)`."""

from __future__ import annotations

import math

from shopee_od.course.metrics import format_value


def expect(name: str, value: float | None, low: float = -math.inf, high: float = math.inf) -> None:
    """Prints a value and the range that it is expected in.

    Args:
        name: what the value is.
        value: None, where nothing could be measured, is printed as –.
        low: the range's lower end, which belongs to it.
        high: the upper end, which belongs to it. Without both ends there is no expectation.
    Raises:
        AssertionError: the value is outside its range, or NaN.

    >>> expect("IoU", 0.5, 0.4, 0.6)
    IoU: 0.5 (expected 0.4 to 0.6)
    >>> expect("AP50", 0.31)
    AP50: 0.31 (no reference value for this run)
    """
    if math.isinf(low) and math.isinf(high):
        message = "no reference value for this run"
    elif low == high:
        message = f"expected {format_value(low)}"
    else:
        message = f"expected {format_value(low)} to {format_value(high)}"
    print(f"{name}: {format_value(value)} ({message})")
    if value is not None and not low <= value <= high:  # NaN is outside every range
        raise AssertionError(f"{name} is {format_value(value)}, {message}")
