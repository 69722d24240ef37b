"""How garments of each of the 16 classes are cut, sampled at random for each item."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from shopee_od.shopsim.cuts import Cut
from shopee_od.shopsim.fabrics import sample_dyes


def sample_cut(class_name: str, rng: np.random.Generator) -> Cut:
    """Samples a garment of this class."""
    return replace(_CUTS[class_name](rng), grain=int(rng.integers(2**31)))


def sample_companion(item: Cut, rng: np.random.Generator) -> Cut:
    """Samples a second garment to wear with an upper or a lower one."""
    if item.type == "lower":
        cut = _tee(rng)
        cut = replace(cut, pattern="plain", motif="") if rng.random() < 0.7 else _tank(rng)
        return replace(cut, hem=0.40, ease=0.004, grain=int(rng.integers(2**31)))
    return sample_cut(
        str(rng.choice(["Jeans", "Pants", "Skirt", "Leggings"], p=[0.45, 0.25, 0.2, 0.1])), rng
    )


def _pick(rng, *choices, p=None):
    return choices[int(rng.choice(len(choices), p=p))]


def _make_cut(
    class_name: str,
    garment_type: str,
    fabric: str,
    pattern: str,
    rng: np.random.Generator,
    **more: Any,
) -> Cut:
    return Cut(class_name, garment_type, fabric, pattern, sample_dyes(rng, fabric), **more)


def _blouse(rng):
    pattern = _pick(
        rng, "plain", "stripes", "dots", "checks", "floral", p=[0.5, 0.16, 0.12, 0.12, 0.1]
    )
    return _make_cut(
        "Blouse", "upper", _pick(rng, "cotton", "satin"), pattern, rng,
        neck=_pick(rng, "shirt", "bow", p=[0.75, 0.25]), front="buttons",
        hem=rng.uniform(0.47, 0.53), ease=rng.uniform(0.008, 0.018), shape=rng.uniform(0.3, 0.8),
        sleeve=_pick(rng, 0.72, 0.97, p=[0.3, 0.7]), sleeve_ease=rng.uniform(1.35, 1.7),
        flare=rng.uniform(0, 0.01), pockets=rng.random() < 0.3,
    )  # fmt: skip


def _chiffon(rng):
    pattern = _pick(rng, "plain", "floral", "dots", p=[0.6, 0.3, 0.1])
    return _make_cut(
        "Chiffon", "upper", "chiffon", pattern, rng, neck=_pick(rng, "crew", "vee", "boat"),
        hem=rng.uniform(0.47, 0.54), ease=rng.uniform(0.016, 0.03), shape=rng.uniform(0, 0.3),
        flare=rng.uniform(0.015, 0.04), sleeve=_pick(rng, 0.34, 0.62, 0.9),
        sleeve_ease=rng.uniform(1.5, 1.9), sleeve_flare=rng.uniform(0.015, 0.04),
        pleats=int(rng.integers(4, 8)),
    )  # fmt: skip


def _lace_shirt(rng):
    return _make_cut(
        "Lace_Shirt", "upper", "lace", "plain", rng, neck=_pick(rng, "crew", "boat", "scoop"),
        hem=rng.uniform(0.44, 0.51), ease=rng.uniform(0.004, 0.012), shape=rng.uniform(0.4, 1),
        sleeve=_pick(rng, 0.3, 0.66, 0.95), sleeve_ease=rng.uniform(1.15, 1.4), trim=True,
        lining=rng.random() < 0.3,
    )  # fmt: skip


def _tee(rng):
    pattern = _pick(rng, "plain", "stripes", p=[0.75, 0.25])
    motif = (
        _pick(rng, "", "letters", "heart", "face", "star", p=[0.35, 0.25, 0.15, 0.1, 0.15])
        if pattern == "plain"
        else ""
    )
    return _make_cut(
        "T_Shirt", "upper", "jersey", pattern, rng,
        neck=_pick(rng, "crew", "vee", "scoop", p=[0.6, 0.25, 0.15]), hem=rng.uniform(0.46, 0.53),
        ease=rng.uniform(0.004, 0.02), shape=rng.uniform(0, 0.7), sleeve=rng.uniform(0.26, 0.4),
        sleeve_ease=rng.uniform(1.25, 1.6), motif=motif, trim=rng.random() < 0.3,
    )  # fmt: skip


def _polo(rng):
    pattern = _pick(rng, "plain", "stripes", p=[0.72, 0.28])
    return _make_cut(
        "Polo_Shirt", "upper", "pique", pattern, rng, neck="polo", front="placket",
        hem=rng.uniform(0.46, 0.52), ease=rng.uniform(0.005, 0.014), shape=rng.uniform(0.2, 0.7),
        sleeve=rng.uniform(0.26, 0.36), sleeve_ease=1.3, trim=True,
        motif=_pick(rng, "", "crest", p=[0.4, 0.6]),
    )  # fmt: skip


def _tank(rng):
    pattern = _pick(rng, "plain", "stripes", "animal", p=[0.75, 0.2, 0.05])
    return _make_cut(
        "Tank_Top", "upper", _pick(rng, "jersey", "knit", p=[0.7, 0.3]), pattern, rng, neck="tank",
        hem=rng.uniform(0.44, 0.51), ease=rng.uniform(0.001, 0.010), shape=rng.uniform(0.4, 1),
        trim=rng.random() < 0.4,
    )  # fmt: skip


def _coat(rng):
    front = _pick(rng, "open", "double", "single", p=[0.45, 0.3, 0.25])
    return _make_cut(
        "Coat", "upper", _pick(rng, "wool", "cotton", p=[0.7, 0.3]),
        _pick(rng, "plain", "checks", p=[0.8, 0.2]), rng, neck="lapels", front=front,
        hem=rng.uniform(0.56, 0.76), ease=rng.uniform(0.016, 0.026), shape=rng.uniform(0.2, 0.7),
        flare=rng.uniform(0.0, 0.02), sleeve=0.99, sleeve_ease=rng.uniform(1.5, 1.75),
        belt=front != "open" and rng.random() < 0.4, pockets=True,
    )  # fmt: skip


def _dress(rng):
    fabric = _pick(rng, "cotton", "jersey", "satin", "knit", p=[0.4, 0.3, 0.15, 0.15])
    return _make_cut(
        "Dress", "full", fabric,
        _pick(rng, "plain", "floral", "dots", "stripes", "checks", p=[0.3, 0.3, 0.15, 0.15, 0.1]),
        rng, neck=_pick(rng, "crew", "vee", "boat", "shirt", p=[0.35, 0.3, 0.15, 0.2]),
        hem=rng.uniform(0.365, 0.39), ease=0.005, sleeve=_pick(rng, 0.3, 0.5, 0.95),
        sleeve_ease=rng.uniform(1.2, 1.6), skirt=rng.uniform(0.62, 0.88),
        skirt_flare=rng.uniform(0.01, 0.11), pleats=int(rng.integers(3, 8)),
        belt=rng.random() < 0.4,
    )  # fmt: skip


def _sleeveless(rng):
    return _make_cut(
        "Sleeveless_Dress", "full", _pick(rng, "cotton", "satin", "jersey"),
        _pick(rng, "plain", "floral", "dots", "stripes", p=[0.45, 0.3, 0.12, 0.13]), rng,
        neck=_pick(rng, "round", "vee_armless", "halter", p=[0.5, 0.3, 0.2]),
        hem=rng.uniform(0.36, 0.39), ease=0.003, skirt=rng.uniform(0.60, 0.93),
        skirt_flare=rng.uniform(0.005, 0.13), pleats=int(rng.integers(3, 8)),
        belt=rng.random() < 0.3,
    )  # fmt: skip


def _lace_dress(rng):
    cut = _sleeveless(rng) if rng.random() < 0.35 else _dress(rng)
    neck = _pick(rng, "crew", "boat") if cut.sleeve else cut.neck
    return replace(
        cut, class_name="Lace_Dress", fabric="lace", pattern="plain",
        colors=sample_dyes(rng, "lace"), lining=True, trim=True, neck=neck, belt=rng.random() < 0.2,
    )  # fmt: skip


def _suspenders(rng):
    return _make_cut(
        "Suspenders_Skirt", "full", _pick(rng, "denim", "cotton", "wool", p=[0.45, 0.35, 0.2]),
        _pick(rng, "plain", "checks", p=[0.75, 0.25]), rng, neck="bib", hem=0.39, ease=0.006,
        skirt=rng.uniform(0.58, 0.72), skirt_flare=rng.uniform(0.02, 0.09),
        pleats=int(rng.integers(0, 6)), straps=True, pockets=rng.random() < 0.6,
    )  # fmt: skip


def _skirt(rng):
    style = _pick(rng, "a-line", "pencil", "pleated", "full")
    flare = {
        "a-line": rng.uniform(0.03, 0.06),
        "pencil": -0.008,
        "pleated": rng.uniform(0.05, 0.09),
        "full": rng.uniform(0.09, 0.15),
    }[style]
    return _make_cut(
        "Skirt", "lower", _pick(rng, "cotton", "wool", "denim", "satin", p=[0.45, 0.2, 0.15, 0.2]),
        _pick(rng, "plain", "floral", "checks", "dots", "stripes", p=[0.5, 0.18, 0.14, 0.09, 0.09]),
        rng, skirt=rng.uniform(0.60, 0.90), skirt_flare=flare,
        pleats={"a-line": 2, "pencil": 0, "pleated": 14, "full": 7}[style],
        waist=rng.uniform(0.375, 0.40), belt=rng.random() < 0.25,
    )  # fmt: skip


def _jeans(rng):
    return _make_cut(
        "Jeans", "lower", "denim", "plain", rng, legs=_pick(rng, 1.0, 0.9, p=[0.7, 0.3]),
        leg=_pick(rng, "skinny", "straight", "flare", "wide", p=[0.45, 0.35, 0.1, 0.1]),
        waist=rng.uniform(0.39, 0.42), pockets=True, wear=rng.uniform(0, 1),
    )  # fmt: skip


def _pants(rng):
    return _make_cut(
        "Pants", "lower", _pick(rng, "cotton", "wool", "satin", p=[0.6, 0.25, 0.15]),
        _pick(rng, "plain", "stripes", "checks", "leaf", p=[0.75, 0.08, 0.1, 0.07]), rng,
        legs=_pick(rng, 1.0, 0.88, 0.75, p=[0.5, 0.3, 0.2]),
        leg=_pick(rng, "straight", "wide", "tapered", p=[0.4, 0.35, 0.25]),
        waist=rng.uniform(0.375, 0.41), belt=rng.random() < 0.3,
    )  # fmt: skip


def _leggings(rng):
    return _make_cut(
        "Leggings", "lower", "jersey",
        _pick(rng, "plain", "animal", "floral", "stripes", p=[0.72, 0.08, 0.12, 0.08]), rng,
        legs=_pick(rng, 1.0, 0.86), leg="tight", waist=rng.uniform(0.385, 0.41),
    )  # fmt: skip


def _summer(rng):
    """A camisole, beach shorts or a playsuit: the class is as vague as in DeepFashion."""
    pattern = _pick(rng, "leaf", "floral", "stripes", "plain", p=[0.35, 0.35, 0.1, 0.2])
    fabric = _pick(rng, "cotton", "satin")
    kind = int(rng.integers(3))
    if kind == 0:
        return _make_cut(
            "Summer_Wear",
            "upper",
            fabric,
            pattern,
            rng,
            neck="camisole",
            hem=rng.uniform(0.40, 0.47),
            ease=0.006,
            shape=0.4,
            flare=0.02,
            straps=True,
        )
    if kind == 1:
        return _make_cut(
            "Summer_Wear",
            "lower",
            fabric,
            pattern,
            rng,
            legs=rng.uniform(0.16, 0.26),
            leg="wide",
            waist=0.385,
        )
    return _make_cut(
        "Summer_Wear", "full", fabric, pattern, rng, neck=_pick(rng, "camisole", "tube"), hem=0.385,
        ease=0.005, legs=rng.uniform(0.16, 0.24), leg="wide", waist=0.38, straps=True,
        belt=rng.random() < 0.5,
    )  # fmt: skip


_CUTS = {
    "Blouse": _blouse,
    "Summer_Wear": _summer,
    "Coat": _coat,
    "Sleeveless_Dress": _sleeveless,
    "Lace_Dress": _lace_dress,
    "Pants": _pants,
    "Tank_Top": _tank,
    "Lace_Shirt": _lace_shirt,
    "Chiffon": _chiffon,
    "Skirt": _skirt,
    "Jeans": _jeans,
    "Leggings": _leggings,
    "Suspenders_Skirt": _suspenders,
    "T_Shirt": _tee,
    "Dress": _dress,
    "Polo_Shirt": _polo,
}
