"""What describes a garment: class, fabric, colors, and the measures of its cut."""

from __future__ import annotations

from dataclasses import dataclass

from shopee_od.shopsim.fabrics import RGB

LEG_SHAPES = {
    "skinny": (0.056, 0.049, 0.035, 0.036, 0.021),
    "tight": (0.053, 0.045, 0.032, 0.0345, 0.0178),
    "tapered": (0.062, 0.058, 0.044, 0.036, 0.026),
    "straight": (0.059, 0.055, 0.044, 0.042, 0.038),
    "flare": (0.055, 0.049, 0.037, 0.045, 0.062),
    "wide": (0.062, 0.066, 0.066, 0.068, 0.072),
}
"""Radii of trousers at hip, thigh, knee, calf and ankle, as shares of the figure's height."""
ARMLESS = ("tank", "round", "vee_armless", "halter", "camisole", "tube", "bib")
"""Necklines of tops without shoulders or sleeves."""


@dataclass(frozen=True)
class Cut:
    """A garment's cut, fabric and dyes; heights and widths are shares of the figure's height.

    Args:
        class_name: one of DeepFashion's 16 classes.
        type: upper, lower or full.
        fabric: one of `fabrics.KINDS`.
        pattern: one of `fabrics.PATTERNS`.
        colors: main and accent, in 0..1.
        neck: the neckline.
        hem: height of the hem of the upper part; 0: there is none.
        ease: how much wider than the body it is.
        shape: 1 follows the waist, 0 falls straight.
        flare: how much wider the lower edge is.
        sleeve: share of the arm that is covered.
        sleeve_ease, sleeve_flare: how wide the sleeve is, and its end.
        front: open, buttons, placket, double or single; "": closed.
        skirt: height of the skirt's hem; 0: there is none.
        skirt_flare: how much wider the skirt is at its hem.
        pleats: how many.
        waist: height of the waistband of a lower garment.
        legs: share of the leg that is covered; 0: there are none.
        leg: shape of the legs.
        motif: a print on the front.
        trim, belt, lining, pockets, straps: whether it has them.
        wear: how faded or ripped it is.
        grain: the seed of its fabric.
    """

    class_name: str
    type: str
    fabric: str
    pattern: str
    colors: tuple[RGB, RGB]
    neck: str = "crew"
    hem: float = 0.0
    ease: float = 0.006
    shape: float = 1.0
    flare: float = 0.0
    sleeve: float = 0.0
    sleeve_ease: float = 1.25
    sleeve_flare: float = 0.0
    front: str = ""
    skirt: float = 0.0
    skirt_flare: float = 0.03
    pleats: int = 0
    waist: float = 0.385
    legs: float = 0.0
    leg: str = "straight"
    motif: str = ""
    trim: bool = False
    belt: bool = False
    lining: bool = False
    pockets: bool = False
    wear: float = 0.0
    straps: bool = False
    grain: int = 0
