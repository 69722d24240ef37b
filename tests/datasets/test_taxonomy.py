import numpy as np
import pytest

from shopee_od.datasets import ccp, deepfashion
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import DEFAULT, LEVELS, read_taxonomy
from shopee_od.types import TYPES, InputError

SMALL = """
shop:
  upper:
    Tops: [T-shirts, Blouses]
  lower:
    Skirts: [Plain skirts]
gaps:
  Swimwear: [Bikinis]
classes:
  toy:
    tee: T-shirts
    top: Tops
    summer: {upper: Tops, lower: Skirts}
    bikini: Bikinis
    hat: null
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return read_taxonomy(path)


@pytest.mark.parametrize(
    ("dataset", "classes"), [("deepfashion", deepfashion.CLASSES), ("shopsim", deepfashion.CLASSES), ("ccp", None)]
)
def test_every_class_of_the_readers_has_a_group(dataset, classes):
    taxonomy = read_taxonomy()
    for name in classes or ccp.GARMENTS:
        groups = {taxonomy.place(dataset, name, kind, "group") for kind in TYPES}
        assert groups <= set(taxonomy.names("group")) and groups


def test_the_types_are_those_that_the_readers_give():
    taxonomy = read_taxonomy()
    for name, (kind, _) in ccp.GARMENTS.items():
        assert taxonomy.place("ccp", name, kind, "type") == kind


def test_a_class_is_placed_as_closely_as_it_says(small):
    assert [small.place("toy", "tee", "", level) for level in LEVELS] == ["T-shirts", "Tops", "upper"]
    assert [small.place("toy", "top", "", level) for level in LEVELS] == ["", "Tops", "upper"]
    assert small.place("toy", "hat") == ""


def test_a_class_that_says_nothing_goes_by_its_box(small):
    assert small.place("toy", "summer", "lower") == "Skirts" and small.place("toy", "summer", "upper") == "Tops"
    assert small.place("toy", "summer", "") == "" and small.place("toy", "summer", "full") == ""


def test_a_gap_is_known_and_takes_the_boxs_type(small):
    assert small.gaps == ("Swimwear",)
    assert small.place("toy", "bikini", "full", "type") == "full"
    assert read_taxonomy().gaps == ("Underwear", "Swimwear")


def test_relabel_keeps_photos_and_counts_what_it_leaves_out(small, tmp_path):
    images = [{"image_id": k, "path": str(tmp_path / f"{k}.jpg"), "width": 9, "height": 9} for k in range(2)]
    corners = {"x1": 0, "y1": 0, "x2": 5, "y2": 5}
    boxes = [
        {"box_id": k, "image_id": k % 2, "label": label, "type": kind, **corners}
        for k, (label, kind) in enumerate([(0, "upper"), (2, "lower"), (2, ""), (1, "upper"), (4, "")])
    ]
    toy = Dataset.build("toy", tmp_path, ["tee", "top", "summer", "bikini", "hat"], images, boxes)
    groups = toy.relabel(small)
    assert groups.classes == ("Tops", "Skirts", "Swimwear") and len(groups) == 2
    assert groups.boxes.box_id.tolist() == [0, 1, 3] and groups.boxes.label.tolist() == [0, 1, 0]
    assert groups.boxes.label.dtype == np.int32
    assert toy.problems.counts == {"no group in the taxonomy: box left out": 2}
    assert toy.relabel(small, "type").classes == TYPES
    with pytest.raises(InputError, match="level 'shelf': choose one of category, group, type"):
        toy.relabel(small, "shelf")


def test_unknown_data_sets_and_classes_are_named(small):
    with pytest.raises(InputError, match=r"small\.yaml: no classes of 'other'; add them below classes"):
        small.place("other", "tee")
    with pytest.raises(InputError, match=r"small\.yaml: classes, toy: 'cap' has no place"):
        small.place("toy", "cap")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    tee: T-shirts", "    tee: Tee-shirts", "classes, toy, tee: 'Tee-shirts' is no category or group"),
        ("    tee: T-shirts", "    tee: [T-shirts]", r"classes, toy, tee: \['T-shirts'\] is no category or group"),
        ("{upper: Tops", "{above: Tops", "classes, toy, summer: 'above' is no type; use upper, lower, full"),
        ("[Plain skirts]", "[Blouses]", "shop, lower, Skirts: 'Blouses' stands twice"),
        ("[Plain skirts]", "[Skirts]", "shop, lower, Skirts: 'Skirts' stands twice"),
        ("[Plain skirts]", "[]", "shop, lower, Skirts: list its categories"),
        ("[Plain skirts]", "Plain skirts", "shop, lower, Skirts: list its categories"),
        ("[Plain skirts]", "[1]", "shop, lower, Skirts: 1 stands twice, or is no text"),
        ("  lower:", "  below:", "shop: 'below' is no type; use upper, lower, full"),
        ("    top: Tops", "    tee: Tops", "'tee' stands twice"),
        ("gaps:", "gap:", "'gap' is no part; use shop, gaps and classes"),
        ("classes:", "classes: 5\nshop:", "'shop' stands twice"),
        ("  toy:", "  toy: &a [*a", "not YAML as it should be"),
        (SMALL, "- a list", "the file: here belong names with a colon"),
        (SMALL, "shop: !!python/object/apply:os.getcwd []", "not YAML as it should be"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path, old, new, says):
    path = tmp_path / "mine.yaml"
    assert old in SMALL
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"mine\.yaml: .*{says}"):
        read_taxonomy(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: not readable"):
        read_taxonomy(tmp_path / "none.yaml")


def test_the_tree_shows_where_classes_land(small):
    lines = str(small).splitlines()
    assert "  Tops  ← toy: top; toy: summer (upper)" in lines and "    T-shirts  ← toy: tee" in lines
    assert lines.index("  Swimwear") > lines.index("full")
    assert DEFAULT.is_file()


def test_classes_without_a_place_are_named():
    shelves = read_taxonomy()
    assert shelves.unplaced("coco", ("Dress", "dress")) == shelves.unplaced("voc", ("Dress", "dress")) == ["dress"]
    assert shelves.unplaced("shopsim", ("Dress", "Jeans")) == [] and shelves.unplaced("mine", ("Dress",)) == ["Dress"]
