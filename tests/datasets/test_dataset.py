import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from shopee_od.datasets import DATASETS, open_dataset
from shopee_od.datasets.dataset import BOX_COLUMNS, IMAGE_COLUMNS, Dataset, Problems
from shopee_od.types import InputError


def image(number, split="train"):
    return {"image_id": number, "path": f"/{number}.jpg", "width": 10, "height": 20, "split": split}


def box(number, image_id, label=0, **more):
    return {"box_id": number, "image_id": image_id, "x1": 1, "y1": 2, "x2": 3, "y2": 4, "label": label} | more


def build(images, boxes, classes=("dress", "skirt")):
    return Dataset.build("toy", "/data", classes, images, boxes)


@pytest.fixture
def dataset():
    images = [image(7), image(3, "val"), image(5), image(9, "test")]
    boxes = [box(0, 7, type="full"), box(1, 5, 1, type="lower"), box(2, 7, 1), box(3, 9, ignore=True)]
    return build(images, boxes)


def test_tables_have_their_columns_and_types(dataset):
    assert dict(dataset.images.dtypes.astype(str)) == IMAGE_COLUMNS
    assert dict(dataset.boxes.dtypes.astype(str)) == BOX_COLUMNS
    assert dataset.boxes.ignore.tolist() == [False, False, False, True]
    assert dataset.boxes.type.tolist() == ["full", "lower", "", ""]
    assert dataset.images.source.tolist() == [""] * 4 and len(dataset) == 4


def test_rows_and_tables_build_the_same(dataset):
    again = build(dataset.images, dataset.boxes)
    pd.testing.assert_frame_equal(again.images, dataset.images)
    pd.testing.assert_frame_equal(again.boxes, dataset.boxes)


@pytest.mark.parametrize(
    "images, boxes, says",
    [
        ([], [], "no photos"),
        ([image(1), image(1)], [], "image_id 1 stands for two"),
        ([image(1)], [box(4, 1), box(4, 1)], "box_id 4 stands for two"),
        ([image(1)], [box(0, 2)], "image_id 2"),
        ([image(1)], [box(0, 1, 2)], "label is outside 0–1"),
        ([image(1)], [box(0, 1, -1)], "label is outside 0–1"),
    ],
)
def test_what_does_not_fit_together_is_refused(images, boxes, says):
    with pytest.raises(InputError, match=says):
        build(images, boxes)


def test_photos_without_boxes_are_fine():
    assert len(build([image(1)], []).boxes) == 0


def test_split(dataset):
    train = dataset.split("train")
    assert train.images.image_id.tolist() == [7, 5] and train.boxes.box_id.tolist() == [0, 1, 2]
    assert dataset.split("all") is dataset
    assert len(dataset.split("val").boxes) == 0
    with pytest.raises(InputError, match=r"no photos in split 'holdout'; it has \['test', 'train', 'val'\]"):
        dataset.split("holdout")


def test_take_keeps_the_order_asked_for(dataset):
    taken = dataset.take([9, 7])
    assert taken.images.image_id.tolist() == [9, 7] and taken.boxes.box_id.tolist() == [0, 2, 3]


def test_sample_is_the_same_for_a_seed(dataset):
    first = dataset.sample(2, seed=4).images.image_id.tolist()
    assert first == dataset.sample(2, seed=4).images.image_id.tolist()
    assert len({tuple(dataset.sample(2, seed=seed).images.image_id) for seed in range(20)}) > 1
    old = dataset.images.image_id.tolist()
    assert sorted(first, key=old.index) == first and dataset.sample(99) is dataset


def test_boxes_of_and_types(dataset):
    assert dataset.boxes_of(7).box_id.tolist() == [0, 2] and len(dataset.boxes_of(3)) == 0
    assert dataset.types == ("full", "lower")


def test_problems_count_and_keep_the_first_places():
    problems = Problems()
    assert not problems and str(problems) == "no problems"
    for row in range(1200):
        problems.add("bad", f"row {row}")
    problems.add("worse", "row 7")
    assert problems.counts == {"bad": 1200, "worse": 1}
    assert str(problems).splitlines()[0].strip() == "1,200 × bad (row 0; row 1; row 2; row 3; row 4; …)"


def test_open_dataset_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no data set 'vogue'; choose from shopsim, ccp, deepfashion, "):
        open_dataset("vogue")
    monkeypatch.setenv("SHOPEE_OD_DATA", str(tmp_path))
    for name, layout in DATASETS.items():
        first = layout.files[0].replace("|", " or ")
        with pytest.raises(InputError, match=rf"{tmp_path}/{layout.folder or name}: no {name} .*{first}.*--data-dir"):
            open_dataset(name)


def test_importing_datasets_is_quick():
    def loaded(statement, *heavy):
        code = f"import sys; {statement}; print(*({set(heavy)} & set(sys.modules)))"
        return subprocess.check_output([sys.executable, "-c", code], text=True).split()

    assert loaded("import shopee_od.datasets", "pandas", "scipy", "PIL", "tensorflow") == []
    assert loaded("from shopee_od.datasets import ccp, coco, deepfashion", "tensorflow", "PIL") == ["PIL"]


def test_counts_to_hold_a_data_set_against_stand_in_its_section_too():
    text = (Path(__file__).parents[2] / "data" / "README.md").read_text(encoding="utf-8")
    for layout in DATASETS.values():
        for number in re.findall(r"\d+,\d+", layout.published):
            assert number in text, layout.says
