"""Numbers, intervals, tables and sources as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def format_markdown(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(value: float | None, form: str = ".3f") -> str:
    """– for None."""
    return "–" if value is None else format(value, form)


def with_interval(value: float | None, interval: Sequence[float] | None, form: str = ".3f") -> str:
    """A value, and [low, high] in parentheses."""
    if interval is None:
        return number(value, form)
    low, high = (format(end, form) for end in interval)
    return f"{number(value, form)} ({low} to {high})"


def share(value: float | None, interval: Sequence[float] | None) -> str:
    """A share as a percentage, with its interval."""
    return with_interval(value, interval, ".0%")


def machine(results: Mapping[str, Any]) -> str:
    """The machine of a file under results/: processor, cores, GPU."""
    about = results["machine"]
    gpu = "an NVIDIA GPU" if about.get("nvidia_driver") else "no GPU"
    return f"{about['cpu']}, {about['cores']} cores, {gpu}"


def commit(results: Mapping[str, Any]) -> str:
    """The commit that a file under results/ was measured with, shortened."""
    return (results["git"]["commit"] or "unknown")[:10]


def source(name: str) -> str:
    """A link from README.md to results/NAME.json."""
    return f"[results/{name}.json](results/{name}.json)"
