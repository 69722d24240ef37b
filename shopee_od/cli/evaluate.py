"""`shopee-od evaluate`: COCO metrics of a saved detector on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shopee_od.cli.options import (
    DataDirsOption,
    DatasetsOption,
    ModelOption,
    SeedOption,
    SplitOption,
    TaxonomyOption,
    open_datasets,
)
from shopee_od.detectors.saving import DetectorInfo
from shopee_od.errors import InputError
from shopee_od.models import SHIPPED

if TYPE_CHECKING:
    from shopee_od.detector import Detector


def evaluate(
    dataset: DatasetsOption,
    model: ModelOption = SHIPPED,
    data_dir: DataDirsOption = None,
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
    that the detector does not know, both are also compared at a level of the taxonomy. Several data
    sets are evaluated each apart and all together.
    """
    import shopee_od
    from shopee_od.datasets.taxonomy import JOINED, read_taxonomy
    from shopee_od.evaluation import evaluate as compute_metrics
    from shopee_od.evaluation import evaluate_sources, format_table
    from shopee_od.io import write_json

    if json and json.is_dir():
        raise InputError(f"--json {json}: this is a folder; name a file")
    categories = read_taxonomy(taxonomy)
    categories.names(taxonomy_level)
    detector = shopee_od.load(model)
    data = [source.split(split) for source in open_datasets(dataset, data_dir)]
    options: Any = {"bootstrap": bootstrap, "seed": seed, "level": taxonomy_level}
    if len(data) == 1:
        result = compute_metrics(detector, data[0], taxonomy=categories, **options)
        metrics_of = {dataset[0]: result}
    else:
        result = evaluate_sources(detector, data, categories, **options)
        metrics_of = result["sources"] | {JOINED.join(dataset): result["together"]}
    typer.echo(_describe_training(detector))
    for name, metrics in metrics_of.items():
        metrics |= {
            "model": detector.name,
            "dataset": name,
            "split": split,
            "trained": _training_record(detector),
        }
        typer.echo(f"on {name}, {split} split:\n\n{format_table(metrics)}")
    if json:
        write_json(json, result)


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
