"""Training through Model Garden's `run_experiment`: checkpoints, the best by validation AP, resume."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.garden.experiment import check, experiment
from shopee_od.garden.runs import RUN, step_of
from shopee_od.paths import read_json, write_json
from shopee_od.profiles import Profile
from shopee_od.types import InputError

AVERAGES = "ema_checkpoints"
"""Where Model Garden keeps the running average of the last weights."""


def train(train_set: Dataset, val_set: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0) -> Path:
    """Trains on `train_set`, chooses the checkpoint by AP on `val_set` -> that checkpoint's path.

    1. The configuration is checked; a `run_dir` of another configuration is refused.
    2. Records are written, or those that are there are used.
    3. `run_experiment` trains from the last checkpoint in `run_dir`, if there is one.
    4. A last validation that a kill cut off is made up for.

    Called again with a finished `run_dir`, it trains nothing. Without `val_set`, or where
    nothing is found on it, the last weights are taken; in any case their running average.
    Raises InputError on a configuration that cannot work.
    """
    import tensorflow as tf
    import tf_keras

    from shopee_od.datasets.tfrecord import convert

    run_dir = Path(run_dir)
    if Path(profile.weights, RUN).is_file():
        profile = profile.with_(weights=str(chosen_checkpoint(Path(profile.weights))))
    train_set = train_set.with_boxes()
    val_set = judged(val_set, profile)
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus and profile.batch_size % gpus:
        raise InputError(f"batch_size {profile.batch_size} does not divide among {gpus} GPUs; use a multiple of {gpus}")
    check(profile, train_set.classes, train_set.boxes.label, *_most_boxes(train_set, val_set))
    canvas = profile.canvas(int(train_set.images.width.median()), int(train_set.images.height.median()))
    _claim(run_dir, train_set, val_set, profile, canvas, seed)
    records = convert(train_set, run_dir / "records" / "train")
    val_records = None
    if val_set is not None:
        val_records = convert(val_set, run_dir / "records" / "val")
        val_set = val_set.without(val_records.left_out)
    if records.photos < profile.batch_size:
        raise InputError(f"{records.photos} training photos are fewer than a batch of {profile.batch_size}; add photos")
    start = last_step(run_dir)
    # Resumed, the data are shuffled anew: their position is not saved, and the old order would begin again.
    params = experiment(
        profile,
        train_set.classes,
        canvas,
        records.pattern,
        val_records.pattern if val_records else "",
        seed + start,
        gpus,
        validate=val_set is not None,
        photos=records.photos,
        boxes=np.bincount(train_set.boxes.label, minlength=len(train_set.classes)),
    )
    # Fault 8: seeds alone do not make a run repeatable. On GPUs some gradients have no deterministic form.
    tf_keras.utils.set_random_seed(seed + start)
    if profile.deterministic and not gpus:
        tf.config.experimental.enable_op_determinism()
    if start < profile.steps or not _judged_at_last(run_dir, val_set, profile.steps):
        _run(params, profile, val_set, run_dir, start)
    return chosen_checkpoint(run_dir)


def _run(params, profile: Profile, val_set: Dataset | None, run_dir: Path, start: int) -> None:
    from official.common import distribute_utils
    from official.core import train_lib, train_utils
    from official.modeling import performance

    from shopee_od.garden.progress import History, Progress
    from shopee_od.garden.quiet import quiet
    from shopee_od.garden.task import FasterRCNNTask

    _mend_best(run_dir)
    # run_experiment leaves the precision to its caller.
    performance.set_mixed_precision_policy(profile.precision)
    try:
        strategy = distribute_utils.get_distribution_strategy(
            params.runtime.distribution_strategy, num_gpus=params.runtime.num_gpus
        )
        out = sys.stderr
        with quiet():
            with strategy.scope():
                task = FasterRCNNTask(params.task, profile, val_set, logging_dir=str(run_dir))
                trainer = train_utils.create_trainer(
                    params,
                    task,
                    train=True,
                    evaluate=val_set is not None,
                    checkpoint_exporter=train_utils.maybe_create_best_ckpt_exporter(params, str(run_dir)),
                )
            progress = Progress(trainer, History(run_dir, start), profile.steps, profile.batch_size, out)
            if start:
                progress.say(f"going on from step {start} of {profile.steps} in {run_dir}")
            progress.begin(start)
            mode = "train" if val_set is None else "train_and_eval" if start < profile.steps else "eval"
            train_lib.run_experiment(
                distribution_strategy=strategy,
                task=task,
                mode=mode,
                params=params,
                model_dir=str(run_dir),
                train_actions=[progress.trained],
                eval_actions=[progress.validated],
                trainer=trainer,
            )
            if val_set is None:
                _save_average(trainer, strategy, run_dir)
    finally:
        performance.set_mixed_precision_policy("float32")


def judged(val_set: Dataset | None, profile: Profile) -> Dataset | None:
    """The photos of the validation split that a training of this profile is judged on; None where they have no box."""
    if val_set is None or not val_set.counts.any():
        return None
    return val_set.sample(profile.val_photos)


def _most_boxes(*parts: Dataset | None) -> tuple[int, str]:
    """Of the photos with the most boxes how many they have, and the path of one."""
    found = [(part, part.boxes.image_id.value_counts()) for part in parts if part is not None and len(part.boxes)]
    part, counts = max(found, key=lambda each: each[1].iloc[0])
    return int(counts.iloc[0]), part.take([counts.index[0]]).images.path[0]


def last_step(run_dir: Path) -> int:
    """The step of the last checkpoint in `run_dir`; 0 where there is none."""
    import tensorflow as tf

    return step_of(tf.train.latest_checkpoint(str(run_dir)))


def chosen_checkpoint(run_dir: Path) -> Path:
    """The averaged weights with the best validation AP; the last ones where no validation found anything.

    Raises InputError where a run was stopped before there were any.
    """
    import tensorflow as tf

    best = Path(run_dir) / "best"
    found = (best / "info.json").is_file() and read_json(best / "info.json")["AP"] > 0
    checkpoint = tf.train.latest_checkpoint(str(best if found else Path(run_dir) / AVERAGES))
    if checkpoint is None:
        raise InputError(f"{run_dir}: stopped before its first validation; let it train on, or name another one")
    return Path(checkpoint)


def _save_average(trainer, strategy, run_dir: Path) -> None:
    """The running average of the weights, as Model Garden writes it at every validation, of which there was none."""
    import tensorflow as tf

    manager = tf.train.CheckpointManager(
        trainer.checkpoint, str(run_dir / AVERAGES), max_to_keep=1, checkpoint_name="average_weights"
    )
    with strategy.scope():
        trainer.optimizer.swap_weights()
        manager.save(checkpoint_number=trainer.global_step)
        trainer.optimizer.swap_weights()


def _claim(run_dir: Path, train_set: Dataset, val_set, profile: Profile, canvas, seed: int) -> None:
    """Writes what this run is, or refuses a folder that holds another one or anything else.

    As long as nothing is trained, a run may be changed.
    """
    if set(str(run_dir.resolve())) & set(",*?["):
        raise InputError(f"{run_dir}: Model Garden cannot read below a path with , * ? or [; use another folder")
    ours = {
        "dataset": train_set.name,
        "photos": len(train_set),
        "val_photos": len(val_set) if val_set is not None else 0,
        "classes": list(train_set.classes),
        "labels": train_set.fingerprint(),
        "val_labels": val_set.fingerprint() if val_set is not None else "",
        "canvas": list(canvas),
        "seed": seed,
        "profile": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(profile).items()},
    }
    path = run_dir / RUN
    if not path.is_file() and run_dir.is_dir() and any(run_dir.iterdir()):
        raise InputError(f"{run_dir} holds other things than a run; give the run a folder of its own")
    if path.is_file() and last_step(run_dir):
        theirs = read_json(path)
        for name, value in ours.items():
            if theirs.get(name) != value:
                raise InputError(
                    f"{run_dir} holds a run with another {name}; give this one a folder of its own, or delete that one"
                )
    else:
        write_json(path, ours)


def _judged_at_last(run_dir: Path, val_set: Dataset | None, step: int) -> bool:
    """Whether the last weights were validated; without validation, whether their average was saved."""
    from shopee_od.garden.progress import read_history

    if val_set is None:
        return (run_dir / AVERAGES / "checkpoint").is_file()
    return any(row["kind"] == "val" and row["step"] == step for row in read_history(run_dir))


def _mend_best(run_dir: Path) -> None:
    """Removes the best figures where a kill left them half written, or without their checkpoint.

    Model Garden writes them in place, and before the checkpoint; left so, no later one would be better.
    """
    best = run_dir / "best"
    info = best / "info.json"
    if info.is_file():
        try:
            if read_json(info)["best_ckpt_global_step"] == last_step(best):
                return
        except (InputError, TypeError, KeyError):
            pass
        info.unlink()
