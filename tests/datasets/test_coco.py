import json

import pytest
from PIL import Image

from shopee_od.datasets.coco import read_coco
from shopee_od.errors import InputError


@pytest.fixture
def write(tmp_path, own_cache):
    """Writes annotations.json, and a 60 × 40 photo for each image; returns the root."""

    def write(images, annotations=(), categories=({"id": 0, "name": "dress"},), **more):
        (tmp_path / "images").mkdir(exist_ok=True)
        for image in images:
            name = image.get("file_name")
            if isinstance(name, str) and name.startswith("p"):
                (tmp_path / "images" / name).parent.mkdir(exist_ok=True)
                Image.new("RGB", (60, 40)).save(tmp_path / "images" / name)
        content = {
            "images": list(images),
            "annotations": list(annotations),
            "categories": list(categories),
        } | more
        (tmp_path / "annotations.json").write_text(json.dumps(content))
        return tmp_path

    return write


def photo(number, **more):
    return {"id": number, "file_name": f"p{number}.png", "width": 60, "height": 40} | more


def label(image_id, bbox=(10, 10, 20, 20), category_id=0, **more):
    return {"id": 1, "image_id": image_id, "category_id": category_id, "bbox": list(bbox)} | more


def test_boxes_labels_and_flags(write):
    categories = [
        {"id": 40, "name": "skirt", "supercategory": "lower"},
        {"id": 0, "name": "dress", "supercategory": "clothes"},
    ]
    annotations = [
        label(0, (1.5, 2, 10, 20.25), 40),
        label(0, category_id=0, clothes_type="full", ignore=1),
        label(9, category_id=0, iscrowd=1, ignore=0),
    ]
    dataset = read_coco(write([photo(9), photo(0)], annotations, categories))
    assert dataset.classes == ("dress", "skirt") and not dataset.problems
    assert dataset.images.image_id.tolist() == [0, 9]
    assert dataset.boxes[["x1", "y1", "x2", "y2"]].iloc[0].tolist() == [1.5, 2, 11.5, 22.25]
    assert dataset.boxes.label.tolist() == [1, 0, 0] and dataset.boxes.type.tolist() == [
        "lower",
        "full",
        "",
    ]
    assert dataset.boxes.ignore.tolist() == [False, True, False]
    assert dataset.boxes.iscrowd.tolist() == [False, False, True]


def test_ten_photos_are_split_and_later_ones_change_no_split(write):
    ten = read_coco(write([photo(3 * n) for n in range(10)])).images
    assert ten.split.value_counts().to_dict() == {"train": 7, "test": 2, "val": 1}
    more = read_coco(write([photo(3 * n) for n in range(23)])).images
    assert more.split[:10].tolist() == ten.split.tolist()
    three = read_coco(write([photo(n) for n in range(3)])).images
    assert three.split.tolist() == ["train", "val", "test"]


def test_absent_photos_change_no_other_photos_split(write):
    root = write([photo(n) for n in range(10)])
    whole = read_coco(root).images.set_index("image_id").split
    for number in (0, 4):
        (root / "images" / f"p{number}.png").unlink()
    rest = read_coco(root).images.set_index("image_id").split
    assert len(rest) == 8 and rest.to_dict() == whole.drop([0, 4]).to_dict()


def test_a_split_that_is_given_is_kept(write):
    images = [photo(0, split="test"), photo(1), photo(2, split="holdout"), photo(3, split="train")]
    dataset = read_coco(write(images))
    assert dataset.images.split.tolist() == ["test", "", "", "train"]
    assert dataset.problems.examples == {
        "no split, where other photos have one: photo in no split": ["image 1"],
        "split that is not train, val or test: photo in no split": ["image 2: 'holdout'"],
    }


