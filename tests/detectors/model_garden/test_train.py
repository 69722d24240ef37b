import importlib.metadata
import json
import shutil
from importlib.metadata import PackageNotFoundError
from unittest.mock import MagicMock

import numpy as np
import pytest
import tensorflow as tf

import shopee_od
from shopee_od import profiles
from shopee_od.detectors.model_garden import runs
from shopee_od.detectors.model_garden import train as training
from shopee_od.detectors.model_garden.progress import TRAINING_METRICS, read_history
from shopee_od.detectors.model_garden.runs import profile_of
from shopee_od.detectors.model_garden.task import FasterRCNNTask
from shopee_od.detectors.model_garden.train import best_checkpoint, last_step, train
from shopee_od.errors import InputError
from shopee_od.io import read_json, write_json
from shopee_od.profiles import profile

pytestmark = pytest.mark.slow


def steps(run_dir, kind):
    return [row["step"] for row in read_history(run_dir) if row["kind"] == kind]


def files(run_dir):
    return {str(f): f.stat().st_mtime_ns for f in run_dir.rglob("*") if f.is_file()}


@pytest.fixture
def copied(smoke_run, tmp_path):
    """A copy of the smoke run that may be changed."""
    return shutil.copytree(smoke_run.run_dir, tmp_path / "copied")


@pytest.fixture
def no_training(monkeypatch):
    """Fails the test if anything is trained or validated."""
    monkeypatch.setattr(training, "_run", lambda *_: pytest.fail("it trained"))


def test_a_run_leaves_a_history_its_checkpoints_and_the_best_one(smoke_run):
    run_dir = smoke_run.run_dir
    assert steps(run_dir, "train") == list(range(4, 41, 4)) and steps(run_dir, "val") == [20, 40]
    assert last_step(run_dir) == 40
    validations = [row for row in read_history(run_dir) if row["kind"] == "val"]
    best = max(validations, key=lambda row: row["AP"])
    assert read_json(run_dir / "best" / "info.json")["best_ckpt_global_step"] == best["step"]
    checkpoint = best_checkpoint(run_dir)
    assert checkpoint.parent.name == "best" and last_step(checkpoint.parent) == best["step"]
    assert smoke_run.detector.metadata["best_step"] == best["step"]
    for row in read_history(run_dir):
        assert row["seconds"] > 0 and all(np.isfinite(row[name]) for name in TRAINING_METRICS)


def test_a_killed_run_continues_from_its_last_checkpoint(killed_run, smoke_run, capsys):
    assert last_step(killed_run.run_dir) == 24
    checkpoint = train(
        smoke_run.train, smoke_run.val, smoke_run.profile, killed_run.run_dir, smoke_run.seed
    )
    assert "continuing from step 24 of 40" in capsys.readouterr().err
    assert steps(killed_run.run_dir, "train") == list(range(4, 41, 4))
    assert steps(killed_run.run_dir, "val") == [20, 40]
    assert read_history(killed_run.run_dir)[: len(killed_run.rows)] == killed_run.rows
    assert last_step(killed_run.run_dir) == 40
    assert checkpoint.parent == killed_run.run_dir / "best"


def test_a_validation_that_a_kill_cut_short_is_repeated(copied, smoke_run):
    """Killed while it wrote the record of its last validation, before checkpoint and row."""
    *rows, last = read_history(copied)
    (copied / "history.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows) + '{"kind": "va'
    )
    info = copied / "best" / "info.json"
    info.write_text(info.read_text()[:30])
    train(smoke_run.train, smoke_run.val, smoke_run.profile, copied, smoke_run.seed)
    assert steps(copied, "train") == list(range(4, 41, 4)) and steps(copied, "val") == [20, 40]
    assert read_history(copied)[-1]["AP"] == pytest.approx(last["AP"], abs=1e-6)
    assert read_json(info)["best_ckpt_global_step"] == last_step(copied / "best") == 40


def test_a_record_of_the_best_metrics_without_its_checkpoint_is_removed(copied):
    info = copied / "best" / "info.json"
    record = read_json(info)
    training._remove_incomplete_best(copied)
    assert info.is_file()
    info.write_text(
        json.dumps(record | {"best_ckpt_global_step": record["best_ckpt_global_step"] + 20})
    )
    training._remove_incomplete_best(copied)
    assert not info.exists()


