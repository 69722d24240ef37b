"""The data sets that can be read: their layouts, where they are, and `open_dataset`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from shopee_od.errors import InputError
from shopee_od.io import data_root

if TYPE_CHECKING:
    from shopee_od.datasets.dataset import Dataset


@dataclass(frozen=True)
class Layout:
    """A data set that can be read.

    Args:
        description: one line for `shopee-od data list`.
        reader: "module:function", imported when it is needed.
        files: what must be below the root; "A|B" is either.
        fix: what to do where they are missing.
        published: the counts that its authors give, to compare those of `data check` with.
        how_to_get: how to get it, where `shopee-od data download` cannot fetch it.
        folder: its folder below the data folder; "" is the data set's name.
        optional_files: what the reader also reads, where it is present.
    """

    description: str
    reader: str
    files: tuple[str, ...]
    fix: str = "put it there as data/README.md describes"
    published: str = ""
    how_to_get: str = ""
    folder: str = ""
    optional_files: tuple[str, ...] = ()

    def read(self, root: str | Path) -> Dataset:
        """The data set at `root`.

        Args:
            root: its folder.
        Returns:
            The data set, as its reader gives it.
        Raises:
            InputError: it is not of this layout.
        """
        module, function = self.reader.split(":")
        return getattr(import_module(f"shopee_od.datasets.{module}"), function)(Path(root))

    def missing_files(self, root: str | Path) -> list[str]:
        """Those of `files` that are not below `root`.

        Args:
            root: the folder of the data set.
        Returns:
            Names, such as `Anno or Anno_coarse`.
        """
        return [
            name.replace("|", " or ")
            for name in self.files
            if not any((Path(root) / option).exists() for option in name.split("|"))
        ]


_AGREEMENT = (
    "it is available for research under an agreement: on "
    "http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion.html follow the link to the benchmark "
    "{benchmark}, sign the agreement on that page and send it as described there; with the "
    "password that comes back, unpack {files}"
)
_CUTOUT_FILES = ("cutouts.csv", "cutouts.json", "images")
_YOUR_OWN = "these are your own photos and labels: arrange them as data/README.md describes"

DATASETS = {
    "shopsim": Layout(
        "ShopSim: synthetic photos that the project renders, DeepFashion's 16 classes and layout",
        "deepfashion:read_shopsim",
        ("shopsim.json", "Anno/list_bbox_consumer2shop.txt", "Eval/list_eval_partition.txt"),
        "make it: shopee-od data make shopsim",
        how_to_get="it is rendered here: shopee-od data make shopsim",
    ),
    "ccp": Layout(
        "Clothing Co-Parsing: street photos whose pixel labels give exact boxes, 12 classes",
        "ccp:read_ccp",
        ("label_list.mat", "photos", "annotations/pixel-level"),
        "fetch it: shopee-od data download ccp",
        published="1,004 photos",
    ),
    "clothing": Layout(
        "Clothing: photos of one garment each, laid flat or hung up, 23 classes; the boxes come "
        "with this package",
        "clothing:read_clothing",
        ("images",),
        "fetch it: shopee-od data download clothing",
        published="over 5,000 photos, of which 4,840 are labeled here",
    ),
    "ccp-cutouts": Layout(
        "the garments of Clothing Co-Parsing, each alone on white ground",
        "cutouts:read_ccp_cutouts",
        _CUTOUT_FILES,
        "make it: shopee-od data make ccp-cutouts",
        how_to_get="it is made here, of ccp: shopee-od data make ccp-cutouts",
    ),
    "clothing-cutouts": Layout(
        "the garments of Clothing, each alone on white ground",
        "cutouts:read_clothing_cutouts",
        _CUTOUT_FILES,
        "make it: shopee-od data make clothing-cutouts",
        how_to_get="it is made here, of clothing: shopee-od data make clothing-cutouts",
    ),
    "deepfashion": Layout(
        "DeepFashion Consumer-to-Shop: 239,557 photos of shops and customers, 16 classes",
        "deepfashion:read_consumer_to_shop",
        ("Anno/list_bbox_consumer2shop.txt", "Eval/list_eval_partition.txt"),
        published="239,557 photos, 195,540 pairs",
        how_to_get=_AGREEMENT.format(
            benchmark="Consumer-to-Shop Clothes Retrieval", files="Anno/, Eval/ and Img/img.zip"
        ),
    ),
    "deepfashion-women": Layout(
        "DeepFashion Consumer-to-Shop without the department CLOTHING, reported to be largely "
        "menswear",
        "deepfashion:read_womenswear",
        ("Anno/list_bbox_consumer2shop.txt", "Eval/list_eval_partition.txt"),
        how_to_get="it is a part of deepfashion: shopee-od data download deepfashion shows how to "
        "get that",
        folder="deepfashion",
    ),
    "deepfashion-category": Layout(
        "DeepFashion Category and Attribute Prediction: 289,222 photos, one labeled garment each, "
        "50 classes",
        "deepfashion_category:read_deepfashion_category",
        ("Anno_coarse/list_bbox.txt|Anno/list_bbox.txt", "Eval/list_eval_partition.txt"),
        published="289,222 photos, 50 categories",
        how_to_get=_AGREEMENT.format(
            benchmark="Category and Attribute Prediction",
            files="Anno_coarse/, Eval/ and Img/img.zip",
        ),
        optional_files=tuple(
            f"Anno_coarse/list_category_{name}.txt|Anno/list_category_{name}.txt"
            for name in ("img", "cloth")
        ),
    ),
    "deepfashion2": Layout(
        "DeepFashion2: photos of shops and customers with all their garments, 13 classes",
        "deepfashion2:read_deepfashion2",
        ("train/annos", "train/image"),
        published="191,961 photos in train/ and 32,153 in validation/",
        how_to_get="fill in the form that https://github.com/switchablenorms/DeepFashion2 links "
        "to; with the password that comes back, unpack train.zip and validation.zip",
        optional_files=("validation/annos", "validation/image"),
    ),
    "modanet": Layout(
        "ModaNet: street photos, 6 classes of garments",
        "modanet:read_modanet",
        ("modanet2018_instances_train.json", "images"),
        published="55,176 photos in all, those without labels included",
        how_to_get="https://github.com/eBay/modanet has modanet2018_instances_train.json and "
        "explains how to get the photos, which belong in images/",
    ),
    "fashionpedia": Layout(
        "Fashionpedia: photos of people and shops, 13 classes of garments",
        "fashionpedia:read_fashionpedia",
        ("instances_attributes_train2020.json", "train"),
        published="45,623 photos in train2020 and 1,158 in val2020",
        how_to_get="https://fashionpedia.github.io/home/ links to "
        "instances_attributes_train2020.json, to val2020's, and to the photos' archives, train and "
        "val_test, whose folders are train/ and test/",
        optional_files=("instances_attributes_val2020.json", "test"),
    ),
    "openimages": Layout(
        "Open Images V7: photos of Flickr, 11 classes of garments, underwear and swimwear among "
        "them",
        "openimages:read_openimages",
        ("annotations", "images"),
        "fetch it: shopee-od data download openimages --classes Brassiere,Swimwear",
    ),
    "voc": Layout(
        "your own labels as Pascal VOC: Annotations/*.xml and JPEGImages/",
        "voc:read_voc",
        ("Annotations", "JPEGImages"),
        how_to_get=_YOUR_OWN,
        optional_files=("ImageSets/Main",),
    ),
    "coco": Layout(
        "your own labels as COCO JSON: annotations.json and images/",
        "coco:read_coco",
        ("annotations.json", "images"),
        how_to_get=_YOUR_OWN,
    ),
}


def default_root(name: str) -> Path:
    """The folder of a data set below the data folder, whether it exists or not.

    Args:
        name: one of DATASETS.
    Returns:
        An absolute path.
    """
    return data_root() / (DATASETS[name].folder or name)


def locate(name: str, data_dir: str | Path | None = None) -> Path:
    """The folder of a data set, once its files are known to be there.

    Args:
        name: one of DATASETS.
        data_dir: the folder; by default `default_root(name)`.
    Returns:
        An absolute path.
    Raises:
        InputError: the name is unknown, or files are missing.
    """
    if name not in DATASETS:
        raise InputError(f"there is no data set {name!r}; choose from {', '.join(DATASETS)}")
    root = Path(data_dir).absolute() if data_dir else default_root(name)
    missing = DATASETS[name].missing_files(root)
    if missing:
        absent = f"{root}: no {name} data set here ({', '.join(missing)} missing)"
        raise InputError(f"{absent}; {DATASETS[name].fix}, or name its folder with --data-dir")
    return root


def open_dataset(name: str, data_dir: str | Path | None = None) -> Dataset:
    """Reads a data set.

    Args:
        name: one of DATASETS.
        data_dir: its folder; by default the one of that name below the data folder.
    Returns:
        The data set; what was wrong in it is counted in its `problems`.
    Raises:
        InputError: it is not there, or not of its layout.
    """
    root = locate(name, data_dir)
    return DATASETS[name].read(root)