def test_bad_entries_are_dropped_and_counted(write):
    images = [
        photo(0),
        photo(1, file_name="absent.png"),
        photo(2, file_name="../secret.png"),
        photo(3, file_name="/etc/passwd"),
        photo(4, file_name=None),
        photo(5, width=61),
        photo(6, width=40, height=60),
        {"file_name": "p7.png"},
        {"id": 8, "file_name": "p8.png"},
    ]
    annotations = [
        label(0),
        label(0, (50, 30, 100, 100)),
        label(0, (0, 0, 0, 5)),
        label(0, (float("nan"), 0, 5, 5)),
        label(0, (1, 2, 3)),
        label(0, ("a", 0, 5, 5)),
        label(0, (10**400, 0, 5, 5)),
        label(0, (30, 30, -10, -10)),
        label(0, category_id=7),
        label(99),
        label(1),
        {"image_id": 0, "category_id": 0},
    ]
    dataset = read_coco(write(images, annotations))
    assert dataset.images.image_id.tolist() == [0, 8]
    assert dataset.boxes.box_id.tolist() == [0, 1, 7, 8]
    assert dataset.boxes.iloc[1][["x1", "y1", "x2", "y2"]].tolist() == [50, 30, 60, 40]
    size = "width and height are not those of the upright photo, "
    assert dataset.problems.counts == {
        "entry of images without a whole number as id: dropped": 1,
        "file_name absent or leaving images/: photo left out": 3,
        "photo absent or not readable: left out": 1,
        f"{size}photo left out; label it again": 1,
        f"{size}labeled before the EXIF rotation: photo left out; label it again": 1,
        "box of a category that is not in the file: dropped": 1,
        "box of an image that is not in the file: dropped": 1,
        "box with a value that is no number: dropped": 5,
        "box empty or under a pixel: dropped": 1,
        "box sticks out of its photo: clipped": 1,
        "box with reversed corners: swapped": 1,
    }


@pytest.mark.parametrize("lost", [{"bbox": [0, 0, 0, 5]}, {"bbox": "x"}, {"category_id": 7}])
def test_a_photo_that_lost_its_only_box_is_no_photo_without_garments(write, lost):
    annotations = [label(0) | lost, label(1)]
    dataset = read_coco(write([photo(0), photo(1), photo(2)], annotations))
    region = dataset.boxes_of(0).iloc[0]
    assert region[["x1", "y1", "x2", "y2"]].tolist() == [0, 0, 60, 40]
    assert region.ignore and region.iscrowd
    assert dataset.counted_mask.tolist() == [True, False] and len(dataset.boxes_of(2)) == 0


def test_a_photo_labeled_before_its_rotation_is_left_out(write, tmp_path):
    root = write([photo(0), photo(1), photo(2, width=40, height=60)])
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in (1, 2):
        Image.new("RGB", (60, 40)).save(tmp_path / "images" / f"p{number}.png", exif=exif)
    dataset = read_coco(root)
    assert dataset.images[["image_id", "width", "height"]].to_numpy().tolist() == [
        [0, 60, 40],
        [2, 40, 60],
    ]
    assert list(dataset.problems.examples.values()) == [["image 1, p1.png"]]


def test_photos_in_folders_below_images(write):
    assert len(read_coco(write([photo(0, file_name="p/0.png")]))) == 1


@pytest.mark.parametrize(
    "content, message",
    [
        ([], "no list of objects named 'categories'"),
        ({"images": [], "annotations": []}, "no list of objects named 'categories'"),
        (
            {"images": [], "annotations": [], "categories": [1]},
            "no list of objects named 'categories'",
        ),
        ({"images": {}, "annotations": [], "categories": []}, "no list of objects named 'images'"),
        ({"images": [], "annotations": [], "categories": []}, "no photos"),
    ],
)
def test_a_file_of_another_format_is_refused(write, content, message):
    root = write([])
    (root / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_coco(root)


def test_repeated_ids_and_names_are_refused(write):
    with pytest.raises(InputError, match=r"images\[1\] has the id 3"):
        read_coco(write([photo(3), photo(3)]))
    with pytest.raises(InputError, match=r"categories\[1\] has the id 0"):
        read_coco(write([photo(3)], [], [{"id": 0, "name": "a"}, {"id": 0, "name": "b"}]))
    for names in (["a", "a"], ["a", None], ["a", ""]):
        with pytest.raises(InputError, match="needs a name of its own"):
            read_coco(
                write([photo(3)], [], [{"id": i, "name": name} for i, name in enumerate(names)])
            )


def test_no_file_and_broken_json(write):
    root = write([photo(0)])
    (root / "annotations.json").write_text('{"images": [')
    with pytest.raises(InputError, match=r"annotations\.json: not readable as JSON"):
        read_coco(root)
    (root / "annotations.json").unlink()
    with pytest.raises(InputError, match="there is no such file"):
        read_coco(root)


def test_the_shopee_photos(shared_data):
    if not (shared_data / "shopee").is_dir():
        pytest.skip(f"no Shopee photos at {shared_data / 'shopee'}")
    dataset = read_coco(shared_data / "shopee").split("all")
    assert len(dataset) == 73 and len(dataset.boxes) == 181 and not dataset.problems
    assert dataset.boxes.ignore.sum() == 42 and not dataset.boxes.iscrowd.any()
    assert set(dataset.boxes.type) == {"upper", "lower", "full"} and len(dataset.classes) == 21
