"""A figure printed beside the range that it is expected in: `expect("AP50", 0.83, 0.5, 1)`."""

from __future__ import annotations

from shopee_od.lessons.metrics import figure


def expect(name: str, value: float | None, low: float, high: float) -> None:
    """Prints a figure and its expected range, ends included; None, where nothing could be measured, prints –.

    Raises AssertionError where the figure is outside its range.

    >>> expect("IoU", 0.5, 0.4, 0.6)
    IoU: 0.5 (expected 0.4 to 0.6)
    """
    span = f"expected {figure(low)}" if low == high else f"expected {figure(low)} to {figure(high)}"
    print(f"{name}: {figure(value)} ({span})")
    if value is not None and not low <= value <= high:  # NaN, too, is outside
        raise AssertionError(f"{name} is {figure(value)}, {span}")
