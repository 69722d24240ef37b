import pytest
from PIL import Image

from shopee_od.datasets import DATASETS
from shopee_od.datasets.deepfashion_category import read_deepfashion_category
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError

# The 50 categories in the order of the authors' file; types 1 upper, 2 lower, 3 full.
UPPER = """
Anorak Blazer Blouse Bomber Button-Down Cardigan Flannel Halter Henley Hoodie Jacket Jersey Parka
Peacoat Poncho Sweater Tank Tee Top Turtleneck
"""
LOWER = """
Capris Chinos Culottes Cutoffs Gauchos Jeans Jeggings Jodhpurs Joggers Leggings Sarong Shorts Skirt
Sweatpants Sweatshorts Trunks
"""
FULL = """
Caftan Cape Coat Coverup Dress Jumpsuit Kaftan Kimono Nightdress Onesie Robe Romper Shirtdress
Sundress
"""
ROWS = [
    f"{name} {kind}" for kind, names in enumerate((UPPER, LOWER, FULL), 1) for name in names.split()
]
NAMES = [row.split()[0] for row in ROWS]


def name(folder, number):
    return f"img/{folder}/img_{number:08d}.jpg"


@pytest.fixture
def write(tmp_path, own_cache):
    """Writes the four files in DeepFashion's format, and a photo of 30 × 40 for each box."""

    def write(
        boxes,
        categories=None,
        splits=None,
        names=ROWS,
        anno="Anno_coarse",
        folder="Img",
        count=None,
    ):
        photos = [row.split()[0] for row in boxes]
        categories = categories or [f"{photo}   18" for photo in photos]
        splits = splits or [f"{photo}  train" for photo in photos]
        tables = {
            f"{anno}/list_bbox.txt": ("image_name  x_1  y_1  x_2  y_2", boxes),
            f"{anno}/list_category_cloth.txt": ("category_name  category_type", names),
            f"{anno}/list_category_img.txt": ("image_name  category_label", categories),
            "Eval/list_eval_partition.txt": ("image_name  evaluation_status", splits),
        }
        for file, (head, rows) in tables.items():
            row_1 = count if count and "cloth" in file else len(rows)
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text("\n".join([str(row_1), head, *rows, ""]))
        for photo in photos:
            if ".." not in photo:
                (tmp_path / folder / photo).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (30, 40)).save(tmp_path / folder / photo)
        return tmp_path

    return write


@pytest.mark.parametrize("anno", ["Anno_coarse", "Anno"])
@pytest.mark.parametrize("folder", ["Img", "."])
def test_photos_with_category_type_and_split(write, anno, folder):
    photos = [name("Sheer_Pleated-Front_Blouse", 1), name("Denim_Skirt", 1), name("Wrap_Dress", 2)]
    boxes = [f"{photo:<60} 001  002  011  022" for photo in photos]
    categories = [f"{photos[2]}   41", f"{photos[0]}   3", f"{photos[1]}   33"]  # in any order
    splits = [
        f"{photo}   {split}" for photo, split in zip(photos, ("train", "val", "test"), strict=True)
    ]
    root = write(boxes, categories, splits, anno=anno, folder=folder)
    assert not DATASETS["deepfashion-category"].missing_files(root)
    read = read_deepfashion_category(root)
    assert read.classes == tuple(NAMES) and len(NAMES) == 50
    assert [read.classes[label] for label in read.boxes.label] == ["Blouse", "Skirt", "Dress"]
    assert read.boxes.type.tolist() == ["upper", "lower", "full"]
    assert read.images.split.tolist() == ["train", "val", "test"]
    assert read.images["item"].tolist() == [
        "Sheer_Pleated-Front_Blouse",
        "Denim_Skirt",
        "Wrap_Dress",
    ]
    assert read.boxes[["x1", "y1", "x2", "y2"]].iloc[0].tolist() == [1, 2, 11, 22]
    assert read.images.image_id.tolist() == read.boxes.box_id.tolist() == [0, 1, 2]
    assert not read.problems


def test_bad_rows_are_dropped_and_counted(write):
    photos = [name("Blouse", k) for k in range(6)]
    boxes = [f"{photo} 1 2 11 22" for photo in photos[:4]] + [
        f"{photos[4]} 1 2 three 22",
        f"{photos[5]} 1 2 11",
        f"{photos[0]} 5 5 9 9",
        "img/../../secret.jpg 1 2 11 22",
        "img/TOPS/Blouse/deep.jpg 1 2 11 22",
    ]
    categories = [
        f"{photos[0]} 3",
        f"{photos[1]} 51",
        f"{photos[3]} 3",
        f"{photos[3]} 18",
        f"{photos[4]} 3",
    ]
    read = read_deepfashion_category(
        write(boxes, categories, [f"{photos[0]} train", f"{photos[3]} later"])
    )
    assert read.images.image_id.tolist() == [0, 3]
    assert [read.classes[label] for label in read.boxes.label] == [
        "Blouse",
        "Blouse",
    ]  # the first row counts
    assert read.images.split.tolist() == ["train", ""]
    assert read.problems.counts == {
        "row without its 5 columns: dropped": 1,
        "second row for a photo: dropped": 1,
        "path leaves the data set: dropped": 1,
        "path is not img/item/photo: dropped": 1,
        "category that is not 1 to 50: dropped": 2,
        "photo without train, val or test: in no split": 2,
        "box with a value that is no number: dropped": 1,
    }


@pytest.mark.parametrize(
    "names", [[*ROWS[1:], "Anorak"], [*ROWS, "Anorak 1"], [*ROWS[:-1], "Sundress 4"], []]
)  # fmt: skip
def test_a_fault_in_the_categories_is_refused_since_it_would_shift_them(write, names):
    with pytest.raises(
        InputError, match=r"list_category_cloth\.txt: its rows number the categories"
    ):
        read_deepfashion_category(write([f"{name('Tee', 1)} 1 2 11 22"], names=names))


def test_a_wrong_count_of_categories_is_refused(write):
    with pytest.raises(InputError, match="fetch it again"):
        read_deepfashion_category(write([f"{name('Tee', 1)} 1 2 11 22"], count=51))


def test_a_missing_layout_is_refused_with_the_fix(tmp_path):
    with pytest.raises(InputError, match="unpack the data set's photos there"):
        read_deepfashion_category(tmp_path)
    (tmp_path / "img").mkdir()
    with pytest.raises(InputError, match="Anno_coarse"):
        read_deepfashion_category(tmp_path)


def test_each_category_has_its_group():
    taxonomy = read_taxonomy()
    groups = {name: taxonomy.map_class("deepfashion-category", name) for name in NAMES}
    assert set(groups) == set(taxonomy.classes["deepfashion-category"]) and all(groups.values())
    assert groups["Nightdress"] == "Underwear" and groups["Trunks"] == "Swimwear"
