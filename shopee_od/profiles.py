"""`Profile`: the sizes of a run, from seconds on two cores to days on GPUs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from shopee_od.types import InputError

COUNTS = (
    "batch_size",
    "steps",
    "rois",
    "proposals",
    "train_proposals",
    "fpn_filters",
    "head_fc",
    "anchor_scales",
    "validate_every",
    "val_photos",
    "report_every",
)


@dataclass(frozen=True)
class Profile:
    """The sizes of a run of the Model Garden detector.

    input_size:      pixels; the canvas a photo is scaled into has the area of a square of this side
    frozen_level:    the backbone keeps its pretrained weights up to this pyramid level; 0 is nothing frozen
    scale:           a photo is scaled at random between these factors of the canvas in training
    colour:          and each of its colour channels stretched by up to this share
    drop_path:       the share of an EfficientNet's residual blocks that are passed over in a training step
    steps:           training steps of `batch_size` photos, all GPUs together
    balance:         0 weighs all boxes alike in the class loss, 1 all classes; 0.5 lies between
    learning_rate:   the highest, after `warmup` steps; from there a cosine down to 0
    weights:         what the backbone starts from (and the pyramid, where it holds one): a Model Garden checkpoint,
                     or the folder of an earlier run
    ema_decay:       of the running average of the weights that is judged and exported
    validate_every:  steps between two judgements on (at most `val_photos` photos of) the validation split
    deterministic:   the same seed gives the same run, at the price of a serial input pipeline
    """

    name: str
    says: str
    backbone: str
    input_size: int
    batch_size: int
    steps: int
    min_level: int = 2
    max_level: int = 6
    anchor_size: float = 8.0
    anchor_scales: int = 1
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    fpn_filters: int = 256
    head_convs: int = 4
    head_fc: int = 1024
    train_proposals: int = 1000
    proposals: int = 300
    rois: int = 512
    frozen_level: int = 0
    scale: tuple[float, float] = (0.8, 1.25)
    colour: float = 0.3
    drop_path: float = 0.0
    balance: float = 0.0
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    weight_decay: float = 4e-5
    warmup: int = 500
    ema_decay: float = 0.999
    norm_momentum: float = 0.97
    precision: str = "float32"
    weights: str = ""
    validate_every: int = 1000
    val_photos: int = 2000
    report_every: int = 20
    deterministic: bool = False

    @property
    def stride(self) -> int:
        """Pixels: the canvas's sides must be multiples of it, so that every pyramid level has whole cells."""
        return 2**self.max_level

    def epochs(self, photos: int) -> float:
        """How often each of `photos` training photos is seen."""
        return self.steps * self.batch_size / photos

    def canvas(self, width: int, height: int) -> tuple[int, int]:
        """(height, width) in pixels of the canvas that shows a photo of this shape largest.

        Its sides are multiples of `stride`, its area at most `input_size` squared.
        """
        cells = self.input_size // self.stride
        shapes = [(h, cells**2 // h) for h in range(max(1, cells // 2), 2 * cells + 1)]
        return best_canvas([(h * self.stride, w * self.stride) for h, w in shapes], width, height)

    def with_(self, **changes) -> Profile:
        """A copy with some sizes changed. Raises InputError on a size that does not exist."""
        unknown = changes.keys() - {f.name for f in fields(self)}
        if unknown:
            raise InputError(f"profile {self.name} has no size {sorted(unknown)[0]!r}")
        return replace(self, **changes)

    def check(self) -> None:
        """Raises InputError, in one sentence, on sizes that Model Garden would fail on later and less clearly."""
        if not 2 <= self.min_level <= self.max_level:
            raise InputError(f"profile {self.name}: levels {self.min_level}–{self.max_level}; use 2 ≤ min ≤ max")
        if self.input_size < self.stride or self.input_size % self.stride:
            low = max(self.stride, self.input_size // self.stride * self.stride)
            raise InputError(
                f"profile {self.name}: input_size {self.input_size} is not a multiple of {self.stride} "
                f"(2**max_level); use {low} or {low + self.stride}"
            )
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise InputError(f"profile {self.name}: {name} is {getattr(self, name)}; it must be at least 1")
        for name in ("head_convs", "weight_decay", "warmup"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"profile {self.name}: {name} is {getattr(self, name)}; it must be 0 or more")
        for name in ("learning_rate", "anchor_size"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"profile {self.name}: {name} is {getattr(self, name)}; it must be above 0")
        for name in ("ema_decay", "norm_momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"profile {self.name}: {name} is {getattr(self, name)}; it must be in 0–1, below 1")
        if not self.anchor_ratios or not all(0 < ratio < math.inf for ratio in self.anchor_ratios):
            raise InputError(f"profile {self.name}: anchor_ratios {self.anchor_ratios}; give at least one, all above 0")
        # Not float16: Model Garden's running average does not work with the loss scaling that it needs.
        if self.precision not in ("float32", "bfloat16"):
            raise InputError(f"profile {self.name}: precision {self.precision!r}; use float32 or bfloat16")
        if self.optimizer not in ("sgd", "adamw"):
            raise InputError(f"profile {self.name}: optimizer {self.optimizer!r}; use sgd or adamw")
        for name in ("colour", "drop_path"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"profile {self.name}: {name} {getattr(self, name)}; use a share from 0 to under 1")
        if not 0 <= self.balance <= 1:
            raise InputError(f"profile {self.name}: balance {self.balance}; use 0 to 1")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] < math.inf:
            raise InputError(f"profile {self.name}: scale {self.scale}; use (smallest, largest), both above 0")


def best_canvas(canvases: Iterable[tuple[int, int]], width: int, height: int) -> tuple[int, int]:
    """The (height, width) that shows a photo of this shape largest; of two that show it alike, the smaller one."""
    return max(canvases, key=lambda c: (round(min(c[0] / height, c[1] / width), 9), -c[0] * c[1]))


# By the gate: with COCO's one scale and its ratios a third of CCP's boxes have an anchor at IoU 0.7, with these 95%.
GARMENTS = {"anchor_scales": 2, "anchor_ratios": (0.35, 0.65, 1.3)}

LAPTOP = Profile(
    name="laptop",
    says="two cores, no GPU: EfficientNet-Lite0 with ImageNet weights, three quarters of an hour",
    backbone="efficientnet-lite0",
    input_size=352,
    batch_size=4,
    steps=3000,
    # Garments are large: without level 2 a step takes two fifths of the time.
    min_level=3,
    max_level=5,
    anchor_size=5.0,
    anchor_scales=2,
    anchor_ratios=(0.35, 0.65, 1.3),
    fpn_filters=128,
    head_convs=0,
    head_fc=512,
    train_proposals=300,
    proposals=200,
    rois=64,
    frozen_level=2,
    drop_path=0.1,
    balance=0.5,
    scale=(0.7, 1.4),
    optimizer="adamw",
    learning_rate=6e-4,
    weight_decay=0.05,
    warmup=100,
    ema_decay=0.998,
    validate_every=400,
    val_photos=200,
    deterministic=True,
)

PROFILES = {
    p.name: p
    for p in (
        LAPTOP.with_(
            name="smoke",
            says="tests: every path in seconds, nothing learnt",
            input_size=64,
            batch_size=2,
            steps=4,
            fpn_filters=16,
            head_fc=32,
            train_proposals=20,
            proposals=20,
            rois=8,
            warmup=1,
            validate_every=2,
            val_photos=4,
            report_every=2,
        ),
        LAPTOP,
        Profile(
            name="gpu",
            says="one GPU: ResNet-50 from scratch, or from a checkpoint (weights)",
            backbone="resnet-50",
            input_size=512,
            batch_size=16,
            steps=20_000,
            **GARMENTS,
            learning_rate=0.03,
            precision="bfloat16",
            proposals=300,
        ),
        Profile(
            name="deepfashion",
            says="all of DeepFashion Consumer-to-Shop, one or more GPUs",
            backbone="resnet-50",
            input_size=320,  # the photos' long side is 300
            batch_size=64,
            steps=36_000,
            **GARMENTS,
            learning_rate=0.08,
            precision="bfloat16",
            proposals=300,
            rois=256,
            validate_every=2000,
            val_photos=5000,
        ),
    )
}


# Drawings of 300 px are learnt on smaller canvases, and sooner than photos of people.
ADAPTED = {("laptop", "shopsim"): {"input_size": 256, "steps": 750, "validate_every": 250}}


def profile(name: str, dataset: str = "") -> Profile:
    """The profile of this name, its sizes as they suit this data set. Raises InputError where there is none."""
    if name not in PROFILES:
        raise InputError(f"profile {name!r} is not known; choose one of {', '.join(PROFILES)}")
    return PROFILES[name].with_(**ADAPTED.get((name, dataset), {}))


def sized(name: str, dataset: str, sizes: list[str]) -> Profile:
    """The profile with `NAME=VALUE` sizes put in, each in its field's own type; several values with commas."""
    chosen = profile(name, dataset)
    for size in sizes:
        field, _, value = size.partition("=")
        now = getattr(chosen, field, None)
        if isinstance(now, bool) or not isinstance(now, int | float | str | tuple) or field in ("name", "says"):
            raise InputError(f"--set {size}: not a size that can be set; use NAME=VALUE, as in steps=500")
        try:
            new = tuple(map(float, value.split(","))) if isinstance(now, tuple) else type(now)(value)
        except ValueError:
            kind = "numbers with commas between" if isinstance(now, tuple) else "a number"
            raise InputError(f"--set {size}: {field} is {kind}, as {now}") from None
        chosen = chosen.with_(**{field: new})
    chosen.check()
    return chosen
