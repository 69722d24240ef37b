import pytest
from openimages_files import box_row, box_text, photo_id

from shopee_od.datasets.openimages_selection import match_classes, select_photos
from shopee_od.errors import InputError


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Dress", "Bra"], "no garment 'Bra'; did you mean Brassiere. There are Brassiere, Coat"),
        (["skirts"], "did you mean Skirt or "),
        (["Person"], "no garment 'Person'; there are "),
        (["Clothing"], "no garment 'Clothing'"),
        ([" ", ""], "no class is named; choose from Brassiere, "),
    ],
)
def test_unknown_classes_are_refused_with_similar_ones(names, message):
    with pytest.raises(InputError, match=message):
        match_classes(names)


def test_names_of_classes_in_any_case_and_order():
    assert match_classes(["swimwear ", "BRASSIERE", "Swimwear"]) == ["Brassiere", "Swimwear"]


@pytest.mark.parametrize("end", ["\n", "", "\r\n"])
def test_the_first_photos_of_each_class_are_selected(tmp_path, end):
    """The last row too where no line end follows it, and only photos of the classes asked for."""
    names = ["Dress", "Shirt", "Dress", "Brassiere", "Dress", "/m/0bt9lr", "Brassiere"]
    text = box_text([box_row(number, name) for number, name in enumerate(names)]).rstrip("\n")
    file = tmp_path / "boxes.csv"
    file.write_bytes(text.replace("\n", end or "\n").encode() + end.encode())

    def select(classes, photos):
        return select_photos(file, classes, photos, progress=False)

    assert select(["Dress"], 2) == [photo_id(0), photo_id(2)]
    assert select(["Brassiere"], 9) == [photo_id(3), photo_id(6)]
    assert select(["Brassiere", "Dress"], 1) == [photo_id(0), photo_id(3)]
    assert select(["Swimwear"], 1) == []


def test_a_file_of_boxes_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: not readable .*download it again"):
        select_photos(tmp_path / "none.csv", ["Dress"], 1, progress=False)
