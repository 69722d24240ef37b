import numpy as np
import pytest

from shopee_od.datasets import (
    ccp,
    clothing,
    deepfashion,
    deepfashion2,
    fashionpedia,
    modanet,
)
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.taxonomy import DEFAULT_PATH, LEVELS, read_taxonomy
from shopee_od.errors import InputError
from shopee_od.structures import GARMENT_TYPES

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
    woven: [Blouses, T-shirts]
    mixed: [T-shirts, Plain skirts]
    skirts: Skirts
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return read_taxonomy(path)


CLASSES = {
    "deepfashion": deepfashion.CLASSES,
    "ccp": ccp.GARMENTS,
    "clothing": clothing.GARMENTS,
    "deepfashion2": deepfashion2.CLASSES,
    "fashionpedia": fashionpedia.CLASSES,
    "modanet": modanet.CLASSES,
}
"""Data set -> the classes of its reader."""
GARMENTS = (
    *("t-shirt", "top", "shirt", "sweater", "jacket", "coat"),
    *("shorts", "trousers", "jeans", "leggings", "skirt", "dress", "jumpsuit"),
)


@pytest.mark.parametrize("dataset", CLASSES)
def test_every_class_of_the_readers_has_a_category(dataset):
    taxonomy = read_taxonomy()
    assert {*taxonomy.classes[dataset]} == {*CLASSES[dataset]}
    for name in CLASSES[dataset]:
        candidates = taxonomy.candidates(dataset, name)
        assert candidates and {*candidates} <= {*taxonomy.names("category")}


def test_the_categories_are_a_shops_garments():
    taxonomy = read_taxonomy()
    assert taxonomy.names("category") == (*GARMENTS, "lingerie", "sleepwear", "swimwear")
    assert taxonomy.names("group")[:3] == ("Tops", "Knitwear", "Outerwear")
    assert taxonomy.candidates("ccp", "top") == ("top", "shirt")
    assert taxonomy.candidates("clothing", "bodysuit") == ("top", "jumpsuit")
    assert taxonomy.map_class("ccp", "top") == "Tops"
    assert taxonomy.map_class("clothing", "bodysuit") == ""


def test_the_types_are_those_that_the_readers_give():
    taxonomy = read_taxonomy()
    for name, (kind, _) in ccp.GARMENTS.items():
        assert taxonomy.map_class("ccp", name, kind, "type") == kind


def test_a_class_is_mapped_at_the_levels_that_it_reaches(small):
    assert [small.map_class("toy", "tee", "", level) for level in LEVELS] == [
        "T-shirts",
        "Tops",
        "upper",
    ]
    assert [small.map_class("toy", "top", "", level) for level in LEVELS] == ["", "Tops", "upper"]
    assert small.map_class("toy", "hat") == ""


def test_an_ambiguous_class_is_mapped_by_the_type_of_its_box(small):
    assert (
        small.map_class("toy", "summer", "lower") == "Skirts"
        and small.map_class("toy", "summer", "upper") == "Tops"
    )
    assert (
        small.map_class("toy", "summer", "") == ""
        and small.map_class("toy", "summer", "full") == ""
    )


def test_the_categories_that_a_class_may_have(small):
    tops = ("T-shirts", "Blouses")
    assert small.candidates("toy", "tee") == ("T-shirts",) == small.candidates("toy", "tee", "full")
    assert small.candidates("toy", "top") == small.candidates("toy", "woven") == tops
    assert small.candidates("toy", "summer", "upper") == tops
    assert small.candidates("toy", "summer", "lower") == ("Plain skirts",)
    assert small.candidates("toy", "summer", "full") == ()
    assert small.candidates("toy", "summer") == (*tops, "Plain skirts")
    assert small.candidates("toy", "hat") == ()


def test_a_list_has_the_name_that_all_its_categories_share(small):
    assert [small.map_class("toy", "woven", "", level) for level in LEVELS] == ["", "Tops", "upper"]
    mixed = [small.map_class("toy", "mixed", "lower", level) for level in LEVELS]
    assert mixed == ["", "", ""]
    # A group with one category tells it.
    assert small.map_class("toy", "skirts", "", "category") == "Plain skirts"


