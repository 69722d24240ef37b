"""Builds a report: checks what is asked for, then runs the notebooks."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from shopee_od import io, profiles
from shopee_od.datasets import locate
from shopee_od.errors import InputError
from shopee_od.reports import runner
from shopee_od.reports.state import Report

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
    extra_parameters: Mapping[str, str] | None = None,
) -> Report:
    """Runs the notebooks into OUT/NAME.

    1. Everything asked for is checked before anything runs.
    2. A notebook is skipped where its result exists under the key that it would have now.
    3. It runs under a temporary name; its result replaces the old one when it is complete.
    4. A notebook that fails is saved separately, and the next ones still run.

    Args:
        dataset: the name of a data set.
        profile: smoke, laptop, shop, gpu or deepfashion.
        data_dir: the data set's folder; where None, its default folder.
        seed: passed to every notebook that has this parameter.
        name: the report's folder below `out`; where None, the data set's name.
        only: numbers or names (07, 08_evaluate) of the notebooks to run; empty runs all.
        resume: finish or update a report that exists.
        timeout: seconds that a cell may take; where None, TIMEOUTS.
        out: the folder for reports; where None, the project's `reports`.
        notebooks: their folder; where None, the project's `notebooks`.
        extra_parameters: values for parameters that only some notebooks have (`photos`).
    Returns:
        The Report, whose `failed` lists the notebooks that did not run to their end.
    Raises:
        InputError: bad input.
        KeyboardInterrupt: stopped by hand; the index is then up to date.
    """
    # For the kernels: TensorFlow's start-up messages would fill the pages.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    extra_parameters = dict(extra_parameters or {})
    profiles.profile(profile, dataset)
    data_root = locate(dataset, data_dir).resolve()
    name = dataset if name is None else name
    if not re.fullmatch(r"[\w-][\w.-]*", name):
        raise InputError(f"--name {name}: use letters, digits, dots, - and _: it names a folder")
    folder = (Path(out) if out else io.project_root() / "reports").resolve() / name
    values = {
        "profile": profile,
        "dataset": dataset,
        "data_dir": str(data_root),
        "output_dir": str(folder / "work"),
        "seed": seed,
        **extra_parameters,
    }
    paths = _find_notebooks(Path(notebooks or io.project_root() / "notebooks"))
    parameters = _parameters_by_notebook(_select_notebooks(paths, only), values)
    for key in extra_parameters:
        if not any(key in names for names in parameters.values()):
            raise InputError(
                f"no notebook to run has a parameter {key!r}; leave out --{key} or change --only"
            )
    if not resume and folder.is_dir() and any(folder.glob("[!.]*")):
        raise InputError(
            f"{folder} holds a report: finish it with --resume, give another --name, or remove it"
        )
    described = {key: values[key] for key in ("profile", "dataset", "data_dir", "seed")}
    report = Report(folder, paths, described | extra_parameters)
    with report.lock():
        report.load_previous(run_all=not only)
        report.run(parameters, timeout or TIMEOUTS[profile])
    return report


def _parameters_by_notebook(paths: Sequence[Path], values: Mapping) -> dict[str, dict]:
    """Notebook -> those of the values for which it has a parameter."""
    parameters = {}
    for path in paths:
        names = runner.parameter_names(path)
        parameters[path.stem] = {name: value for name, value in values.items() if name in names}
    return parameters


def _find_notebooks(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise InputError(f"{folder}: there are no notebooks here with names like 07_train.ipynb")
    return paths


def _select_notebooks(paths: Sequence[Path], only: Sequence[str]) -> list[Path]:
    if not only:
        return list(paths)
    for wanted in only:
        if not any(_matches(path.stem, wanted) for path in paths):
            names = ", ".join(path.stem for path in paths)
            raise InputError(f"--only {wanted}: there is no such notebook; choose from {names}")
    return [path for path in paths if any(_matches(path.stem, wanted) for wanted in only)]


def _matches(name: str, wanted: str) -> bool:
    return wanted.removesuffix(".ipynb") in (name, name.split("_")[0])
