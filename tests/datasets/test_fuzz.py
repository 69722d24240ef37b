"""Annotation files damaged at random: a reader refuses them with an InputError, or counts problems.

SHOPEE_OD_FUZZ=10000 makes it the long run.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from clothing_files import write_box_file, write_photos
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openimages_files import box_row, photo_row, write_split
from PIL import Image
from scipy.io import savemat

from shopee_od.datasets import DATASETS
from shopee_od.datasets.ccp import GARMENTS
from shopee_od.datasets.clothing import BOX_FILE
from shopee_od.datasets.fashionpedia import CLASSES as FASHIONPEDIA
from shopee_od.datasets.modanet import CLASSES as MODANET
from shopee_od.errors import InputError

RUNS = int(os.environ.get("SHOPEE_OD_FUZZ", 60))
HANGS = 20  # seconds of work, however busy the machine, on a file that is read in milliseconds
TOKENS = [
    b"-1", b"0", b"1e999", b"nan", b"null", b"[]", b"{}", b'""', b"../../x.jpg", b"/etc/passwd",
    b"\0", b"\xff\xfe", b"\n", b" ", b"999999999999999999999", b"true", b"<", b"&x;", b"]]>",
    b"img/../../a.jpg", b"item1", b"[" * 3000,
]  # fmt: skip
VALUES = [
    None, True, -1, 0, 2, 0.5, 10**20, float("inf"), float("nan"), "", "x", "0", "\0", "a" * 300,
    "\ud800", [], {}, "../../x.jpg", "/etc/passwd", [1, "x"], [1, 2, 3, 4], {"id": 0},
]  # fmt: skip
OUTFIT = ("Person", "Shirt", "Jeans")
WORD = re.compile(rb"[^\s,:<>\[\]{}]+")


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (30, 40)).save(path)


def deepfashion(root: Path) -> list[Path]:
    leaves = ("TOPS/Blouse", "TOPS/Coat", "DRESSES/Dress", "CLOTHING/Tank_Top")
    names = [
        f"img/{leaf}/id_{k:08d}/{name}_01.jpg"
        for k, leaf in enumerate(leaves)
        for name in ("shop", "comsumer")
    ]
    for name in names:
        photo(root / "Img" / name)
    files = [root / "Anno/list_bbox_consumer2shop.txt", root / "Eval/list_eval_partition.txt"]
    rows = [f"{name}   1 {1 + k % 2} 002 003 020 030" for k, name in enumerate(names)]
    splits = ("train", "val", "test", "train")
    pairs = [f"{names[k + 1]}  {names[k]}  id_{k // 2:08d} {splits[k // 2]}" for k in (0, 2, 4, 6)]
    heads = ("image_name clothes_type source_type x_1 y_1 x_2 y_2",
             "image_pair_name_1 image_pair_name_2 item_id evaluation_status")  # fmt: skip
    for file, head, lines in zip(files, heads, (rows, pairs), strict=True):
        file.parent.mkdir()
        file.write_text("\n".join([str(len(lines)), head, *lines]) + "\n")
    return files


def category(root: Path) -> list[Path]:
    names = [f"img/Sheer_Tee/img_{k:08d}.jpg" for k in range(4)]
    for name in names:
        photo(root / "Img" / name)
    tables = {
        "Anno_coarse/list_bbox.txt": (
            "image_name x_1 y_1 x_2 y_2",
            [f"{name}  002 003 020 030" for name in names],
        ),
        "Anno_coarse/list_category_cloth.txt": (
            "category_name category_type",
            ["Tee   1", "Jeans   2", "Dress   3"],
        ),
        "Anno_coarse/list_category_img.txt": (
            "image_name category_label",
            [f"{name}   1" for name in names],
        ),
        "Eval/list_eval_partition.txt": (
            "image_name evaluation_status",
            [f"{name}  train" for name in names],
        ),
    }
    for file, (head, rows) in tables.items():
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_text("\n".join([str(len(rows)), head, *rows]) + "\n")
    return [root / file for file in tables]


def deepfashion2(root: Path) -> list[Path]:
    files = []
    for k, folder in enumerate(("train", "train", "validation")):
        photo(root / folder / "image" / f"{k:06d}.jpg")
        items = {f"item{n}": {"category_id": n, "bounding_box": [1, 2, 20, 30]} for n in (1, 2)}
        files.append(root / folder / "annos" / f"{k:06d}.json")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        files[-1].write_text(json.dumps(items | {"source": "shop", "pair_id": k}))
    return files


def coco(root: Path) -> list[Path]:
    for k in range(3):
        photo(root / "images" / f"{k}.jpg")
    images = [{"id": k, "file_name": f"{k}.jpg", "width": 30, "height": 40} for k in range(3)]
    boxes = [
        {"id": k, "image_id": k, "category_id": 1, "bbox": [1, 2, 10, 20], "iscrowd": 0}
        for k in range(3)
    ]
    file = root / "annotations.json"
    file.write_text(
        json.dumps(
            {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "dress"}]}
        )
    )
    return [file]


def voc(root: Path) -> list[Path]:
    files = []
    for k in range(3):
        photo(root / "JPEGImages" / f"{k}.jpg")
        files.append(root / "Annotations" / f"{k}.xml")
        files[-1].parent.mkdir(exist_ok=True)
        corners = "<xmin>1</xmin><ymin>2</ymin><xmax>20</xmax><ymax>30</ymax>"
        files[-1].write_text(
            f"<annotation><filename>{k}.jpg</filename><size><width>30</width><height>40</height></size>"
            f"<object><name>dress</name><difficult>0</difficult><bndbox>{corners}</bndbox></object></annotation>"
        )
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("0\n1\n")
    (lists / "val.txt").write_text("2\n")
    return [*files, lists / "train.txt"]


def ccp(root: Path) -> list[Path]:
    names = ["null", *sorted({label for _, labels in GARMENTS.values() for label in labels})]
    cells = np.empty((1, len(names)), object)
    cells[0] = names
    root.joinpath("annotations/pixel-level").mkdir(parents=True)
    savemat(root / "label_list.mat", {"label_list": cells}, do_compression=True)
    files = [root / "label_list.mat"]
    for k in (1, 2, 3):
        photo(root / "photos" / f"{k:04}.jpg")
        mask = np.zeros((40, 30), np.uint8)
        mask[5:30, 5:25] = 3 * k
        files.append(root / "annotations" / "pixel-level" / f"{k:04}.mat")
        savemat(files[-1], {"groundtruth": mask}, do_compression=k == 1)
    return files


def modanet(root: Path) -> list[Path]:
    return [_coco_file(root / "modanet2018_instances_train.json", root / "images", MODANET)]


def fashionpedia(root: Path) -> list[Path]:
    files = {
        "instances_attributes_train2020.json": "train",
        "instances_attributes_val2020.json": "test",
    }
    return [_coco_file(root / file, root / folder, FASHIONPEDIA) for file, folder in files.items()]


def _coco_file(file: Path, folder: Path, classes: dict) -> Path:
    images = [{"id": k, "file_name": f"{k}.jpg", "width": 30, "height": 40} for k in range(3)]
    for image in images:
        photo(folder / image["file_name"])
    names = [*classes, "bag"]
    categories = [{"id": k, "name": name, "supercategory": "x"} for k, name in enumerate(names)]
    boxes = [
        {"id": k, "image_id": k % 3, "category_id": 3 * k, "bbox": [1, 2, 10, 20]} for k in range(3)
    ]
    file.write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return file


def clothing(root: Path) -> list[Path]:
    """Its box file is not below the root but in the package: the test moves it."""
    photos = write_photos(root)
    write_box_file(root / BOX_FILE.name, photos)
    return [root / BOX_FILE.name, photos[0]]


def openimages(root: Path) -> list[Path]:
    for split, numbers in (("train", (1, 2)), ("val", (3,))):
        boxes = [box_row(n, name, (0.1, 0.1, 0.9, 0.8)) for n in numbers for name in OUTFIT]
        write_split(root, split, boxes, [photo_row(number) for number in numbers], numbers)
    return sorted((root / "annotations").iterdir())


MAKERS = {
    "ccp": ccp,
    "clothing": clothing,
    "deepfashion": deepfashion,
    "deepfashion-women": deepfashion,
    "deepfashion-category": category,
    "deepfashion2": deepfashion2,
    "modanet": modanet,
    "fashionpedia": fashionpedia,
    "openimages": openimages,
    "coco": coco,
    "voc": voc,
}


@st.composite
def damaged(draw, data: bytes) -> bytes:
    """One to four of: cut out, repeated, overwritten, a token put in or over something, cut short.

    In half of the files words or values are swapped, so that JSON and XML stay valid, and wrong.
    """
    well_formed, times = draw(st.booleans()), range(draw(st.integers(1, 4)))
    if well_formed and data.startswith(b"{"):
        content = json.loads(data)
        for _ in times:
            content = swapped(draw, content)
        return json.dumps(content).encode()
    for _ in times:
        words = [word.span() for word in WORD.finditer(data)] if well_formed else []
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.sampled_from((0, 1, 3, 10, 40))))
        start, stop = draw(st.sampled_from(words)) if words else (start, stop)
        put = draw(
            st.sampled_from([b"", data[start:stop] * 2, *TOKENS])
            | st.binary(min_size=1, max_size=40)
        )
        short = not words and draw(st.integers(0, 19)) == 7
        data = data[:start] + put + (b"" if short else data[stop:])
    return data


def swapped(draw, content):
    """JSON's content with a value somewhere in it taken out, or replaced by another one."""
    keys = {dict: list, list: lambda values: range(len(values))}.get(
        type(content), lambda value: ()
    )(content)
    if not keys or draw(st.integers(0, 15)) == 7:
        return draw(st.sampled_from(VALUES))
    key = draw(st.sampled_from(keys))
    new = [] if draw(st.integers(0, 7)) == 3 else [swapped(draw, content[key])]
    if isinstance(content, dict):
        return {k: value for k, old in content.items() for value in (new if k == key else [old])}
    return content[:key] + new + content[key + 1 :]


