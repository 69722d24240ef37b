import io

import numpy as np
import pytest
from clothing_files import ROWS, photo_id, render, write_box_file, write_photos
from PIL import ExifTags, Image

from shopee_od.datasets import clothing, open_dataset
from shopee_od.datasets.clothing import GARMENTS, photo_identities, read_clothing
from shopee_od.errors import InputError
from shopee_od.structures import GARMENT_TYPES

ABSENT = "photo that has labels is not here: left out; shopee-od data download clothing fetches it"
OTHER_SHAPE = "photo of another shape than the labeled one: left out; download it again"


@pytest.fixture
def root(tmp_path, own_cache, monkeypatch):
    """A folder with the photos of ROWS, and BOX_FILE with their labels."""
    folder = tmp_path / "clothing"
    monkeypatch.setattr(clothing, "BOX_FILE", tmp_path / "clothing_boxes.csv")
    write_box_file(clothing.BOX_FILE, write_photos(folder))
    return folder


def photo_path(root, k):
    return root / "images" / f"{photo_id(k)}.jpg"


def test_boxes_classes_types_and_splits(root):
    dataset = read_clothing(root)
    assert not dataset.problems and dataset.images.image_id.tolist() == [0, 1, 2, 3, 4]
    assert dataset.images.split.tolist() == [row[0] for row in ROWS]
    assert set(dataset.images.source) == {"laid"}
    boxes = dataset.boxes.set_index("image_id")
    names = [dataset.classes[label] for label in boxes.label]
    assert names[:3] == ["t-shirt", "trousers", "dress"]
    assert boxes.type.tolist() == ["upper", "lower", "full", ""]
    np.testing.assert_allclose(boxes.loc[0, ["x1", "y1", "x2", "y2"]].tolist(), [6, 16, 54, 64])


def test_photos_of_shoes_have_no_box(root):
    dataset = read_clothing(root)
    assert 3 in dataset.images.image_id.tolist() and dataset.boxes_of(3).empty


def test_uncertain_names_are_kept_and_names_of_no_class_ignored(root):
    boxes = read_clothing(root).boxes.set_index("image_id")
    assert boxes.certain.to_dict() == {0: True, 1: False, 2: True, 4: False}
    assert boxes.ignore.to_dict() == {0: False, 1: False, 2: False, 4: True}


def test_copies_of_any_size_are_read(root):
    write_photos(root, (300, 400))
    dataset = read_clothing(root)
    assert not dataset.problems and set(dataset.images.width) == {300}
    assert dataset.boxes_of(0).x2.item() == pytest.approx(270)


def test_a_part_of_the_photos_is_read_with_the_same_ids(root):
    photo_path(root, 0).unlink()
    photo_path(root, 1).write_bytes(b"no photo")
    render(2, (80, 60)).save(photo_path(root, 2))
    photo_path(root, 3).with_name("cover.jpg").write_bytes(b"not labeled")
    dataset = read_clothing(root)
    assert dataset.images.image_id.tolist() == [3, 4] and dataset.boxes.image_id.tolist() == [4]
    assert dataset.problems.counts == {
        ABSENT: 1,
        "photo not readable: left out": 1,
        OTHER_SHAPE: 1,
    }
    (example,) = dataset.problems.examples[OTHER_SHAPE]
    assert example == f"images/{photo_id(2)}.jpg: 80×60, not 60×80"


def test_a_photo_that_exif_makes_upright_has_the_labeled_shape(root):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera was held sideways
    sideways = render(0, (600, 800)).transpose(Image.Transpose.ROTATE_90)
    sideways.save(photo_path(root, 0), exif=exif)
    dataset = read_clothing(root)
    assert not dataset.problems and dataset.images.width[0] == 600
    identity = photo_identities()[f"images/{photo_id(0)}.jpg"]
    assert identity.describe_mismatch(photo_path(root, 0)) == ""


def test_a_folder_without_the_photos_is_refused_with_the_fix(root, tmp_path):
    with pytest.raises(InputError, match=r"images: there is no such folder; fetch them: shopee-od"):
        read_clothing(tmp_path)
    for photo in (root / "images").iterdir():
        photo.unlink()
    with pytest.raises(InputError, match="none of the 5 labeled photos is here; fetch them"):
        read_clothing(root)
    for k in range(5):
        render(k, (80, 60)).save(photo_path(root, k))
    with pytest.raises(InputError, match="no photos; photo of another shape"):
        read_clothing(root)