def test_a_joined_data_set_has_the_categories_as_classes(small):
    assert small.has_dataset("toy+other") and not small.has_dataset("other")
    assert small.candidates("toy+other", "Blouses") == ("Blouses",)
    assert small.map_class("toy+other", "Blouses") == "Tops"
    assert small.unmapped_classes("toy+other", ("Blouses", "tee")) == ["tee"]


def test_the_categories_that_boxes_may_have(small, tmp_path):
    images = [{"image_id": 0, "path": str(tmp_path / "0.jpg"), "width": 9, "height": 9}]
    corners = {"image_id": 0, "x1": 0, "y1": 0, "x2": 5, "y2": 5}
    rows = [(0, "upper", True), (0, "upper", False), (0, "", False), (2, "upper", True)]
    boxes = [
        {"box_id": k, "label": label, "type": kind, "certain": certain} | corners
        for k, (label, kind, certain) in enumerate(rows)
    ]
    toy = Dataset.build("toy", tmp_path, ["tee", "bikini"], images, boxes, None, ((0, 1),))
    tops = ("T-shirts", "Blouses")
    assert small.box_candidates(toy) == [
        ("T-shirts",),
        tops,  # not certain: any of its type
        (*tops, "Plain skirts"),
        ("T-shirts", "Bikinis"),
    ]
    assert small.map_boxes(toy) == ["Tops", "Tops", "", ""]
    assert small.relabel(toy).problems.examples == {
        "no group in the taxonomy: box left out": ["tee", "any class"]
    }


def test_a_box_of_any_class_has_every_category_and_no_name(small, tmp_path):
    images = [{"image_id": 0, "path": str(tmp_path / "0.jpg"), "width": 9, "height": 9}]
    log = ProblemLog()
    log.add("box damaged: dropped", "row 1", 0)
    toy = Dataset.build("toy", tmp_path, ["tee"], images, [], log)
    assert small.box_candidates(toy) == [small.names("category")]
    assert [small.map_boxes(toy, level) for level in LEVELS] == [[""]] * 3
    groups = small.relabel(toy)
    assert groups.any_class_mask.tolist() == [True] and not groups.counted_mask.any()


def test_an_unsupported_group_takes_the_type_of_its_box(small):
    assert small.unsupported_groups == ("Swimwear",)
    assert small.map_class("toy", "bikini", "full", "type") == "full"
    assert read_taxonomy().unsupported_groups == ("Underwear", "Swimwear")


def test_relabel_keeps_photos_and_counts_what_it_leaves_out(small, tmp_path):
    images = [
        {"image_id": k, "path": str(tmp_path / f"{k}.jpg"), "width": 9, "height": 9}
        for k in range(2)
    ]
    corners = {"x1": 0, "y1": 0, "x2": 5, "y2": 5}
    boxes = [
        {"box_id": k, "image_id": k % 2, "label": label, "type": kind, **corners}
        for k, (label, kind) in enumerate(
            [(0, "upper"), (2, "lower"), (2, ""), (1, "upper"), (4, "")]
        )
    ]
    toy = Dataset.build("toy", tmp_path, ["tee", "top", "summer", "bikini", "hat"], images, boxes)
    groups = small.relabel(toy)
    assert groups.classes == ("Tops", "Skirts", "Swimwear") and len(groups) == 2
    assert groups.boxes.box_id.tolist() == [0, 1, 3] and groups.boxes.label.tolist() == [0, 1, 0]
    assert groups.boxes.label.dtype == np.int32
    assert groups.problems.counts == {"no group in the taxonomy: box left out": 2}
    assert small.relabel(toy, "type").classes == GARMENT_TYPES
    with pytest.raises(InputError, match="level 'size': choose one of category, group, type"):
        small.relabel(toy, "size")
    again = small.relabel(toy)
    assert again.problems == groups.problems and again.boxes.equals(groups.boxes)
    assert not toy.problems and toy.boxes.label.tolist() == [0, 2, 2, 1, 4]


