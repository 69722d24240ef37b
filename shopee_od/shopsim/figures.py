"""What wears or holds a garment: a figure with skin, hair and face, a mannequin, a hanger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from shopee_od.shopsim.bodies import ARM_RADII, LEG_RADII, TRUNK, Body
from shopee_od.shopsim.fabrics import Fabric, hsv_to_rgb
from shopee_od.shopsim.patterns import make_noise
from shopee_od.shopsim.picture import Picture
from shopee_od.shopsim.surfaces import Light, Part, make_sheet, make_tube, render_cloth

SKINS = tuple(
    hsv_to_rgb(*hsv)
    for hsv in (
        (0.065, 0.24, 0.95),
        (0.065, 0.30, 0.90),
        (0.07, 0.36, 0.82),
        (0.065, 0.45, 0.68),
        (0.06, 0.52, 0.50),
    )
)


HAIRS = tuple(
    hsv_to_rgb(*hsv)
    for hsv in ((0.06, 0.35, 0.10), (0.06, 0.5, 0.20), (0.07, 0.55, 0.36), (0.11, 0.5, 0.72))
)


@dataclass(frozen=True)
class Look:
    """A figure without its garments.

    Args:
        skin: as a fabric.
        hair: color in 0..1.
        style: of the hair: long, shoulder, bob or bun.
        head, arms, legs: whether it has them; a mannequin may not.
    """

    skin: Fabric
    hair: tuple[float, float, float]
    style: str
    head: bool = True
    arms: bool = True
    legs: bool = True


def make_skin(color: Any, rng: np.random.Generator, gloss: float = 0.18) -> Fabric:
    """Skin of a color in 0..1, as a fabric."""
    soft = 1 + 0.012 * make_noise(rng, 128, 3)
    rgb = np.clip(np.ones((128, 128, 3), np.float32) * np.float32(color) * soft[..., None], 0, 1)
    return Fabric(rgb, np.ones((128, 128), np.float32), np.zeros((128, 128), np.float32), gloss)


def draw_hair_behind(picture: Picture, body: Body, look: Look) -> None:
    """Draws long hair behind the shoulders."""
    if not look.head or look.style not in ("long", "shoulder"):
        return
    end = 0.30 if look.style == "long" else 0.185
    part = body.trunk(
        picture.shape, [0.02, 0.06, 0.12, 0.18, end], [0.03, 0.052, 0.060, 0.062, 0.04]
    )
    if part is not None:
        picture.put(part, np.array(look.hair, np.float32) * 0.75)


def draw_trunk(picture: Picture, body: Body, look: Look, light: Light) -> None:
    """Draws legs, trunk and neck without garments."""
    s, shape = body.scale, picture.shape
    if look.legs:
        for side in (-1, 1):
            leg = body.leg(side)
            _skin(picture, make_tube(shape, leg, np.array(LEG_RADII) * s * body.build), look, light)
            ankle = leg[-1]
            foot = ankle + np.array([(0, 0), (side * 0.012, 0.022), (side * 0.022, 0.036)]) * s
            shoe = make_tube(shape, foot, np.array([0.016, 0.018, 0.013]) * s)
            picture.put(shoe, np.array(look.hair, np.float32) * 0.6)
    rows = TRUNK[:, 0]
    _skin(picture, body.trunk(shape, rows, body.width(rows)), look, light)
    neck = [body.at(0, 0.105), body.at(0, 0.14), body.at(0, 0.185)]
    part = make_tube(shape, neck, np.array([0.025, 0.024, 0.034]) * s)
    if part is not None:
        picture.shadow(part, 0, 0.006 * s, max(2, 0.006 * s), 0.12)
        _skin(picture, part, look, light)
    if look.head or look.legs:  # collar bones
        for side in (-1, 1):
            line = [
                body.at(side * 0.012, 0.183),
                body.at(side * 0.045, 0.178),
                body.at(side * 0.075, 0.180),
            ]
            picture.stroke(line, look.skin.rgb[0, 0] * 0.72, 0.005 * s, 0.35)


def draw_arm(picture: Picture, body: Body, look: Look, light: Light, side: int) -> None:
    """Draws an arm with its hand; side −1 left, 1 right."""
    if not look.arms:
        return
    s = body.scale
    points = body.arm(side)
    part = make_tube(picture.shape, points[:4], np.array(ARM_RADII) * s * body.build)
    picture.shadow(part, 0.006 * s, 0.004 * s, max(2, 0.008 * s), 0.22)
    hand = make_tube(
        picture.shape,
        [points[3], (points[3] + points[4]) / 2, points[4]],
        np.array([0.014, 0.017, 0.008]) * s,
    )
    _skin(picture, hand, look, light)
    _skin(picture, part, look, light)


def draw_head(picture: Picture, body: Body, look: Look, light: Light) -> None:
    """Draws face and hair."""
    if not look.head:
        return
    s, shape = body.scale, picture.shape
    skin, hair = look.skin.rgb[0, 0], np.array(look.hair, np.float32)
    part = make_sheet(
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
        brow = [
            body.at(side * 0.010, 0.060),
            body.at(side * 0.020, 0.057),
            body.at(side * 0.029, 0.061),
        ]
        picture.stroke(brow, dark, 0.004 * s, 0.7, part)
    picture.stroke(
        [body.at(0.003, 0.078), body.at(0.006, 0.090), body.at(-0.003, 0.093)],
        skin * 0.75,
        0.003 * s,
        0.6,
        part,
    )
    lips = [
        body.at(x, y)
        for x, y in (
            (-0.013, 0.108),
            (-0.004, 0.105),
            (0, 0.1065),
            (0.004, 0.105),
            (0.013, 0.108),
            (0, 0.115),
        )
    ]
    picture.fill(lips, skin * (0.86, 0.55, 0.55), 0.9, part)
    # Parted hair around the face.
    away = np.linspace(np.pi, 2 * np.pi, 14)
    outer = [body.at(0.050 * np.cos(a), 0.060 + 0.062 * np.sin(a)) for a in away]
    inner = [body.at(0.036 * np.cos(a) + 0.004, 0.066 + 0.040 * np.sin(a)) for a in away[::-1]]
    picture.fill(np.array(outer + inner), hair, 1.0, labeled=False)
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
            picture.fill([body.at(side * x, y) for x, y in lock], hair * 0.92, 1.0, labeled=False)
    if look.style == "bun":
        around = np.linspace(0, 2 * np.pi, 18)
        picture.fill(
            [body.at(0.024 * np.cos(a), 0.0 + 0.02 * np.sin(a)) for a in around],
            hair * 0.9,
            1.0,
            labeled=False,
        )
    for k in range(5):  # strands
        x = -0.035 + 0.017 * k
        strand = [body.at(x, 0.012), body.at(x * 1.25, 0.02 + 0.004 * k)]
        picture.stroke(strand, hair * 1.5 + 0.05, 0.003 * s, 0.35)


def draw_stand(picture: Picture, body: Body) -> None:
    """Draws the pole and the foot of a mannequin."""
    s = body.scale
    pole = make_tube(
        picture.shape,
        [body.at(body.pose.hip, 0.5), body.at(body.pose.hip, 1.02)],
        np.array([0.008, 0.008]) * s,
    )
    picture.put(pole, (0.35, 0.33, 0.31))
    foot = np.array(cv2.ellipse2Poly((0, 0), (100, 18), 0, 0, 360, 10)) / 1000
    picture.fill([body.at(body.pose.hip + x, 1.02 + y) for x, y in foot], (0.3, 0.28, 0.26))


def draw_hanger(picture: Picture, body: Body, rng: np.random.Generator) -> None:
    """Draws a clothes hanger."""
    s = body.scale
    wood = np.array(hsv_to_rgb(0.08, rng.uniform(0, 0.6), rng.uniform(0.35, 0.9)), np.float32)
    arc = [
        body.at(x, y)
        for x, y in ((-0.095, 0.196), (-0.05, 0.172), (0, 0.160), (0.05, 0.172), (0.095, 0.196))
    ]
    picture.put(make_tube(picture.shape, arc, np.full(5, 0.008 * s)), wood)
    hook = [
        body.at(x, y)
        for x, y in (
            (0, 0.16),
            (0, 0.13),
            (0.012, 0.115),
            (0.010, 0.098),
            (-0.006, 0.095),
            (-0.012, 0.106),
        )
    ]
    picture.stroke(hook, (0.55, 0.55, 0.57), 0.006 * s)


def _skin(picture: Picture, part: Part | None, look: Look, light: Light) -> None:
    if part is not None:
        rgb, _ = render_cloth(part, look.skin, light, 0.0, 0.75)
        picture.put(part, rgb)