def test_a_finished_run_trains_nothing(smoke_run, no_training):
    before = files(smoke_run.run_dir)
    checkpoint = train(
        smoke_run.train, smoke_run.val, smoke_run.profile, smoke_run.run_dir, smoke_run.seed
    )
    assert checkpoint == best_checkpoint(smoke_run.run_dir) and files(smoke_run.run_dir) == before


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 4}, "seed"),
        ({"profile": {"learning_rate": 1e-5}}, "profile"),
        ({"train": 4}, "photos"),
    ],
)
def test_a_folder_of_another_run_is_refused(smoke_run, no_training, change, name):
    before = files(smoke_run.run_dir)
    with pytest.raises(InputError, match=f"another {name}; give this one a folder of its own"):
        train(
            smoke_run.train.sample(change.get("train", 5)),
            smoke_run.val,
            smoke_run.profile.replace(**change.get("profile", {})),
            smoke_run.run_dir,
            change.get("seed", smoke_run.seed),
        )
    assert files(smoke_run.run_dir) == before


def test_photos_without_boxes_are_refused_before_anything_is_written(
    smoke_run, no_training, tmp_path
):
    without = smoke_run.train.take([])
    ignored = smoke_run.train
    ignored = ignored.__class__.build(
        "ignored", ignored.root, ignored.classes, ignored.images, ignored.boxes.assign(ignore=True)
    )
    for dataset in (without, ignored):
        with pytest.raises(InputError, match="no training photo has a box; label some first"):
            train(dataset, smoke_run.val, smoke_run.profile, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_may_start_from_an_earlier_one(smoke_run, tmp_path, monkeypatch):
    """Backbone and pyramid are those of its best checkpoint, the heads are new."""
    arguments = {}
    monkeypatch.setattr(
        training,
        "_run",
        lambda params, profile, *_: arguments.update(params=params, profile=profile),
    )
    monkeypatch.setattr(training, "best_checkpoint", best := MagicMock(side_effect=best_checkpoint))
    with pytest.raises(
        InputError, match="stopped before its first validation"
    ):  # nothing was trained here
        train(
            smoke_run.train,
            None,
            smoke_run.profile.replace(weights=str(smoke_run.run_dir)),
            tmp_path,
        )
    assert best.call_args_list[0].args == (smoke_run.run_dir,)
    checkpoint = best_checkpoint(smoke_run.run_dir)
    assert (
        read_json(tmp_path / "run.json")["profile"]["weights"]
        == arguments["profile"].weights
        == str(checkpoint)
    )
    task = FasterRCNNTask(arguments["params"].task, arguments["profile"])
    model = task.build_model()
    task.initialize(model)
    reader = tf.train.load_checkpoint(str(checkpoint))
    kernels = [
        name for name, shape in reader.get_variable_to_shape_map().items() if len(shape) == 4
    ]
    values = {tuple(reader.get_tensor(name).ravel()[:8]) for name in kernels}
    for part, is_same in ((model.backbone, True), (model.decoder, True), (model.rpn_head, False)):
        kernels = [w.numpy() for w in part.weights if len(w.shape) == 4]
        assert (
            all((tuple(kernel.ravel()[:8]) in values) == is_same for kernel in kernels) and kernels
        )


def test_provenance_names_the_detector_that_a_run_started_with(copied, smoke_run, tmp_path):
    smoke_run.detector.save(tmp_path / "detector")
    run = read_json(copied / "run.json")
    run["profile"]["weights"] = str(tmp_path / "detector")
    write_json(copied / "run.json", run)
    provenance = runs.provenance(copied, best_checkpoint(copied))
    assert provenance["weights"] == smoke_run.detector.name
    assert str(tmp_path) not in json.dumps(provenance)


def test_a_validation_photo_with_too_many_boxes_is_named(smoke_run, no_training, tmp_path):
    val = smoke_run.val
    crowded = val.boxes.iloc[[0] * 101].assign(box_id=range(1000, 1101))
    val = val.with_classes(val.classes, crowded.reset_index(drop=True))
    with pytest.raises(InputError, match=r"\d\.jpg has 101 boxes; Model Garden takes at most 100"):
        train(smoke_run.train, val, smoke_run.profile, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_fewer_photos_than_a_batch_are_refused(smoke_run, no_training, tmp_path):
    with pytest.raises(InputError, match="5 training photos are fewer than a batch of 6"):
        train(smoke_run.train, None, smoke_run.profile.replace(batch_size=6), tmp_path)


def test_the_deepfashion_profile_trains_without_validation(smoke_run, tmp_path):
    """Its configuration except batch size, input size, precision and number of steps."""
    full = profile("deepfashion")
    small = full.replace(batch_size=2, input_size=64, precision="float32", steps=3, report_every=1)
    assert (small.backbone, small.head_convs, small.train_proposals, small.rois) == (
        "resnet-50",
        4,
        1000,
        256,
    )
    checkpoint = train(smoke_run.train, None, small, tmp_path)
    rows = read_history(tmp_path)
    assert [(row["kind"], row["step"]) for row in rows] == [
        ("train", 1),
        ("train", 2),
        ("train", 3),
    ]
    assert all(np.isfinite(row[name]) for row in rows for name in ("total_loss", *TRAINING_METRICS))
    assert rows[0]["rpn_score_loss"] == pytest.approx(np.log(2), rel=0.05), (
        "the loss of an untrained network"
    )
    assert (
        checkpoint.name == "average_weights-3"
        and last_step(checkpoint.parent) == 3
        and not (tmp_path / "best").exists()
    )
    raw, average = (tf.train.load_checkpoint(str(c)) for c in (tmp_path / "ckpt-3", checkpoint))
    kernel = next(
        n
        for n in raw.get_variable_to_shape_map()
        if "rpn_head" in n and n.endswith("kernel/.ATTRIBUTES/VARIABLE_VALUE")
    )
    assert np.abs(raw.get_tensor(kernel) - average.get_tensor(kernel)).max() > 0, (
        "the running average differs"
    )


def test_where_no_validation_detects_anything_the_last_weights_are_taken(copied):
    info = copied / "best" / "info.json"
    info.write_text(json.dumps(read_json(info) | {"AP": 0.0}))
    checkpoint = best_checkpoint(copied)
    assert checkpoint.parent.name == "ema_checkpoints" and last_step(checkpoint.parent) == 40


def test_changed_labels_are_another_run(smoke_run, no_training):
    boxes = smoke_run.train.boxes.assign(label=0)
    changed = type(smoke_run.train)(**vars(smoke_run.train) | {"boxes": boxes})
    with pytest.raises(InputError, match="another labels"):
        train(changed, smoke_run.val, smoke_run.profile, smoke_run.run_dir, smoke_run.seed)


def test_before_a_step_is_trained_a_run_may_be_changed(smoke_run, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="fewer than a batch"):
        train(smoke_run.train, None, smoke_run.profile.replace(batch_size=6), tmp_path)
    monkeypatch.setattr(training, "_run", lambda *_: None)
    monkeypatch.setattr(training, "best_checkpoint", lambda run_dir: run_dir)
    assert train(smoke_run.train, None, smoke_run.profile, tmp_path) == tmp_path
    assert read_json(tmp_path / "run.json")["profile"]["batch_size"] == smoke_run.profile.batch_size


def test_a_folder_of_other_things_is_refused(smoke_run, no_training, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="other things than a run"):
        train(smoke_run.train, None, smoke_run.profile, tmp_path)
    with pytest.raises(InputError, match="another folder"):
        train(smoke_run.train, None, smoke_run.profile, tmp_path / "a,b")
    with pytest.raises(InputError, match="other things than a detector"):
        smoke_run.detector.save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_run_of_version_0_1_0_is_continued(copied, smoke_run, no_training):
    """Its run.json has other names for three fields of the profile, and other descriptions."""
    run = read_json(copied / "run.json")
    profile = run["profile"]
    profile.pop("description")
    profile |= {
        "says": "as it was",
        "colour": profile.pop("color_jitter"),
        "balance": profile.pop("class_balance"),
    }
    (copied / "run.json").write_text(json.dumps(run))
    arguments = (smoke_run.train, smoke_run.val, smoke_run.profile, copied)
    assert train(*arguments, smoke_run.seed) == best_checkpoint(copied)
    assert profile_of(run).replace(description=smoke_run.profile.description) == smoke_run.profile
    run["profile"]["colour"] = 0.9
    (copied / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="another profile"):
        train(*arguments, smoke_run.seed)


def test_a_checkout_that_is_not_installed_records_its_provenance(smoke_run, monkeypatch):
    def version(name):
        if name == "shopee-od":
            raise PackageNotFoundError(name)
        return importlib.metadata.version(name)

    monkeypatch.setattr(runs, "version", version)
    checkpoint = best_checkpoint(smoke_run.run_dir)
    versions = runs.provenance(smoke_run.run_dir, checkpoint)["versions"]
    assert (
        versions["shopee-od"] == shopee_od.__version__ and versions["tensorflow"] == tf.__version__
    )


def test_the_sizes_that_a_data_set_overrides_are_printed(smoke_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "_run", lambda *_: None)
    monkeypatch.setattr(training, "best_checkpoint", lambda run_dir: run_dir)
    monkeypatch.setitem(profiles.DATASET_OVERRIDES, ("smoke", smoke_run.train.name), {"steps": 40})
    train(smoke_run.train, None, smoke_run.profile, tmp_path)
    assert f"smoke has other sizes for {smoke_run.train.name}: steps=40" in capsys.readouterr().err
