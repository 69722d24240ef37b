import pytest
from openimages_files import WHOLE, box_row, photo_id, photo_row, write_split
from PIL import Image

from shopee_od.datasets import DATASETS
from shopee_od.datasets.dataset import CORNERS
from shopee_od.datasets.openimages import SUBSETS, read_openimages
from shopee_od.datasets.openimages_csv import (
    CLASS_IDS,
    GARMENTS,
    OUTFITS,
    PEOPLE,
    LabeledBox,
    has_unlabeled_garment,
)
from shopee_od.errors import InputError
from shopee_od.structures import GARMENT_TYPES

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
UPPER, LOWER = (0.1, 0.1, 0.4, 0.4), (0.1, 0.5, 0.4, 0.9)  # in LEFT


@pytest.fixture
def write(tmp_path, own_cache):
    """Writes one split whose photos are those of `boxes`, unless others are named."""

    def write(boxes, photos=None, present=None, split="train"):
        numbers = range(1, 1 + max(int(row[:4], 16) for row in boxes))
        photos = [photo_row(number) for number in numbers] if photos is None else photos
        present = numbers if present is None else present
        return write_split(tmp_path / "openimages", split, boxes, photos, present)

    return write


def test_classes_are_those_of_the_format():
    assert CLASS_IDS.keys() == {*GARMENTS, *OUTFITS, *PEOPLE}
    assert len(set(CLASS_IDS.values())) == len(CLASS_IDS)
    assert set(GARMENTS.values()) == {*GARMENT_TYPES, ""}


def test_boxes_labels_flags_and_splits(write):
    write([box_row(1, "Dress", (0.1, 0.25, 0.5, 1.0))])
    write([box_row(2, "Jeans"), box_row(3, "Swimwear", depiction=1)], split="val")
    root = write(
        [
            box_row(4, "Shirt", group=1),
            box_row(4, "Shirt", inside=1),
            box_row(4, "Brassiere", group=-1, depiction=-1),  # unknown
        ],
        split="test",
    )
    dataset = read_openimages(root)
    assert dataset.name == "openimages" and dataset.classes == tuple(GARMENTS)
    assert dataset.images.split.tolist() == ["train", "val", "val", "test"]
    assert dataset.images[["width", "height"]].to_numpy().tolist() == [[60, 40]] * 4
    assert dataset.images.path.iloc[1] == f"{root}/images/validation/{photo_id(2)}.jpg"
    boxes = dataset.boxes
    assert boxes[CORNERS].iloc[0].tolist() == pytest.approx([6, 10, 30, 40])
    assert [dataset.classes[label] for label in boxes.label] == [
        "Dress", "Jeans", "Swimwear", "Shirt", "Shirt", "Brassiere",
    ]  # fmt: skip
    assert boxes.type.tolist() == ["full", "lower", "", "upper", "upper", "upper"]
    assert boxes.ignore.tolist() == [False, False, True, False, True, False]
    assert boxes.iscrowd.tolist() == [False, False, False, True, False, False]
    assert not DATASETS["openimages"].missing_files(root)


def test_photos_that_cannot_be_used_are_left_out(write):
    photos = [
        photo_row(1),
        photo_row(2, rotation="90.0"),
        photo_row(3, rotation="nan"),  # Flickr has it no longer
        photo_row(4),
        photo_row(5),
        photo_row(1),
        photo_row(6).replace(photo_id(6), "../../secret"),
        "cut short",
        photo_row(7),
        photo_row(8, rotation=""),
    ]
    root = write([box_row(number, "Dress") for number in range(1, 9)], photos, (1, 2, 3, 5, 7, 8))
    folder = root / "images" / "train"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 40)).save(folder / f"{photo_id(5)}.jpg", exif=exif)
    (folder / f"{photo_id(7)}.jpg").write_bytes(b"<html>")
    dataset = read_openimages(root)
    assert [path[-20:-4] for path in dataset.images.path] == [photo_id(n) for n in (1, 3, 8)]
    assert dataset.boxes.box_id.is_unique and len(dataset.boxes) == 3
    assert dataset.problems.counts == {
        "photo that is stored rotated: left out": 1,
        "second row for a photo: dropped": 1,
        "ImageID that is not 16 hexadecimal digits: dropped": 1,
        "row without its 12 columns: dropped": 1,
        "photo absent: left out": 1,
        "box of a photo that is not used: left out": 3,
        "photo not readable, or rotated by EXIF: left out": 2,
    }
    assert dataset.problems.examples["photo absent: left out"] == [f"train/{photo_id(4)}.jpg"]


