"""Collects the stage comparison and all metrics of a report into a file under results/.

python -m tools.collect_results reports/shopsim results/shopsim_laptop.json
"""

from __future__ import annotations

import sys
from pathlib import Path

from shopee_od.io import read_json, write_json

PROVENANCE = ("parameters", "git", "data", "versions", "machine", "started", "updated")


def collect(report: Path) -> dict:
    """What a report measured, with the commit, seed, data, versions and machine it ran on."""
    provenance = read_json(report / "provenance.json")
    stages = {
        path.stem: read_json(path) for path in sorted((report / "work/stages").glob("*.json"))
    }
    parameters = provenance["parameters"]
    options = f"--dataset {parameters['dataset']} --profile {parameters['profile']}"
    return {
        "command": f"shopee-od report {options} --seed {parameters['seed']}",
        **{name: provenance[name] for name in PROVENANCE if name in provenance},
        "seconds": {name: entry["seconds"] for name, entry in provenance["notebooks"].items()},
        "stages": stages,
        "metrics": read_json(report / "metrics.json"),
    }


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    results = collect(source)
    results["parameters"].pop("data_dir", None)  # a path of this machine
    results["machine"].pop("environment", None)
    write_json(target, results)
