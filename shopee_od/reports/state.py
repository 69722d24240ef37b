"""`Report`: the folder of a report, with results under their keys and an up-to-date index."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat

from shopee_od import io
from shopee_od.errors import InputError
from shopee_od.io import read_json, write_json
from shopee_od.reports import fingerprints, pages, runner
from shopee_od.reports.entry import DONE, FAILED, NOT_RUN, RUNNING, Entry
from shopee_od.reports.index import write_index
from shopee_od.reports.metrics import collect_metrics

FOLDER_PARAMETERS = ("data_dir", "output_dir")
"""Parameters that name folders: no part of a key."""


class Report:
    """The folder of a report, its entries and metrics by notebook, and their provenance.

    Args:
        folder: where it is written.
        notebooks: the notebooks' files, in order.
        parameters: profile, dataset, data_dir, seed, and those that only some notebooks have.
    """

    def __init__(self, folder: Path, notebooks: Sequence[Path], parameters: Mapping[str, Any]):
        self.folder = folder
        self.parameters = dict(parameters)
        self.sources = {path.stem: path for path in notebooks}
        self.entries = {name: _new_entry(path) for name, path in self.sources.items()}
        self.metrics: dict[str, dict[str, Any]] = {}
        self.started = _now()
        self.base = {
            "sources": fingerprints.hash_sources(),
            "data": fingerprints.hash_dataset(
                self.parameters["dataset"], Path(self.parameters["data_dir"])
            ),
            "versions": fingerprints.library_versions(),
        }
        self.base_key = fingerprints.hash_json(self.base)
        self.work_base = self.base_key
        self.git = fingerprints.git_state(io.project_root())
        self.machine = fingerprints.describe_machine()

    @property
    def index(self) -> Path:
        """The page to begin with."""
        return self.folder / "index.html"

    @property
    def failed(self) -> list[Entry]:
        """The notebooks that did not run to their end."""
        return [entry for entry in self.entries.values() if entry.status == FAILED]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """While its block runs, no other report is written into the folder; a kill releases it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"{self.folder}: another report is being written here; wait, or give --name"
                ) from None
            yield

    def load_previous(self, run_all: bool) -> None:
        """Takes over the entries and metrics of an earlier call, and removes its temporary files.

        What notebooks wrote for one another (`work`) is moved to a backup where it was made with
        different sources, data or versions, unless only some notebooks run: these may need it.

        Args:
            run_all: whether all notebooks are to run.
        Raises:
            InputError: the report was made with other parameters.
        """
        for file in self.folder.glob(".*"):
            if file.suffix in (".ipynb", ".html", ".json"):
                file.unlink()
        previous = _read_object(self.folder / "provenance.json")
        parameters = _as_object(previous.get("parameters"))
        for name in ("profile", "dataset", "seed"):
            if name in parameters and parameters[name] != self.parameters[name]:
                raise InputError(
                    f"{self.folder} was made with {name} {parameters[name]}, "
                    f"not {self.parameters[name]}; give another --name"
                )
        rows = _as_object(previous.get("notebooks"))
        for name, entry in self.entries.items():
            entry.restore(rows.get(name))
            try:
                notebook = runner.read_notebook(self.path(name))
                self.metrics[name] = collect_metrics(notebook)
            except InputError:
                entry.key = ""
            entry.outdated = bool(entry.key) and entry.base != self.base_key
            if entry.status in (RUNNING, DONE):
                entry.status = DONE if entry.key else NOT_RUN
        self.started = previous.get("started", self.started)
        self._load_previous_work(previous.get("work", ""), run_all)

    def run(self, parameters: Mapping[str, dict], timeout: float) -> None:
        """Runs the notebooks that have no result under their present key.

        Args:
            parameters: notebook -> its parameters, for each notebook to run.
            timeout: seconds that a cell may take.
        """
        first = next(iter(self.sources.values()))
        pages.write_glossary(first.parent / pages.GLOSSARY, self.folder)
        previous_keys: list[str] = []
        for name, entry in self.entries.items():
            if name in parameters:
                self._run_unless_done(entry, parameters[name], previous_keys, timeout)
            if entry.status == DONE and entry.key:
                previous_keys.append(entry.key)
        for name, entry in self.entries.items():
            if entry.key:
                self._write_page(name)  # again: now it is known which pages it links to
        self.write()
        if len(parameters) == len(self.entries) and not self.failed:
            for backup in self.folder.glob("work.before*"):
                shutil.rmtree(backup, ignore_errors=True)

    def path(self, name: str, suffix: str = ".ipynb") -> Path:
        """A file of one notebook."""
        return self.folder / f"{name}{suffix}"

    def write(self) -> None:
        """Writes metrics.json, provenance.json and index.html for the present state."""
        write_json(self.folder / "metrics.json", self.metrics)
        write_json(self.folder / "provenance.json", self.provenance())
        write_index(self.index, list(self.entries.values()), self.metrics, self.provenance())

    def provenance(self) -> dict[str, Any]:
        """The content of provenance.json."""
        return {
            "report": self.folder.name,
            "started": self.started,
            "updated": _now(),
            "parameters": self.parameters,
            **self.base,
            "git": self.git,
            "machine": self.machine,
            "work": self.work_base,
            "notebooks": {name: entry.to_json() for name, entry in self.entries.items()},
        }

    def _run_unless_done(
        self, entry: Entry, parameters: dict, previous_keys: Sequence[str], timeout: float
    ) -> None:
        hashed = {
            name: value for name, value in parameters.items() if name not in FOLDER_PARAMETERS
        }
        if "photos" in hashed:
            photos = hashed["photos"]
            hashed["photos"] = [photos, fingerprints.hash_path(Path(photos))]
        notebook = runner.read_notebook(self.sources[entry.name])
        key = fingerprints.notebook_key(notebook, hashed, self.base, previous_keys)
        if entry.key != key:
            self._run(entry, key, parameters, timeout)
            return
        entry.status = DONE
        entry.failure = None
        entry.outdated = False
        self._remove_failed(entry.name)
        print(f"{entry.name}: done before", file=sys.stderr)

    def _run(self, entry: Entry, key: str, parameters: dict, timeout: float) -> None:
        previous = (entry.status, entry.failure)
        entry.status = RUNNING
        entry.failure = None
        entry.started = _now()
        self.write()
        part = self.folder / f".{entry.name}.ipynb"
        (self.folder / "work").mkdir(exist_ok=True)
        try:
            outcome = runner.execute(self.sources[entry.name], part, parameters, timeout)
        except KeyboardInterrupt:
            entry.status, entry.failure = previous
            part.unlink(missing_ok=True)
            self.write()
            raise
        self._save_notebook(entry.name, part, outcome)
        if outcome.failure:
            self._record_failure(entry, outcome.failure)
        else:
            self._record_success(entry, key, outcome)
        self.metrics = {name: self.metrics[name] for name in self.entries if name in self.metrics}
        self.write()

    def _save_notebook(self, name: str, part: Path, outcome: runner.Outcome) -> None:
        """Writes the executed notebook; it replaces an earlier one only when it is complete."""
        result = self.path(name, ".failed.ipynb" if outcome.failure else ".ipynb")
        outcome.notebook.metadata.setdefault("papermill", {}).update(
            input_path=str(self.sources[name]), output_path=str(result)
        )
        nbformat.write(outcome.notebook, part)
        part.replace(result)

    def _record_failure(self, entry: Entry, failure: runner.Failure) -> None:
        entry.status = FAILED
        entry.failure = failure
        self._write_page(entry.name, ".failed")
        page = self.path(entry.name, ".failed.html")
        print(f"{entry.name}: {failure.location}: {failure.error}", file=sys.stderr)
        print(f"  → {failure.fix}\n  page: {page}", file=sys.stderr)

    def _record_success(self, entry: Entry, key: str, outcome: runner.Outcome) -> None:
        entry.status = DONE
        entry.key = key
        entry.base = self.base_key
        entry.outdated = False
        entry.seconds = round(outcome.seconds, 1)
        entry.peak_memory = outcome.peak_memory
        entry.finished = _now()
        entry.git = self.git
        self.metrics[entry.name] = collect_metrics(outcome.notebook)
        self._remove_failed(entry.name)
        self._write_page(entry.name)

    def _write_page(self, name: str, kind: str = "") -> None:
        entry = self.entries[name]
        names = [other for other in self.entries if other == name or self.entries[other].key]
        position = names.index(name)
        is_last = position + 1 == len(names)
        pages.write_page(
            runner.read_notebook(self.path(name, f"{kind}.ipynb")),
            self.path(name, f"{kind}.html"),
            self.sources[name].parent,
            report=self.folder.name,
            entry=entry,
            failure=entry.failure if kind else None,
            before=self.entries[names[position - 1]] if position else None,
            after=None if is_last else self.entries[names[position + 1]],
        )

    def _remove_failed(self, name: str) -> None:
        for suffix in (".failed.ipynb", ".failed.html"):
            self.path(name, suffix).unlink(missing_ok=True)

    def _load_previous_work(self, work_base: str, run_all: bool) -> None:
        work = self.folder / "work"
        if not work.exists() or work_base == self.base_key:
            return
        if not run_all:
            self.work_base = work_base
            return
        # Earlier backups stay until all notebooks have run without a failure.
        backup = self.folder / "work.before"
        number = 2
        while backup.exists():
            backup = self.folder / f"work.before-{number}"
            number += 1
        work.replace(backup)
        print(
            "sources, data or versions have changed: all notebooks run again; "
            f"their earlier output is in {backup.name}",
            file=sys.stderr,
        )


def _new_entry(path: Path) -> Entry:
    notebook = runner.read_notebook(path)
    return Entry(
        name=path.stem,
        title=pages.find_title(notebook, path.stem),
        description=pages.find_description(notebook),
    )


def _read_object(path: Path) -> dict:
    """A JSON object of the report; {} if it is absent or damaged: notebooks then run again."""
    try:
        return _as_object(read_json(path))
    except InputError:
        return {}


def _as_object(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