def test_unknown_data_sets_and_classes_are_named(small):
    with pytest.raises(
        InputError, match=r"small\.yaml: no classes of 'other'; add them below classes"
    ):
        small.map_class("other", "tee")
    with pytest.raises(InputError, match=r"small\.yaml: classes, toy: 'cap' is missing"):
        small.map_class("toy", "cap")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    tee: T-shirts",
            "    tee: Tee-shirts",
            "classes, toy, tee: 'Tee-shirts' is no category or group",
        ),
        (
            "    tee: T-shirts",
            "    tee: [T-shirts, Tops]",
            r"classes, toy, tee: \['T-shirts', 'Tops'\] must be a list of different categories",
        ),
        (
            "{upper: Tops",
            "{above: Tops",
            "classes, toy, summer: 'above' is no type; use upper, lower, full",
        ),
        ("[Plain skirts]", "[Blouses]", "shop, lower, Skirts: 'Blouses' is used twice"),
        ("[Plain skirts]", "[Skirts]", "shop, lower, Skirts: 'Skirts' is used twice"),
        ("[Plain skirts]", "[]", "shop, lower, Skirts: list its categories"),
        ("[Plain skirts]", "Plain skirts", "shop, lower, Skirts: list its categories"),
        ("[Plain skirts]", "[1]", "shop, lower, Skirts: 1 is used twice, or is no text"),
        ("  lower:", "  below:", "shop: 'below' is no type; use upper, lower, full"),
        ("tee: T-shirts", "tee: [Blouses, Blouses]", "must be a list of different categories"),
        ("tee: T-shirts", "tee: []", r"tee: \[\] must be a list of different categories"),
        ("tee: T-shirts", "tee: [[Blouses]]", "must be a list of different categories"),
        ("upper: Tops,", "upper: [5],", r"summer: \[5\] must be a list of different categories"),
        ("tee: T-shirts", "tee: 5", "classes, toy, tee: 5 is no category or group"),
        ("    top: Tops", "    tee: Tops", "'tee' is used twice"),
        ("gaps:", "gap:", "'gap' is no part; use shop, gaps and classes"),
        ("classes:", "classes: 5\nshop:", "'shop' is used twice"),
        ("  toy:", "  toy: &a [*a", "not YAML as it should be"),
        (SMALL, "- a list", "the file: write names here, each with a colon"),
        (SMALL, "shop: !!python/object/apply:os.getcwd []", "not YAML as it should be"),
    ],
)
def test_a_wrong_file_is_refused_with_the_entry(tmp_path, old, new, message):
    path = tmp_path / "mine.yaml"
    assert old in SMALL
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"mine\.yaml: .*{message}"):
        read_taxonomy(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: not readable"):
        read_taxonomy(tmp_path / "none.yaml")


def test_the_tree_shows_the_classes_that_map_to_each_name(small):
    lines = str(small).splitlines()
    assert "  Tops  ← toy: top; toy: summer (upper)" in lines
    woven = "toy: woven (one of Blouses, T-shirts)"
    mixed = "toy: mixed (one of T-shirts, Plain skirts)"
    assert f"    T-shirts  ← toy: tee; {woven}; {mixed}" in lines
    assert f"    Blouses  ← {woven}" in lines
    assert lines.index("  Swimwear") > lines.index("full")
    assert DEFAULT_PATH.is_file()


def test_unmapped_classes_are_named():
    taxonomy = read_taxonomy()
    for dataset in ("coco", "voc"):
        assert taxonomy.unmapped_classes(dataset, ("Dress", "dress")) == ["dress"]
    assert taxonomy.unmapped_classes("shopsim", ("Dress", "Jeans")) == []
    assert taxonomy.unmapped_classes("mine", ("Dress",)) == ["Dress"]


def test_boxes_and_classes_are_mapped_like_single_classes(small, tmp_path):
    images = [{"image_id": 0, "path": str(tmp_path / "0.jpg"), "width": 9, "height": 9}]
    corners = {"x1": 0, "y1": 0, "x2": 5, "y2": 5}
    boxes = [{"box_id": k, "image_id": 0, "label": k, "type": "lower", **corners} for k in range(3)]
    toy = Dataset.build("toy", tmp_path, ["tee", "summer", "hat"], images, boxes)
    assert small.map_boxes(toy) == ["Tops", "Skirts", ""]
    types = ("upper", "lower", "")
    assert small.map_classes("toy", toy.classes, types, "type") == ["upper", "lower", ""]
