import json

import pytest
from PIL import Image

from shopee_od.datasets.deepfashion2 import CLASSES, read_deepfashion2
from shopee_od.errors import InputError


@pytest.fixture
def write(tmp_path, own_cache):
    """Writes an annotation as the data set has them, and its 60 × 40 photo; returns the root."""

    def write(name, content, photo=True):
        folder = tmp_path / name.split("/")[0]
        (folder / "annos").mkdir(parents=True, exist_ok=True)
        (folder / "image").mkdir(exist_ok=True)
        number = name.split("/")[1]
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "annos" / f"{number}.json").write_text(text)
        if photo:
            Image.new("RGB", (60, 40)).save(folder / "image" / f"{number}.jpg")
        return tmp_path

    return write


def garment(category=1, box=(5, 6, 30, 40), **more):
    """As in the files, with outlines and landmarks that are not read."""
    return {
        "segmentation": [[5, 6, 30, 6, 30, 40]], "scale": 2, "viewpoint": 2, "zoom_in": 1,
        "landmarks": [5, 6, 2], "style": 1, "bounding_box": list(box), "category_id": category,
        "occlusion": 1,
        "category_name": list(CLASSES)[category - 1] if 0 < category < 14 else "?",
    } | more  # fmt: skip


def photo(pair=3, source="shop", **items):
    return items | {"source": source, "pair_id": pair}


def test_every_garment_of_a_photo_in_the_order_of_its_number(write):
    items = {"item10": garment(9), "item2": garment(13, (0, 0, 60, 40)), "item1": garment(1)}
    read = read_deepfashion2(write("train/000007", items | {"pair_id": 3, "source": "user"}))
    assert not read.problems and read.classes == tuple(CLASSES)
    assert read.boxes.label.tolist() == [0, 12, 8] and read.boxes.type.tolist() == [
        "upper",
        "full",
        "lower",
    ]
    assert read.boxes[["x1", "y1", "x2", "y2"]].iloc[0].tolist() == [5, 6, 30, 40]
    row = read.images.iloc[0]
    assert (row.width, row.height, row.source, row["item"]) == (60, 40, "consumer", "3")


def test_splits_keep_pairs_together_and_the_validation_folder_is_the_test_split(write):
    for number, pair in enumerate([1, 2, 11, 11, 20]):
        write(f"train/{number:06d}", photo(pair, item1=garment()))
    root = write("validation/000001", photo(1, item1=garment()))
    read = read_deepfashion2(root)
    assert read.images.split.tolist() == ["val", "train", "val", "val", "train", "test"]
    assert read.images.image_id.tolist() == list(range(6))


def test_traps_are_counted_and_the_rest_is_read(write):
    write("train/000001", photo(item1=garment()))
    write("train/000002", photo(item1=garment()), photo=False)
    write("train/000003", "{broken")
    write("train/000004", "[1, 2]")
    write(
        "train/000005", photo(item1=garment(0), item2=garment(14), item3="text", item4=garment(2))
    )
    write(
        "train/000006",
        photo(item1=garment(box=(50, 30, 90, 70)), item2=garment(box=("a", 1, 2, 3))),
    )
    write("train/000007", photo(item1=garment(bounding_box=None), itemised=garment()))
    root = write(
        "train/000008", {"item1": garment(category=True), "source": "street", "pair_id": "x"}
    )
    read = read_deepfashion2(root)
    assert read.problems.counts == {
        "photo absent or not readable: left out": 1,
        "annotation not readable: photo left out": 2,
        "garment without a category_id of 1 to 13: dropped": 4,
        "source that is not shop or user: left open": 1,
        "pair_id that is no number: left open": 1,
        "box sticks out of its photo: clipped": 1,
        "box with a value that is no number: dropped": 2,
    }
    assert len(read) == 5 and read.counted_mask.sum() == 3
    # Photos 5 to 8 lost garments: nothing else in them is background.
    assert read.boxes.image_id[read.any_class_mask].tolist() == [4, 5, 6, 7]
    assert (
        "train/annos/000005.json item1"
        in read.problems.examples["garment without a category_id of 1 to 13: dropped"]
    )


def test_a_photo_without_garments_stays(write):
    read = read_deepfashion2(write("validation/000001", photo()))
    assert len(read) == 1 and len(read.boxes) == 0


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no train/annos/\*\.json"):
        read_deepfashion2(tmp_path)
