import re
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pandas as pd
import pytest

from shopee_od.datasets import DATASETS, open_dataset
from shopee_od.datasets.dataset import BOX_COLUMNS, IMAGE_COLUMNS, Dataset
from shopee_od.datasets.problems import ProblemLog, Problems
from shopee_od.datasets.summary import decode_all
from shopee_od.errors import InputError


def image(number, split="train"):
    return {"image_id": number, "path": f"/{number}.jpg", "width": 10, "height": 20, "split": split}


def box(number, image_id, label=0, **more):
    return {
        "box_id": number,
        "image_id": image_id,
        "x1": 1,
        "y1": 2,
        "x2": 3,
        "y2": 4,
        "label": label,
    } | more


def build(images, boxes, classes=("dress", "skirt")):
    return Dataset.build("toy", "/data", classes, images, boxes)


@pytest.fixture
def dataset():
    images = [image(7), image(3, "val"), image(5), image(9, "test")]
    boxes = [
        box(0, 7, type="full"),
        box(1, 5, 1, type="lower"),
        box(2, 7, 1),
        box(3, 9, ignore=True),
    ]
    return build(images, boxes)


def test_tables_have_their_columns_and_types(dataset):
    assert dict(dataset.images.dtypes.astype(str)) == IMAGE_COLUMNS
    assert dict(dataset.boxes.dtypes.astype(str)) == BOX_COLUMNS
    assert dataset.boxes.ignore.tolist() == [False, False, False, True]
    assert dataset.boxes.certain.all()
    assert dataset.boxes.type.tolist() == ["full", "lower", "", ""]
    assert dataset.images.source.tolist() == [""] * 4 and len(dataset) == 4


def test_photos_name_their_data_set_which_is_no_part_of_the_fingerprint(dataset):
    assert dataset.images.dataset.tolist() == ["toy"] * 4
    other = build(dataset.images.assign(dataset="other"), dataset.boxes)
    assert other.images.dataset.tolist() == ["other"] * 4
    assert other.fingerprint() == dataset.fingerprint()


def test_rows_and_tables_build_the_same(dataset):
    again = build(dataset.images, dataset.boxes)
    pd.testing.assert_frame_equal(again.images, dataset.images)
    pd.testing.assert_frame_equal(again.boxes, dataset.boxes)


@pytest.mark.parametrize(
    "images, boxes, message",
    [
        ([], [], "no photos"),
        ([image(1), image(1)], [], "image_id 1 is used for two"),
        ([image(1)], [box(4, 1), box(4, 1)], "box_id 4 is used for two"),
        ([image(1)], [box(0, 2)], "image_id 2"),
        ([image(1)], [box(0, 1, 2)], "label is outside 0–1"),
        ([image(1)], [box(0, 1, -1)], "label is outside 0–1"),
    ],
)
def test_inconsistent_tables_are_refused(images, boxes, message):
    with pytest.raises(InputError, match=message):
        build(images, boxes)


def test_photos_without_boxes_are_fine():
    assert len(build([image(1)], []).boxes) == 0


def test_split(dataset):
    train = dataset.split("train")
    assert train.images.image_id.tolist() == [7, 5] and train.boxes.box_id.tolist() == [0, 1, 2]
    assert dataset.split("all") is dataset
    assert len(dataset.split("val").boxes) == 0
    with pytest.raises(
        InputError, match=r"no photos in split 'holdout'; it has \['test', 'train', 'val'\]"
    ):
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


@pytest.fixture
def coarse():
    """Four boxes: a top, a top or shirt, a shirt or dress to be ignored, and any of the three."""
    boxes = [
        box(0, 1, type="upper"),
        box(1, 1, 3, type="upper"),
        box(2, 2, 4, type="full", ignore=True),
        box(3, 2, 5, type=""),
    ]
    classes, labels = ("top", "shirt", "dress"), ((0, 1), (1, 2), (0, 1, 2))
    return Dataset.build("toy", "/data", classes, [image(1), image(2)], boxes, None, labels)


def test_coarse_labels_have_names_and_types(coarse):
    assert coarse.label_names == (*coarse.classes, "top or shirt", "shirt or dress", "any class")
    assert coarse.types == ("upper", "upper", "")  # the ignored box tells nothing of dresses
    assert coarse.sample(1).coarse_labels == coarse.coarse_labels
    assert coarse.take([2]).boxes.label.tolist() == [4, 5]


def test_without_coarse_labels_their_boxes_are_ignored(coarse):
    plain = coarse.without_coarse_labels()
    assert plain.boxes.label.tolist() == [0, 0, 1, 0] and plain.label_names == coarse.classes
    assert plain.boxes.ignore.tolist() == [False, True, True, True]
    assert dict(plain.boxes.dtypes.astype(str)) == BOX_COLUMNS
    assert plain.without_coarse_labels() is plain and len(plain.with_boxes()) == 1


def test_other_classes_have_other_coarse_labels(coarse):
    boxes = coarse.boxes.assign(label=[0, 1, 1, 2])
    assert coarse.with_classes(("upper", "full"), boxes).coarse_labels == ()
    labeled = coarse.with_classes(("upper", "full"), boxes, coarse_labels=((0, 1),))
    assert labeled.label_names == ("upper", "full", "any class")


def test_problems_are_counted_with_the_first_examples():
    assert not Problems() and str(Problems()) == "no problems"
    log = ProblemLog()
    for row in range(1200):
        log.add("bad", f"row {row}")
    log.add("worse", "row 7")
    problems = log.freeze()
    assert problems.counts == {"bad": 1200, "worse": 1}
    assert (
        str(problems).splitlines()[0].strip()
        == "1,200 × bad (row 0; row 1; row 2; row 3; row 4; …)"
    )


