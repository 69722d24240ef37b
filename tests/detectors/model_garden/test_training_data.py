import pytest

from shopee_od.detectors.model_garden import training_data

pytestmark = pytest.mark.slow


def test_photos_that_show_no_garment_are_trained_on(smoke_run):
    data = smoke_run.train
    first, second, *_ = data.images.image_id
    boxes = data.boxes[data.boxes.image_id != first]
    boxes = boxes.assign(ignore=boxes.image_id == second)
    data = type(data)(**vars(data) | {"boxes": boxes})
    selected = set(training_data.select_training_images(data).images.image_id)
    assert first in selected  # nothing is in it
    assert second not in selected  # something is, but not labeled to train on


def test_each_source_gives_equally_many_images_to_validate_on(smoke_run):
    data = smoke_run.train  # five images
    joint = type(data)(
        **vars(data) | {"images": data.images.assign(dataset=["street"] + ["home"] * 4)}
    )

    def count(val_photos):
        profile = smoke_run.profile.replace(val_photos=val_photos)
        images = training_data.select_validation_images(joint, profile).images
        return dict(images.dataset.value_counts())

    assert count(2) == {"street": 1, "home": 1}
    assert count(4) == {"street": 1, "home": 3}, "what one lacks, the other gives"
    assert count(9) == {"street": 1, "home": 4}


def test_each_source_has_records_of_its_own(smoke_run, tmp_path):
    data = smoke_run.train
    names = ["street"] * 2 + ["home"] * (len(data) - 2)
    joint = type(data)(**vars(data) | {"images": data.images.assign(dataset=names)})
    street, home = training_data.convert_by_source(joint, tmp_path / "records")
    assert (street.photos, home.photos) == (2, len(data) - 2)
    assert "street" in street.pattern and "home" in home.pattern
    assert len(training_data.convert_by_source(data, tmp_path / "one")) == 1


def test_a_validation_split_without_boxes_is_not_used(smoke_run):
    empty = type(smoke_run.val)(**vars(smoke_run.val) | {"boxes": smoke_run.val.boxes.iloc[:0]})
    assert training_data.select_validation_images(empty, smoke_run.profile) is None
    assert len(training_data.select_validation_images(smoke_run.val, smoke_run.profile)) == 3
