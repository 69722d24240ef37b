"""Collects what a report measured into a file under results/, and draws docs/tagged.jpg.

    python -m tools.collect_results reports/shopsim --out results/shopsim_laptop.json \
        --picture docs/tagged.jpg

1. The metrics, the stage comparison, and the seconds and memory of its notebooks are copied, with
   the commit, the data, the versions and the machine of the report.
2. The detector that it trained, where it did, is evaluated on the test split with intervals.
3. With --picture, a sheet of test images is drawn with that detector's boxes and tags.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import shopee_od
from shopee_od.datasets import open_dataset
from shopee_od.evaluation import evaluate
from shopee_od.io import hash_file, read_json, write_json
from tools.pictures import draw_tagged_images
from tools.provenance import describe_detector, describe_origin

PROVENANCE = ("parameters", "git", "data", "versions", "machine", "started", "updated")
DETECTOR = Path("work", "train", "detector")
"""In a report's folder."""


def collect_report(report: Path) -> dict[str, Any]:
    """What a report measured, with the commit, seed, data, versions and machine it ran on.

    Paths of this machine are left out.
    """
    provenance: Any = read_json(report / "provenance.json")
    parameters = provenance["parameters"]
    parameters.pop("data_dir", None)
    provenance["machine"].pop("environment", None)
    options = f"--dataset {parameters['dataset']} --profile {parameters['profile']}"
    notebooks = provenance["notebooks"]
    stages = sorted((report / "work" / "stages").glob("*.json"))
    return {
        "command": f"shopee-od report {options} --seed {parameters['seed']}",
        **{name: provenance[name] for name in PROVENANCE if name in provenance},
        "seconds": {name: entry["seconds"] for name, entry in notebooks.items()},
        "peak_memory": {name: entry["peak_memory"] for name, entry in notebooks.items()},
        "stages": {path.stem: read_json(path) for path in stages},
        "metrics": read_json(report / "metrics.json"),
    }


def evaluate_report(report: Path, picture: Path | None, bootstrap: int = 1000) -> dict[str, Any]:
    """Evaluates the detector of a report on its test split.

    Args:
        report: the folder of the report.
        picture: where a sheet of tagged test images is drawn; None for none.
        bootstrap: resamples for the intervals.
    Returns:
        What it was measured with; `detector`; `metrics`, what `evaluation.evaluate` returns; with
        a picture, its name and sha256.
    """
    parameters: Any = read_json(report / "provenance.json")["parameters"]  # type: ignore[index]
    test = open_dataset(parameters["dataset"], Path(parameters["data_dir"])).split("test")
    detector = shopee_od.load(report / DETECTOR)
    evaluation = describe_origin("python -m tools.collect_results REPORT", {"test": test}) | {
        "detector": describe_detector(report / DETECTOR),
        "metrics": evaluate(detector, test, bootstrap=bootstrap),
    }
    if picture:
        draw_tagged_images(detector, test, picture)
        evaluation["picture"] = {"name": picture.name, "sha256": hash_file(picture)}
    return evaluation


def main(arguments: list[str] | None = None) -> None:
    """The command: writes the file under results/."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="the folder of a report")
    parser.add_argument("--picture", type=Path, help="where to draw a sheet of tagged test images")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    results = collect_report(options.report)
    if (options.report / DETECTOR).is_dir():
        results["evaluation"] = evaluate_report(options.report, options.picture)
    write_json(options.out, results)


if __name__ == "__main__":
    main()
