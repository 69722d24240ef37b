"""The body that wears a garment: joints from a pose, widths from a build.

Lengths are shares of the figure's height: y is 0 at the top of the head and 1 at the soles; x grows
to the right of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shopee_od.shopsim.poses import Pose
from shopee_od.shopsim.surfaces import Part, make_sheet

SHOULDER, ARMPIT, BUST, WAIST, HIP, CROTCH = 0.184, 0.225, 0.265, 0.375, 0.485, 0.53
TRUNK = np.array(
    [
        (0.150, 0.026), (0.164, 0.040), (0.176, 0.078), (0.190, 0.101), (0.225, 0.092),
        (0.265, 0.089), (0.320, 0.074), (0.375, 0.067), (0.430, 0.085), (0.485, 0.096),
        (0.530, 0.090), (0.545, 0.086),
    ]
)  # fmt: skip
"""Height and half width of the trunk."""
_ARM = (0.155, 0.135)  # lengths of upper and lower arm
_LEG = (0.235, 0.215)  # and of thigh and lower leg
ARM_RADII = (0.027, 0.022, 0.021, 0.015)
LEG_RADII = (0.052, 0.044, 0.031, 0.034, 0.017)


@dataclass(frozen=True)
class Body:
    """A posed figure in the picture.

    Args:
        pose: angles of the limbs.
        scale: the figure's height in pixels.
        x, y: pixels of the top of the head.
        build: a factor on all widths.
    """

    pose: Pose
    scale: float
    x: float
    y: float
    build: float = 1.0

    def at(self, x: Any, y: Any) -> np.ndarray:
        """Shares of the height to pixels (x, y)."""
        return np.array([self.x + x * self.scale, self.y + y * self.scale])

    def spine(self, y: Any) -> np.ndarray:
        """x of the trunk's center at heights y, as shares."""
        return np.interp(
            y, [0.19, 0.375, 0.485, 1.0], [0, 0.45 * self.pose.hip, self.pose.hip, self.pose.hip]
        )

    def width(self, y: Any) -> np.ndarray:
        """Half widths of the trunk at heights y, as shares."""
        return np.interp(y, *TRUNK.T) * self.build * (1 - 0.16 * abs(self.pose.turn))

    def trunk(
        self,
        shape: tuple[int, int],
        rows: Any,
        left: Any,
        right: Any = None,
    ) -> Part | None:
        """A part around the spine, from heights and half widths as shares."""
        rows = np.asarray(rows, float)
        left = np.asarray(left, float)
        right = left if right is None else np.asarray(right, float)
        s = self.scale
        return make_sheet(
            shape, self.y + rows * s, self.x + self.spine(rows) * s, left * s, right * s
        )

    def arm(self, side: int) -> np.ndarray:
        """Shoulder, upper arm, elbow, wrist, fingertips (5, 2) in pixels; side −1 left, 1 right."""
        upper, lower = self.pose.arms[(side + 1) // 2]
        width = 0.092 * self.build * (1 - 0.16 * abs(self.pose.turn))
        shoulder = np.array([side * width, 0.206 - side * self.pose.tilt])
        points = [shoulder]
        for angle, length in (
            (upper, _ARM[0] / 2),
            (upper, _ARM[0] / 2),
            (lower, _ARM[1]),
            (lower, 0.052),
        ):
            a = np.radians(angle)
            points.append(points[-1] + length * np.array([side * np.sin(a), np.cos(a)]))
        return np.array([self.at(*p) for p in points])

    def leg(self, side: int) -> np.ndarray:
        """Hip, thigh, knee, calf and ankle (5, 2) in pixels; side −1 left, 1 right."""
        upper, lower = self.pose.legs[(side + 1) // 2]
        points = [
            np.array(
                [self.pose.hip + side * 0.046 * self.build * (1 - 0.2 * abs(self.pose.turn)), 0.505]
            )
        ]
        for angle, length in (
            (upper, _LEG[0] / 2),
            (upper, _LEG[0] / 2),
            (lower, 0.08),
            (lower, _LEG[1] - 0.08),
        ):
            a = np.radians(angle)
            points.append(points[-1] + length * np.array([side * np.sin(a), np.cos(a)]))
        return np.array([self.at(*p) for p in points])

    def mirror(self) -> Body:
        """The figure with left and right exchanged."""
        p = self.pose
        return replace(
            self, pose=replace(p, hip=-p.hip, tilt=-p.tilt, arms=p.arms[::-1], legs=p.legs[::-1])
        )


def cut_limb(points: np.ndarray, radii: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The first `share` of a limb's points (K, 2) and radii."""
    way = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    way, knots = way / way[-1], np.linspace(0, 1, len(radii))
    ends = np.append(way[way < share - 0.02], share)
    x, y = (np.interp(ends, way, axis) for axis in points.T)
    return np.stack([x, y], 1), np.interp(ends, way if len(way) == len(radii) else knots, radii)
