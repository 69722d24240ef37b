"""Figures to wear the garments: joints from a pose, widths from a build, skin, hair and a face.

Lengths are shares of the figure's height: 0 is the crown, 1 the soles; x grows to the right of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from shopee_od.datasets.shopsim.fabrics import Fabric, noise, rgb_of
from shopee_od.datasets.shopsim.surfaces import Light, Part, Picture, cloth, sheet, tube

SHOULDER, ARMPIT, BUST, WAIST, HIP, CROTCH = 0.184, 0.225, 0.265, 0.375, 0.485, 0.53
_TRUNK = np.array(  # y, half width
    [
        (0.150, 0.026), (0.164, 0.040), (0.176, 0.078), (0.190, 0.101), (0.225, 0.092), (0.265, 0.089),
        (0.320, 0.074), (0.375, 0.067), (0.430, 0.085), (0.485, 0.096), (0.530, 0.090), (0.545, 0.086),
    ]
)  # fmt: skip
_ARM, _LEG = (0.155, 0.135), (0.235, 0.215)  # upper, lower
ARM_RADII = (0.027, 0.022, 0.021, 0.015)
LEG_RADII = (0.052, 0.044, 0.031, 0.034, 0.017)


@dataclass(frozen=True)
class Pose:
    """hip: shift sideways; tilt: of the shoulders; arms and legs (left of the picture, right): degrees outwards."""

    hip: float = 0.0
    tilt: float = 0.0
    turn: float = 0.0
    arms: tuple[tuple[float, float], tuple[float, float]] = ((9, 4), (9, 4))
    legs: tuple[tuple[float, float], tuple[float, float]] = ((2, 0), (2, 0))


STANDING = (
    Pose(arms=((10, 3), (9, 4)), legs=((3, 1), (3, 1))),
    Pose(hip=0.018, tilt=0.012, arms=((12, 5), (42, -62)), legs=((-1, 1), (9, 3))),  # a hand on the hip
    Pose(hip=-0.016, tilt=-0.01, arms=((40, -60), (12, 2)), legs=((9, 4), (-1, 0))),
    Pose(hip=0.008, turn=0.5, arms=((6, -4), (14, 8)), legs=((7, -3), (2, 5))),  # walking
    Pose(hip=-0.01, turn=0.35, arms=((15, 6), (5, -8)), legs=((1, 4), (8, -2))),
    Pose(hip=0.012, arms=((22, -28), (10, 2)), legs=((0, 0), (6, 2))),  # a hand in the pocket
    Pose(hip=0.01, arms=((30, -48), (34, -52)), legs=((4, 2), (6, 1))),
    Pose(hip=-0.012, tilt=0.008, arms=((8, -2), (26, 160)), legs=((8, 2), (0, 0))),  # a hand in the hair
)
SELFIE = (
    Pose(hip=0.014, tilt=0.01, arms=((12, 4), (24, -150)), legs=((-1, 1), (8, 3))),
    Pose(hip=-0.012, tilt=-0.008, arms=((26, -148), (36, -60)), legs=((7, 2), (0, 0))),
)
MANNEQUIN = (
    Pose(arms=((8, 2), (8, 2)), legs=((3, 0), (3, 0))),
    Pose(hip=0.008, arms=((12, -8), (8, 2)), legs=((2, 0), (5, 1))),
)
HUNG = (Pose(arms=((13, 5), (13, 5)), legs=((2, 0), (2, 0))), Pose(arms=((16, 3), (10, 8)), legs=((3, 0), (1, 0))))
LAID = (
    Pose(arms=((32, 10), (32, 10)), legs=((5, 1), (5, 1))),
    Pose(arms=((52, 20), (48, 24)), legs=((8, 2), (8, 2))),
    Pose(arms=((24, -20), (38, 14)), legs=((4, 2), (7, 3))),
)

SKINS = tuple(
    rgb_of(*hsv)
    for hsv in ((0.065, 0.24, 0.95), (0.065, 0.30, 0.90), (0.07, 0.36, 0.82), (0.065, 0.45, 0.68), (0.06, 0.52, 0.50))
)
HAIRS = tuple(rgb_of(*hsv) for hsv in ((0.06, 0.35, 0.10), (0.06, 0.5, 0.20), (0.07, 0.55, 0.36), (0.11, 0.5, 0.72)))


@dataclass(frozen=True)
class Body:
    """A posed figure in the picture: `scale` pixels tall, its crown's middle at (x, y)."""

    pose: Pose
    scale: float
    x: float
    y: float
    build: float = 1.0

    def at(self, x: float, y: float) -> np.ndarray:
        """Shares of the height -> pixels (x, y)."""
        return np.array([self.x + x * self.scale, self.y + y * self.scale])

    def spine(self, y):
        """x of the trunk's middle at heights y, as shares."""
        return np.interp(y, [0.19, 0.375, 0.485, 1.0], [0, 0.45 * self.pose.hip, self.pose.hip, self.pose.hip])

    def width(self, y):
        """Half widths of the trunk at heights y, as shares."""
        return np.interp(y, *_TRUNK.T) * self.build * (1 - 0.16 * abs(self.pose.turn))

    def trunk(self, shape, rows, left, right=None) -> Part | None:
        """Rows and half widths, as shares -> a part around the spine."""
        rows = np.asarray(rows, float)
        left = np.asarray(left, float)
        right = left if right is None else np.asarray(right, float)
        s = self.scale
        return sheet(shape, self.y + rows * s, self.x + self.spine(rows) * s, left * s, right * s)

    def arm(self, side: int) -> np.ndarray:
        """Shoulder, middle of the upper arm, elbow, wrist, fingertips (5, 2) in pixels; side −1 left, 1 right."""
        upper, lower = self.pose.arms[(side + 1) // 2]
        width = 0.092 * self.build * (1 - 0.16 * abs(self.pose.turn))
        shoulder = np.array([side * width, 0.206 - side * self.pose.tilt])
        points = [shoulder]
        for angle, length in ((upper, _ARM[0] / 2), (upper, _ARM[0] / 2), (lower, _ARM[1]), (lower, 0.052)):
            a = np.radians(angle)
            points.append(points[-1] + length * np.array([side * np.sin(a), np.cos(a)]))
        return np.array([self.at(*p) for p in points])

    def leg(self, side: int) -> np.ndarray:
        """Hip, middle of the thigh, knee, calf, ankle (5, 2) in pixels."""
        upper, lower = self.pose.legs[(side + 1) // 2]
        points = [np.array([self.pose.hip + side * 0.046 * self.build * (1 - 0.2 * abs(self.pose.turn)), 0.505])]
        for angle, length in ((upper, _LEG[0] / 2), (upper, _LEG[0] / 2), (lower, 0.08), (lower, _LEG[1] - 0.08)):
            a = np.radians(angle)
            points.append(points[-1] + length * np.array([side * np.sin(a), np.cos(a)]))
        return np.array([self.at(*p) for p in points])

    def mirrored(self) -> Body:
        p = self.pose
        return replace(self, pose=replace(p, hip=-p.hip, tilt=-p.tilt, arms=p.arms[::-1], legs=p.legs[::-1]))


@dataclass(frozen=True)
class Look:
    """What a figure looks like under its garments."""

    skin: Fabric
    hair: tuple[float, float, float]
    style: str
    head: bool = True
    arms: bool = True
    legs: bool = True


def skin_fabric(colour, rng, gloss: float = 0.18) -> Fabric:
    soft = 1 + 0.012 * noise(rng, 128, 3)
    rgb = np.clip(np.ones((128, 128, 3), np.float32) * np.float32(colour) * soft[..., None], 0, 1)
    return Fabric(rgb, np.ones((128, 128), np.float32), np.zeros((128, 128), np.float32), gloss)


def draw_hair_behind(picture: Picture, body: Body, look: Look) -> None:
    if not look.head or look.style not in ("long", "shoulder"):
        return
    end = 0.30 if look.style == "long" else 0.185
    part = body.trunk(picture.shape, [0.02, 0.06, 0.12, 0.18, end], [0.03, 0.052, 0.060, 0.062, 0.04])
    if part is not None:
        picture.put(part, np.float32(look.hair) * 0.75)


def draw_trunk(picture: Picture, body: Body, look: Look, light: Light) -> None:
    """Legs, trunk and neck, bare."""
    s, shape = body.scale, picture.shape
    if look.legs:
        for side in (-1, 1):
            leg = body.leg(side)
            _skin(picture, tube(shape, leg, np.array(LEG_RADII) * s * body.build), look, light)
            ankle = leg[-1]
            foot = ankle + np.array([(0, 0), (side * 0.012, 0.022), (side * 0.022, 0.036)]) * s
            shoe = tube(shape, foot, np.array([0.016, 0.018, 0.013]) * s)
            picture.put(shoe, np.float32(look.hair) * 0.6)
    rows = _TRUNK[:, 0]
    _skin(picture, body.trunk(shape, rows, body.width(rows)), look, light)
    neck = [body.at(0, 0.105), body.at(0, 0.14), body.at(0, 0.185)]
    part = tube(shape, neck, np.array([0.025, 0.024, 0.034]) * s)
    if part is not None:
        picture.shadow(part, 0, 0.006 * s, max(2, 0.006 * s), 0.12)
        _skin(picture, part, look, light)
    if look.head or look.legs:  # collar bones
        for side in (-1, 1):
            line = [body.at(side * 0.012, 0.183), body.at(side * 0.045, 0.178), body.at(side * 0.075, 0.180)]
            picture.stroke(line, look.skin.rgb[0, 0] * 0.72, 0.005 * s, 0.35)


def draw_arm(picture: Picture, body: Body, look: Look, light: Light, side: int) -> None:
    if not look.arms:
        return
    s = body.scale
    points = body.arm(side)
    part = tube(picture.shape, points[:4], np.array(ARM_RADII) * s * body.build)
    picture.shadow(part, 0.006 * s, 0.004 * s, max(2, 0.008 * s), 0.22)
    hand = tube(picture.shape, [points[3], (points[3] + points[4]) / 2, points[4]], np.array([0.014, 0.017, 0.008]) * s)
    _skin(picture, hand, look, light)
    _skin(picture, part, look, light)


def draw_head(picture: Picture, body: Body, look: Look, light: Light) -> None:
    if not look.head:
        return
    s, shape = body.scale, picture.shape
    skin, hair = look.skin.rgb[0, 0], np.float32(look.hair)
    part = sheet(
        shape,
        body.y + np.array([0.006, 0.02, 0.05, 0.085, 0.112, 0.128, 0.134]) * s,
        np.full(7, body.x),
        np.array([0.012, 0.036, 0.045, 0.043, 0.031, 0.016, 0.004]) * s,
        np.array([0.012, 0.036, 0.045, 0.043, 0.031, 0.016, 0.004]) * s,
    )
    if part is None:
        return
    _skin(picture, part, look, light)
    dark = hair * 0.6
    for side in (-1, 1):
        x, around = side * 0.018, np.linspace(0, 2 * np.pi, 12)
        picture.fill(
            [body.at(x + 0.0085 * np.cos(a), 0.072 + 0.0042 * np.sin(a)) for a in around],
            (0.95, 0.93, 0.91),
            0.9,
            part,
        )
        picture.fill(
            [body.at(x + 0.0040 * np.cos(a), 0.072 + 0.0042 * np.sin(a)) for a in around],
            (0.16, 0.10, 0.08),
            1.0,
            part,
        )
        lash = [body.at(x + k * 0.010, 0.0685 + 0.0035 * abs(k)) for k in (-1, 0, 1)]
        picture.stroke(lash, (0.10, 0.07, 0.07), 0.004 * s, 0.85, part)
        brow = [body.at(side * 0.010, 0.060), body.at(side * 0.020, 0.057), body.at(side * 0.029, 0.061)]
        picture.stroke(brow, dark, 0.004 * s, 0.7, part)
    picture.stroke(
        [body.at(0.003, 0.078), body.at(0.006, 0.090), body.at(-0.003, 0.093)], skin * 0.75, 0.003 * s, 0.6, part
    )
    lips = [
        body.at(x, y)
        for x, y in ((-0.013, 0.108), (-0.004, 0.105), (0, 0.1065), (0.004, 0.105), (0.013, 0.108), (0, 0.115))
    ]
    picture.fill(lips, skin * (0.86, 0.55, 0.55), 0.9, part)
    # Parted hair around the face.
    away = np.linspace(np.pi, 2 * np.pi, 14)
    outer = [body.at(0.050 * np.cos(a), 0.060 + 0.062 * np.sin(a)) for a in away]
    inner = [body.at(0.036 * np.cos(a) + 0.004, 0.066 + 0.040 * np.sin(a)) for a in away[::-1]]
    picture.fill(np.array(outer + inner), hair, 1.0, labelled=False)
    if look.style != "bun":
        drop = {"long": 0.23, "shoulder": 0.165, "bob": 0.125}[look.style]
        for side in (-1, 1):
            lock = [
                (0.049, 0.055),
                (0.054, 0.10),
                (0.060, drop - 0.02),
                (0.045, drop),
                (0.034, drop - 0.03),
                (0.037, 0.08),
            ]
            picture.fill([body.at(side * x, y) for x, y in lock], hair * 0.92, 1.0, labelled=False)
    if look.style == "bun":
        around = np.linspace(0, 2 * np.pi, 18)
        picture.fill(
            [body.at(0.024 * np.cos(a), 0.0 + 0.02 * np.sin(a)) for a in around], hair * 0.9, 1.0, labelled=False
        )
    for k in range(5):  # strands
        x = -0.035 + 0.017 * k
        strand = [body.at(x, 0.012), body.at(x * 1.25, 0.02 + 0.004 * k)]
        picture.stroke(strand, hair * 1.5 + 0.05, 0.003 * s, 0.35)


def draw_stand(picture: Picture, body: Body) -> None:
    """A tailor's dummy has a cap for a neck and stands on a pole."""
    s = body.scale
    pole = tube(
        picture.shape, [body.at(body.pose.hip, 0.5), body.at(body.pose.hip, 1.02)], np.array([0.008, 0.008]) * s
    )
    picture.put(pole, (0.35, 0.33, 0.31))
    foot = cv2.ellipse2Poly((0, 0), (100, 18), 0, 0, 360, 10) / 1000
    picture.fill([body.at(body.pose.hip + x, 1.02 + y) for x, y in foot], (0.3, 0.28, 0.26))


def draw_hanger(picture: Picture, body: Body, rng) -> None:
    s = body.scale
    wood = np.float32(rgb_of(0.08, rng.uniform(0, 0.6), rng.uniform(0.35, 0.9)))
    arc = [body.at(x, y) for x, y in ((-0.095, 0.196), (-0.05, 0.172), (0, 0.160), (0.05, 0.172), (0.095, 0.196))]
    picture.put(tube(picture.shape, arc, np.full(5, 0.008 * s)), wood)
    hook = [
        body.at(x, y)
        for x, y in ((0, 0.16), (0, 0.13), (0.012, 0.115), (0.010, 0.098), (-0.006, 0.095), (-0.012, 0.106))
    ]
    picture.stroke(hook, (0.55, 0.55, 0.57), 0.006 * s)


def _skin(picture: Picture, part: Part | None, look: Look, light: Light) -> None:
    if part is not None:
        rgb, _ = cloth(part, look.skin, light, 0.0, 0.75)
        picture.put(part, rgb)
