"""`Profile`: the sizes of a run of the Model Garden detector, from two cores to several GPUs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, NoReturn

from shopee_od.augmentation import Augmentation
from shopee_od.errors import InputError

# The fields of a profile, what their value must be, and how a message says so.
_RULES: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    (
        "batch_size steps rois proposals train_proposals fpn_filters head_fc anchor_scales "
        "validate_every val_photos report_every",
        lambda value: value >= 1,
        "it must be at least 1",
    ),
    ("head_convs weight_decay warmup", lambda value: 0 <= value < math.inf, "it must be 0 or more"),
    ("learning_rate anchor_size", lambda value: 0 < value < math.inf, "it must be above 0"),
    ("ema_decay norm_momentum", lambda value: 0 <= value < 1, "it must be in 0–1, below 1"),
    ("color_jitter drop_path", lambda value: 0 <= value < 1, "use a share from 0 to under 1"),
    ("class_balance source_balance", lambda value: 0 <= value <= 1, "use 0 to 1"),
)


@dataclass(frozen=True)
class Profile:
    """The sizes of a run: its network, its anchors, its training.

    Args:
        name: as `profile` knows it.
        description: one line for people.
        backbone: a name in `backbones.BACKBONES`.
        input_size: pixels; the canvas that an image is resized into has the area of a square of
            this side.
        batch_size, steps: images per training step, on all GPUs together, and training steps.
        min_level, max_level: the finest and the coarsest pyramid level; the stride is 2**level.
        anchor_size: the side of the smallest anchor is anchor_size * 2**level pixels.
        anchor_scales, anchor_ratios: anchors per octave, and their width / height.
        fpn_filters: channels of all pyramid levels.
        head_convs, head_fc: convolutions of the second stage, and units of its dense layer.
        train_proposals, proposals: of the RPN per image, in training and in inference.
        rois: RoIs sampled per training image.
        frozen_level: the backbone is frozen up to this pyramid level; 0 freezes nothing.
        scale: an image is resized by a random factor between these two in training.
        augmentation: what training photos are made into, to resemble those of shops.
        source_balance: 0 shows every photo equally often, 1 every data set of a joint one.
        color_jitter: each color channel is multiplied by a random factor in 1 ± this.
        drop_path: the share of an EfficientNet's residual blocks that a training step skips.
        class_balance: 0 weights all boxes equally in the class loss, 1 all classes; 0.5 is between.
        optimizer: sgd or adamw.
        learning_rate: the highest, after `warmup` steps; then a cosine down to 0.
        weight_decay: the factor of the L2 penalty (sgd) or of the decoupled decay (adamw).
        warmup: steps of linear increase to `learning_rate`.
        ema_decay: of the running average of the weights; the average is evaluated and exported.
        norm_momentum: of the batch norms' moving statistics.
        precision: float32 or bfloat16.
        weights: what the backbone starts from (and the pyramid, where it holds one): a Model Garden
            checkpoint, the folder of an earlier run or of a saved detector (which gives the heads
            too), or a backbone's .npz with its card.
        validate_every: steps between two validations.
        val_photos: images of the validation split to evaluate on, at most.
        report_every: steps between two lines of progress.
        deterministic: the same seed gives the same run on a CPU, at the price of a slower input
            pipeline; it switches on TensorFlow's op determinism for the rest of the process.
    """

    name: str
    description: str
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
    augmentation: Augmentation = Augmentation()
    source_balance: float = 0.0
    color_jitter: float = 0.3
    drop_path: float = 0.0
    class_balance: float = 0.0
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
        """Pixels. The canvas's sides are multiples of it, so that all levels have whole cells."""
        return 2**self.max_level

    def epochs(self, images: int) -> float:
        """How often training uses each image.

        Args:
            images: how many there are.
        Returns:
            steps × batch_size / images.
        """
        return self.steps * self.batch_size / images

    def canvas(self, width: int, height: int) -> tuple[int, int]:
        """The canvas that holds an image at the largest scale.

        Args:
            width: of the image, in any unit.
            height: in the same unit.
        Returns:
            Height and width in pixels: multiples of `stride`, of an area of at most
            input_size ** 2.
        """
        cells = self.input_size // self.stride
        shapes = [(h, cells**2 // h) for h in range(max(1, cells // 2), 2 * cells + 1)]
        return choose_canvas([(h * self.stride, w * self.stride) for h, w in shapes], width, height)

    def replace(self, **changes: Any) -> Profile:
        """A copy with some fields changed.

        Args:
            changes: the new values by field; they are not checked.
        Returns:
            The copy.
        Raises:
            InputError: there is no such field.
        """
        unknown = changes.keys() - {f.name for f in fields(self)}
        if unknown:
            raise InputError(f"profile {self.name} has no size {min(unknown)!r}")
        return replace(self, **changes)

    def check(self) -> None:
        """Refuses sizes that Model Garden would fail on later and less clearly.

        Raises:
            InputError: names the field and what it must be.
        """
        if not 2 <= self.min_level <= self.max_level:
            self._refuse(f"levels {self.min_level}–{self.max_level}; use 2 ≤ min ≤ max")
        stride = self.stride
        if self.input_size < stride or self.input_size % stride:
            low = max(stride, self.input_size // stride * stride)
            self._refuse(
                f"input_size {self.input_size} is not a multiple of {stride} (2**max_level); "
                f"use {low} or {low + stride}"
            )
        for names, is_valid, rule in _RULES:
            for name in names.split():
                value = getattr(self, name)
                if not is_valid(value):
                    self._refuse(f"{name} is {value}; {rule}")
        if not self.anchor_ratios or not all(0 < ratio < math.inf for ratio in self.anchor_ratios):
            self._refuse(f"anchor_ratios {self.anchor_ratios}; give at least one, all above 0")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] < math.inf:
            self._refuse(f"scale {self.scale}; use (smallest, largest), both above 0")
        self.augmentation.check()
        # Not float16: Model Garden's running average does not work with the loss scaling it needs.
        if self.precision not in ("float32", "bfloat16"):
            self._refuse(f"precision {self.precision!r}; use float32 or bfloat16")
        if self.optimizer not in ("sgd", "adamw"):
            self._refuse(f"optimizer {self.optimizer!r}; use sgd or adamw")

    def _refuse(self, problem: str) -> NoReturn:
        raise InputError(f"profile {self.name}: {problem}")


def choose_canvas(canvases: Iterable[tuple[int, int]], width: int, height: int) -> tuple[int, int]:
    """The canvas that holds an image at the largest scale; of two, the smaller.

    Args:
        canvases: (height, width) of each in pixels.
        width: of the image, in any unit.
        height: in the same unit.
    Returns:
        One of `canvases`.
    """

    def scale_and_area(canvas: tuple[int, int]) -> tuple[float, int]:
        scale = min(canvas[0] / height, canvas[1] / width)
        return round(scale, 9), -canvas[0] * canvas[1]

    return max(canvases, key=scale_and_area)
