"""A training killed in the middle."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

TRAIN = """
import sys
from pathlib import Path
from shopee_od.datasets.coco import read_coco
from shopee_od.garden.runs import profile_of
from shopee_od.garden.train import train
from shopee_od.paths import read_json

cuts, like, run_dir = map(Path, sys.argv[1:])
run, data = read_json(like / "run.json"), read_coco(cuts)
train(data.split("train"), data.split("val"), profile_of(run), run_dir, run["seed"])
"""


@pytest.fixture(scope="session")
def killed_run(smoke_run, cuts, tmp_path_factory) -> SimpleNamespace:
    """run_dir: what `kill -9` left of a training configured as `smoke_run`; rows: its history up to its checkpoint."""
    from shopee_od.garden.progress import read_history

    run_dir = tmp_path_factory.mktemp("killed")
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}
    with (run_dir.parent / "killed.log").open("w+") as log:
        training = subprocess.Popen(
            [sys.executable, "-c", TRAIN, cuts, smoke_run.run_dir, run_dir], env=env, stdout=log, stderr=log
        )
        state, deadline = run_dir / "checkpoint", time.monotonic() + 400
        while not (state.is_file() and "ckpt-24" in state.read_text()):
            assert training.poll() is None and time.monotonic() < deadline, log.seek(0) or log.read()
            time.sleep(0.02)
        training.kill()
        assert training.wait() == -9, "it ended before it could be killed"
    return SimpleNamespace(run_dir=run_dir, rows=[r for r in read_history(run_dir) if r["step"] <= 24])
