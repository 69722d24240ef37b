import json

import pytest

from shopee_od.garden import experiment as module
from shopee_od.garden.backbones import BACKBONES
from shopee_od.garden.experiment import check, experiment
from shopee_od.profiles import PROFILES, profile
from shopee_od.types import InputError

CLASSES = ("cap", "jacket", "skirt")


def refused(said, a_profile="laptop", classes=CLASSES, labels=(0, 2), most_boxes=3, **changes):
    with pytest.raises(InputError, match=said) as error:
        check(profile(a_profile).with_(**changes), classes, labels, most_boxes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", PROFILES)
def test_what_can_work_is_not_refused(name):
    check(profile(name), CLASSES, (0, 1, 2), module.MAX_BOXES)


def test_a_bad_size_is_refused():
    refused("input_size 224 is not a multiple of 64", "gpu", input_size=224)


def test_levels_that_the_backbone_does_not_carry_are_refused():
    refused("efficientnet-lite0 carries levels up to 5, not 6; lower max_level", max_level=6, input_size=384)
    refused("resnet-50 carries levels up to 6, not 7", "gpu", max_level=7)


def test_an_unknown_backbone_is_refused():
    refused("backbone 'vgg-16' is not known; choose one of efficientnet-lite0, resnet-18", backbone="vgg-16")


def test_bad_classes_and_labels_are_refused():
    refused("no classes; a detector needs at least one", classes=())
    refused("class 'cap' stands twice", classes=("cap", "skirt", "cap"))
    refused("label 3 is out of range; there are 3 classes, 0–2", labels=(0, 3))
    refused("label -1 is out of range", labels=(-1,))


def test_more_boxes_than_model_garden_keeps_are_refused():
    refused("a photo has 101 boxes; Model Garden takes at most 100", most_boxes=101)


def test_missing_weights_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LITE0", tmp_path / "none.npz")
    refused("none.npz: the pretrained weights are missing; reinstall shopee-od")
    check(profile("gpu"), CLASSES, (), 0)  # its backbone starts from scratch


@pytest.mark.parametrize("name", PROFILES)
def test_the_configuration_is_the_profiles(name):
    wanted = profile(name)
    params = experiment(wanted, CLASSES, (wanted.input_size, wanted.input_size), "a/*", "b/*", seed=5)
    params.validate()
    task, trainer = params.task, params.trainer
    assert task.model.num_classes == len(CLASSES) + 1
    assert task.model.input_size == [wanted.input_size, wanted.input_size, 3]
    assert (task.model.min_level, task.model.max_level) == (wanted.min_level, wanted.max_level)
    assert task.model.backbone.type == BACKBONES[wanted.backbone].config["type"]
    assert task.model.roi_generator.num_proposals == wanted.train_proposals
    assert task.model.roi_generator.test_num_proposals == wanted.proposals
    assert task.model.roi_sampler.num_sampled_rois == wanted.rois
    assert (trainer.train_steps, trainer.validation_interval) == (wanted.steps, wanted.validate_every)
    assert trainer.optimizer_config.optimizer.type == wanted.optimizer
    assert trainer.optimizer_config.learning_rate.cosine.initial_learning_rate == wanted.learning_rate
    assert params.runtime.mixed_precision_dtype == wanted.precision
    assert (task.train_data.input_path, task.validation_data.input_path) == ("a/*", "b/*")
    assert task.train_data.global_batch_size == task.validation_data.global_batch_size == wanted.batch_size
    assert task.train_data.seed == 5 and task.train_data.dtype == "float32"
    assert task.train_data.parser.aug_rand_hflip and not task.validation_data.parser.aug_rand_hflip


@pytest.mark.parametrize("name", PROFILES)
def test_nothing_lies_on_googles_storage(name):
    params = experiment(profile(name), CLASSES, (64, 64))
    assert params.task.init_checkpoint is None
    assert "gs://" not in json.dumps(params.as_dict(), default=str)


def test_steps_between_reports_and_checkpoints():
    trainer = experiment(profile("laptop"), CLASSES, (352, 352)).trainer
    assert trainer.checkpoint_interval % trainer.steps_per_loop == 0 and trainer.checkpoint_interval <= 100
    short = experiment(profile("laptop").with_(steps=5), CLASSES, (352, 352)).trainer
    assert short.steps_per_loop == short.validation_interval == short.checkpoint_interval == 5


def test_several_gpus_mirror_and_one_does_not():
    one, two = (experiment(profile("gpu"), CLASSES, (512, 512), gpus=n).runtime for n in (1, 2))
    assert (one.distribution_strategy, one.num_gpus) == ("one_device", 1)
    assert (two.distribution_strategy, two.num_gpus) == ("mirrored", 2)


def test_without_validation_no_best_checkpoint_is_kept():
    trainer = experiment(profile("smoke"), CLASSES, (64, 64), validate=False).trainer
    assert trainer.best_checkpoint_export_subdir == trainer.best_checkpoint_eval_metric == ""
