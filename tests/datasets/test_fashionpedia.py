import json

import pytest
from coco_files import box, image, write_coco

from shopee_od.datasets.fashionpedia import CLASSES, TRAIN_FILE, VAL_FILE, read_fashionpedia
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError


def test_ids_start_at_0_and_both_files_count_their_own(tmp_path, own_cache):
    names = [*CLASSES, "glasses", "sleeve"]
    train = [box(0, 0, 0), box(1, 1, 10), box(2, 1, 14)]
    write_coco(tmp_path, TRAIN_FILE, "train", [image(0), image(1)], train, names)
    write_coco(tmp_path, VAL_FILE, "test", [image(0)], [box(0, 0, 12, ignore=1)], names)
    read = read_fashionpedia(tmp_path)
    assert read.classes == tuple(CLASSES)
    assert read.images.split.tolist() == ["train", "val", "test"]
    assert [read.classes[k] for k in read.boxes.label] == ["shirt, blouse", "dress", "cape"]
    assert read.boxes.image_id.tolist() == [0, 1, 2]
    assert read.boxes.ignore.tolist() == [False, False, True]
    assert read.images.path.iloc[2] == str(tmp_path / "test" / "0000000.jpg")
    assert read.boxes.type.tolist() == ["upper", "full", "upper"]


def test_a_bad_box_is_named_by_its_position_in_the_file(tmp_path, own_cache):
    """Boxes before it that are left out still count, those of the other file do not."""
    names = [*CLASSES, "glasses"]
    write_coco(tmp_path, TRAIN_FILE, "train", [image(0)], [box(0, 0, 0)], names)
    val = [box(0, 0, 13), box(1, 0, 0, (70, 6, 20, 30))]
    write_coco(tmp_path, VAL_FILE, "test", [image(0)], val, names)
    [[location]] = [
        examples
        for kind, examples in read_fashionpedia(tmp_path).problems.examples.items()
        if "accessory" not in kind
    ]
    assert location == "instances_attributes_val2020.json annotations[1]"


def test_traps_are_counted_and_the_rest_is_read(tmp_path, own_cache):
    names = list(CLASSES)
    images = [image(0), image(0) | {"file_name": "again.jpg"}, image(2)]
    boxes = [
        box(0, 0, 0),
        box(1, 9, 0),
        box(2, "x", 0),
        box(3, 2, 99),
        box(4, 2, 0, (50, 30, 40, 40)),
    ]
    write_coco(tmp_path, TRAIN_FILE, "train", images, boxes, names)
    (tmp_path / "train" / "0000002.jpg").unlink()
    read = read_fashionpedia(tmp_path)
    assert read.problems.counts == {
        "image without an id of its own: left out": 1,
        "photo absent or not readable: left out": 1,
        "box of an image that is not in the file: dropped": 2,
        "box of a category that is not in the file: dropped": 1,
    }
    assert len(read) == len(read.boxes) == 1


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"no instances_attributes_train2020\.json and no instances"
    ):
        read_fashionpedia(tmp_path)


def test_files_with_different_categories_are_refused(tmp_path, own_cache):
    for file, folder in ((TRAIN_FILE, "train"), (VAL_FILE, "test")):
        write_coco(tmp_path, file, folder, [image(0)], [], list(CLASSES))
    content = json.loads((tmp_path / VAL_FILE).read_text())
    content["categories"].reverse()
    (tmp_path / VAL_FILE).write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"val2020\.json: its categories are not those of"):
        read_fashionpedia(tmp_path)


def test_the_classes_map_to_their_types():
    taxonomy = read_taxonomy()
    for name, garment_type in CLASSES.items():
        assert taxonomy.map_class("fashionpedia", name, garment_type, "type") == garment_type
