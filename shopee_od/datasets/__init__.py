"""Photos and their boxes as pandas tables, read from the layouts that data sets come in."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from shopee_od import paths
from shopee_od.types import InputError

if TYPE_CHECKING:
    from shopee_od.datasets.dataset import Dataset


@dataclass(frozen=True)
class Layout:
    """A data set that can be read: what it is, its reader, the files that show it is there, the mend where not.

    files:     each below the root; "A|B" is either
    reads:     what the reader reads besides, where it is there
    published: the counts that its authors give, to hold those of `data check` against
    request:   how to get it, where it cannot be fetched
    folder:    its folder's name where data lies; "" is the data set's own
    """

    says: str
    reader: str
    files: tuple[str, ...]
    mend: str = "put it there as data/README.md says"
    published: str = ""
    request: str = ""
    folder: str = ""
    reads: tuple[str, ...] = ()

    def read(self, root: str | Path) -> Dataset:
        """The data set at `root`. Raises InputError where it is not of this layout."""
        module, function = self.reader.split(":")
        return getattr(import_module(f"{__name__}.{module}"), function)(Path(root))

    def missing(self, root: str | Path) -> list[str]:
        """Those of `files` that are not below `root`."""
        return [
            name.replace("|", " or ")
            for name in self.files
            if not any((Path(root) / other).exists() for other in name.split("|"))
        ]


_AGREEMENT = (
    "it is lent for research under an agreement: on http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion.html follow the "
    "link to the benchmark {benchmark}, sign the agreement that lies there and send it as the page says; with the "
    "password that comes back, unpack {files}"
)
_OWN = "these are your own photos and labels: lay them out as data/README.md says"
DATASETS = {
    "shopsim": Layout(
        "ShopSim: garments that the project draws itself, of DeepFashion's 16 classes and in its layout",
        "deepfashion:read_shopsim",
        ("shopsim.json", "Anno/list_bbox_consumer2shop.txt", "Eval/list_eval_partition.txt"),
        "make it: shopee-od data make shopsim",
        request="it is drawn here: shopee-od data make shopsim",
    ),
    "ccp": Layout(
        "Clothing Co-Parsing: street photos whose pixel labels give exact boxes, 12 classes",
        "ccp:read_ccp",
        ("label_list.mat", "photos", "annotations/pixel-level"),
        "fetch it: shopee-od data download ccp",
        published="1,004 photos",
    ),
    "deepfashion": Layout(
        "DeepFashion Consumer-to-Shop: 239,557 photos of shops and customers, 16 classes",
        "deepfashion:read_consumer_to_shop",
        ("Anno/list_bbox_consumer2shop.txt", "Eval/list_eval_partition.txt"),
        published="239,557 photos, 195,540 pairs",
        request=_AGREEMENT.format(benchmark="Consumer-to-Shop Clothes Retrieval", files="Anno/, Eval/ and Img/img.zip"),
    ),
    "deepfashion-women": Layout(
        "DeepFashion Consumer-to-Shop without the department CLOTHING, which is reported to be largely menswear",
        "deepfashion:read_womenswear",
        ("Anno/list_bbox_consumer2shop.txt", "Eval/list_eval_partition.txt"),
        request="it is a part of deepfashion: shopee-od data download deepfashion says how to get that",
        folder="deepfashion",
    ),
    "deepfashion-category": Layout(
        "DeepFashion Category and Attribute Prediction: 289,222 photos, one labelled garment each, 50 classes",
        "category:read_category",
        ("Anno_coarse/list_bbox.txt|Anno/list_bbox.txt", "Eval/list_eval_partition.txt"),
        published="289,222 photos, 50 categories",
        request=_AGREEMENT.format(
            benchmark="Category and Attribute Prediction", files="Anno_coarse/, Eval/ and Img/img.zip"
        ),
        reads=tuple(f"Anno_coarse/list_category_{name}.txt|Anno/list_category_{name}.txt" for name in ("img", "cloth")),
    ),
    "deepfashion2": Layout(
        "DeepFashion2: photos of shops and customers with all their garments, 13 classes",
        "deepfashion2:read_deepfashion2",
        ("train/annos", "train/image"),
        published="191,961 photos in train/ and 32,153 in validation/",
        request="fill in the form that https://github.com/switchablenorms/DeepFashion2 links to; with the password "
        "that comes back, unpack train.zip and validation.zip",
        reads=("validation/annos", "validation/image"),
    ),
    "modanet": Layout(
        "ModaNet: street photos, 6 classes of garments",
        "dialects:read_modanet",
        ("modanet2018_instances_train.json", "images"),
        published="55,176 photos in all, those without labels included",
        request="https://github.com/eBay/modanet has modanet2018_instances_train.json and says how to get the photos, "
        "which belong into images/",
    ),
    "fashionpedia": Layout(
        "Fashionpedia: photos of people and shops, 13 classes of garments",
        "dialects:read_fashionpedia",
        ("instances_attributes_train2020.json", "train"),
        published="45,623 photos in train2020 and 1,158 in val2020",
        request="https://fashionpedia.github.io/home/ links to instances_attributes_train2020.json, to val2020's, "
        "and to the photos' archives, train and val_test, of which the folders are train/ and test/",
        reads=("instances_attributes_val2020.json", "test"),
    ),
    "voc": Layout(
        "your own labels as Pascal VOC: Annotations/*.xml and JPEGImages/",
        "voc:read_voc",
        ("Annotations", "JPEGImages"),
        request=_OWN,
        reads=("ImageSets/Main",),
    ),
    "coco": Layout(
        "your own labels as COCO JSON: annotations.json and images/",
        "coco:read_coco",
        ("annotations.json", "images"),
        request=_OWN,
    ),
}


def locate(name: str, data_dir: str | Path | None = None) -> Path:
    """Where the data set `name` of DATASETS lies: `data_dir`, else a folder of that name where data lies.

    Raises InputError where the name is unknown or the data set is not there.
    """
    if name not in DATASETS:
        raise InputError(f"there is no data set {name!r}; choose from {', '.join(DATASETS)}")
    root = Path(data_dir).absolute() if data_dir else home(name)
    missing = DATASETS[name].missing(root)
    if missing:
        absent = f"{root}: no {name} data set here ({', '.join(missing)} missing)"
        raise InputError(f"{absent}; {DATASETS[name].mend}, or name its folder with --data-dir")
    return root


def home(name: str) -> Path:
    """The folder of the data set `name` where data lies, be it there or not."""
    return paths.data_root() / (DATASETS[name].folder or name)


def open_dataset(name: str, data_dir: str | Path | None = None) -> Dataset:
    """The data set `name`, read from where `locate` finds it. Raises InputError where it is not there."""
    root = locate(name, data_dir)
    return DATASETS[name].read(root)