def test_a_box_file_of_the_folder_is_not_read(root):
    (root / "boxes.csv").write_text("image,split\nx,y\n")
    assert not read_clothing(root).problems


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (photo_id(1), "../images/x", "row 3 is damaged; install shopee-od again"),
        (photo_id(1), photo_id(0), "row 3 is damaged"),
        ("trousers", "pants", "row 3 is damaged"),
        (",val,", ",holdout,", "row 3 is damaged"),
        (",60,", ",0,", "row 2 is damaged"),
        (",60,", ",wide,", "not readable"),
        ("phash", "hash", "not readable"),
    ],
)
def test_a_damaged_box_file_is_refused(root, old, new, message):
    text = clothing.BOX_FILE.read_text()
    assert old in text
    clothing.BOX_FILE.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_clothing(root)


def test_a_box_that_is_no_number_is_dropped_and_counted(root):
    text = clothing.BOX_FILE.read_text()
    clothing.BOX_FILE.write_text(text.replace("0.25,0.0,0.75,1.0", ",0.0,0.75,1.5"))
    dataset = read_clothing(root)
    assert dataset.problems.counts == {"box with a value that is no number: dropped": 1}
    assert dataset.problems.examples == {
        "box with a value that is no number: dropped": ["clothing_boxes.csv row 3"]
    }
    assert len(dataset) == 5 and dataset.counted_boxes_of(1).empty
    assert dataset.boxes.image_id[dataset.any_class_mask].tolist() == [1]


def test_the_box_file_of_the_package():
    rows = clothing._read_box_file()
    assert list(rows.columns) == list(clothing.COLUMNS) and len(rows) == 4840
    assert len(photo_identities()) == 4840
    labeled = rows[rows.garment != ""]
    assert len(labeled) == 4288 and (labeled.label_certain == 0).sum() == 452
    assert set(labeled.garment) == {*GARMENTS, "other"} and (labeled.garment == "other").sum() == 18
    assert set(rows.label[rows.garment == ""]) == {"Hat", "Shoes"}
    senders = rows[rows.split != ""].groupby("sender_id").split.nunique()
    assert (senders == 1).all()  # no home's photos are in two splits
    corners = labeled[["x1", "y1", "x2", "y2"]].to_numpy()
    assert (corners >= 0).all() and (corners <= 1).all()
    assert (corners[:, 2:] - corners[:, :2] > 0.2).all()
    card = clothing.BOX_FILE.with_suffix(".md").read_text(encoding="utf-8")
    for number in ("4,840", "3,254", "1,034", "452", "552"):
        assert number in card
    assert set(labeled.box_source.value_counts()) == {3254, 1034}


def test_types_are_those_of_the_project():
    assert set(GARMENTS.values()) == set(GARMENT_TYPES)


@pytest.fixture
def real_photos(shared_data):
    folder = shared_data / "clothing"
    if not (folder / "images").is_dir():
        pytest.skip(f"no photos of Clothing at {folder}")
    return folder


def test_the_real_photos(real_photos):
    dataset = open_dataset("clothing", real_photos)
    assert len(dataset) == 4840 and not dataset.problems
    counts = dataset.images.split.value_counts().to_dict()
    assert counts == {"train": 3454, "test": 790, "val": 595, "": 1}
    assert len(dataset.boxes) == 4288 and dataset.boxes.ignore.sum() == 18
    names = dataset.boxes.label.map(lambda label: dataset.classes[label]).value_counts()
    assert names["t-shirt"] == 946 and names["coat"] == 58 and len(names) == 23
    assert (~dataset.images.image_id.isin(dataset.boxes.image_id)).sum() == 552


def test_real_photos_are_known_again_at_any_size(real_photos):
    identities = list(photo_identities().items())[::200]
    for k, (name, identity) in enumerate(identities):
        file = real_photos / name
        assert identity.describe_mismatch(file) == ""
        with Image.open(file) as image:
            width, height = image.size
            larger = image.resize((round(width * 1.19), round(height * 1.19)))
            upside_down = image.transpose(Image.Transpose.ROTATE_180)
        assert identity.describe_mismatch(as_jpeg(larger)) == ""
        assert "bits of its hash differ" in identity.describe_mismatch(as_jpeg(upside_down))
        other_name, _ = identities[k - 1]
        assert identity.describe_mismatch(real_photos / other_name)


def as_jpeg(image):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return stream.getvalue()
