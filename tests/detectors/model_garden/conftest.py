"""A training that is killed in the middle; the network that a training has made."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

NOISE = [(96, 96), (150, 100), (100, 150), (97, 131), (40, 300)]

TRAIN = """
import sys
from pathlib import Path
from shopee_od.datasets.coco import read_coco
from shopee_od.detectors.model_garden.runs import profile_of
from shopee_od.detectors.model_garden.train import train
from shopee_od.io import read_json

cuts, original, run_dir = map(Path, sys.argv[1:])
run = read_json(original / "run.json")
data = read_coco(cuts)
train(data.split("train"), data.split("val"), profile_of(run), run_dir, run["seed"])
"""


@pytest.fixture(scope="session")
def killed_run(smoke_run, cuts, tmp_path_factory) -> SimpleNamespace:
    """run_dir of a training like `smoke_run` after `kill -9`; rows of its history up to step 24."""
    from shopee_od.detectors.model_garden.progress import read_history

    run_dir = tmp_path_factory.mktemp("killed")
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}
    with (run_dir.parent / "killed.log").open("w+") as log:
        training = subprocess.Popen(
            [sys.executable, "-c", TRAIN, cuts, smoke_run.run_dir, run_dir],
            env=env,
            stdout=log,
            stderr=log,
        )
        state = run_dir / "checkpoint"
        deadline = time.monotonic() + 400
        while not (state.is_file() and "ckpt-24" in state.read_text()):
            assert training.poll() is None and time.monotonic() < deadline, (
                log.seek(0) or log.read()
            )
            time.sleep(0.02)
        training.kill()
        assert training.wait() == -9, "it ended before it could be killed"
    rows = [row for row in read_history(run_dir) if row["step"] <= 24]
    return SimpleNamespace(run_dir=run_dir, rows=rows)


@pytest.fixture(scope="session")
def trained_network(smoke_run):
    """The ExportedNetwork of `smoke_run`'s best checkpoint; its `model` is Model Garden's."""
    from shopee_od.detectors.model_garden.export import ExportedNetwork
    from shopee_od.detectors.model_garden.train import best_checkpoint

    detector = smoke_run.detector
    canvases = detector.info.inference["canvases"]
    network = ExportedNetwork(smoke_run.profile, detector.classes, canvases)
    network.restore(best_checkpoint(smoke_run.run_dir))
    return network


@pytest.fixture(scope="session")
def photos(smoke_run):
    """Eight photos of 6 shapes and five of noise, on three canvases."""
    from shopee_od.datasets.photos import read_photo

    paths = [*smoke_run.train.images.path, *smoke_run.val.images.path]
    rng = np.random.default_rng(0)
    return [read_photo(path) for path in paths] + [
        rng.integers(0, 256, (*size, 3), np.uint8) for size in NOISE
    ]
