"""Annotation files damaged at random: a reader says so in its own error, or counts it; nothing else comes out.

SHOPEE_OD_FUZZ=10000 makes it the long run.
"""

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from shopee_od.datasets import DATASETS
from shopee_od.datasets.ccp import GARMENTS
from shopee_od.datasets.dialects import FASHIONPEDIA, MODANET
from shopee_od.types import InputError

RUNS = int(os.environ.get("SHOPEE_OD_FUZZ", 60))
TOKENS = [
    b"-1", b"0", b"1e999", b"nan", b"null", b"[]", b"{}", b'""', b"../../x.jpg", b"/etc/passwd", b"\0", b"\xff\xfe",
    b"\n", b" ", b"999999999999999999999", b"true", b"<", b"&x;", b"]]>", b"img/../../a.jpg", b"item1", b"[" * 3000,
]  # fmt: skip


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (30, 40)).save(path)


def deepfashion(root: Path) -> list[Path]:
    names = [f"img/TOPS/{leaf}/id_{k:08d}/{name}_01.jpg" for k, leaf in enumerate(("Blouse", "Coat", "T_Shirt"))
             for name in ("shop", "comsumer")]  # fmt: skip
    for name in names:
        photo(root / "Img" / name)
    files = [root / "Anno/list_bbox_consumer2shop.txt", root / "Eval/list_eval_partition.txt"]
    rows = [f"{name}   1 {1 + k % 2} 002 003 020 030" for k, name in enumerate(names)]
    pairs = [f"{names[k + 1]}  {names[k]}  id_{k // 2:08d} {('train', 'val', 'test')[k // 2]}" for k in (0, 2, 4)]
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
        "Anno_coarse/list_bbox.txt": ("image_name x_1 y_1 x_2 y_2", [f"{name}  002 003 020 030" for name in names]),
        "Anno_coarse/list_category_cloth.txt": ("category_name category_type", ["Tee   1", "Jeans   2", "Dress   3"]),
        "Anno_coarse/list_category_img.txt": ("image_name category_label", [f"{name}   1" for name in names]),
        "Eval/list_eval_partition.txt": ("image_name evaluation_status", [f"{name}  train" for name in names]),
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
    boxes = [{"id": k, "image_id": k, "category_id": 1, "bbox": [1, 2, 10, 20], "iscrowd": 0} for k in range(3)]
    file = root / "annotations.json"
    file.write_text(json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "dress"}]}))
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
    return [_dialect(root / "modanet2018_instances_train.json", root / "images", MODANET)]


def fashionpedia(root: Path) -> list[Path]:
    files = {"instances_attributes_train2020.json": "train", "instances_attributes_val2020.json": "test"}
    return [_dialect(root / file, root / folder, FASHIONPEDIA) for file, folder in files.items()]


def _dialect(file: Path, folder: Path, classes: dict) -> Path:
    images = [{"id": k, "file_name": f"{k}.jpg", "width": 30, "height": 40} for k in range(3)]
    for image in images:
        photo(folder / image["file_name"])
    names = [*classes, "bag"]
    categories = [{"id": k, "name": name, "supercategory": "x"} for k, name in enumerate(names)]
    boxes = [{"id": k, "image_id": k % 3, "category_id": 3 * k, "bbox": [1, 2, 10, 20]} for k in range(3)]
    file.write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return file


MAKERS = {
    "ccp": ccp,
    "deepfashion": deepfashion,
    "deepfashion-category": category,
    "deepfashion2": deepfashion2,
    "modanet": modanet,
    "fashionpedia": fashionpedia,
    "coco": coco,
    "voc": voc,
}


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One to four of: cut out, doubled, overwritten, a token put in or over something, cut short."""
    for _ in range(rng.randint(1, 4)):
        i, j = sorted(rng.randint(0, len(data)) for _ in range(2))
        j = min(j, i + rng.choice((1, 3, 10, 40)))
        match rng.randrange(6):
            case 0:
                data = data[:i] + data[j:]
            case 1:
                data = data[:j] + data[i:]
            case 2:
                data = data[:i] + rng.randbytes(j - i) + data[j:]
            case 3:
                data = data[:i] + rng.choice(TOKENS) + data[i:]
            case 4:
                data = data[:i] + rng.choice(TOKENS) + data[j:]
            case 5:
                data = data[:i] if rng.random() < 0.3 else data
    return data


@pytest.mark.parametrize("name", MAKERS)
def test_damaged_annotations_are_refused_or_counted(name, tmp_path, own_cache):
    root = tmp_path / name
    root.mkdir()
    files = MAKERS[name](root)
    whole = {file: file.read_bytes() for file in files}
    assert len(DATASETS[name].read(root)) >= 3
    ends = {"refused": 0, "repaired": 0, "read": 0}
    for seed in range(RUNS):
        rng = random.Random(seed)
        file = rng.choice(files)
        file.write_bytes(damaged(whole[file], rng))
        try:
            read = DATASETS[name].read(root)
            assert all(Path(path).resolve().is_relative_to(root.resolve()) for path in read.images.path), seed
            corners = read.boxes[["x1", "y1", "x2", "y2"]].to_numpy()
            assert (corners >= 0).all() and (corners[:, 2:] - corners[:, :2] >= 1).all(), seed
            ends["repaired" if read.problems else "read"] += 1
        except InputError:
            ends["refused"] += 1
        file.write_bytes(whole[file])
    assert ends["refused"] + ends["repaired"] > RUNS / 4  # what was done to the files was noticed
    print(name, ends)
