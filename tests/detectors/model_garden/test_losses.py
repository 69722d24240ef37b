import numpy as np
import pytest

from shopee_od.detectors.model_garden.losses import TrainedWeights, measure_losses
from shopee_od.detectors.model_garden.progress import TRAINING_METRICS, read_history
from shopee_od.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(smoke_run) -> TrainedWeights:
    return TrainedWeights.open(smoke_run.run_dir)


@pytest.fixture(scope="module")
def losses(weights, smoke_run) -> dict[str, float]:
    return measure_losses(weights, smoke_run.val, progress=False)


def test_the_losses_of_the_best_checkpoint_are_those_of_its_validation(losses, smoke_run):
    """But for the sample of anchors and RoIs, and for the weights of the classes."""
    best_step = smoke_run.detector.metadata["best_step"]
    [row] = [
        row
        for row in read_history(smoke_run.run_dir)
        if row["kind"] == "val" and row["step"] == best_step
    ]
    assert list(losses) == list(TRAINING_METRICS)
    assert losses["rpn_box_loss"] == pytest.approx(row["rpn_box_loss"], rel=1e-3)
    assert losses["rpn_score_loss"] == pytest.approx(row["rpn_score_loss"], rel=0.1)
    assert losses["roi_accuracy"] == pytest.approx(row["roi_accuracy"], abs=0.15)
    assert all(np.isfinite(value) and value >= 0 for value in losses.values())


def test_the_same_seed_samples_the_same_anchors_and_rois(losses, weights, smoke_run):
    again = measure_losses(weights, smoke_run.val, progress=False)
    assert again == pytest.approx(losses, rel=1e-5)
    other = measure_losses(weights, smoke_run.val, seed=1, progress=False)
    assert other["rpn_score_loss"] != pytest.approx(losses["rpn_score_loss"], rel=1e-5)
    assert other["rpn_box_loss"] == pytest.approx(losses["rpn_box_loss"], rel=1e-5)


def test_a_saved_detector_has_the_losses_of_its_checkpoint(losses, smoke_run, tmp_path):
    """Its kernels are rounded to int8."""
    smoke_run.detector.save(tmp_path / "detector")
    saved = TrainedWeights.open(tmp_path / "detector")
    assert saved.canvas == TrainedWeights.open(smoke_run.run_dir).canvas
    values = measure_losses(saved, smoke_run.val, progress=False)
    for name in ("rpn_score_loss", "rpn_box_loss", "frcnn_cls_loss"):
        assert values[name] == pytest.approx(losses[name], rel=0.2), name


def test_images_of_other_classes_are_refused(weights, smoke_run):
    val = smoke_run.val
    other = val.with_classes(("hat", "coat"), val.boxes)
    with pytest.raises(InputError, match="has other classes than those that it was trained on"):
        measure_losses(weights, other, progress=False)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match="name the folder of a run, or of a saved Faster R-CNN"):
        TrainedWeights.open(tmp_path)
