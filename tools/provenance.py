"""What a file under results/ was measured with: command, commit, data, versions, machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.saving import read_info
from shopee_od.io import hash_file, project_root
from shopee_od.reports import fingerprints


def describe_origin(command: str, datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    """The first entries of a file under results/; paths of this machine are not among them.

    Args:
        command: with a placeholder for each path.
        datasets: the images that were measured on, by name.
    """
    machine = fingerprints.describe_machine()
    del machine["environment"]
    return {
        "command": command,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": fingerprints.git_state(project_root()),
        "data": {name: describe_dataset(dataset) for name, dataset in datasets.items()},
        "versions": fingerprints.library_versions()
        | {name: version(name) for name in ("ai-edge-litert", "shopee-od")},
        "machine": machine,
    }


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """photos, boxes (those that count), and the fingerprint of both."""
    return {
        "photos": len(dataset),
        "boxes": int(dataset.counted_mask.sum()),
        "fingerprint": dataset.fingerprint(),
    }


def describe_detector(directory: Path) -> dict[str, Any]:
    """The name of a saved detector, its training set, and sha256 and size of each of its files."""
    directory = Path(directory)
    files = sorted(f for f in directory.iterdir() if f.is_file() and f.suffix != ".md")
    info = read_info(directory)
    return {
        "name": info.name,
        "trained_on": info.metadata.get("dataset"),
        "files": {
            file.name: {"sha256": hash_file(file), "bytes": file.stat().st_size} for file in files
        },
    }
