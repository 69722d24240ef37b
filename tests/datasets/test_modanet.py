import json

import pytest
from coco_files import box, image, write_coco

from shopee_od.datasets.modanet import CLASSES, FILE, read_modanet
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError

NAMES = [
    "bag", "belt", "boots", "footwear", "outer", "dress", "sunglasses", "pants", "top", "shorts",
    "skirt", "headwear", "scarf&tie",
]  # fmt: skip


@pytest.fixture
def modanet(tmp_path, own_cache):
    boxes = [box(1, 7, 6), box(2, 7, 1), box(3, 8, 9, iscrowd=1), box(4, 8, 13)]
    return write_coco(tmp_path, FILE, "images", [image(7), image(8)], boxes, NAMES, first_id=1)


def test_garments_without_accessories(modanet):
    assert FILE == "modanet2018_instances_train.json"
    read = read_modanet(modanet)
    assert read.name == "modanet"
    assert read.classes == ("outer", "dress", "pants", "top", "shorts", "skirt")
    assert [read.classes[k] for k in read.boxes.label] == ["dress", "top"]
    assert read.boxes.type.tolist() == ["full", "upper"]
    assert read.boxes[["x1", "y1", "x2", "y2"]].iloc[0].tolist() == [5, 6, 25, 36]
    assert read.boxes.iscrowd.tolist() == [False, True]
    assert read.problems.counts == {"accessory or part of a garment: left out": 2}
    assert read.images.split.tolist() == ["train", "val"]


def test_a_bad_box_is_named_by_its_position_in_the_file(tmp_path, own_cache):
    """Boxes before it that are left out still count."""
    boxes = [box(1, 7, 1), box(2, 7, 1), box(3, 7, 6, (70, 6, 20, 30))]
    write_coco(tmp_path, FILE, "images", [image(7)], boxes, NAMES, first_id=1)
    [[location]] = [
        examples
        for kind, examples in read_modanet(tmp_path).problems.examples.items()
        if "accessory" not in kind
    ]
    assert location == "modanet2018_instances_train.json annotations[2]"


def test_other_files_are_refused(modanet):
    file = modanet / FILE
    content = json.loads(file.read_text()) | {"categories": [{"id": 1, "name": "bag"}]}
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"modanet2018_instances_train\.json: no category 'dress'"):
        read_modanet(modanet)
    file.write_text("[]")
    with pytest.raises(InputError, match="no list of objects named 'categories'"):
        read_modanet(modanet)
    file.unlink()
    with pytest.raises(InputError, match="there is no such file; put ModaNet's annotations there"):
        read_modanet(modanet)


def test_the_classes_map_to_their_types():
    taxonomy = read_taxonomy()
    for name, garment_type in CLASSES.items():
        assert taxonomy.map_class("modanet", name, garment_type, "type") == garment_type
