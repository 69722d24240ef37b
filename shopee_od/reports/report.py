"""A report's folder: results kept under their keys, and an index that is true after every notebook."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path

import nbformat

from shopee_od import paths
from shopee_od.paths import read_json, write_json
from shopee_od.reports import figures, keys, pages, runner
from shopee_od.types import InputError

NOT_RUN, RUNNING, DONE, FAILED = "not run", "running", "done", "failed"
FOLDERS = ("data_dir", "output_dir")
"""Parameters that say where things lie: no part of a key."""


@dataclass
class Entry:
    """What a report knows of one notebook.

    status:   of the last attempt; key, base, seconds, peak_memory, finished and git are of the result that lies there
    base:     the fingerprint of sources, data and versions that it was made with
    outdated: they are others now
    """

    name: str
    title: str = ""
    says: str = ""
    status: str = NOT_RUN
    key: str = ""
    base: str = ""
    seconds: float | None = None
    peak_memory: int | None = None
    finished: str = ""
    started: str = ""
    git: dict = field(default_factory=dict)
    outdated: bool = False
    failure: dict | None = None


class Report:
    """The folder of a report, and what is known of it: entries and metrics by notebook, and where they come from."""

    def __init__(self, folder: Path, found: list[Path], parameters: dict):
        self.folder, self.parameters = folder, parameters
        self.sources = {path.stem: path for path in found}
        self.entries = {name: _entry(path) for name, path in self.sources.items()}
        self.metrics: dict[str, dict] = {}
        self.started = _now()
        data = keys.data(parameters["dataset"], Path(parameters["data_dir"]))
        self.base = {"sources": keys.sources(), "data": data, "versions": keys.versions()}
        self.work_base = self.base_key = keys.digest(self.base)
        self.git, self.machine = keys.git(paths.project_root()), keys.machine()

    @property
    def index(self) -> Path:
        return self.folder / "index.html"

    @property
    def failed(self) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.status == FAILED]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No second report is written into the folder meanwhile; a kill opens the lock too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(f"{self.folder}: another report is being written here; wait, or --name") from None
            yield

    def take_up(self, whole: bool) -> None:
        """What an earlier call left: its entries and metrics; its temporary files go.

        What notebooks made for one another (`work`) is put aside where it was made with other sources, data or
        versions, unless only some notebooks are to run: they may need it.
        """
        for leftover in self.folder.glob(".*"):
            if leftover.suffix in (".ipynb", ".html", ".json"):
                leftover.unlink()
        before = _read(self.folder / "provenance.json")
        held, rows = before.get("parameters"), before.get("notebooks")
        held, rows = (value if isinstance(value, dict) else {} for value in (held, rows))
        for name in ("profile", "dataset", "seed"):
            if name in held and held[name] != self.parameters[name]:
                raise InputError(
                    f"{self.folder} was made with {name} {held[name]}, not {self.parameters[name]}; give another --name"
                )
        known = {f.name for f in fields(Entry)} - {"name", "title", "says"}
        for name, entry in self.entries.items():
            row = rows.get(name)
            vars(entry).update({k: v for k, v in row.items() if k in known} if isinstance(row, dict) else {})
            try:
                self.metrics[name] = figures.harvest(runner.read_notebook(self.path(name)))
            except InputError:
                entry.key = ""
            entry.outdated = bool(entry.key) and entry.base != self.base_key
            if entry.status in (RUNNING, DONE):
                entry.status = DONE if entry.key else NOT_RUN
        self.started = before.get("started", self.started)
        self._take_up_work(before.get("work", ""), whole)

    def run(self, passed: dict[str, dict], timeout: float) -> None:
        """Runs the notebooks in `passed`, each with its parameters, whose results are not there yet."""
        before = []
        for name, entry in self.entries.items():
            if name in passed:
                self._run_unless_done(entry, passed[name], before, timeout)
            if entry.status == DONE and entry.key:
                before.append(entry.key)
        for name, entry in self.entries.items():
            if entry.key:
                self._write_page(name)  # once more: now the pages before and after are known
        self.write()
        if len(passed) == len(self.entries) and not self.failed:
            for aside in self.folder.glob("work.before*"):
                shutil.rmtree(aside, ignore_errors=True)

    def path(self, name: str, suffix: str = ".ipynb") -> Path:
        return self.folder / f"{name}{suffix}"

    def write(self) -> None:
        """metrics.json, provenance.json and index.html, as things stand."""
        write_json(self.folder / "metrics.json", self.metrics)
        write_json(self.folder / "provenance.json", self.provenance())
        try:
            reference = figures.reference(
                paths.project_root() / "reports" / "reference.json",
                self.parameters["dataset"],
                self.parameters["profile"],
            )
            race = figures.race(self.folder / "work")
        except InputError as e:
            print(e, file=sys.stderr)
            reference, race = {}, None
        pages.write(
            self.index,
            "index.html",
            report=self.folder.name,
            entries=list(self.entries.values()),
            metrics=self.metrics,
            headlines=figures.headlines(self.metrics),
            reference=reference,
            race=race,
            about=self.provenance(),
            there={path.name for path in self.folder.iterdir()},
        )

    def provenance(self) -> dict:
        return {
            "report": self.folder.name,
            "started": self.started,
            "updated": _now(),
            "parameters": self.parameters,
            **self.base,
            "git": self.git,
            "machine": self.machine,
            "work": self.work_base,
            "notebooks": {name: asdict(entry) for name, entry in self.entries.items()},
        }

    def _run_unless_done(self, entry: Entry, parameters: dict, before: list[str], timeout: float) -> None:
        hashed = {k: v for k, v in parameters.items() if k not in FOLDERS}
        if "photos" in hashed:
            hashed["photos"] = [hashed["photos"], keys.content(Path(hashed["photos"]))]
        key = keys.notebook_key(runner.read_notebook(self.sources[entry.name]), hashed, self.base, before)
        if entry.key != key:
            self._run_one(entry, key, parameters, timeout)
            return
        entry.status, entry.failure, entry.outdated = DONE, None, False
        self._remove_failed(entry.name)
        print(f"{entry.name}: done before", file=sys.stderr)

    def _run_one(self, entry: Entry, key: str, parameters: dict, timeout: float) -> None:
        name = entry.name
        held = entry.status, entry.failure
        entry.status, entry.failure, entry.started = RUNNING, None, _now()
        self.write()
        part = self.folder / f".{name}.ipynb"
        (self.folder / "work").mkdir(exist_ok=True)
        try:
            outcome = runner.execute(self.sources[name], part, parameters, timeout)
        except KeyboardInterrupt:
            entry.status, entry.failure = held
            part.unlink(missing_ok=True)
            self.write()
            raise
        notebook, failure = outcome.notebook, outcome.failure
        result = self.path(name, ".failed.ipynb" if failure else ".ipynb")
        notebook.metadata.setdefault("papermill", {}).update(
            input_path=str(self.sources[name]), output_path=str(result)
        )
        nbformat.write(notebook, part)
        part.replace(result)
        if failure:
            entry.status = FAILED
            entry.failure = asdict(failure) | {"place": failure.place, "seconds": round(outcome.seconds, 1)}
            self._write_page(name, ".failed")
            page = self.path(name, ".failed.html")
            print(f"{name}: {failure.place}: {failure.error}\n  → {failure.mend}\n  kept: {page}", file=sys.stderr)
        else:
            entry.status, entry.key, entry.base, entry.outdated = DONE, key, self.base_key, False
            entry.seconds, entry.peak_memory = round(outcome.seconds, 1), outcome.peak_memory
            entry.finished, entry.git = _now(), self.git
            self.metrics[name] = figures.harvest(notebook)
            self._remove_failed(name)
            self._write_page(name)
        self.metrics = {other: self.metrics[other] for other in self.entries if other in self.metrics}
        self.write()

    def _write_page(self, name: str, kind: str = "") -> None:
        entry = self.entries[name]
        names = [other for other in self.entries if other == name or self.entries[other].key]
        here = names.index(name)
        pages.write_page(
            runner.read_notebook(self.path(name, f"{kind}.ipynb")),
            self.path(name, f"{kind}.html"),
            self.sources[name].parent,
            report=self.folder.name,
            entry=entry,
            failure=entry.failure if kind else None,
            before=self.entries[names[here - 1]] if here else None,
            after=self.entries[names[here + 1]] if here + 1 < len(names) else None,
        )

    def _remove_failed(self, name: str) -> None:
        for suffix in (".failed.ipynb", ".failed.html"):
            self.path(name, suffix).unlink(missing_ok=True)

    def _take_up_work(self, made_with: str, whole: bool) -> None:
        work, aside = self.folder / "work", self.folder / "work.before"
        if not work.exists() or made_with == self.base_key:
            return
        if not whole:
            self.work_base = made_with
            return
        number = 2
        while aside.exists():  # nothing that was made is lost, however often something changes before all is well
            aside, number = self.folder / f"work.before-{number}", number + 1
        work.replace(aside)
        print(
            f"Sources, data or versions changed: notebooks start anew, what they made lies in {aside.name}",
            file=sys.stderr,
        )


def _entry(path: Path) -> Entry:
    notebook = runner.read_notebook(path)
    return Entry(path.stem, pages.title_of(notebook, path.stem), pages.description_of(notebook))


def _read(path: Path) -> dict:
    """An object in a file of the report; {} where it is absent or damaged: then notebooks run again."""
    try:
        held = read_json(path)
    except InputError:
        return {}
    return held if isinstance(held, dict) else {}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
