"""Necklines: how a trunk is cut out, and its bands, collars, bows, lapels and straps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shopee_od.shopsim.bodies import Body
from shopee_od.shopsim.cuts import Cut
from shopee_od.shopsim.picture import Picture, outline_disc
from shopee_od.shopsim.surfaces import Light, Part, make_tube

_SCOOPS = {  # half width and depth of round necklines, below y = 0.158
    "crew": (0.044, 0.030),
    "scoop": (0.060, 0.062),
    "boat": (0.078, 0.024),
    "tank": (0.046, 0.070),
    "round": (0.052, 0.036),
}
VEES = {
    "vee": (0.050, 0.080),
    "vee_armless": (0.052, 0.085),
    "shirt": (0.036, 0.045),
    "polo": (0.034, 0.045),
    "bow": (0.036, 0.034),
    "lapels": (0.048, 0.150),
}
NECK_Y = 0.158


def cut_neck(part: Part, body: Body, cut: Cut) -> None:
    """Removes the neckline from a trunk."""
    x, y = part.grid()
    s, cx = body.scale, body.x
    if cut.neck in _SCOOPS:
        wide, deep = _SCOOPS[cut.neck]
        r = np.sqrt(((x - cx) / (wide * s)) ** 2 + ((y - body.y - NECK_Y * s) / (deep * s)) ** 2)
        part.keep((r - 1) * deep * s)
    elif cut.neck in VEES:
        wide, deep = VEES[cut.neck]
        edge = body.y + (NECK_Y + deep * (1 - np.abs(x - cx) / (wide * s))) * s
        part.keep((y - edge) * 0.5)
    elif cut.neck == "halter":
        part.keep(y - body.y - 0.166 * s)
    elif cut.neck in ("camisole", "tube"):
        dip = (
            0.018 * (1 - np.abs(np.abs(part.u) - 0.5) * 2)
            if cut.neck == "camisole"
            else 0.004 * part.u**2
        )
        part.keep(y - body.y - (0.242 - dip + 0.012) * s)


def make_straps(shape: tuple[int, int], body: Body, cut: Cut) -> Iterator[Part]:
    """Yields the straps of camisoles, bibs and halters as parts."""
    s = body.scale
    if cut.neck == "tube":
        return
    wide = {"bib": 0.011, "halter": 0.012}.get(cut.neck, 0.0045)
    outer = {"bib": 0.048, "halter": 0.018}.get(cut.neck, 0.052)
    for side in (-1, 1):
        low = {"bib": 0.275, "halter": 0.19}.get(cut.neck, 0.245)
        points = [
            body.at(side * (outer + 0.012), 0.168),
            body.at(side * (outer + 0.006), 0.20),
            body.at(side * outer, low),
        ]
        if cut.neck == "halter":
            points = [
                body.at(side * 0.026, 0.148),
                body.at(side * 0.024, 0.165),
                body.at(side * 0.020, 0.2),
            ]
        part = make_tube(shape, points, np.full(3, wide * s))
        if part is not None:
            yield part


def finish_neck(picture: Picture, part: Part, body: Body, cut: Cut) -> None:
    """Draws the band along a round or a pointed neckline."""
    s, main = body.scale, np.array(cut.colors[0], np.float32)
    trim = np.array(cut.colors[1], np.float32) if cut.trim else main * 0.86
    if cut.neck in _SCOOPS:
        wide, deep = _SCOOPS[cut.neck]
        around = np.linspace(0.02, np.pi - 0.02, 24)
        band = np.array(
            [body.at(wide * 1.04 * np.cos(a), NECK_Y + deep * 1.08 * np.sin(a)) for a in around]
        )
        picture.stroke(
            band, trim * 0.95, (0.010 if cut.fabric != "lace" else 0.006) * s, 0.85, part
        )
        picture.stroke(band + np.array([0, 0.006 * s]), main * 0.62, 1, 0.5, part)
    if cut.neck in ("vee", "vee_armless"):
        wide, deep = VEES[cut.neck]
        line = [body.at(-wide, NECK_Y), body.at(0, NECK_Y + deep + 0.004), body.at(wide, NECK_Y)]
        picture.stroke(line, trim * 0.95, 0.010 * s, 0.85, part)


def finish_collar(picture: Picture, body: Body, cut: Cut, light: Light) -> None:
    """Draws the collar, the bow or the lapels, where the cut has them."""
    if cut.neck in ("shirt", "polo"):
        _collar(picture, body, cut, light)
    if cut.neck == "bow":
        _bow(picture, body, np.array(cut.colors[0], np.float32))
    if cut.neck == "lapels":
        _lapels(picture, body, cut)


def _collar(picture: Picture, body: Body, cut: Cut, light: Light) -> None:
    """Draws two collar leaves, which count as the garment."""
    main, accent = (np.array(c, np.float32) for c in cut.colors)
    base = accent if cut.neck == "polo" and cut.trim else np.minimum(1, main * 1.04)
    _, deep = VEES[cut.neck]
    for side in (-1, 1):
        shade = 1.0 if side * light.direction[0] > 0 else 0.86
        leaf = [
            (0.034, 0.147),
            (0.046, 0.158),
            (0.052, 0.190),
            (0.030, NECK_Y + deep + 0.014),
            (0.003, NECK_Y + deep - 0.004),
            (0.022, 0.172),
        ]
        picture.fill([body.at(side * x + 0.002, y + 0.004) for x, y in leaf], main * 0.35, 0.35)
        picture.fill([body.at(side * x, y) for x, y in leaf], base * shade, 1.0, labeled=True)
        picture.stroke([body.at(side * x, y) for x, y in leaf[1:5]], base * 0.6, 1.2, 0.6)


def _bow(picture: Picture, body: Body, main: np.ndarray) -> None:
    knot = np.array([0.0, 0.196])
    for side in (-1, 1):
        tail = [(0, 0), (0.012, 0.02), (0.026, 0.095), (0.008, 0.10), (0.002, 0.03)]
        picture.fill(
            [body.at(side * x, knot[1] + y) for x, y in tail],
            main * (0.92 if side > 0 else 0.78),
            1.0,
            labeled=True,
        )
        loop = [
            (0, 0),
            (0.020, -0.016),
            (0.046, -0.014),
            (0.050, 0.010),
            (0.030, 0.018),
            (0, 0.006),
        ]
        picture.fill(
            [body.at(side * x, knot[1] + y) for x, y in loop],
            main * (1.02 if side > 0 else 0.88),
            1.0,
            labeled=True,
        )
        picture.stroke(
            [
                body.at(side * x, knot[1] + y)
                for x, y in ((0.004, 0), (0.028, -0.002), (0.042, 0.004))
            ],
            main * 0.6,
            1.5,
            0.6,
        )
    picture.fill(outline_disc(body.at(*knot), 0.008 * body.scale), main * 0.8, 1.0, labeled=True)


def _lapels(picture: Picture, body: Body, cut: Cut) -> None:
    main = np.array(cut.colors[0], np.float32)
    for side in (-1, 1):
        lapel = [
            (0.036, 0.150),
            (0.062, 0.166),
            (0.076, 0.205),
            (0.058, 0.214),
            (0.068, 0.226),
            (0.016, 0.315),
            (0.006, 0.300),
            (0.034, 0.20),
        ]
        shade = 1.06 if side < 0 else 0.92
        picture.fill([body.at(side * x + 0.003, y + 0.005) for x, y in lapel], main * 0.3, 0.35)
        picture.fill(
            [body.at(side * x, y) for x, y in lapel],
            np.minimum(1, main * shade),
            1.0,
            labeled=True,
        )
        picture.stroke([body.at(side * x, y) for x, y in lapel[2:6]], main * 0.5, 1.5, 0.7)
