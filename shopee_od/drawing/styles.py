"""One color for each class, one line style for each role (detection, ground truth, rejected)."""

from __future__ import annotations

from dataclasses import dataclass

from shopee_od.drawing.primitives import Color

PALETTE: tuple[Color, ...] = (
    (0, 114, 178), (230, 159, 0), (204, 121, 167), (122, 0, 255),
    (17, 119, 51), (244, 165, 130), (153, 221, 255), (136, 34, 85),
    (238, 204, 102), (153, 119, 0), (118, 42, 131), (240, 228, 66),
    (238, 102, 119), (255, 170, 187), (119, 170, 221), (0, 158, 115),
)  # fmt: skip
"""Class colors, from the color-blind safe sets of Okabe and Ito and of Paul Tol.

They are ordered greedily: neighbors differ most for normal, protanopic and deuteranopic vision.
With more than 16 classes colors repeat, and the tag tells the classes apart.
"""


@dataclass(frozen=True)
class Style:
    """How boxes of one role are drawn.

    Args:
        color: None: the boxes have the colors of their classes.
        width: relative to the usual line.
        dashed: dashes instead of a solid line.
    """

    color: Color | None
    width: float = 1.0
    dashed: bool = False


STYLES = {
    "detection": Style(None),
    "ground_truth": Style((0, 220, 70), dashed=True),
    "ignore": Style((150, 150, 150), width=0.7, dashed=True),
    "before": Style((255, 150, 0), width=0.7, dashed=True),
    "after": Style((0, 130, 255)),
    "kept": Style((0, 130, 255)),
    "rejected": Style((225, 60, 60), width=0.6, dashed=True),
    "uncovered": Style((240, 45, 45)),
}
"""The style of each role.

"ignore" is ground truth that does not count, "uncovered" is ground truth that no anchor overlaps
enough. "before" and "after" are boxes that a step moved, "kept" and "rejected" are boxes that it
filtered.
"""


def class_color(label: int) -> Color:
    """The color of class number `label`: the same wherever the list of classes is the same."""
    return PALETTE[int(label) % len(PALETTE)]
