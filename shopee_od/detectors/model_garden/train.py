"""Training by Model Garden's `run_experiment`: checkpoints, the best by validation AP, resume."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.model_garden.experiment import build_experiment
from shopee_od.detectors.model_garden.experiment_check import check_experiment
from shopee_od.detectors.model_garden.progress import History, Progress, read_history
from shopee_od.detectors.model_garden.runs import (
    RUN_FILE,
    claim_run_dir,
    describe_run,
    last_step,
)
from shopee_od.detectors.model_garden.training_data import (
    balance_sources,
    convert_by_source,
    find_most_crowded,
    select_training_images,
    select_validation_images,
)
from shopee_od.errors import InputError
from shopee_od.io import read_json
from shopee_od.profiles import Profile, describe_overrides

AVERAGES = "ema_checkpoints"
"""Where Model Garden keeps the running average of the last weights."""


def train(
    train_set: Dataset, val_set: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0
) -> Path:
    """Trains the network, or continues a training that was stopped.

    1. The configuration is checked; a `run_dir` of another configuration is refused.
    2. Records are written, or those of an earlier call are used.
    3. `run_experiment` trains from the last checkpoint in `run_dir`, if there is one.
    4. A last validation that a kill cut short is repeated.

    Called again with a finished `run_dir`, it trains nothing.

    Args:
        train_set: images without boxes are learned from too: all they show is background.
        val_set: chooses the checkpoint by AP. Without it, or where nothing is detected on it, the
            last weights are taken; in any case their running average.
        profile: the sizes of the run. Its `deterministic` switches on TensorFlow's op determinism,
            which stays on for the rest of the process.
        run_dir: a folder of its own.
        seed: of initialization, shuffling, augmentation and sampling.
    Returns:
        The path of the checkpoint to export.
    Raises:
        InputError: the configuration or the data set cannot work.
    """
    import tensorflow as tf
    import tf_keras

    from shopee_od.datasets.tfrecord import convert

    run_dir = Path(run_dir)
    if profile.weights and Path(profile.weights, RUN_FILE).is_file():
        profile = profile.replace(weights=str(best_checkpoint(Path(profile.weights))))
    train_set = select_training_images(train_set)
    val_set = select_validation_images(val_set, profile)
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus and profile.batch_size % gpus:
        raise InputError(
            f"batch_size {profile.batch_size} does not divide among {gpus} GPUs; "
            f"use a multiple of {gpus}"
        )
    max_boxes, crowded_image = find_most_crowded(train_set, val_set)
    check_experiment(profile, train_set.classes, max_boxes, crowded_image)
    canvas = profile.canvas(
        int(train_set.images.width.median()), int(train_set.images.height.median())
    )
    claim_run_dir(run_dir, describe_run(train_set, val_set, profile, canvas, seed))
    records = convert_by_source(train_set, run_dir / "records" / "train")
    photos = sum(source.photos for source in records)
    val_records = None
    if val_set is not None:
        val_records = convert(val_set, run_dir / "records" / "val")
        val_set = val_set.drop(val_records.left_out)
    if photos < profile.batch_size:
        raise InputError(
            f"{photos} training photos are fewer than a batch of {profile.batch_size}; add photos"
        )
    start = last_step(run_dir)
    # The position in the data is not saved: a resumed run shuffles by another seed, so that it does
    # not begin with the same images again.
    run_seed = seed + start
    params = build_experiment(
        profile,
        train_set.classes,
        canvas,
        ",".join(source.pattern for source in records),
        val_records.pattern if val_records else "",
        run_seed,
        gpus,
        validate=val_set is not None,
        # The shuffle buffer, which all sources share, holds no photo twice.
        photos=min(source.photos for source in records) * len(records),
        boxes=train_set.count_boxes(),
    )
    # Fault 8: seeds alone do not make a run repeatable. On GPUs some gradients have no
    # deterministic implementation.
    tf_keras.utils.set_random_seed(run_seed)
    if profile.deterministic and not gpus:
        tf.config.experimental.enable_op_determinism()
    if start < profile.steps or not _is_last_step_evaluated(run_dir, val_set, profile.steps):
        overrides = describe_overrides(profile, train_set.name)
        if overrides:
            print(overrides, file=sys.stderr, flush=True)
        source_weights = balance_sources([r.photos for r in records], profile.source_balance)
        _run(params, profile, val_set, run_dir, start, train_set.coarse_labels, source_weights)
    return best_checkpoint(run_dir)


def _run(
    params: Any,
    profile: Profile,
    val_set: Dataset | None,
    run_dir: Path,
    start: int,
    coarse_labels: tuple[tuple[int, ...], ...],
    source_weights: list[float],
) -> None:
    """Trains from step `start` on, with history and progress."""
    from official.common import distribute_utils
    from official.core import train_lib, train_utils
    from official.modeling import performance

    from shopee_od.detectors.model_garden.logs import suppress_logs
    from shopee_od.detectors.model_garden.task import FasterRCNNTask

    _remove_incomplete_best(run_dir)
    # run_experiment leaves the precision to its caller.
    performance.set_mixed_precision_policy(profile.precision)
    try:
        strategy = distribute_utils.get_distribution_strategy(
            params.runtime.distribution_strategy, num_gpus=params.runtime.num_gpus
        )
        out = sys.stderr
        with suppress_logs():
            with strategy.scope():
                task = FasterRCNNTask(
                    params.task,
                    profile,
                    val_set,
                    str(run_dir),
                    coarse_labels,
                    source_weights,
                )
                trainer = train_utils.create_trainer(
                    params,
                    task,
                    train=True,
                    evaluate=val_set is not None,
                    checkpoint_exporter=train_utils.maybe_create_best_ckpt_exporter(
                        params, str(run_dir)
                    ),
                )
            history = History(run_dir, start)
            progress = Progress(trainer, history, profile.steps, profile.batch_size, out)
            if start:
                progress.log(f"continuing from step {start} of {profile.steps} in {run_dir}")
            progress.start_timer(start)
            mode = "train_and_eval" if start < profile.steps else "eval"
            train_lib.run_experiment(
                distribution_strategy=strategy,
                task=task,
                mode="train" if val_set is None else mode,
                params=params,
                model_dir=str(run_dir),
                train_actions=[progress.on_train_loop_end],
                eval_actions=[progress.on_validation_end],
                trainer=trainer,
            )
            if val_set is None:
                _save_average(trainer, strategy, run_dir)
    finally:
        performance.set_mixed_precision_policy("float32")


def best_checkpoint(run_dir: Path) -> Path:
    """The averaged weights with the best validation AP; the last ones where that is 0 or unknown.

    Raises:
        InputError: the run was stopped before there were any.
    """
    import tensorflow as tf

    best = Path(run_dir) / "best"
    record = best / "info.json"
    has_best = record.is_file() and _read_best_record(run_dir)["AP"] > 0
    folder = best if has_best else Path(run_dir) / AVERAGES
    checkpoint = tf.train.latest_checkpoint(str(folder))
    if checkpoint is None:
        raise InputError(
            f"{run_dir}: stopped before its first validation; continue it, or name another run"
        )
    return Path(checkpoint)


def _save_average(trainer: Any, strategy: Any, run_dir: Path) -> None:
    """Saves the running average of the weights, which Model Garden does only in a validation."""
    import tensorflow as tf

    manager = tf.train.CheckpointManager(
        trainer.checkpoint,
        str(run_dir / AVERAGES),
        max_to_keep=1,
        checkpoint_name="average_weights",
    )
    with strategy.scope():
        trainer.optimizer.swap_weights()
        manager.save(checkpoint_number=trainer.global_step)
        trainer.optimizer.swap_weights()


def _is_last_step_evaluated(run_dir: Path, val_set: Dataset | None, step: int) -> bool:
    """Whether the last weights were validated; without validation, whether they were averaged."""
    if val_set is None:
        return (run_dir / AVERAGES / "checkpoint").is_file()
    return any(row["kind"] == "val" and row["step"] == step for row in read_history(run_dir))


def _remove_incomplete_best(run_dir: Path) -> None:
    """Removes the record of the best metrics where a kill left it incomplete or without checkpoint.

    Model Garden writes it in place, and before the checkpoint; no later checkpoint would be better
    than such a record.
    """
    best = run_dir / "best"
    record = best / "info.json"
    if not record.is_file():
        return
    try:
        if _read_best_record(run_dir)["best_ckpt_global_step"] == last_step(best):
            return
    except (InputError, TypeError, KeyError):
        pass
    record.unlink()


def _read_best_record(run_dir: Path) -> Any:
    return read_json(Path(run_dir) / "best" / "info.json")
