"""Kinds of error, and what each of them costs: Bolya, Foley, Hays and Hoffman, "TIDE", ECCV 2020, sections 2.2, 2.3."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shopee_od.evaluation.coco import AT_50, IOUS
from shopee_od.evaluation.curves import curve
from shopee_od.evaluation.verdicts import NEAR, Verdicts

KINDS = {
    "classification": "on a garment, but the wrong class",
    "localisation": "the right class, but the box fits badly",
    "both": "the wrong class, and the box fits badly",
    "duplicate": "a second detection of a garment already found",
    "background": "where no garment is",
    "missed": "a garment that no detection found or nearly found",
}
"""Each kind of error, in the order of the paper, and what it means."""


def kinds(verdicts: Verdicts) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts -> str (n,) the kind of each detection, "" where it is right; bool (m,) the boxes missed.

    A wrong detection is the first of these that fits, as in the authors' program:

    1. localisation: its best box of its own class has 0.1 <= IoU < 0.5;
    2. classification: a box of another class has IoU >= 0.5;
    3. duplicate: a box of its own class has IoU >= 0.5, so that a better detection has it;
    4. background: no box has IoU >= 0.1;
    5. both: what is left.

    Missed are the boxes that are neither found nor would be by mending a detection of kind 1 or 2.
    """
    own, other = _nearest(verdicts)
    kind, _ = _kinds_and_targets(verdicts, own, other)
    return kind, _missed(verdicts, own, other, kind)


def costs(verdicts: Verdicts) -> pd.DataFrame:
    """Verdicts -> a row a kind of KINDS: count, and gain: what AP50 would gain if that kind alone were mended.

    Mended means: a box that fits badly gets the right place and a wrong class the right name, if no better
    detection has that garment, else the detection is gone; detections of the other kinds are gone; missed boxes do
    not count any more. The gains do not add up to 1 - AP50, since what one mending gives depends on the others.
    A class of which nothing is right stays at 0 when its missed boxes go. NaN where no class has boxes.
    """
    own, other = _nearest(verdicts)
    kind, target = _kinds_and_targets(verdicts, own, other)
    missed = _missed(verdicts, own, other, kind)
    found, truth = verdicts.found, verdicts.truth.category.to_numpy()
    score, category, hit = found.score.to_numpy(), found.category.to_numpy(), found.hit.to_numpy()
    before = _ap50(score, category, hit, verdicts.boxes)
    rows = []
    for name in KINDS:
        of_kind = kind == name
        boxes, mended = verdicts.boxes, np.zeros(len(found), bool)
        if name == "missed":
            boxes = boxes - np.bincount(truth[missed], minlength=len(boxes))
        elif name in ("classification", "localisation"):
            mended = _mendable(of_kind, target, _taken(verdicts))
        stays = ~of_kind | mended
        named = np.where(mended, np.append(truth, -1)[target], category)
        after = _ap50(score[stays], named[stays], (hit | mended)[stays], boxes, verdicts.boxes)
        rows.append({"count": int(missed.sum() if name == "missed" else of_kind.sum()), "gain": after - before})
    return pd.DataFrame(rows, index=pd.Index(KINDS, name="kind"))


def _nearest(verdicts: Verdicts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For each detection the box with the highest IoU, of its own class and of another: truth (-1), iou (0)."""
    pairs = verdicts.pairs
    same = verdicts.found.category.to_numpy()[pairs.found] == verdicts.truth.category.to_numpy()[pairs.truth]
    nearest = []
    for part in (pairs[same], pairs[~same]):
        best = part.sort_values(["found", "iou"], ascending=[True, False], kind="stable").drop_duplicates("found")
        best = best.set_index("found").reindex(range(len(verdicts.found)))
        nearest.append(best.assign(truth=best.truth.fillna(-1).astype(int), iou=best.iou.fillna(0.0)))
    return nearest[0], nearest[1]


def _kinds_and_targets(verdicts, own: pd.DataFrame, other: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The kind of each detection, and the box that mending it would give it; -1 for none."""
    here, there = own.iou.to_numpy(), other.iou.to_numpy()
    fits = IOUS[AT_50]
    tests = {
        "": verdicts.found.hit.to_numpy(),
        "localisation": (here >= NEAR) & (here < fits),
        "classification": there >= fits,
        "duplicate": here >= fits,
        "background": np.maximum(here, there) < NEAR,
    }
    kind = np.select(list(tests.values()), list(tests), "both")
    targets = [own.truth, other.truth]
    return kind, np.select([kind == "localisation", kind == "classification"], targets, -1)


def _taken(verdicts: Verdicts) -> np.ndarray:
    """bool (m,): the boxes that a detection is right on."""
    taken = np.zeros(len(verdicts.truth), bool)
    taken[verdicts.found.box[verdicts.found.hit]] = True
    return taken


def _missed(verdicts: Verdicts, own: pd.DataFrame, other: pd.DataFrame, kind: np.ndarray) -> np.ndarray:
    missed = ~_taken(verdicts)
    for name, nearest in (("localisation", own), ("classification", other)):
        missed[nearest.truth[kind == name]] = False
    return missed


def _mendable(of_kind: np.ndarray, target: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """The best detection of this kind on each box that is not taken."""
    rows = np.flatnonzero(of_kind)
    rows = rows[~taken[target[rows]]]
    _, first = np.unique(target[rows], return_index=True)  # detections stand best first
    mended = np.zeros(len(of_kind), bool)
    mended[rows[first]] = True
    return mended


def _ap50(score, category, hit, boxes: np.ndarray, counted: np.ndarray | None = None) -> float:
    """The mean AP50 over the classes that have boxes (in `counted`); 0 for one of which none are left."""
    counted = boxes if counted is None else counted
    each = [
        curve(score[category == k], hit[category == k], boxes[k]).ap if boxes[k] else 0.0
        for k in np.flatnonzero(counted)
    ]
    return float(np.mean(each)) if each else np.nan