def test_bad_rows_are_dropped_and_counted(write):
    boxes = [
        box_row(1, "Dress"),
        box_row(1, "/m/0bt9lr"),  # a dog
        box_row(1, "Dress", (0.5, 0.5, 1.5, 1.0)),
        box_row(1, "Dress", ("x", 0.5, 1.0, 1.0)),
        box_row(1, "Dress", (0.75, 0.75, 0.25, 0.25)),
        box_row(1, "Dress", (0.5, 0.5, 0.5, 0.9)),
        box_row(2, "Dress") + ",more",
        box_row(3, "Dress", (0.2, 0.2, 0.21, 0.9)),
    ]
    dataset = read_openimages(write(boxes))
    counted = dataset.boxes[dataset.counted_mask]
    assert counted.image_id.tolist() == [0, 0, 0] and counted.x2.tolist() == [45, 60, 45]
    assert dataset.boxes.image_id[dataset.any_class_mask].tolist() == [0, 1]  # both lost boxes
    assert dataset.problems.counts == {
        "row without its 21 columns: dropped": 1,
        "box of another class: left out": 1,
        "photo without a garment's box: left out": 1,
        "box with a value that is no number: dropped": 1,
        "box empty or under a pixel: dropped": 2,
        "box with reversed corners: swapped": 1,
        "box sticks out of its photo: clipped": 1,
    }
    assert dataset.problems.examples["box of another class: left out"] == [
        "oidv6-train-annotations-bbox.csv row 3"
    ]


def test_a_photo_in_which_a_garment_may_have_no_box_is_left_out(write):
    boxes = [
        box_row(1, "Woman", LEFT), box_row(1, "Shirt", UPPER),
        box_row(2, "Woman", LEFT), box_row(2, "Shirt", UPPER), box_row(2, "Jeans", LOWER),
        box_row(3, "Clothing", WHOLE), box_row(3, "Dress", UPPER),
        box_row(4, "Clothing", UPPER), box_row(4, "Dress", UPPER),
    ]  # fmt: skip
    dataset = read_openimages(write(boxes))
    assert [path[-20:-4] for path in dataset.images.path] == [photo_id(2), photo_id(4)]
    assert [dataset.classes[label] for label in dataset.boxes.label] == ["Shirt", "Jeans", "Dress"]
    assert dataset.problems.examples == {
        "photo in which a garment may have no box: left out": [photo_id(1), photo_id(3)],
        "box of a class that tells no garment: dropped": ["oidv6-train-annotations-bbox.csv row 9"],
    }


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([("Shirt", UPPER)], False),  # laid flat: nobody wears it
        ([("Person", LEFT)], True),
        ([("Person", LEFT), ("Dress", UPPER)], False),
        ([("Person", LEFT), ("Swimwear", LOWER)], False),
        ([("Person", LEFT), ("Dress", RIGHT)], True),
        ([("Person", LEFT), ("Man", RIGHT), ("Dress", UPPER)], True),
        ([("Girl", LEFT), ("Coat", UPPER), ("Skirt", LOWER)], False),
        ([("Girl", LEFT), ("Coat", UPPER), ("Jacket", LOWER)], True),
        ([("Suit", LEFT), ("Jacket", UPPER)], True),
        ([("Suit", LEFT), ("Jacket", (0.0, 0.1, 0.5, 0.9))], False),
        ([("Person", ("x", 0, 0, 0)), ("Dress", UPPER)], True),
        ([], False),
    ],
)
def test_people_and_outfits_need_garments_with_boxes(boxes, expected):
    labeled = [
        LabeledBox(name, tuple(float("nan") if v == "x" else v for v in corners))
        for name, corners in boxes
    ]
    assert has_unlabeled_garment(labeled) is expected


def test_groups_and_depictions_dress_nobody_and_need_no_dress():
    person, dress = LabeledBox("Person", LEFT), LabeledBox("Dress", UPPER)
    assert has_unlabeled_garment([person, LabeledBox("Dress", UPPER, is_group=True)])
    assert has_unlabeled_garment([person, LabeledBox("Dress", UPPER, is_depiction=True)])
    assert has_unlabeled_garment([LabeledBox("Person", LEFT, is_group=True), dress])
    assert not has_unlabeled_garment([LabeledBox("Person", LEFT, is_depiction=True)])
    assert not has_unlabeled_garment([LabeledBox("Clothing", LEFT, is_depiction=True), dress])


def test_a_byte_order_mark_other_line_ends_and_another_order_of_columns(write):
    root = write([box_row(1, "Dress", (0.1, 0.25, 0.5, 1.0))], split="val")
    for name in (SUBSETS["val"].box_file, SUBSETS["val"].photo_file):
        rows = (
            (root / name).read_text(encoding="utf-8").replace('"A ""dress"", red"', "A").split("\n")
        )
        turned = [",".join(reversed(row.split(","))) for row in rows]
        (root / name).write_text("\ufeff" + "\r\n".join(turned), encoding="utf-8", newline="")
    dataset = read_openimages(root)
    assert dataset.boxes[CORNERS].iloc[0].tolist() == pytest.approx([6, 10, 30, 40])
    assert not dataset.problems


def test_files_that_are_absent_or_of_another_format_are_refused(write, tmp_path):
    with pytest.raises(InputError, match=r"no annotations/.*data download openimages --classes"):
        read_openimages(tmp_path)
    root = write([box_row(1, "Dress")])
    boxes, photos = root / SUBSETS["train"].box_file, root / SUBSETS["train"].photo_file
    whole = boxes.read_text()
    for text in ("", "<html>", whole.replace("XMax", "XMin", 1)):
        boxes.write_text(text)
        with pytest.raises(InputError, match=f"{boxes}: row 1 must name the column"):
            read_openimages(root)
    boxes.write_text(whole)
    photos.unlink()
    with pytest.raises(InputError, match=f"{photos}: not readable .*download it again"):
        read_openimages(root)
