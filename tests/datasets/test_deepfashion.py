import pytest
from PIL import Image

from shopee_od.datasets import DATASETS, open_dataset
from shopee_od.datasets.deepfashion import BOX_FILE, CLASSES, SPLIT_FILE, read_consumer_to_shop
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.tables import read_rows
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError

BOX_NAMES = "image_name  clothes_type  source_type  x_1  y_1  x_2  y_2"
SPLIT_NAMES = "image_pair_name_1     image_pair_name_2   item_id evaluation_status"


def name(item, photo, leaf="T_Shirt", department="TOPS"):
    return f"img/{department}/{leaf}/id_{item:08d}/{photo}.jpg"


def box(path, *values, types="1 2"):
    return f"{path:<70} {types} {' '.join(f'{v:03d}' if isinstance(v, int) else v for v in values)}"


def pair(item, split, consumer="comsumer_01", shop="shop_01"):
    return f"{name(item, consumer):<70} {name(item, shop):<70} id_{item:08d} {split}"


@pytest.fixture
def write(tmp_path, own_cache):
    """Writes both files in DeepFashion's format, and a photo of 30 × 40 for each of `photos`."""

    def write(boxes, pairs=(), photos=None, folder="Img", count=None, ending="\n"):
        for path, names, rows in ((BOX_FILE, BOX_NAMES, boxes), (SPLIT_FILE, SPLIT_NAMES, pairs)):
            (tmp_path / path).parent.mkdir(exist_ok=True)
            text = [str(len(rows) if count is None else count), names, *rows]
            (tmp_path / path).write_bytes((ending.join(text) + ending).encode())
        for path in photos if photos is not None else [row.split()[0] for row in boxes]:
            photo = tmp_path / folder / path
            photo.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L" if "gray" in path else "RGB", (30, 40)).save(photo)
        return tmp_path

    return write


@pytest.mark.parametrize("folder", ["Img", "."])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_row_is_read_to_the_last(write, folder, ending):
    boxes = [
        box(name(1, "comsumer_01"), 1, 2, 11, 22),
        box(name(1, "shop_01"), 0, 0, 30, 40, types="1 1"),
        box(name(2, "gray", "Jeans", "TROUSERS"), 5, 5, 20, 35, types="2 1"),
        box(name(3, "comsumer_02", "Lace_Dress", "DRESSES"), 5, 5, 20, 35, types="3 2"),
    ]
    dataset = read_consumer_to_shop(write(boxes, [pair(1, "val")], folder=folder, ending=ending))
    assert dataset.classes == CLASSES and len(CLASSES) == 16
    assert dataset.images.image_id.tolist() == dataset.boxes.box_id.tolist() == [0, 1, 2, 3]
    assert dataset.boxes[["x1", "y1", "x2", "y2"]].iloc[0].tolist() == [1, 2, 11, 22]
    assert [dataset.classes[label] for label in dataset.boxes.label] == [
        "T_Shirt",
        "T_Shirt",
        "Jeans",
        "Lace_Dress",
    ]
    assert dataset.boxes.type.tolist() == ["upper", "upper", "lower", "full"]
    assert dataset.images.source.tolist() == ["consumer", "shop", "shop", "consumer"]
    assert dataset.images.item.tolist() == [
        "id_00000001",
        "id_00000001",
        "id_00000002",
        "id_00000003",
    ]
    assert dataset.images[["width", "height"]].to_numpy().tolist() == [[30, 40]] * 4
    assert dataset.problems.counts == {"photo of an item in no pair: in no split": 2}


def test_splits_are_by_item(write):
    boxes = [
        box(name(item, photo), 1, 1, 20, 20)
        for item in (1, 2, 3)
        for photo in ("comsumer_01", "comsumer_02", "shop_01")
    ]
    pairs = [pair(1, "train"), pair(1, "train"), pair(2, "val", "comsumer_02"), pair(3, "test")]
    dataset = read_consumer_to_shop(write(boxes, pairs))
    assert dataset.images.split.tolist() == ["train"] * 3 + ["val"] * 3 + ["test"] * 3
    assert not dataset.problems


def test_an_item_in_two_splits_is_kept_out_of_training(write):
    boxes = [box(name(item, "shop_01"), 1, 1, 20, 20) for item in (1, 2)]
    pairs = [pair(1, "test"), pair(1, "train"), pair(2, "train"), pair(2, "val"), pair(2, "dev")]
    dataset = read_consumer_to_shop(write(boxes, pairs))
    assert dataset.images.split.tolist() == ["test", "val"]
    assert dataset.problems.counts == {
        "item in two splits: kept out of training": 2,
        "pair whose split is not train, val or test: dropped": 1,
    }


def test_the_same_id_in_two_classes_is_two_items(write):
    boxes = [
        box(name(1, "shop_01"), 1, 1, 20, 20),
        box(name(1, "shop_01", "Jeans", "TROUSERS"), 1, 1, 20, 20),
    ]
    assert read_consumer_to_shop(write(boxes, [pair(1, "train")])).images.split.tolist() == [
        "train",
        "",
    ]


