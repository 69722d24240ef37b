"""What reading a data set repaired, dropped or refused: counted by kind, with a few examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

MAX_EXAMPLES = 5


@dataclass(frozen=True)
class Problem:
    """One kind of problem.

    Args:
        kind: what was wrong and what was done about it.
        count: how often.
        examples: the file and row of the first few, at most MAX_EXAMPLES.
    """

    kind: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Problems:
    """The problems of a data set, in the order in which they first occurred; immutable.

    Args:
        entries: one for each kind.
    """

    entries: tuple[Problem, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind occurred."""
        return {problem.kind: problem.count for problem in self.entries}

    @property
    def examples(self) -> dict[str, list[str]]:
        """The first few examples of each kind."""
        return {problem.kind: list(problem.examples) for problem in self.entries}

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __str__(self) -> str:
        """One line for each kind, the most frequent first."""
        lines = []
        for problem in sorted(self.entries, key=lambda problem: -problem.count):
            examples = "; ".join(problem.examples)
            more = "; …" if problem.count > MAX_EXAMPLES else ""
            lines.append(f"{problem.count:>7,} × {problem.kind} ({examples}{more})")
        return "\n".join(lines) or "no problems"


class ProblemLog:
    """Counts problems while a data set is read.

    Args:
        start: problems to add to; they stay as they are.
    Attributes:
        incomplete_photos: image_ids of photos that stay, though labels of them were lost.

    >>> log = ProblemLog()
    >>> log.add("box outside its photo: dropped", "list_bbox.txt row 12")
    >>> log.freeze().counts
    {'box outside its photo: dropped': 1}
    """

    def __init__(self, start: Problems | None = None) -> None:
        start = start or Problems()
        self._counts = start.counts
        self._examples = start.examples
        self.incomplete_photos: set[int] = set()

    def add(self, kind: str, where: str, image_id: int | None = None) -> None:
        """Counts one problem.

        Args:
            kind: what was wrong and what was done about it.
            where: the file and row.
            image_id: of the photo that lost a label by it; it becomes one of `incomplete_photos`.
        """
        if image_id is not None:
            self.incomplete_photos.add(int(image_id))
        self._counts[kind] = self._counts.get(kind, 0) + 1
        examples = self._examples.setdefault(kind, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(where)

    def add_rows(
        self,
        kind: str,
        rows: ArrayLike,
        where: Callable[[int], str],
        image_ids: Sequence[int] | np.ndarray | None = None,
    ) -> None:
        """Counts one problem for each row that is true.

        Args:
            kind: what was wrong and what was done about it.
            rows: bool (N,).
            where: the file and row of the k-th of `rows`.
            image_ids: (N,), of the photos that lost a label by it.
        """
        for k in np.flatnonzero(np.asarray(rows, bool)).tolist():
            self.add(kind, where(k), None if image_ids is None else image_ids[k])

    def freeze(self) -> Problems:
        """The problems so far, which later ones do not change."""
        return Problems(
            tuple(
                Problem(kind, count, tuple(self._examples[kind]))
                for kind, count in self._counts.items()
            )
        )
