"""`Entry`: what a report knows of one notebook, and how provenance.json holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from shopee_od.reports.runner import Failure

NOT_RUN = "not run"
RUNNING = "running"
DONE = "done"
FAILED = "failed"

# provenance.json keeps the names that earlier reports have.
_JSON_NAMES = {"description": "says"}
_FAILURE_JSON_NAMES = {"fix": "mend"}
_FROM_NOTEBOOK = ("name", "title", "description")


@dataclass
class Entry:
    """What a report knows of one notebook.

    Args:
        name: of its file, without suffix.
        title: its first heading.
        description: its first paragraph.
        status: of the last attempt: NOT_RUN, RUNNING, DONE or FAILED.
        key: of the result that the report holds; "" where there is none.
        base: the fingerprint of sources, data and versions with which that result was made.
        seconds: that it took.
        peak_memory: in bytes.
        finished: when it was complete.
        started: when the last attempt began.
        git: the commit that it was made with.
        outdated: sources, data or versions are different now.
        failure: of the last attempt.
    """

    name: str
    title: str = ""
    description: str = ""
    status: str = NOT_RUN
    key: str = ""
    base: str = ""
    seconds: float | None = None
    peak_memory: int | None = None
    finished: str = ""
    started: str = ""
    git: dict[str, Any] = field(default_factory=dict)
    outdated: bool = False
    failure: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        """Its object in provenance.json."""
        values = {_JSON_NAMES.get(name, name): value for name, value in asdict(self).items()}
        if self.failure:
            failure = asdict(self.failure)
            values["failure"] = {
                _FAILURE_JSON_NAMES.get(name, name): value for name, value in failure.items()
            } | {"place": self.failure.location}
        return values

    def restore(self, values: Any) -> None:
        """Takes over its object in an earlier provenance.json; what is damaged is ignored."""
        if not isinstance(values, Mapping):
            return
        for entry_field in fields(self):
            name = entry_field.name
            if name not in _FROM_NOTEBOOK and name in values:
                value = values[name]
                setattr(self, name, _read_failure(value) if name == "failure" else value)


def _read_failure(values: Any) -> Failure | None:
    if not isinstance(values, Mapping):
        return None
    names = {json_name: name for name, json_name in _FAILURE_JSON_NAMES.items()}
    known = {f.name for f in fields(Failure)}
    arguments = {names.get(name, name): value for name, value in values.items()}
    try:
        return Failure(**{name: value for name, value in arguments.items() if name in known})
    except TypeError:
        return None
