"""What a notebook works with: data, profile, output folder, and the detector of notebook 07."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od import io, profiles
from shopee_od.datasets import locate, open_dataset
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.detector import Detector
from shopee_od.errors import InputError
from shopee_od.profiles import Profile

SHOPSIM_IMAGES = 1000
SMOKE_SHOPSIM_IMAGES = 96  # six of each class
SMOKE_SPLIT_IMAGES = 8
FALLBACK_STEPS = 200  # of training, where notebook 07 has not run
EXAMPLE_COVERAGE = (0.25, 0.6)  # the share of the example image that its garment covers
NO_RANGE = (-math.inf, math.inf)
MODELS = ("shipped", "trained")


@dataclass(frozen=True)
class NotebookContext:
    """What one notebook works with, made from its parameters by `setup_notebook`.

    Args:
        profile: the sizes of this run.
        dataset: the data set's name.
        data_dir: its folder; None is the one of that name below the data folder.
        output: the folder that all notebooks of one run share.
        seed: of everything that is random.
    """

    profile: Profile
    dataset: str
    data_dir: Path | None
    output: Path
    seed: int

    @cached_property
    def data(self) -> Dataset:
        """The whole data set, opened when it is first needed; ShopSim is rendered if missing."""
        if self.dataset == "shopsim":
            return open_shopsim(self.data_dir, self.is_smoke)
        return open_dataset(self.dataset, self.data_dir)

    @property
    def is_smoke(self) -> bool:
        """Whether this run only shows that every cell runs: a few images, next to no training."""
        return self.profile.name == "smoke"

    @property
    def train_dir(self) -> Path:
        """Where notebook 07 trains; it saves the detector in `detector` below."""
        return self.output / "train"

    @property
    def is_trained(self) -> bool:
        """Whether notebook 07 has run to its end."""
        return (self.train_dir / "detector" / "detector.json").is_file()

    @cached_property
    def example_image_id(self) -> int:
        """The image_id of the test image that all notebooks show.

        It has a full-body garment of medium size; if there is none, a garment of medium size; if
        there is none, a garment of another size.

        Raises:
            InputError: no test image has a box.
        """
        test = self.data.split("test")
        if not test.counted_mask.any():
            raise InputError(
                f"{test.name} at {test.root}: no test image has a box; label some first"
            )
        images = test.images.set_index("image_id")
        boxes = test.boxes.loc[test.counted_mask]
        image_areas = (images.width * images.height).loc[boxes.image_id].to_numpy()
        coverage = (boxes.x2 - boxes.x1) * (boxes.y2 - boxes.y1) / image_areas
        low, high = EXAMPLE_COVERAGE
        medium = boxes.loc[(coverage > low) & (coverage < high)].sort_values(
            "type", key=lambda types: types != "full", kind="stable"
        )
        return int((medium if len(medium) else boxes).image_id.iloc[0])

    @property
    def example_image(self) -> np.ndarray:
        """uint8 (H, W, 3): the test image that all notebooks show."""
        return read_photo(self.data.take([self.example_image_id]).images.path[0])

    @property
    def example_rows(self) -> pd.DataFrame:
        """The rows of `Dataset.boxes` of the example image."""
        return self.data.boxes_of(self.example_image_id)

    @property
    def example_boxes(self) -> np.ndarray:
        """(M, 4) x1, y1, x2, y2: the ground-truth boxes of the example image that count."""
        return self.data.counted_boxes_of(self.example_image_id)[CORNERS].to_numpy()

    def split(self, name: str, max_images: int | None = None) -> Dataset:
        """The images of a split, sampled by the seed where it has more than are wanted.

        Args:
            name: "train", "val" or "test".
            max_images: None is all of them; the smoke profile takes a few in any case.
        """
        split = self.data.split(name)
        limits = [len(split)]
        if max_images is not None:
            limits.append(max_images)
        if self.is_smoke:
            limits.append(SMOKE_SPLIT_IMAGES)
        return split.sample(min(limits), self.seed)

    def load_detector(self, model: str = "trained") -> Detector:
        """The detector that a notebook works with.

        Args:
            model: "shipped" is the one that comes with the package, "trained" the one that notebook
                07 trained; where it has not run, one trained for a minute.
        Raises:
            InputError: there is no such model, or notebook 07 trained on other classes than those
                of this data set.
        """
        from shopee_od import load

        if model not in MODELS:
            raise InputError(f"model {model!r}: use {' or '.join(MODELS)}")
        if model == "shipped":
            return load()
        if not self.is_trained:
            return self._load_fallback_detector()
        detector = load(self.train_dir / "detector")
        if detector.classes != self.data.classes:
            raise InputError(
                f"{self.train_dir}: trained on other classes than those of {self.data.name}; "
                "run notebook 07 again with another output_dir"
            )
        return detector

    def expected_range(self, **ranges: tuple[float, float]) -> tuple[float, float]:
        """The expected range of a value that depends on data set and profile.

        Args:
            ranges: low and high by data set, measured in the laptop profile:
                `expected_range(shopsim=(0.7, 0.95))`.
        Returns:
            This data set's range in the laptop profile; otherwise minus to plus infinity, which
            `expect` takes for no expectation.
        """
        if self.profile.name != "laptop":
            return NO_RANGE
        return ranges.get(self.data.name, NO_RANGE)

    def trained_range(self, **ranges: tuple[float, float]) -> tuple[float, float]:
        """`expected_range` for values of notebook 07's detector: none where 07 has not run."""
        return self.expected_range(**ranges) if self.is_trained else NO_RANGE

    def _load_fallback_detector(self) -> Detector:
        """One with little training, from the output folder or trained now."""
        from shopee_od import load

        profile = self._fallback_profile
        print(f"Notebook 07 has not run here: using a detector trained for {profile.steps} steps.")
        run_dir = self.output / "small"
        train = self.data.split("train")
        saved = (run_dir / "detector" / "detector.json").is_file()
        if saved and not _was_trained_on(run_dir, train):
            shutil.rmtree(run_dir)
            saved = False
        if not saved:
            from shopee_od.detectors.model_garden import ModelGardenFasterRCNN

            detector = ModelGardenFasterRCNN(profile)
            has_val = (self.data.images.split == "val").any()
            val = self.data.split("val") if has_val else None
            detector.fit(train, val, run_dir, self.seed)
            detector.save(run_dir / "detector")
        return load(run_dir / "detector")

    @property
    def _fallback_profile(self) -> Profile:
        if self.is_smoke:
            return self.profile
        laptop = profiles.profile("laptop", self.data.name)
        return laptop.replace(steps=FALLBACK_STEPS, validate_every=FALLBACK_STEPS, val_photos=60)


