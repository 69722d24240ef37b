"""What a run folder holds: its configuration, its provenance, its trained network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shopee_od.backbones import get_backbone, is_weights_file, read_card
from shopee_od.config import to_dict
from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.model_garden.experiment import NMS_IOU
from shopee_od.detectors.model_garden.progress import read_history
from shopee_od.detectors.model_garden.variables import has_variables
from shopee_od.detectors.saving import read_info
from shopee_od.errors import InputError
from shopee_od.io import atomic_folder, hash_file, read_json, write_json
from shopee_od.profiles import Profile, profile_from_dict
from shopee_od.version import __version__

RUN_FILE = "run.json"


def profile_of(run: Mapping[str, Any]) -> Profile:
    """The profile that `run.json` records; also one recorded by version 0.1.0."""
    return profile_from_dict(run["profile"])


def profile_of_run(run_dir: Path) -> Profile:
    """The profile that a run folder was trained with."""
    return profile_of(read_run(run_dir))


def read_run(run_dir: Path) -> dict[str, Any]:
    """The contents of `run.json`. Raises InputError where there is none, or it is damaged."""
    file = Path(run_dir) / RUN_FILE
    run: Any = read_json(file)
    if not isinstance(run, dict) or not isinstance(run.get("profile"), dict):
        raise InputError(f"{file}: does not describe a run; train in a new folder")
    return run


def export_checkpoint(run_dir: Path, checkpoint: Path, directory: Path) -> None:
    """Exports a checkpoint of a run: `network.tflite` and `variables.npz`, or neither."""
    from shopee_od.detectors.model_garden.export import ExportedNetwork

    run = read_run(run_dir)
    network = ExportedNetwork(profile_of(run), run["classes"], _export_canvases(run))
    network.restore(checkpoint)
    with atomic_folder(directory) as temporary:
        network.save(temporary)


def inference_settings(run_dir: Path, network: Path) -> dict[str, Any]:
    """What running the exported detector needs to know.

    Args:
        run_dir: the folder of the run.
        network: its `network.tflite`.
    Returns:
        canvases: (height, width) of each that the network takes; proposals: RoIs per image;
        nms_iou: of the NMS within each class; network_sha256: of the file.
    """
    run = read_run(run_dir)
    return {
        "canvases": [list(canvas) for canvas in _export_canvases(run)],
        "proposals": profile_of(run).proposals,
        "nms_iou": NMS_IOU,
        "network_sha256": hash_file(network),
    }


def provenance(run_dir: Path, checkpoint: Path) -> dict[str, Any]:
    """What a detector was trained on, for how long, from which weights."""
    import tensorflow as tf

    run = read_run(run_dir)
    profile = profile_of(run)
    history = read_history(run_dir)
    step = step_of(checkpoint)
    val_ap = [row["AP"] for row in history if row["kind"] == "val" and row["step"] == step]
    return {
        "dataset": run["dataset"],
        "taxonomy": run.get("taxonomy", ""),
        "photos": run["photos"],
        "val_photos": run["val_photos"],
        "seed": run["seed"],
        "steps": profile.steps,
        "best_step": step,
        "best_val_AP": val_ap[-1] if val_ap else None,
        "epochs": round(profile.epochs(run["photos"]), 2),
        "minutes": round(sum(row["seconds"] for row in history) / 60, 1),
        "weights": _initial_weights(profile),
        # A checkout that is not installed has no package metadata.
        "versions": {
            "tensorflow": tf.__version__,
            "tf-models-official": version("tf-models-official"),
            "shopee-od": __version__,
        },
    }


def step_of(checkpoint: Path | str | None) -> int:
    """The training step at which a checkpoint was written; 0 where there is none."""
    import tensorflow as tf

    if not checkpoint:
        return 0
    reader = tf.train.load_checkpoint(str(checkpoint))
    return int(reader.get_tensor("global_step/.ATTRIBUTES/VARIABLE_VALUE"))


def last_step(run_dir: Path) -> int:
    """The step of the last checkpoint in `run_dir`; 0 where there is none."""
    import tensorflow as tf

    return step_of(tf.train.latest_checkpoint(str(run_dir)))


def describe_run(
    train_set: Dataset,
    val_set: Dataset | None,
    profile: Profile,
    canvas: tuple[int, int],
    seed: int,
) -> dict[str, Any]:
    """The contents of run.json, which a resumed run must share.

    Args:
        train_set: the training images.
        val_set: the validation images, or None.
        profile: the sizes of the run.
        canvas: height and width in pixels.
        seed: of everything that is random.
    """
    return {
        "dataset": train_set.name,
        "photos": len(train_set),
        "val_photos": len(val_set) if val_set is not None else 0,
        "classes": list(train_set.classes),
        "taxonomy": train_set.taxonomy,
        "labels": train_set.fingerprint(),
        "val_labels": val_set.fingerprint() if val_set is not None else "",
        "canvas": list(canvas),
        "seed": seed,
        "profile": to_dict(profile),
    }


def claim_run_dir(run_dir: Path, run: dict[str, Any]) -> None:
    """Writes run.json. Until a step is trained, a run may be changed.

    Args:
        run_dir: the folder of the run.
        run: of `describe_run`.
    Raises:
        InputError: the folder holds another run or anything else.
    """
    if set(str(run_dir.resolve())) & set(",*?["):
        raise InputError(
            f"{run_dir}: Model Garden cannot read below a path with , * ? or [; use another folder"
        )
    path = run_dir / RUN_FILE
    if not path.is_file() and run_dir.is_dir() and any(run_dir.iterdir()):
        raise InputError(
            f"{run_dir} holds other things than a run; give the run a folder of its own"
        )
    if not path.is_file() or not last_step(run_dir):
        write_json(path, run)
        return
    existing = _comparable(read_run(run_dir))
    for name, value in _comparable(run).items():
        if existing.get(name, value) != value:  # earlier versions recorded less
            raise InputError(
                f"{run_dir} holds a run with another {name}; give this one a folder of its own, "
                "or delete that one"
            )


def _comparable(run: dict[str, Any]) -> dict[str, Any]:
    """A run whose profile has its present field names and no description."""
    return run | {"profile": profile_of(run).replace(description="")}


def _export_canvases(run: Mapping[str, Any]) -> list[tuple[int, int]]:
    from shopee_od.detectors.model_garden.export import export_canvases

    height, width = run["canvas"]
    return export_canvases(profile_of(run), (height, width))


def _initial_weights(profile: Profile) -> str:
    """Where the weights come from that training starts with: the name of a detector or backbone."""
    if is_weights_file(profile.weights):
        return read_card(Path(profile.weights))["name"]
    if has_variables(profile.weights):
        return read_info(Path(profile.weights)).name
    if profile.weights:
        return profile.weights
    return read_card()["name"] if get_backbone(profile.backbone).pretrained else "random"
