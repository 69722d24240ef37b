"""Anchor coverage, degenerate and tiny boxes, class imbalance, unlabelled garments: each with what to change."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.ops.anchors import best_anchor
from shopee_od.profiles import Profile

SURE, NEVER = 0.7, 0.5
"""An anchor is trained towards a box from this IoU on; and a box whose best anchor is below this is hardly learnt."""
WANTED = 0.75  # share of boxes with a sure anchor
GAIN = 0.05  # by which other anchors must be better to be advised
FEW = 20  # boxes of a class that give it no chance
UNEVEN = 20  # the most boxes of a class over the fewest
TINY = 16  # pixels on the canvas
SLIM = 10  # one side this many times the other
SIZES = (4.0, 5.0, 6.5, 8.0, 9.5)
RATIOS = ((0.5, 1.0, 2.0), (0.35, 0.65, 1.3), (0.42, 0.63, 0.9), (0.3, 0.6, 1.0, 1.8))


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, the figure in words, whether it is well, and else what to change."""

    what: str
    says: str
    well: bool
    change: str = ""


@dataclass(frozen=True, eq=False)
class Gate:
    """What the gate found. boxes: those that count, as the network sees them.

    boxes: a row a box: box_id, image_id, label, x1, y1, x2, y2 (pixels of the canvas), scale (canvas over photo), best
           (IoU of its best anchor), a1, b1, a2, b2 (that anchor)
    """

    findings: tuple[Finding, ...]
    boxes: pd.DataFrame

    @property
    def uncovered(self) -> pd.DataFrame:
        """The boxes that no anchor meets, the worst first."""
        return self.boxes[self.boxes.best < NEVER].sort_values("best")

    def __str__(self) -> str:
        lines = []
        for finding in self.findings:
            lines.append(f"{'well ' if finding.well else 'LOOK '} {finding.what}: {finding.says}")
            if not finding.well:
                lines.append(f"      → {finding.change}")
        return "\n".join(lines)


def gate(dataset: Dataset, profile: Profile) -> Gate:
    """A data set (its training split, say) and a profile -> Gate.

    1. Each box is laid onto the canvas as in training, without the random scaling.
    2. For each the best of all anchors is looked up (`ops.anchors.best_anchor`).
    3. The checks, each a Finding.
    """
    images = dataset.images
    height, width = profile.canvas(int(images.width.median()), int(images.height.median()))
    scale = np.minimum(width / images.width, height / images.height)
    boxes = dataset.boxes[dataset.counts].reset_index(drop=True)
    factor = boxes.image_id.map(dict(zip(images.image_id, scale, strict=True)))
    corners = boxes[CORNERS].mul(factor, axis=0)
    best, anchor = _best(corners.to_numpy(), (height, width), profile)
    seen = corners.assign(box_id=boxes.box_id, image_id=boxes.image_id, label=boxes.label, scale=factor, best=best)
    seen[["a1", "b1", "a2", "b2"]] = anchor
    checks = (
        _coverage(corners.to_numpy(), best, (height, width), profile),
        _degenerate(corners),
        _tiny(corners, profile),
        _balance(boxes, dataset),
        _unlabelled(boxes, dataset),
    )
    return Gate(checks, seen)


def _best(corners: np.ndarray, canvas: tuple[int, int], profile: Profile) -> tuple[np.ndarray, np.ndarray]:
    levels = range(profile.min_level, profile.max_level + 1)
    return best_anchor(corners, *canvas, levels, profile.anchor_size, profile.anchor_scales, profile.anchor_ratios)


def _coverage(corners: np.ndarray, best: np.ndarray, canvas: tuple[int, int], profile: Profile) -> Finding:
    sure, never = (best >= SURE).mean() if len(best) else 0.0, int((best < NEVER).sum())
    says = f"{sure:.1%} of {len(best):,} boxes have an anchor at IoU ≥ {SURE}; {never:,} have none at {NEVER}"
    if sure >= WANTED or not len(best):
        return Finding("anchors", says, True)
    reach = {}
    for size, scales, ratios in product(SIZES, (1, 2, 3), RATIOS):
        other = profile.with_(anchor_size=size, anchor_scales=scales, anchor_ratios=ratios)
        reach[size, scales, ratios] = (_best(corners, canvas, other)[0] >= SURE).mean()
    # Of two that reach about as many, the one with fewer anchors.
    size, scales, ratios = max(reach, key=lambda tried: reach[tried] - 0.005 * tried[1] * len(tried[2]))
    share = reach[size, scales, ratios]
    if share < sure + GAIN:
        return Finding("anchors", says, False, "no other sizes tried here do better: a larger input_size may")
    listed = ",".join(f"{ratio:g}" for ratio in ratios)
    sets = f"--set anchor_size={size:g} --set anchor_scales={scales} --set anchor_ratios={listed}"
    return Finding("anchors", says, False, f"{sets} reaches {share:.1%}")


def _degenerate(corners: pd.DataFrame) -> Finding:
    width, height = corners.x2 - corners.x1, corners.y2 - corners.y1
    slim = int((np.maximum(width, height) > SLIM * np.minimum(width, height)).sum())
    change = "look at them: slips of labelling, or straps and belts; remove what is no garment"
    return Finding("degenerate boxes", f"{slim:,} have a side over {SLIM} times the other", slim == 0, change)


def _tiny(corners: pd.DataFrame, profile: Profile) -> Finding:
    smaller = np.minimum(corners.x2 - corners.x1, corners.y2 - corners.y1)
    share = float((smaller < TINY).mean()) if len(corners) else 0.0
    change = f"raise input_size above {profile.input_size}, or mark them to be ignored"
    return Finding("tiny garments", f"{share:.1%} are under {TINY} px on the canvas", share < 0.05, change)


def _balance(boxes: pd.DataFrame, dataset: Dataset) -> Finding:
    counts = boxes.label.value_counts().reindex(range(len(dataset.classes)), fill_value=0)
    few = [f"{dataset.classes[label]} {count}" for label, count in counts.items() if count < FEW]
    there = counts[counts > 0]
    uneven = there.max() / there.min() if len(there) else 1.0
    says = f"the most frequent class has {uneven:.0f} times the boxes of the rarest"
    if few:
        says += f"; fewer than {FEW}: {', '.join(few)}"
    change = "--set balance=0.5 weighs rare classes more; merge, by the taxonomy, or label more of those with few"
    return Finding("classes", says, not few and uneven <= UNEVEN, change)


def _unlabelled(boxes: pd.DataFrame, dataset: Dataset) -> Finding:
    a_photo = boxes.groupby("image_id").type.agg(["size", "first"])
    one = a_photo["size"] == 1
    half = int((one & a_photo["first"].isin(["upper", "lower"])).sum())
    if not len(a_photo) or one.mean() < 0.95:
        return Finding("unlabelled garments", f"{one.mean() if len(a_photo) else 0:.0%} of photos have one box", True)
    says = f"one box a photo throughout; {half:,} photos of tops or bottoms may show a second garment"
    change = "its background then teaches against garments: keep rois low, and judge precision with care"
    return Finding("unlabelled garments", says, False, change)
