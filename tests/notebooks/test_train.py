"""Notebook 07: the training step on its page is the one that Model Garden runs."""

import numpy as np
import pytest
from course import find_notebook, load_functions

pytestmark = pytest.mark.slow

NOTEBOOK = find_notebook("07_train")
CANVAS = (64, 64)


@pytest.fixture(scope="module")
def experiment(cuts, tmp_path_factory):
    """The smoke profile's task on a few photos, its parameters, and a batch of records."""
    from shopee_od import profiles
    from shopee_od.datasets.coco import read_coco
    from shopee_od.datasets.tfrecord import convert
    from shopee_od.detectors.model_garden.experiment import build_experiment
    from shopee_od.detectors.model_garden.task import FasterRCNNTask

    train = read_coco(cuts).split("train")
    profile = profiles.profile("smoke")
    records = convert(train, tmp_path_factory.mktemp("records"), progress=False)
    params = build_experiment(profile, train.classes, CANVAS, records.pattern)
    task = FasterRCNNTask(params.task, profile)
    return task, params, next(iter(task.build_inputs(params.task.train_data)))


@pytest.fixture
def new_model(experiment):
    """Builds the same network and optimizer in each call."""
    import tf_keras

    task, params, _ = experiment

    def build():
        tf_keras.utils.set_random_seed(0)
        model = task.build_model()
        task.initialize(model)
        optimizer = task.create_optimizer(params.trainer.optimizer_config)
        optimizer.shadow_copy(model)
        tf_keras.utils.set_random_seed(1)  # of what the step samples
        return model, optimizer

    return build


def test_its_training_step_changes_the_weights_as_model_gardens(experiment, new_model):
    task, _, inputs = experiment
    model, optimizer = new_model()
    names = {"task": task, "model": model, "optimizer": optimizer}
    page = load_functions(NOTEBOOK, "forward", "train_step", **names)
    before = [variable.numpy() for variable in model.trainable_variables]
    losses = page["train_step"](*task.prepare_batch(inputs, training=True))
    ours = [variable.numpy() for variable in model.trainable_variables]
    model, optimizer = new_model()
    logs = task.train_step(inputs, model, optimizer)
    np.testing.assert_allclose(losses["total_loss"], logs[task.loss], rtol=1e-5)
    changed = 0
    for old, new, variable in zip(before, ours, model.trainable_variables, strict=True):
        np.testing.assert_allclose(new, variable.numpy(), rtol=1e-4, atol=1e-6)
        changed += (new != old).any()
    assert changed > 0.9 * len(before)


def test_its_losses_by_hand_are_model_gardens(experiment, new_model):
    from official.vision.losses.maskrcnn_losses import RpnBoxLoss, RpnScoreLoss

    task, params, inputs = experiment
    model, _ = new_model()
    page = load_functions(NOTEBOOK, "forward", "huber", "join", model=model, levels=[3, 4, 5])
    images, labels = task.prepare_batch(inputs, training=True)
    outputs = page["forward"](images, labels)
    logits = page["join"](outputs["rpn_scores"])
    y = page["join"](labels["rpn_score_targets"])
    cross_entropy = np.log1p(np.exp(np.where(y == 1, -logits, logits)))
    sampled = params.task.train_data.parser.rpn_batch_size_per_im
    expected = RpnScoreLoss(sampled)(outputs["rpn_scores"], labels["rpn_score_targets"])
    objectness = cross_entropy[y >= 0].sum() / (sampled * len(images))
    assert objectness == pytest.approx(float(expected), rel=1e-4)
    delta = params.task.losses.rpn_huber_loss_delta
    assert delta == pytest.approx(1 / 9) and params.task.losses.frcnn_huber_loss_delta == 1
    loss = 0
    for level in "345":
        targets = np.reshape(labels["rpn_box_targets"][level], (-1, 4))
        deltas = np.reshape(outputs["rpn_boxes"][level], (-1, 4))
        foreground = targets.any(axis=1)
        errors = (deltas - targets)[foreground]
        loss += page["huber"](errors, delta).sum() / (4 * foreground.sum() + 0.01)
    expected = RpnBoxLoss(delta)(outputs["rpn_boxes"], labels["rpn_box_targets"])
    assert loss == pytest.approx(float(expected), rel=1e-4)