def test_problems_are_immutable_once_frozen():
    log = ProblemLog()
    log.add("bad", "row 1")
    problems = log.freeze()
    log.add("bad", "row 2")
    ProblemLog(problems).add("bad", "row 3")
    problems.counts.clear()
    problems.examples["bad"].clear()
    assert problems.counts == {"bad": 1} and problems.examples == {"bad": ["row 1"]}
    with pytest.raises(FrozenInstanceError):
        problems.entries = ()  # type: ignore[misc]


def test_problems_of_rows():
    log = ProblemLog(Problems())
    log.add_rows("bad", [False, True, True], "row {}".format)
    log.add_rows("none", [False], "row {}".format)
    assert log.freeze().examples == {"bad": ["row 1", "row 2"]}


def test_a_data_set_keeps_the_problems_it_was_built_with():
    log = ProblemLog()
    log.add("bad", "row 1")
    dataset = Dataset.build("toy", "/data", ("dress",), [image(1)], [], log)
    log.add("bad", "row 2")
    assert dataset.problems.counts == {"bad": 1}


def test_photos_that_cannot_be_decoded_are_counted_in_a_new_data_set(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"no photo")
    log = ProblemLog()
    log.add("bad", "row 1")
    row = image(1) | {"path": str(tmp_path / "1.jpg")}
    dataset = Dataset.build("toy", tmp_path, ("dress",), [row], [], log)
    for _ in range(2):
        decoded = decode_all(dataset)
        broken = "photo broken: left out of records and figures"
        assert decoded.problems.counts == {"bad": 1, broken: 1}
    assert dataset.problems.counts == {"bad": 1} and decoded.images is dataset.images


def test_boxes_that_are_ignored_or_crowds_do_not_count():
    boxes = [box(0, 1), box(1, 1, ignore=True), box(2, 1, iscrowd=True), box(3, 2, ignore=True)]
    dataset = build([image(1), image(2)], boxes)
    assert dataset.counted_mask.tolist() == [True, False, False, False]
    assert dataset.counted_boxes_of(1).box_id.tolist() == [0]
    assert dataset.with_boxes().images.image_id.tolist() == [1]
    assert dataset.drop([1]).images.image_id.tolist() == [2]
    with pytest.raises(InputError, match="no training photo has a box; label some first"):
        dataset.drop([1]).with_boxes()


def test_a_photo_that_lost_a_label_gets_a_box_over_all_of_it():
    log = ProblemLog()
    for image_id in (2, 2, 3, 99):  # 99 is left out for another reason
        log.add("box damaged: dropped", f"row {image_id}", image_id)
    images, boxes = [image(1), image(2), image(3)], [box(8, 2, 1)]
    dataset = Dataset.build("toy", "/data", ("dress", "skirt"), images, boxes, log)
    assert dataset.boxes.image_id.tolist() == [2, 2, 3]
    assert dataset.boxes.box_id.tolist() == [8, 9, 10]
    assert dataset.boxes[["x1", "y1", "x2", "y2"]].iloc[1:].to_numpy().tolist() == (
        [[0, 0, 10, 20]] * 2
    )
    assert dataset.any_class_mask.tolist() == [False, True, True]
    assert dataset.counted_mask.tolist() == [True, False, False]
    assert dict(dataset.boxes.dtypes.astype(str)) == BOX_COLUMNS
    assert dataset.types == ("", "") and dataset.count_boxes().tolist() == [0, 1]
    assert dataset.with_boxes().images.image_id.tolist() == [2]
    again = Dataset.build("toy", "/data", dataset.classes, images, dataset.boxes)
    assert again.fingerprint() == dataset.fingerprint()
    without_classes = Dataset.build("toy", "/data", (), images, [], log)
    assert len(without_classes.boxes) == 0


def test_counts_are_of_counted_boxes(coarse):
    assert coarse.count_boxes().tolist() == pytest.approx([1 + 1 / 2 + 1 / 3, 1 / 2 + 1 / 3, 1 / 3])


def test_uncertain_boxes_count_and_change_the_fingerprint():
    sure = build([image(1)], [box(0, 1)])
    unsure = build([image(1)], [box(0, 1, certain=False)])
    assert unsure.counted_mask.all() and unsure.boxes.certain.tolist() == [False]
    assert sure.fingerprint() == build([image(1)], [box(0, 1, certain=True)]).fingerprint()
    assert sure.fingerprint() != unsure.fingerprint()


def test_open_dataset_names_what_is_missing_and_the_fix(tmp_path, monkeypatch):
    with pytest.raises(
        InputError, match="no data set 'vogue'; choose from shopsim, ccp, clothing, "
    ):
        open_dataset("vogue")
    monkeypatch.setenv("SHOPEE_OD_DATA", str(tmp_path))
    for name, layout in DATASETS.items():
        first = layout.files[0].replace("|", " or ")
        with pytest.raises(
            InputError,
            match=rf"{tmp_path}/{layout.folder or name}: no {name} .*{first}.*--data-dir",
        ):
            open_dataset(name)


def test_importing_datasets_is_quick():
    def loaded(statement, *heavy):
        code = f"import sys; {statement}; print(*({set(heavy)} & set(sys.modules)))"
        return subprocess.check_output([sys.executable, "-c", code], text=True).split()

    assert loaded("import shopee_od.datasets", "pandas", "scipy", "PIL", "tensorflow") == []
    assert loaded("from shopee_od.datasets import ccp, coco, deepfashion", "tensorflow", "PIL") == [
        "PIL"
    ]


def test_published_counts_are_in_data_readme_too():
    text = (Path(__file__).parents[2] / "data" / "README.md").read_text(encoding="utf-8")
    for layout in DATASETS.values():
        for number in re.findall(r"\d+,\d+", layout.published):
            assert number in text, layout.description
