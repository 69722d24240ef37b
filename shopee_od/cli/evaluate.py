"""`shopee-od evaluate`: COCO metrics of a saved detector on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shopee_od.cli.options import (
    DataDirOption,
    DatasetOption,
    ModelOption,
    SeedOption,
    SplitOption,
    TaxonomyOption,
)
from shopee_od.detectors.saving import DetectorInfo
from shopee_od.errors import InputError

if TYPE_CHECKING:
    from shopee_od.detector import Detector


def evaluate(
    model: ModelOption,
    dataset: DatasetOption,
    data_dir: DataDirOption = None,
    split: SplitOption = "test",
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the metrics to this file too.")
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(help="Bootstrap resamples for the intervals.", min=0)
    ] = 1000,
    seed: SeedOption = 0,
    taxonomy_level: Annotated[
        str, typer.Option(help="Where classes differ: category, group or type.")
    ] = "group",
    taxonomy: TaxonomyOption = None,
) -> None:
    """Compute COCO metrics with 95% intervals.

    By class, by type, and class-agnostic: all garments as one class. Where the data set has classes
    that the detector does not know, both are also compared at a level of the taxonomy.
    """
    import shopee_od
    from shopee_od.datasets import open_dataset
    from shopee_od.datasets.taxonomy import read_taxonomy
    from shopee_od.evaluation import evaluate as compute_metrics
    from shopee_od.evaluation import format_table
    from shopee_od.io import write_json

    if json and json.is_dir():
        raise InputError(f"--json {json}: this is a folder; name a file")
    categories = read_taxonomy(taxonomy)
    categories.names(taxonomy_level)
    detector = shopee_od.load(model)
    data = open_dataset(dataset, data_dir).split(split)
    metrics = compute_metrics(
        detector, data, bootstrap, seed, taxonomy=categories, level=taxonomy_level
    )
    metrics |= {
        "model": detector.name,
        "dataset": dataset,
        "split": split,
        "trained": _training_record(detector),
    }
    typer.echo(
        f"{_describe_training(detector)}\non {dataset}, {split} split:\n\n{format_table(metrics)}"
    )
    if json:
        write_json(json, metrics)


def _training_record(detector: Detector) -> dict[str, Any]:
    """What the JSON file has under "trained": provenance, and what the detector was saved with."""
    record = dict(detector.metadata)
    info = getattr(detector, "info", None)
    if isinstance(info, DetectorInfo):
        record |= {"profile" if info.kind == "faster_rcnn" else "config": dict(info.config)}
        record |= info.inference
    return record


def _describe_training(detector: Detector) -> str:
    """One line: what the detector was trained on, for how long, from which weights."""
    metadata = detector.metadata
    amounts = [f"{metadata['photos']:,} photos"] if "photos" in metadata else []
    amounts += [f"{metadata[name]} {name}" for name in ("epochs", "minutes") if name in metadata]
    line = f"{detector.name}: trained on {metadata.get('dataset', 'an unnamed data set')}"
    if amounts:
        line += f" ({', '.join(amounts)})"
    if "weights" in metadata:
        line += f"; initial weights: {metadata['weights']}"
    return line
