"""What a notebook works on: its data, its profile, its folder, and the detector that notebook 07 trained."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from shopee_od import paths, profiles
from shopee_od.datasets import locate, open_dataset
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.paths import read_json
from shopee_od.profiles import Profile
from shopee_od.types import Detector, InputError

SMOKE_PHOTOS = 96  # the drawn data set of the smoke profile: six of each class
SMALL_STEPS = 200  # of training where notebook 07 has not run
FOLLOWED_SHARE = 0.25, 0.6  # of the photo that is followed its garment covers


@dataclass(frozen=True)
class Setting:
    """A notebook's parameters, made into what it works with.

    data:   the whole data set
    output: the folder that all notebooks of one run share
    """

    profile: Profile
    data: Dataset
    output: Path
    seed: int

    @property
    def run(self) -> Path:
        """Where notebook 07 trains; the trained detector lies in `detector` below it."""
        return self.output / "train"

    @property
    def trained(self) -> bool:
        """Whether notebook 07 has run to its end."""
        return (self.run / "detector" / "detector.json").is_file()

    def split(self, name: str, photos: int | None = None) -> Dataset:
        """The photos of "train", "val" or "test", `photos` of them at most; a handful in the smoke profile."""
        limit = 8 if self.profile.name == "smoke" else math.inf
        chosen = self.data.split(name)
        return chosen.sample(int(min(len(chosen), photos or math.inf, limit)), self.seed)

    def detector(self) -> Detector:
        """The detector that notebook 07 trained; where it has not run, one with a minute of training, said so."""
        from shopee_od import load

        if self.trained:
            found = load(self.run / "detector")
            if found.classes != self.data.classes:
                raise InputError(f"{self.run}: trained on other classes than these; run notebook 07 again, elsewhere")
            return found
        small, train = self.output / "small", self.data.split("train")
        print(f"Notebook 07 has not run here: a detector with {self._little.steps} steps of training takes its place.")
        if not (small / "detector" / "detector.json").is_file() or not self._learnt_in(small, train):
            from shopee_od.detectors.faster_rcnn import FasterRCNN

            detector = FasterRCNN()
            detector.fit(train, self._val, self._little, small, self.seed)
            detector.save(small / "detector")
        return load(small / "detector")

    def expected(self, **ranges: tuple[float, float]) -> tuple[float, float]:
        """The expected range of a share that was measured in the laptop profile, by data set:
        `expected(shopsim=(0.5, 0.95))`. Elsewhere anything from 0 to 1 may come out.
        """
        return ranges.get(self.data.name, (0.0, 1.0)) if self.profile.name == "laptop" else (0.0, 1.0)

    def learnt(self, **ranges: tuple[float, float]) -> tuple[float, float]:
        """`expected` of a figure of the detector that notebook 07 trains: where it has not run, 0 to 1."""
        return self.expected(**ranges) if self.trained else (0.0, 1.0)

    @cached_property
    def followed(self) -> int:
        """image_id of the photo that all notebooks follow: of the test split, a garment of middling size,
        from neck to hem where there is one; else the first with a box. Raises InputError where no test photo has one.
        """
        test = self.data.split("test")
        if not test.counts.any():
            raise InputError(f"{test.name} at {test.root}: no test photo has a box; label some first")
        photos = test.images.set_index("image_id")
        boxes = test.boxes[test.counts]
        size = photos.width * photos.height
        share = (boxes.x2 - boxes.x1) * (boxes.y2 - boxes.y1) / size.loc[boxes.image_id].to_numpy()
        low, high = FOLLOWED_SHARE
        liked = boxes[(share > low) & (share < high)].sort_values(
            "type", key=lambda kind: kind != "full", kind="stable"
        )
        return int((liked if len(liked) else boxes).image_id.iloc[0])

    @property
    def photo(self) -> np.ndarray:
        """uint8 (H, W, 3): the photo that is followed."""
        return read_photo(self.data.take([self.followed]).images.path[0])

    def _learnt_in(self, small: Path, train: Dataset) -> bool:
        """Whether the run there learnt from these photos with these labels; one that did not is removed."""
        same = read_json(small / "run.json").get("labels") == train.with_boxes().fingerprint()
        if not same:
            shutil.rmtree(small)
        return same

    @property
    def _val(self) -> Dataset | None:
        return self.data.split("val") if (self.data.images.split == "val").any() else None

    @property
    def _little(self) -> Profile:
        if self.profile.name == "smoke":
            return self.profile
        laptop = profiles.profile("laptop", self.data.name)
        return laptop.with_(steps=SMALL_STEPS, validate_every=SMALL_STEPS, val_photos=60)


def begin(
    notebook: str,
    profile: str = "laptop",
    dataset: str = "shopsim",
    data_dir: str = "",
    output_dir: str = "",
    seed: int = 0,
) -> Setting:
    """A notebook's parameters -> its Setting. Raises InputError where one of them is of no use.

    data_dir:   the folder of the data set; "" is where data lie (`data/NAME`). ShopSim is drawn there where it is not.
    output_dir: the folder that this run's notebooks share; "" is `runs/notebooks/DATASET-PROFILE`.

    Both may be given relative to the project's root, from wherever the notebook runs.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter; errors come as exceptions
    _show_figures()
    sizes = profiles.profile(profile, dataset)
    if int(seed) != seed or seed < 0:
        raise InputError(f"seed {seed}: use a whole number from 0")
    root = paths.project_root()
    folder = root / Path(data_dir).expanduser() if data_dir else None
    if dataset == "shopsim":
        folder = _drawn(folder, profile)
    data = open_dataset(dataset, folder)
    output = root / (Path(output_dir).expanduser() if output_dir else f"runs/notebooks/{dataset}-{profile}")
    output.mkdir(parents=True, exist_ok=True)
    print(f"{notebook}: {len(data):,} photos of {data.name}, profile {profile}, seed {seed}")
    return Setting(sizes, data, output, int(seed))


def _show_figures() -> None:
    """Lets a notebook show a matplotlib Figure that is a cell's last value; pyplot, which would do so, is not used."""
    from IPython import get_ipython
    from IPython.core.pylabtools import select_figure_formats

    shell = get_ipython()
    if shell is not None:
        select_figure_formats(shell, {"png"})


def _drawn(folder: Path | None, profile: str) -> Path:
    """Where ShopSim lies, drawn now if it is not there; a small one of its own for the smoke profile."""
    if folder is None:
        folder = paths.data_root() / ("shopsim-smoke" if profile == "smoke" else "shopsim")
    try:
        return locate("shopsim", folder)
    except InputError:
        from shopee_od.datasets.shopsim import make_shopsim

        make_shopsim(folder, SMOKE_PHOTOS if profile == "smoke" else 1000)
        return folder
