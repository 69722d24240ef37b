"""Making a report: what is asked for is checked, then the notebooks run."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from shopee_od import paths, profiles
from shopee_od.datasets import locate
from shopee_od.reports import runner
from shopee_od.reports.report import Report
from shopee_od.types import InputError

TIMEOUTS = {"smoke": 900, "laptop": 4 * 3600, "gpu": 24 * 3600, "deepfashion": 14 * 24 * 3600}
"""Seconds that a cell may take, by profile: several times what it should."""


def make_report(
    dataset: str = "shopsim",
    profile: str = "laptop",
    data_dir: Path | None = None,
    seed: int = 0,
    name: str | None = None,
    only: Sequence[str] = (),
    resume: bool = False,
    timeout: float | None = None,
    out: Path | None = None,
    notebooks: Path | None = None,
    given: dict | None = None,
) -> Report:
    """Runs the notebooks into OUT/NAME and returns the Report, whose `failed` lists what did not run to its end.

    only:  numbers or names (07, 08_evaluate) of those to run; none is all
    given: values for parameters that only some notebooks have (`photos`)

    1. Everything asked for is checked before anything runs.
    2. A notebook is passed over when its result lies there under the key it would have now.
    3. It runs under a temporary name; its result takes the old one's place when it is complete.
    4. One that fails is kept beside it, and the next ones still run: each can stand alone.

    Raises InputError on bad input; KeyboardInterrupt when stopped, with the index true.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # for the kernels: TensorFlow's chatter would fill the pages
    profiles.profile(profile, dataset)
    root = locate(dataset, data_dir).resolve()
    name = dataset if name is None else name
    if not re.fullmatch(r"[\w-][\w.-]*", name):
        raise InputError(f"--name {name}: use letters, digits, dots, - and _: it names a folder")
    folder = (Path(out) if out else paths.project_root() / "reports").resolve() / name
    values = {"profile": profile, "dataset": dataset, "data_dir": str(root), "output_dir": str(folder / "work")}
    values |= {"seed": seed} | (given or {})
    found = _find(notebooks or paths.project_root() / "notebooks")
    chosen = _chosen(found, only)
    names = {path.stem: runner.parameters_of(path) for path in chosen}
    passed = {stem: {k: v for k, v in values.items() if k in has} for stem, has in names.items()}
    for key in given or {}:
        if not any(key in parameters for parameters in passed.values()):
            raise InputError(f"no notebook to run has a parameter {key!r}; leave --{key} away or change --only")
    if not resume and folder.is_dir() and any(folder.glob("[!.]*")):
        raise InputError(f"{folder} holds a report: --resume finishes it; else give another --name, or remove it")
    report = Report(folder, found, {k: values[k] for k in ("profile", "dataset", "data_dir", "seed")} | (given or {}))
    with report.locked():
        report.take_up(whole=not only)
        report.run(passed, timeout or TIMEOUTS[profile])
    return report


def _find(folder: Path) -> list[Path]:
    found = sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise InputError(f"{folder}: there are no notebooks here named like 07_train.ipynb")
    return found


def _chosen(found: list[Path], only: Sequence[str]) -> list[Path]:
    if not only:
        return found
    names = [path.stem for path in found]
    for asked in only:
        if not any(_is(name, asked) for name in names):
            raise InputError(f"--only {asked}: there is no such notebook; choose from {', '.join(names)}")
    return [path for path in found if any(_is(path.stem, asked) for asked in only)]


def _is(name: str, asked: str) -> bool:
    return asked.removesuffix(".ipynb") in (name, name.split("_")[0])
