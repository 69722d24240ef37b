import json

import pytest
from PIL import Image

from shopee_od.datasets.dialects import FASHIONPEDIA, MODANET, read_fashionpedia, read_modanet
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.types import InputError

MODANET_NAMES = ["bag", "belt", "boots", "footwear", "outer", "dress", "sunglasses", "pants", "top", "shorts", "skirt",
                 "headwear", "scarf&tie"]  # fmt: skip


def write(root, file, folder, images, annotations, names, first_id=0, **more):
    """A file as the data sets have it, and a 60 × 40 photo for each image."""
    (root / folder).mkdir(parents=True, exist_ok=True)
    for image in images:
        Image.new("RGB", (60, 40)).save(root / folder / image["file_name"])
    categories = [{"id": k, "name": name, "supercategory": "fashion"} for k, name in enumerate(names, first_id)]
    content = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
    (root / file).write_text(json.dumps(content | more))
    return root


def image(number):
    return {"id": number, "file_name": f"{number:07d}.jpg", "width": 60, "height": 40, "license": 1}


def box(number, image_id, category, bbox=(5, 6, 20, 30), **more):
    return {"id": number, "image_id": image_id, "category_id": category, "bbox": list(bbox), "area": 600,
            "iscrowd": 0, "segmentation": [[5, 6, 25, 6, 25, 36]]} | more  # fmt: skip


@pytest.fixture
def modanet(tmp_path, own_cache):
    boxes = [box(1, 7, 6), box(2, 7, 1), box(3, 8, 9, iscrowd=1), box(4, 8, 13)]
    return write(tmp_path, "modanet2018_instances_train.json", "images", [image(7), image(8)], boxes, MODANET_NAMES, 1)


def test_modanets_garments_without_its_accessories(modanet):
    read = read_modanet(modanet)
    assert read.name == "modanet" and read.classes == ("outer", "dress", "pants", "top", "shorts", "skirt")
    assert [read.classes[k] for k in read.boxes.label] == ["dress", "top"] and read.boxes.type.tolist() == [
        "full",
        "upper",
    ]
    assert read.boxes[["x1", "y1", "x2", "y2"]].iloc[0].tolist() == [5, 6, 25, 36]
    assert read.boxes.iscrowd.tolist() == [False, True]
    assert read.problems.counts == {"accessory or part of a garment: left out": 2}
    assert read.images.split.tolist() == ["train", "val"]


def test_a_bad_box_is_named_by_its_place_in_the_file(tmp_path, own_cache):
    """What was left out before it, and another file's boxes, are counted there too."""
    boxes = [box(1, 7, 1), box(2, 7, 1), box(3, 7, 6, (70, 6, 20, 30))]
    write(tmp_path / "m", "modanet2018_instances_train.json", "images", [image(7)], boxes, MODANET_NAMES, 1)
    [[place]] = [e for kind, e in read_modanet(tmp_path / "m").problems.examples.items() if "accessory" not in kind]
    assert place == "modanet2018_instances_train.json annotations[2]"
    names = [*FASHIONPEDIA, "glasses"]
    write(tmp_path, "instances_attributes_train2020.json", "train", [image(0)], [box(0, 0, 0)], names)
    val = [box(0, 0, 13), box(1, 0, 0, (70, 6, 20, 30))]
    write(tmp_path, "instances_attributes_val2020.json", "test", [image(0)], val, names)
    [[place]] = [e for kind, e in read_fashionpedia(tmp_path).problems.examples.items() if "accessory" not in kind]
    assert place == "instances_attributes_val2020.json annotations[1]"


def test_fashionpedias_ids_start_at_0_and_both_files_count_their_own(tmp_path, own_cache):
    names = [*FASHIONPEDIA, "glasses", "sleeve"]
    train = [box(0, 0, 0), box(1, 1, 10), box(2, 1, 14)]
    write(tmp_path, "instances_attributes_train2020.json", "train", [image(0), image(1)], train, names)
    write(tmp_path, "instances_attributes_val2020.json", "test", [image(0)], [box(0, 0, 12, ignore=1)], names)
    read = read_fashionpedia(tmp_path)
    assert read.classes == tuple(FASHIONPEDIA) and read.images.split.tolist() == ["train", "val", "test"]
    assert [read.classes[k] for k in read.boxes.label] == ["shirt, blouse", "dress", "cape"]
    assert read.boxes.image_id.tolist() == [0, 1, 2] and read.boxes.ignore.tolist() == [False, False, True]
    assert read.images.path.iloc[2] == str(tmp_path / "test" / "0000000.jpg")
    assert read.boxes.type.tolist() == ["upper", "full", "upper"]


def test_traps_are_counted_and_the_rest_is_read(tmp_path, own_cache):
    names = list(FASHIONPEDIA)
    images = [image(0), image(0) | {"file_name": "again.jpg"}, image(2)]
    boxes = [box(0, 0, 0), box(1, 9, 0), box(2, "x", 0), box(3, 2, 99), box(4, 2, 0, (50, 30, 40, 40))]
    write(tmp_path, "instances_attributes_train2020.json", "train", images, boxes, names)
    (tmp_path / "train" / "0000002.jpg").unlink()
    read = read_fashionpedia(tmp_path)
    assert read.problems.counts == {
        "image without an id of its own: left out": 1,
        "photo absent or not readable: left out": 1,
        "box of an image that is not in the file: dropped": 2,
        "box of a category that is not in the file: dropped": 1,
    }
    assert len(read) == len(read.boxes) == 1


def test_other_files_are_refused(modanet, tmp_path):
    with pytest.raises(InputError, match=r"no instances_attributes_train2020\.json and no instances"):
        read_fashionpedia(tmp_path)
    file = modanet / "modanet2018_instances_train.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"categories": [{"id": 1, "name": "bag"}]}))
    with pytest.raises(InputError, match=r"modanet2018_instances_train\.json: no category 'dress'"):
        read_modanet(modanet)
    file.write_text("[]")
    with pytest.raises(InputError, match="no list of objects named 'categories'"):
        read_modanet(modanet)
    file.unlink()
    with pytest.raises(InputError, match="there is no such file; put ModaNet's annotations there"):
        read_modanet(modanet)


def test_their_classes_have_their_places_in_the_shop():
    taxonomy = read_taxonomy()
    for name, classes in (("modanet", MODANET), ("fashionpedia", FASHIONPEDIA)):
        for each, kind in classes.items():
            assert taxonomy.place(name, each, kind, "type") == kind
