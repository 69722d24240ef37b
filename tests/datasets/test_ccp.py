import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from shopee_od.datasets.ccp import GARMENTS, mask_boxes, read_ccp
from shopee_od.errors import InputError

LABELS = ["", "skin", *[label for _, labels in GARMENTS.values() for label in labels], "shoes"]


def label_id(name):
    return LABELS.index(name)


def paint(*areas, height=60, width=50):
    """Label ids (H, W) from (name, x1, y1, x2, y2)."""
    mask = np.zeros((height, width), np.uint8)
    for name, x1, y1, x2, y2 in areas:
        mask[y1:y2, x1:x2] = label_id(name)
    return mask


@pytest.fixture
def write(tmp_path, own_cache):
    """Writes a photo and its mask (None: leaves it out) into a data set in the layout of CCP."""
    root = tmp_path / "ccp"
    (root / "photos").mkdir(parents=True)
    (root / "annotations" / "pixel-level").mkdir(parents=True)
    cells = np.empty((1, len(LABELS)), object)
    cells[0] = [np.array([name]) if name else np.array([]) for name in LABELS]
    savemat(root / "label_list.mat", {"label_list": cells})

    def write(number, mask=None, size=(50, 60)):
        if size:
            Image.new("RGB", size).save(root / "photos" / f"{number:04}.jpg")
        if mask is not None:
            savemat(
                root / "annotations" / "pixel-level" / f"{number:04}.mat", {"groundtruth": mask}
            )
        return root

    return write


def test_boxes_classes_types_and_splits(write):
    outfit = paint(
        ("shirt", 10, 10, 30, 30),
        ("vest", 15, 12, 25, 40),
        ("skirt", 10, 40, 40, 58),
        ("skin", 0, 0, 50, 5),
    )
    for number in (10, 11, 12, 15, 21, 31):
        root = write(number, outfit)
    dataset = read_ccp(root)
    assert dataset.images.image_id.tolist() == [10, 11, 12, 15, 21, 31]
    assert dataset.images.split.tolist() == ["test", "val", "train", "test", "val", "val"]
    assert set(dataset.images.source) == {"street"} and not dataset.problems
    first = dataset.boxes_of(10)
    assert [dataset.classes[label] for label in first.label] == ["top", "top", "skirt"]
    assert first.type.tolist() == ["upper", "upper", "lower"]
    assert first[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [
        [10, 10, 30, 30],
        [15, 12, 25, 40],
        [10, 40, 40, 58],
    ]


def test_the_second_reading_is_the_first(write):
    for number in (1, 2):
        root = write(number, paint(("coat", 5, 5, 25, 45)))
    first, second = read_ccp(root), read_ccp(root)
    assert first.images.equals(second.images) and first.boxes.equals(second.boxes)
    write(2, paint(("dress", 5, 5, 25, 40), ("jeans", 0, 45, 40, 60)))
    assert len(read_ccp(root).boxes) == 3


def test_bad_files_are_counted_and_the_rest_is_read(write):
    mask = paint(("coat", 5, 5, 25, 45))
    root = write(1, mask)
    write(2, None)  # no mask
    write(3, mask, size=None)  # no photo
    write(4, mask, size=(60, 50))  # sizes that differ
    write(5, mask)
    (root / "annotations" / "pixel-level" / "0005.mat").write_bytes(b"broken")
    write(6, np.zeros((3, 4, 2)))  # no mask of labels
    write(7, mask)
    (root / "photos" / "0007.jpg").write_bytes(b"")
    write(8, paint(("shoes", 5, 5, 25, 45)))  # a person without a labeled garment
    (root / "photos" / "cover.jpg").touch()
    dataset = read_ccp(root)
    assert dataset.images.image_id.tolist() == [1, 8]
    assert dataset.boxes.image_id[dataset.counted_mask].tolist() == [1]
    assert dataset.boxes.image_id[dataset.any_class_mask].tolist() == [8]
    assert dataset.problems.counts == {
        "photo without pixel labels: left out": 1,
        "pixel labels without their photo: left out": 1,
        "pixel labels and photo of different sizes: photo left out": 1,
        "pixel labels not readable: photo left out": 2,
        "photo not readable: left out": 1,
        "no garment among the pixel labels: nothing in the photo is background": 1,
    }


def test_what_a_box_leaves_out_of_a_mask_is_counted(write):
    mask = paint(
        ("dress", 10, 20, 40, 50), ("shoes", 0, 55, 40, 60), ("coat", 0, 0, 10, 19)
    )  # 190 px of a coat
    mask[50:54, 36:40] = mask[20, 20]  # 16 of 916 px, below the dress
    mask[58, 0] = mask[20, 20]  # one px, far to the left of it
    dataset = read_ccp(write(1, mask))
    assert dataset.boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[10, 20, 40, 54]]
    assert dataset.problems.counts == {
        "mask of a garment under 200 px: dropped": 1,
        "specks far from a garment: its box leaves them out": 1,
    }


def test_a_layout_that_is_not_there_is_refused(write, tmp_path):
    with pytest.raises(InputError, match=r"label_list\.mat: there is no such file"):
        read_ccp(tmp_path)
    root = write(1, paint(("coat", 5, 5, 25, 45)))
    (root / "label_list.mat").write_bytes(b"broken")
    with pytest.raises(InputError, match="no readable label_list"):
        read_ccp(root)
    savemat(root / "label_list.mat", {"label_list": np.array([["dress"]], object)})
    with pytest.raises(InputError, match=r"'blazer'.* are missing"):
        read_ccp(root)


def test_masks_of_other_kinds_are_refused(tmp_path):
    savemat(tmp_path / "x.mat", {"groundtruth": np.zeros((4, 4))})
    with pytest.raises(InputError, match=r"x\.mat: no readable groundtruth"):
        mask_boxes(tmp_path / "x.mat", frozenset({1}))


def test_the_real_photos(shared_data):
    dataset = read_ccp(shared_data / "ccp")
    assert len(dataset) == 850
    assert dataset.problems.counts == {
        "mask of a garment under 200 px: dropped": 2,
        "no garment among the pixel labels: nothing in the photo is background": 1,
        "specks far from a garment: its box leaves them out": 111,
    }
    assert dataset.images.split.value_counts().to_dict() == {"train": 591, "test": 169, "val": 90}
    assert dataset.boxes.image_id[dataset.any_class_mask].tolist() == [536]
    assert dataset.counted_mask.sum() == 2009 and set(dataset.boxes.image_id) <= set(
        dataset.images.image_id
    )
    counts = dict(zip(dataset.classes, dataset.count_boxes(), strict=True))
    assert (
        counts["dress"] == 229
        and counts["top"] == 437
        and counts["romper"] == 28
        and len(counts) == 12
    )
    sizes = dataset.boxes.merge(dataset.images, on="image_id")
    assert (
        (sizes.x1 >= 0).all()
        and (sizes.x2 <= sizes.width).all()
        and (sizes.y2 <= sizes.height).all()
    )
    assert ((sizes.x2 > sizes.x1 + 1) & (sizes.y2 > sizes.y1 + 1)).all()
    center = (dataset.boxes.y1 + dataset.boxes.y2).groupby(dataset.boxes.type).mean()
    assert center["upper"] < center["full"] < center["lower"]
