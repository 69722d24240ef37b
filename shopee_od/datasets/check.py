"""The data-set check before training: does the data set suit a profile's anchors and sizes?

Anchor coverage, degenerate and tiny boxes, class imbalance and unlabeled garments: each finding
comes with what to change.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.ops.anchors import best_anchors
from shopee_od.profiles import Profile

POSITIVE_IOU = 0.7
"""All anchors with at least this IoU to a box are positive: trained as foreground."""
WEAK_IOU = 0.5
"""A box whose best anchor has a lower IoU is matched to that one weak anchor alone (every box gets
its best anchor), so it is learned slowly and badly."""
MIN_POSITIVE_SHARE = 0.75  # of boxes with a positive anchor
MIN_GAIN = 0.05  # in that share, for other anchors to be advised
MIN_BOXES = 20  # of a class
MAX_IMBALANCE = 20  # boxes of the most frequent class over those of the rarest
MIN_SIDE = 16  # pixels of the canvas
MAX_TINY_SHARE = 0.05
MAX_ASPECT_RATIO = 10
MAX_EMPTY_SHARE = 0.2  # of photos without a box
SINGLE_BOX_SHARE = 0.95  # of photos with one box, from which on others seem to be unlabeled
CANDIDATE_SIZES = (4.0, 5.0, 6.5, 8.0, 9.5)
CANDIDATE_SCALES = (1, 2, 3)
CANDIDATE_RATIOS = ((0.5, 1.0, 2.0), (0.35, 0.65, 1.3), (0.42, 0.63, 0.9), (0.3, 0.6, 1.0, 1.8))


@dataclass(frozen=True)
class Finding:
    """One check.

    Args:
        name: what was checked.
        message: the figures in words.
        ok: whether nothing needs to change.
        fix: what to change.
    """

    name: str
    message: str
    ok: bool
    fix: str = ""

    def __str__(self) -> str:
        """One line, and a second one with the fix where it is not OK."""
        if self.ok:
            return f"OK    {self.name}: {self.message}"
        return f"WARN  {self.name}: {self.message}\n      → {self.fix}"


@dataclass(frozen=True, eq=False)
class DataCheck:
    """What `check_dataset` found.

    Args:
        findings: one per check.
        boxes: one row per counted box: box_id, image_id, label, x1, y1, x2, y2 (pixels of the
            canvas), scale (canvas over photo), best (IoU of its best anchor), a1, b1, a2, b2 (that
            anchor).
    """

    findings: tuple[Finding, ...]
    boxes: pd.DataFrame

    @property
    def uncovered(self) -> pd.DataFrame:
        """The boxes with no anchor at IoU ≥ WEAK_IOU, the worst first."""
        return self.boxes[self.boxes.best < WEAK_IOU].sort_values("best")

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


def check_dataset(dataset: Dataset, profile: Profile) -> DataCheck:
    """Checks a data set against the sizes of a run.

    1. Each box is placed on the canvas as in training, without random scaling.
    2. The best of all anchors is found for each (`ops.anchors.best_anchors`).
    3. Each check gives a Finding.

    Args:
        dataset: the photos to train on.
        profile: its canvas and anchors.
    Returns:
        The findings, and the boxes that they are about.
    """
    images = dataset.images
    height, width = profile.canvas(int(images.width.median()), int(images.height.median()))
    scale = np.minimum(width / images.width, height / images.height)
    scale_of = dict(zip(images.image_id, scale, strict=True))
    counted = dataset.boxes[dataset.counted_mask].reset_index(drop=True)
    box_scale = counted.image_id.map(scale_of).astype(np.float64)
    boxes = counted[["box_id", "image_id", "label"]].copy()
    boxes[CORNERS] = counted[CORNERS].mul(box_scale, axis=0)
    boxes["scale"] = box_scale
    corners = boxes[CORNERS].to_numpy()
    boxes["best"], anchors = _find_best_anchors(corners, (height, width), profile)
    boxes[["a1", "b1", "a2", "b2"]] = anchors
    findings = (
        _check_anchors(corners, boxes.best.to_numpy(), (height, width), profile),
        _check_degenerate(corners),
        _check_tiny(corners, profile),
        _check_balance(dataset),
        _check_unlabeled(counted),
        _check_empty(dataset),
    )
    return DataCheck(findings, boxes)


def _find_best_anchors(
    corners: np.ndarray, canvas: tuple[int, int], profile: Profile
) -> tuple[np.ndarray, np.ndarray]:
    """(M,) highest IoU of any anchor with each box, (M, 4) that anchor."""
    levels = range(profile.min_level, profile.max_level + 1)
    return best_anchors(
        corners, *canvas, levels, profile.anchor_size, profile.anchor_scales, profile.anchor_ratios
    )


def _check_anchors(
    corners: np.ndarray, best: np.ndarray, canvas: tuple[int, int], profile: Profile
) -> Finding:
    share = (best >= POSITIVE_IOU).mean() if len(best) else 0.0
    message = (
        f"{share:.1%} of {len(best):,} boxes have a positive anchor (IoU ≥ {POSITIVE_IOU}); "
        f"{int((best < WEAK_IOU).sum()):,} have no anchor at IoU ≥ {WEAK_IOU}"
    )
    if share >= MIN_POSITIVE_SHARE or not len(best):
        return Finding("anchors", message, ok=True)
    other = _find_better_profile(corners, canvas, profile)
    other_share = (_find_best_anchors(corners, canvas, other)[0] >= POSITIVE_IOU).mean()
    if other_share < share + MIN_GAIN:
        fix = "none of the other anchors tried here is better: a larger input_size may be"
    else:
        ratios = ",".join(f"{ratio:g}" for ratio in other.anchor_ratios)
        fix = (
            f"--set anchor_size={other.anchor_size:g} --set anchor_scales={other.anchor_scales} "
            f"--set anchor_ratios={ratios} reaches {other_share:.1%}"
        )
    return Finding("anchors", message, ok=False, fix=fix)


def _find_better_profile(corners: np.ndarray, canvas: tuple[int, int], profile: Profile) -> Profile:
    """The profile with those of the candidate anchors that are positive for most boxes."""

    def score(candidate: Profile) -> float:
        best, _ = _find_best_anchors(corners, canvas, candidate)
        # Of two that cover about as many boxes, the one with fewer anchors.
        anchors = candidate.anchor_scales * len(candidate.anchor_ratios)
        return (best >= POSITIVE_IOU).mean() - 0.005 * anchors

    candidates = [
        profile.replace(anchor_size=size, anchor_scales=scales, anchor_ratios=ratios)
        for size, scales, ratios in product(CANDIDATE_SIZES, CANDIDATE_SCALES, CANDIDATE_RATIOS)
    ]
    return max(candidates, key=score)


def _check_degenerate(corners: np.ndarray) -> Finding:
    sides = corners[:, 2:] - corners[:, :2]
    slim = int((sides.max(axis=1) > MAX_ASPECT_RATIO * sides.min(axis=1)).sum())
    return Finding(
        "degenerate boxes",
        f"{slim:,} have a side over {MAX_ASPECT_RATIO} times the other",
        ok=slim == 0,
        fix="look at them: labeling errors, or straps and belts; remove what is no garment",
    )


def _check_tiny(corners: np.ndarray, profile: Profile) -> Finding:
    smaller_side = (corners[:, 2:] - corners[:, :2]).min(axis=1)
    share = float((smaller_side < MIN_SIDE).mean()) if len(corners) else 0.0
    return Finding(
        "tiny garments",
        f"{share:.1%} are under {MIN_SIDE} px on the canvas",
        ok=share < MAX_TINY_SHARE,
        fix=f"raise input_size above {profile.input_size}, or mark them to be ignored",
    )


def _check_balance(dataset: Dataset) -> Finding:
    counts = dataset.count_boxes()
    rare = [
        f"{name} {round(count, 1):g}"
        for name, count in zip(dataset.classes, counts, strict=True)
        if count < MIN_BOXES
    ]
    present = counts[counts > 0]
    imbalance = present.max() / present.min() if len(present) else 1.0
    message = f"the most frequent class has {imbalance:.0f} times the boxes of the rarest"
    if rare:
        message += f"; fewer than {MIN_BOXES}: {', '.join(rare)}"
    return Finding(
        "classes",
        message,
        ok=not rare and imbalance <= MAX_IMBALANCE,
        fix="--set class_balance=0.5 gives rare classes more weight; merge classes by the "
        "taxonomy, or label more of the rare ones",
    )


def _check_unlabeled(boxes: pd.DataFrame) -> Finding:
    by_photo = boxes.groupby("image_id").type.agg(["size", "first"])
    single = by_photo["size"] == 1
    share = single.mean() if len(by_photo) else 0.0
    if share < SINGLE_BOX_SHARE:
        return Finding("unlabeled garments", f"{share:.0%} of photos have one box", ok=True)
    halves = int((single & by_photo["first"].isin(["upper", "lower"])).sum())
    return Finding(
        "unlabeled garments",
        f"almost all photos have one box; {halves:,} photos of tops or bottoms may show a second "
        "garment",
        ok=False,
        fix="an unlabeled garment is trained as background: keep rois low, and read precision "
        "with care",
    )


def _check_empty(dataset: Dataset) -> Finding:
    empty = int((~dataset.images.image_id.isin(dataset.boxes.image_id)).sum())
    share = empty / len(dataset)
    return Finding(
        "photos without a box",
        f"{empty:,} ({share:.0%}) are trained as photos without garments",
        ok=share <= MAX_EMPTY_SHARE,
        fix="look at them: label the garments that they show, or remove them",
    )
