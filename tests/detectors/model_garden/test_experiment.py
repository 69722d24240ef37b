import json

import pytest

from shopee_od.augmentation import Augmentation
from shopee_od.backbones import BACKBONES, weights
from shopee_od.detectors.model_garden import experiment as module
from shopee_od.detectors.model_garden.experiment import build_experiment
from shopee_od.detectors.model_garden.experiment_check import check_experiment
from shopee_od.errors import InputError
from shopee_od.profiles import PROFILES, profile

pytestmark = pytest.mark.slow

CLASSES = ("cap", "jacket", "skirt")


def refuses(message, name="laptop", classes=CLASSES, max_boxes=3, **changes):
    with pytest.raises(InputError, match=message) as error:
        check_experiment(profile(name).replace(**changes), classes, max_boxes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", PROFILES)
def test_what_can_work_is_not_refused(name):
    check_experiment(profile(name), CLASSES, module.MAX_BOXES)


def test_a_bad_size_is_refused():
    refuses("input_size 224 is not a multiple of 64", "gpu", input_size=224)


def test_levels_that_the_backbone_does_not_have_are_refused():
    refuses(
        "efficientnet-lite0 has levels up to 5, not 6; lower max_level",
        max_level=6,
        input_size=384,
    )
    refuses("resnet-50 has levels up to 6, not 7", "gpu", max_level=7)


def test_an_unknown_backbone_is_refused():
    refuses(
        "backbone 'vgg-16' is not known; choose one of efficientnet-lite0, ",
        backbone="vgg-16",
    )


def test_bad_classes_are_refused():
    refuses("no classes; a detector needs at least one", classes=())
    refuses("class 'cap' is listed twice", classes=("cap", "skirt", "cap"))


def test_more_boxes_than_model_garden_keeps_are_refused():
    refuses("a photo has 101 boxes; Model Garden takes at most 100", max_boxes=101)


def test_missing_weights_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "EFFICIENTNET_LITE0", tmp_path / "none.npz")
    refuses("none.npz: the pretrained weights are missing; reinstall shopee-od")
    check_experiment(profile("gpu"), CLASSES, 0)  # its backbone starts from scratch


def test_a_backbone_starts_from_the_weights_of_its_own_file(tmp_path):
    file = tmp_path / "lite1.npz"
    refuses("lite1.npz: the pretrained weights are missing", weights=str(file))
    file.write_bytes(b"")
    card = {"name": "Lite1", "backbone": "efficientnet-lite1", "sha256": ""}
    file.with_suffix(".json").write_text(json.dumps(card))
    refuses("weights of efficientnet-lite1, not efficientnet-lite0", weights=str(file))
    refuses("frozen_level 2 with efficientnet-lite1", backbone="efficientnet-lite1")
    lite1 = profile("laptop").replace(backbone="efficientnet-lite1", weights=str(file))
    check_experiment(lite1, CLASSES, max_boxes=0)
    assert build_experiment(lite1, CLASSES, (64, 64)).task.init_checkpoint is None


@pytest.mark.parametrize("name", PROFILES)
def test_the_configuration_follows_the_profile(name):
    sizes = profile(name)
    params = build_experiment(
        sizes, CLASSES, (sizes.input_size, sizes.input_size), "a/*", "b/*", seed=5
    )
    params.validate()
    task, trainer = params.task, params.trainer
    assert task.model.num_classes == len(CLASSES) + 1
    assert task.model.input_size == [sizes.input_size, sizes.input_size, 3]
    assert (task.model.min_level, task.model.max_level) == (sizes.min_level, sizes.max_level)
    assert task.model.backbone.type == BACKBONES[sizes.backbone].config["type"]
    assert task.model.roi_generator.num_proposals == sizes.train_proposals
    assert task.model.roi_generator.test_num_proposals == sizes.proposals
    assert task.model.roi_sampler.num_sampled_rois == sizes.rois
    assert (trainer.train_steps, trainer.validation_interval) == (
        sizes.steps,
        sizes.validate_every,
    )
    assert trainer.optimizer_config.optimizer.type == sizes.optimizer
    assert (
        trainer.optimizer_config.learning_rate.cosine.initial_learning_rate == sizes.learning_rate
    )
    assert params.runtime.mixed_precision_dtype == sizes.precision
    assert (task.train_data.input_path, task.validation_data.input_path) == ("a/*", "b/*")
    assert (
        task.train_data.global_batch_size
        == task.validation_data.global_batch_size
        == sizes.batch_size
    )
    detections = task.model.detection_generator
    assert (detections.nms_iou_threshold, detections.pre_nms_score_threshold) == (
        module.NMS_IOU,
        module.SCORE_FLOOR,
    )
    assert task.train_data.seed == 5 and task.train_data.dtype == "float32"
    assert task.train_data.parser.aug_rand_hflip and not task.validation_data.parser.aug_rand_hflip


@pytest.mark.parametrize("name", PROFILES)
def test_nothing_is_read_from_googles_storage(name):
    params = build_experiment(profile(name), CLASSES, (64, 64))
    assert params.task.init_checkpoint is None
    assert "gs://" not in json.dumps(params.as_dict(), default=str)


def test_steps_between_reports_and_checkpoints():
    trainer = build_experiment(profile("laptop"), CLASSES, (352, 352)).trainer
    assert (
        trainer.checkpoint_interval % trainer.steps_per_loop == 0
        and trainer.checkpoint_interval <= 100
    )
    short = build_experiment(profile("laptop").replace(steps=5), CLASSES, (352, 352)).trainer
    assert short.steps_per_loop == short.validation_interval == short.checkpoint_interval == 5


def test_several_gpus_mirror_and_one_does_not():
    one, two = (
        build_experiment(profile("gpu"), CLASSES, (512, 512), gpus=n).runtime for n in (1, 2)
    )
    assert (one.distribution_strategy, one.num_gpus) == ("one_device", 1)
    assert (two.distribution_strategy, two.num_gpus) == ("mirrored", 2)


def test_without_validation_no_best_checkpoint_is_kept():
    trainer = build_experiment(profile("smoke"), CLASSES, (64, 64), validate=False).trainer
    assert trainer.best_checkpoint_export_subdir == trainer.best_checkpoint_eval_metric == ""


def test_shares_of_augmented_images_are_checked():
    refuses("augmentation.collages is 1.5; use a share", augmentation=Augmentation(collages=1.5))
    refuses("are 1.2 together; use shares", augmentation=Augmentation(collages=0.6, sheets=0.6))