def test_bad_rows_are_dropped_and_counted(write):
    good = name(1, "shop_01")
    boxes = [
        box(good, 1, 1, 20, 20),
        box(name(1, "a"), 1, 1, 20),  # short
        box(name(1, "b c"), 1, 1, 20, 20),  # long: a blank in the name
        box(name(1, "shop_01", "Socks"), 1, 1, 20, 20),
        box("img/TOPS/T_Shirt/shop.jpg", 1, 1, 20, 20),
        box("img/TOPS/../../secret.jpg", 1, 1, 20, 20),
        box("/etc/T_Shirt/id_1/x.jpg", 1, 1, 20, 20),
        box("img/TOPS/T_Shirt/../x.jpg", 1, 1, 20, 20),
        box(good, 2, 2, 20, 20),
        box(name(1, "absent"), 1, 1, 20, 20),
        "",
        box(name(1, "outside"), 100, 100, 120, 120),
        box(name(1, "thin"), 10, 10, 10, 20),
        box(name(1, "nan"), "nan", 10, 10, 20),
        box(name(1, "word"), "x", 10, 10, 20),
        box(name(1, "reversed"), 20, 20, 10, 10),
        box(name(1, "large"), 10, 10, 99, 99),
        box(name(1, "open"), 10, 10, 20, 20, types="4 0"),
        box(name(1, '"quoted'), 10, 10, 20, 20),
    ]
    present = ["outside", "thin", "nan", "word", "reversed", "large", "open", '"quoted']
    root = write(
        boxes, [pair(1, "train")], photos=[good, *(name(1, photo) for photo in present)], count=19
    )
    (root / SPLIT_FILE).write_text(f"1\n{SPLIT_NAMES}\n{pair(1, 'train')}\n")
    dataset = read_consumer_to_shop(root)
    assert dataset.images.image_id.tolist() == [0, 15, 16, 17, 18]
    assert dataset.boxes[["x1", "y1", "x2", "y2"]].to_numpy()[1:3].tolist() == [
        [10, 10, 20, 20],
        [10, 10, 30, 40],
    ]
    assert dataset.boxes.type.tolist()[3] == "" and dataset.images.source.tolist()[3] == ""
    assert dataset.problems.counts == {
        "wrong count in row 1: every row was read": 1,
        "row without its 7 columns: dropped": 2,
        "class that is not among the 16: dropped": 1,
        "path is not img/department/leaf/item/photo: dropped": 1,
        "path leaves the data set: dropped": 3,
        "second row for a photo: dropped": 1,
        "photo absent or not readable: dropped": 1,
        "box outside its photo: dropped": 1,
        "box empty or under a pixel: dropped": 1,
        "box with a value that is no number: dropped": 2,
        "box with reversed corners: swapped": 1,
        "box sticks out of its photo: clipped": 1,
        "clothes_type that is not 1, 2 or 3: left open": 1,
        "source_type that is not 1 or 2: left open": 1,
    }
    file = BOX_FILE.split("/")[1]
    assert dataset.problems.examples["box outside its photo: dropped"] == [f"{file} row 14"]
    assert dataset.problems.examples["row without its 7 columns: dropped"] == [
        f"{file} row 4",
        f"{file} row 5",
    ]


def test_departments_can_be_left_out(write):
    boxes = [box(name(1, "x"), 1, 1, 9, 9), box(name(2, "x", "Coat", "CLOTHING"), 1, 1, 9, 9)]
    root = write(boxes, [pair(1, "train")])
    women = DATASETS["deepfashion-women"].read(root)
    assert women.images.item.tolist() == ["id_00000001"] and women.name == "deepfashion-women"
    assert read_taxonomy().has_dataset(women.name)
    with pytest.raises(InputError, match=r"no department HATS; there are CLOTHING, TOPS"):
        read_consumer_to_shop(root, ["HATS", "TOPS"])


def test_womenswear_is_read_from_the_folder_of_the_whole(write, monkeypatch):
    root = write([box(name(1, "x"), 1, 1, 9, 9), box(name(2, "x", "Coat", "CLOTHING"), 1, 1, 9, 9)])
    monkeypatch.setenv("SHOPEE_OD_DATA", str(root / "data"))
    (root / "data").mkdir()
    (root / "data" / "deepfashion").symlink_to(root)
    assert len(open_dataset("deepfashion")) == 2 and len(open_dataset("deepfashion-women")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        f"{BOX_NAMES}\n",
        f"x\n{BOX_NAMES}\n",
        "1\nimage x y\n",
        "1\n" + box(name(1, "x"), 1, 1, 9, 9),
        "\0\xff\n",
    ],
)
def test_a_table_without_its_first_rows_is_refused(write, text):
    root = write([box(name(1, "x"), 1, 1, 9, 9)])
    (root / BOX_FILE).write_text(text)
    with pytest.raises(
        InputError, match=r"consumer2shop\.txt: row 1 must be the count and row 2 name image_name"
    ):
        read_consumer_to_shop(root)


def test_what_is_absent_is_named(write, tmp_path):
    with pytest.raises(InputError, match="no img/"):
        read_consumer_to_shop(tmp_path)
    root = write([box(name(1, "x"), 1, 1, 9, 9)])
    (root / SPLIT_FILE).unlink()
    with pytest.raises(InputError, match=r"list_eval_partition\.txt: not readable .*Eval/"):
        read_consumer_to_shop(root)
    for rows in ([], [box(name(1, "x", "Socks"), 1, 1, 9, 9)]):
        with pytest.raises(InputError, match="no photos"):
            read_consumer_to_shop(write(rows, photos=[]))


def test_a_repeated_column_is_refused_and_others_are_skipped(tmp_path, own_cache):
    file = tmp_path / "list.txt"
    file.write_text("1\na b position\n1 2 3\n")
    assert read_rows(file, ("b", "a"), ProblemLog()).columns.tolist() == ["b", "a", "line"]
    assert read_rows(file, ("b", "a"), ProblemLog()).iloc[0].tolist() == ["2", "1", 3]
    file.write_text("1\na b a\n1 2 3\n")
    with pytest.raises(InputError, match="row 2 name a b"):
        read_rows(file, ("a", "b"), ProblemLog())