def setup_notebook(
    notebook: str,
    profile: str = "laptop",
    dataset: str = "shopsim",
    data_dir: str = "",
    output_dir: str = "",
    seed: int = 0,
) -> NotebookContext:
    """Checks a notebook's parameters and prepares its output folder.

    Args:
        notebook: its name, for the line that is printed.
        profile: "smoke", "laptop", "gpu" or "deepfashion".
        dataset: the data set's name.
        data_dir: its folder; "" is `data/NAME`.
        output_dir: the folder that this run's notebooks share; "" is
            `runs/notebooks/DATASET-PROFILE`. Both may be relative to the project's root.
        seed: of everything that is random.
    Raises:
        InputError: a parameter cannot be used.
    """
    # TensorFlow's start-up messages; its errors are exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _enable_figures()
    sizes = profiles.profile(profile, dataset)
    if int(seed) != seed or seed < 0:
        raise InputError(f"seed {seed}: use a whole number from 0")
    root = io.project_root()
    folder = root / Path(data_dir).expanduser() if data_dir else None
    if dataset != "shopsim":
        locate(dataset, folder)
    output_dir = output_dir or f"runs/notebooks/{dataset}-{profile}"
    output = root / Path(output_dir).expanduser()
    output.mkdir(parents=True, exist_ok=True)
    print(f"{notebook}: data set {dataset}, profile {profile}, seed {seed}")
    return NotebookContext(sizes, dataset, folder, output, int(seed))


def open_shopsim(folder: Path | None = None, small: bool = False) -> Dataset:
    """Opens ShopSim, and renders it first where it is missing.

    Args:
        folder: None is `shopsim` below the data folder, or `shopsim-smoke` for the small one.
        small: SMOKE_SHOPSIM_IMAGES images, which take seconds, instead of SHOPSIM_IMAGES.
    """
    if folder is None:
        folder = io.data_root() / ("shopsim-smoke" if small else "shopsim")
    try:
        locate("shopsim", folder)
    except InputError:
        from shopee_od.shopsim import make_shopsim

        make_shopsim(folder, SMOKE_SHOPSIM_IMAGES if small else SHOPSIM_IMAGES)
    return open_dataset("shopsim", folder)


def _was_trained_on(run_dir: Path, train: Dataset) -> bool:
    """Whether the run in this folder was trained on these images with these labels."""
    from shopee_od.detectors.model_garden.training_data import select_training_images

    run = io.read_json(run_dir / "run.json")
    labels = select_training_images(train).fingerprint()
    return isinstance(run, dict) and run.get("labels") == labels


def _enable_figures() -> None:
    """Lets a notebook show a matplotlib Figure that is a cell's last value, without pyplot."""
    from IPython import get_ipython
    from IPython.core.pylabtools import select_figure_formats

    shell = get_ipython()
    if shell is not None:
        select_figure_formats(shell, {"png"})
