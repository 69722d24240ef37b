"""Poses of figures and of garments that hang or are laid flat."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pose:
    """A pose, in shares of the figure's height and in degrees outward.

    Args:
        hip: sideways shift of the hip.
        tilt: of the shoulders.
        turn: of the body to the side; a turned body is narrower.
        arms: upper and lower arm, left and right of the picture.
        legs: thigh and lower leg, left and right of the picture.
    """

    hip: float = 0.0
    tilt: float = 0.0
    turn: float = 0.0
    arms: tuple[tuple[float, float], tuple[float, float]] = ((9, 4), (9, 4))
    legs: tuple[tuple[float, float], tuple[float, float]] = ((2, 0), (2, 0))


STANDING = (
    Pose(arms=((10, 3), (9, 4)), legs=((3, 1), (3, 1))),
    Pose(
        hip=0.018, tilt=0.012, arms=((12, 5), (42, -62)), legs=((-1, 1), (9, 3))
    ),  # a hand on the hip
    Pose(hip=-0.016, tilt=-0.01, arms=((40, -60), (12, 2)), legs=((9, 4), (-1, 0))),
    Pose(hip=0.008, turn=0.5, arms=((6, -4), (14, 8)), legs=((7, -3), (2, 5))),  # walking
    Pose(hip=-0.01, turn=0.35, arms=((15, 6), (5, -8)), legs=((1, 4), (8, -2))),
    Pose(hip=0.012, arms=((22, -28), (10, 2)), legs=((0, 0), (6, 2))),  # a hand in the pocket
    Pose(hip=0.01, arms=((30, -48), (34, -52)), legs=((4, 2), (6, 1))),
    Pose(
        hip=-0.012, tilt=0.008, arms=((8, -2), (26, 160)), legs=((8, 2), (0, 0))
    ),  # a hand in the hair
)


SELFIE = (
    Pose(hip=0.014, tilt=0.01, arms=((12, 4), (24, -150)), legs=((-1, 1), (8, 3))),
    Pose(hip=-0.012, tilt=-0.008, arms=((26, -148), (36, -60)), legs=((7, 2), (0, 0))),
)


MANNEQUIN = (
    Pose(arms=((8, 2), (8, 2)), legs=((3, 0), (3, 0))),
    Pose(hip=0.008, arms=((12, -8), (8, 2)), legs=((2, 0), (5, 1))),
)


HUNG = (
    Pose(arms=((13, 5), (13, 5)), legs=((2, 0), (2, 0))),
    Pose(arms=((16, 3), (10, 8)), legs=((3, 0), (1, 0))),
)


LAID = (
    Pose(arms=((32, 10), (32, 10)), legs=((5, 1), (5, 1))),
    Pose(arms=((52, 20), (48, 24)), legs=((8, 2), (8, 2))),
    Pose(arms=((24, -20), (38, 14)), legs=((4, 2), (7, 3))),
)
