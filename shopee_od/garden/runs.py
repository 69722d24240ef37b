"""What a run folder holds, read back: its configuration, its provenance, its SavedModel."""

from __future__ import annotations

import dataclasses
from importlib.metadata import version
from pathlib import Path

from shopee_od.garden.backbones import LITE0, backbone
from shopee_od.garden.experiment import experiment
from shopee_od.garden.progress import read_history
from shopee_od.paths import read_json, whole_folder
from shopee_od.profiles import Profile

RUN = "run.json"


def profile_of(run: dict) -> Profile:
    """The profile that `run.json` records."""
    return Profile(**{k: tuple(v) if isinstance(v, list) else v for k, v in run["profile"].items()})


def export(run_dir: Path, checkpoint: Path, directory: Path) -> None:
    """The checkpoint of the run as a SavedModel in `directory`, whole or not at all."""
    from shopee_od.garden.export import canvases
    from shopee_od.garden.export import export as write

    run = read_json(Path(run_dir) / RUN)
    profile = profile_of(run)
    params = experiment(profile, tuple(run["classes"]), tuple(run["canvas"]))
    with whole_folder(directory) as part:
        write(params, checkpoint, canvases(profile, run["canvas"]), part)


def provenance(run_dir: Path, checkpoint: Path) -> dict:
    """What the detector was trained on, for how long, from which weights; what is needed to run it."""
    from shopee_od.garden.export import canvases

    run = read_json(Path(run_dir) / RUN)
    profile = profile_of(run)
    rows = read_history(run_dir)
    step = step_of(checkpoint)
    judged = [row["AP"] for row in rows if row["kind"] == "val" and row["step"] == step]
    return {
        "dataset": run["dataset"],
        "photos": run["photos"],
        "val_photos": run["val_photos"],
        "profile": dataclasses.asdict(profile),
        "seed": run["seed"],
        "steps": profile.steps,
        "best_step": step,
        "best_val_AP": judged[-1] if judged else None,
        "epochs": round(profile.epochs(run["photos"]), 2),
        "minutes": round(sum(row["seconds"] for row in rows) / 60, 1),
        "weights": _weights(profile),
        "versions": {name: version(name) for name in ("tensorflow", "tf-models-official", "shopee-od")},
        "canvases": [list(c) for c in canvases(profile, run["canvas"])],
        "proposals": profile.proposals,
    }


def step_of(checkpoint: Path | str | None) -> int:
    """The step at which a training wrote this checkpoint; 0 where there is none."""
    import tensorflow as tf

    if not checkpoint:
        return 0
    return int(tf.train.load_checkpoint(str(checkpoint)).get_tensor("global_step/.ATTRIBUTES/VARIABLE_VALUE"))


def _weights(profile: Profile) -> str:
    """Where the backbone's weights at the start came from."""
    if profile.weights:
        return profile.weights
    return read_json(LITE0.with_suffix(".json"))["name"] if backbone(profile.backbone).pretrained else "random"
