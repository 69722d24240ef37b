"""Several data sets as one, under the categories of a taxonomy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shopee_od.datasets.ccp import read_ccp
from shopee_od.datasets.clothing import read_clothing
from shopee_od.datasets.columns import BOX_COLUMNS, IMAGE_COLUMNS
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.joint import join_datasets
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.summary import summarize
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError
from shopee_od.io import hash_file

TAXONOMY = """
shop:
  upper: {Tops: [top, shirt, tee], Outerwear: [coat]}
  full: {Dresses: [dress]}
gaps:
  Swimwear: [bikini]
classes:
  street: {blouse: [top, shirt], coat: coat, hat: null, bikini: bikini}
  home: {tee: tee, shirt: shirt, gown: dress, robe: [dress, bikini]}
  hats: {cap: null}
"""
STREET, HOME = ("blouse", "coat", "hat", "bikini"), ("tee", "shirt", "gown", "robe")


@pytest.fixture
def taxonomy(tmp_path):
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY)
    return read_taxonomy(tmp_path / "taxonomy.yaml")


def build(name, classes, splits, *boxes):
    """One image per split; boxes are (image_id, class, type, further columns)."""
    images = [
        {"image_id": 10 + k, "path": f"/data/{name}/{k}.jpg", "width": 9, "height": 9, "split": s}
        for k, s in enumerate(splits)
    ]
    corners = {"x1": 0, "y1": 0, "x2": 5, "y2": 5}
    rows = [
        {"box_id": 7 + k, "image_id": i, "label": classes.index(c), "type": t} | corners | more
        for k, (i, c, t, more) in enumerate(boxes)
    ]
    log = ProblemLog()
    log.add("row damaged: dropped", f"{name} row 3")
    return Dataset.build(name, Path("/data", name), classes, images, rows, log)


@pytest.fixture
def street():
    """Two images; the second has what is no garment, and a garment of an unsupported group."""
    return build(
        "street",
        STREET,
        ("train", "val"),
        (10, "blouse", "upper", {}),
        (10, "coat", "", {}),
        (11, "hat", "", {}),
        (11, "bikini", "lower", {}),
    )


@pytest.fixture
def home():
    """Three images, one of them without a box."""
    return build(
        "home",
        HOME,
        ("train", "test", "train"),
        (10, "shirt", "upper", {}),
        (10, "tee", "upper", {"certain": False}),
        (11, "gown", "upper", {"iscrowd": True}),
        (11, "robe", "full", {}),
    )


def test_classes_are_the_categories_that_a_source_may_have(street, home, taxonomy):
    assert join_datasets([street], taxonomy).classes == ("top", "shirt", "coat", "bikini")
    assert join_datasets([home], taxonomy).classes == ("shirt", "tee", "dress", "bikini")
    joint = join_datasets([street, home], taxonomy)
    assert joint.classes == ("top", "shirt", "tee", "coat", "dress", "bikini")
    assert joint.split("val").classes == joint.classes


def test_each_box_has_the_label_of_what_it_may_be(street, home, taxonomy):
    joint = join_datasets([street, home], taxonomy)
    names = [joint.label_names[label] for label in joint.boxes.label]
    assert names[:4] == ["top or shirt", "coat", "any class", "bikini"]
    uncertain = "top or shirt or tee or coat"  # any of its type
    assert names[4:] == ["shirt", uncertain, "dress", "dress or bikini"]
    # What is no class is neither trained on nor taken for background.
    assert joint.boxes.ignore.tolist() == [*2 * [False], True, *5 * [False]]
    assert joint.boxes.iscrowd.tolist() == [*6 * [False], True, False]
    assert joint.boxes.certain.tolist() == [*5 * [True], False, True, True]


def test_the_type_is_that_of_the_categories_or_else_the_boxs_own(street, home, taxonomy):
    joint = join_datasets([street, home], taxonomy)
    assert joint.boxes.type.tolist() == [
        *("upper", "upper", "", "lower"),
        *("upper", "upper", "full", "full"),
    ]
    assert joint.types == ("upper", "upper", "upper", "upper", "full", "lower")


def test_photos_keep_their_order_split_and_data_set(street, home, taxonomy):
    joint = join_datasets([home, street], taxonomy)
    assert joint.name == "home+street" and joint.root == Path("/data")
    assert joint.images.image_id.tolist() == list(range(5))
    assert joint.images.path.tolist() == [*home.images.path, *street.images.path]
    assert joint.images.split.tolist() == ["train", "test", "train", "train", "val"]
    assert joint.images.dataset.tolist() == [*3 * ["home"], *2 * ["street"]]
    assert joint.boxes.image_id.tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
    assert joint.boxes.box_id.tolist() == list(range(8))
    assert dict(joint.images.dtypes.astype(str)) == IMAGE_COLUMNS
    assert dict(joint.boxes.dtypes.astype(str)) == BOX_COLUMNS
    train = joint.split("train")
    assert len(train) == 3 and len(train.with_boxes()) == 2
    assert train.take(train.images.image_id[train.images.dataset == "street"]).boxes.shape[0] == 2


def test_problems_are_those_of_all_data_sets(street, home, taxonomy):
    problems = join_datasets([street, home], taxonomy).problems
    assert problems.counts == {
        "street: row damaged: dropped": 1,
        "home: row damaged: dropped": 1,
        "street: no category in the taxonomy: box to be ignored": 1,
    }
    assert problems.examples["street: row damaged: dropped"] == ["street row 3"]
    assert [*problems.examples.values()][2:] == [["hat"]]


def test_a_single_data_set_only_gets_other_classes(home, taxonomy):
    joint = join_datasets([home], taxonomy)
    assert joint.name == "home+categories" and joint.root == home.root
    pd.testing.assert_series_equal(joint.images.path, home.images.path)
    pd.testing.assert_frame_equal(joint.boxes[["x1", "y2"]], home.boxes[["x1", "y2"]])
    assert taxonomy.map_boxes(joint, "group") == ["Tops", "", "Dresses", ""]


def test_joining_changes_nothing_when_it_is_repeated(street, home, taxonomy):
    joint = join_datasets([street, home], taxonomy)
    again = join_datasets([joint], taxonomy)
    assert again.classes == joint.classes and again.label_names == joint.label_names
    assert again.boxes.label.tolist() == joint.boxes.label.tolist()
    assert again.fingerprint() == joint.fingerprint()
    assert again.images.dataset.tolist() == joint.images.dataset.tolist()


def test_data_sets_without_boxes_or_categories(street, taxonomy):
    empty = build("home", HOME, ("train",))
    assert len(join_datasets([street, empty], taxonomy).boxes) == 4
    assert join_datasets([empty], taxonomy).coarse_labels == ()
    with pytest.raises(InputError, match=r"no class of hats has a category; give them some"):
        join_datasets([build("hats", ("cap",), ("train",))], taxonomy)


def test_a_photo_that_lost_a_label_may_have_a_garment_of_any_class(street, home, taxonomy):
    log = ProblemLog()
    log.add("box damaged: dropped", "row 1", 11)
    street = Dataset.build("street", street.root, STREET, street.images, street.boxes, log)
    joint = join_datasets([street, home], taxonomy)
    region = joint.boxes[joint.any_class_mask].iloc[0]
    assert (region.image_id, region.x2, region.y2) == (1, 9, 9)
    assert joint.label_names[region.label] == "any class"
    assert taxonomy.map_boxes(joint, "type")[region.box_id] == ""
    again = join_datasets([joint], taxonomy)
    assert again.fingerprint() == joint.fingerprint()


def test_the_taxonomy_is_recorded(street, taxonomy, tmp_path):
    joint = join_datasets([street], taxonomy)
    digest = hash_file(tmp_path / "taxonomy.yaml")
    assert joint.split("train").taxonomy == f"taxonomy.yaml sha256 {digest}"
    (tmp_path / "taxonomy.yaml").write_text(f"{TAXONOMY}\n# another\n")
    other = join_datasets([street], read_taxonomy(tmp_path / "taxonomy.yaml"))
    assert other.taxonomy != joint.taxonomy and other.fingerprint() == joint.fingerprint()
    assert street.taxonomy == ""


def test_a_class_that_the_taxonomy_lacks_is_named(taxonomy):
    other = build("home", ("kimono",), ("train",))
    with pytest.raises(InputError, match=r"taxonomy\.yaml: classes, home: 'kimono' is missing"):
        join_datasets([other], taxonomy)


def test_the_summary_shows_coarse_labels_and_sources(street, home, taxonomy):
    lines = summarize(join_datasets([street, home], taxonomy)).splitlines()
    assert lines[0] == "street+home at /data" and lines[2] == "2 of street, 3 of home"
    counts = {
        line.rsplit(maxsplit=4)[0].strip(): line.split()[-1] for line in lines if "  " in line
    }
    assert counts["top or shirt"] == "1" and counts["any class"] == "1"
    assert (
        counts["coat (upper)"] == counts["bikini (lower)"] == "1" and counts["top (upper)"] == "0"
    )


def test_the_real_photos(shared_data):
    if not (shared_data / "clothing" / "images").is_dir():
        pytest.skip(f"no photos at {shared_data / 'clothing'}")
    sources = [read_ccp(shared_data / "ccp"), read_clothing(shared_data / "clothing")]
    joint = join_datasets(sources, read_taxonomy())
    assert joint.name == "ccp+clothing" and len(joint.classes) == 13
    assert len(joint) == sum(map(len, sources))
    assert len(joint.boxes) == sum(len(source.boxes) for source in sources)
    first_of = {"ccp": 0, "clothing": len(sources[0])}
    for source in sources:
        part = joint.take(joint.images.image_id[joint.images.dataset == source.name])
        assert part.images.path.tolist() == source.images.path.tolist()
        assert part.images.image_id[0] == first_of[source.name]
        corners = ["x1", "y1", "x2", "y2"]
        np.testing.assert_array_equal(part.boxes[corners], source.boxes[corners])
    # Clothing's garments without a name, and a photo of CCP without labels, are to be ignored; of
    # CCP's tops none has one category.
    assert [source.boxes.ignore.sum() for source in sources] == [1, 18]
    assert joint.boxes.ignore.sum() == 19
    counts = joint.boxes.label.map(lambda label: joint.label_names[label]).value_counts()
    assert counts["top or shirt"] == 437 and counts["any class"] == 19
    assert counts["top or jumpsuit"] == 64
    assert joint.types == (*6 * ["upper"], *5 * ["lower"], *2 * ["full"])
    train = joint.split("train").without_coarse_labels()
    assert train.counted_mask.sum() + train.boxes.ignore.sum() == len(train.boxes)
