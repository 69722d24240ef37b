"""`shopee-od train` with a detector that only records what it is given."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from shopee_od import detectors
from shopee_od.cli import app
from shopee_od.detectors.hog_svm import HOGSVM
from shopee_od.errors import InputError
from shopee_od.profiles import Profile

CHECK = "data-set check of the 5 training photos:"


@dataclass(frozen=True)
class SVMConfig:
    c: float = 0.01


@dataclass(frozen=True)
class FakeConfig:
    epochs: int = 3
    svm: SVMConfig = SVMConfig()


class FakeDetector:
    """Records its config and what `fit` and `save` are called with."""

    name = "fake"
    threshold = 0.25

    def __init__(self, kind, config):
        self.kind = kind
        self.config = config

    def fit(self, train, val, run_dir, seed=0):
        typer.echo("TRAINING")
        self.fitted = (len(train), None if val is None else len(val), run_dir, seed)

    def save(self, directory):
        self.saved = directory


@pytest.fixture
def created(monkeypatch) -> list[FakeDetector]:
    """The detectors that the command creates."""
    models = []

    def create(kind, config):
        models.append(FakeDetector(kind, config))
        return models[-1]

    monkeypatch.setattr(detectors, "create", create)
    monkeypatch.setattr(detectors, "default_config", lambda kind: FakeConfig())
    return models


@pytest.fixture
def train(cuts, tmp_path, monkeypatch):
    """Runs `train` on the small photos; returns what it prints."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments):
        command = ["train", "--dataset", "coco", "--data-dir", str(cuts)]
        command += ["--run", str(tmp_path / "run"), *arguments]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return call


def test_the_data_set_check_is_printed_before_faster_rcnn_trains(created, train, tmp_path):
    output = train("--seed", "7")
    assert output.count(CHECK) == 1
    assert output.index(CHECK) < output.index("WARN  classes") < output.index("TRAINING")
    (model,) = created
    assert model.kind == "faster_rcnn" and model.fitted == (5, 3, tmp_path / "run", 7)
    assert isinstance(model.config, Profile) and model.config.name == "laptop"
    assert model.saved == tmp_path / "run" / "detector"
    assert f"operating threshold 0.25; saved in {Path(tmp_path, 'run', 'detector')}" in output


def test_a_profile_and_its_sizes_reach_faster_rcnn(created, train):
    train("--profile", "smoke", "--set", "steps=9", "--set", "anchor_ratios=0.5,2")
    (model,) = created
    assert (model.config.name, model.config.steps) == ("smoke", 9)
    assert model.config.anchor_ratios == (0.5, 2.0)


@pytest.mark.parametrize("kind", [kind for kind in detectors.KINDS if kind != "faster_rcnn"])
def test_every_stage_is_trained_with_its_own_config(created, train, kind):
    output = train("--detector", kind, "--set", "svm.c=0.02", "--set", "epochs=5")
    (model,) = created
    assert model.kind == kind
    assert model.config == FakeConfig(epochs=5, svm=SVMConfig(c=0.02))
    assert "TRAINING" in output and CHECK not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--detector", "yolo"), "--detector yolo: not known; choose one of sliding_window"),
        (("--detector", "rcnn", "--profile", "laptop"), "only faster_rcnn has profiles"),
        (("--detector", "rcnn", "--dry-run"), "it estimates faster_rcnn only"),
        (("--detector", "rcnn", "--set", "hue=1"), "there is no setting 'hue'"),
        (("--detector", "rcnn", "--set", "svm=1"), "use one of svm.c"),
        (("--set", "name=mine"), "name"),
    ],
)
def test_wrong_combinations_are_refused_before_training(created, train, arguments, message):
    with pytest.raises(InputError) as error:
        train(*arguments)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not created


def test_a_stage_trained_once_is_not_trained_again(train, tmp_path, monkeypatch):
    """The command is repeated as it is: its folder holds the detector of the first time."""
    train("--detector", "sliding_window", "--set", "training.rounds=0")
    monkeypatch.setattr(HOGSVM, "train", lambda *_: pytest.fail("it is trained again"))
    output = train("--detector", "sliding_window", "--set", "training.rounds=0")
    assert f"saved in {tmp_path / 'run' / 'detector'}" in output
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["detector"]