@pytest.fixture(scope="module")
def opened():
    """The names of all files that this process opens.

    An audit hook cannot be removed, so it is switched off at the end.
    """
    Image.init()  # else a broken photo makes Pillow open its plugins
    names, listening = [], [True]
    sys.addaudithook(lambda event, given: event == "open" and listening and names.append(given[0]))
    yield names
    listening.clear()


@pytest.mark.parametrize("name", MAKERS)
def test_damaged_annotations_are_refused_or_counted(name, tmp_path, own_cache, opened, monkeypatch):
    root = tmp_path / name
    root.mkdir()
    monkeypatch.setattr("shopee_od.datasets.clothing.BOX_FILE", root / BOX_FILE.name)
    files = MAKERS[name](root)
    photo(tmp_path / "x.jpg")  # ../../x.jpg of a damaged file: it exists, and must not be read
    whole = {file: file.read_bytes() for file in files}
    assert len(DATASETS[name].read(root)) >= 3
    ends, kinds = {"refused": 0, "repaired": 0, "read": 0}, set()

    @settings(
        max_examples=RUNS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=HealthCheck,
    )
    @given(st.data())
    def read_damaged(data):
        file = data.draw(st.sampled_from(files))
        file.write_bytes(data.draw(damaged(whole[file])))
        opened.clear()
        start = time.process_time()
        try:
            read = DATASETS[name].read(root)
            assert all(
                Path(path).resolve().is_relative_to(root.resolve()) for path in read.images.path
            )
            corners = read.boxes[["x1", "y1", "x2", "y2"]].to_numpy()
            assert (corners >= 0).all() and (corners[:, 2:] - corners[:, :2] >= 1).all()
            ends["repaired" if read.problems else "read"] += 1
            kinds.update(read.problems.counts)
        except InputError:
            ends["refused"] += 1
        finally:
            file.write_bytes(whole[file])
        assert time.process_time() - start < HANGS
        strays = {os.path.abspath(path) for path in opened if isinstance(path, str | Path)}  # noqa: PTH100 - no links
        assert not [path for path in strays if not path.startswith((f"{root}/", f"{own_cache}/"))]

    read_damaged()
    assert ends["refused"] + ends["repaired"] > RUNS / 4  # what was done to the files was noticed
    print(f"{name}: {ends}, {len(kinds)} kinds of problems: {sorted(kinds)}")
