"""Details of garments: buttons, seams, pockets, cuffs, belts, creases."""

from __future__ import annotations

import numpy as np

from shopee_od.shopsim.bodies import Body
from shopee_od.shopsim.cuts import Cut
from shopee_od.shopsim.necklines import NECK_Y, VEES, finish_collar, finish_neck
from shopee_od.shopsim.picture import Picture, outline_disc, outline_oval
from shopee_od.shopsim.prints import draw_print
from shopee_od.shopsim.surfaces import Light, Part


def finish_trunk(
    picture: Picture, part: Part, body: Body, cut: Cut, light: Light, rng: np.random.Generator
) -> None:
    """Draws neckband or collar, front, pockets, print and hem."""
    s = body.scale
    main = np.array(cut.colors[0], np.float32)
    finish_neck(picture, part, body, cut)
    if cut.motif:
        draw_print(picture, part, body, cut, rng)
    if cut.front in ("buttons", "placket", "double", "single"):
        _front(picture, part, body, cut)
    finish_collar(picture, body, cut, light)
    if cut.pockets:
        _pockets(picture, part, body, cut)
    if cut.neck == "bib":
        for side in (-1, 1):
            picture.fill(
                outline_disc(body.at(side * 0.045, 0.278), 0.009 * s), (0.75, 0.68, 0.45), 0.95
            )
        box = [(-0.03, 0.30), (0.03, 0.30), (0.03, 0.345), (-0.03, 0.345), (-0.03, 0.30)]
        picture.stroke([body.at(*p) for p in box], _thread(cut), 2, 0.7, part)
    if cut.belt:
        _belt(picture, part, body, 0.378, main * 0.45 if cut.type == "full" else main * 0.8)
    hem = body.y + (cut.hem - 0.010) * s
    x0, _, x1, _ = part.box
    if not cut.skirt and cut.fabric not in ("chiffon", "lace") and cut.type == "upper":
        xs = np.linspace(x0, x1, 12)
        u = (xs - (x0 + x1) / 2) / max(1, (x1 - x0) / 2)
        bend = 0.008 * (1 - u**2) - (0.03 * np.abs(u) ** 3 if cut.neck == "shirt" else 0)
        picture.stroke(np.stack([xs, hem + bend * s], 1), main * 0.62, 1.5, 0.55, part)


def finish_sleeve(picture: Picture, points: np.ndarray, radii: np.ndarray, cut: Cut) -> None:
    """Draws the cuff, a band across the end of the sleeve."""
    main, accent = (np.array(c, np.float32) for c in cut.colors)
    end, before = points[-1], points[-2]
    way = (end - before) / max(1e-3, np.hypot(*(end - before)))
    across = np.array([way[1], -way[0]])
    wide = radii[-1] * 0.96
    deep = {"polo": 0.5, "shirt": 0.7, "bow": 0.7}.get(cut.neck, 0.28) * radii[-1]
    a, b = end - way * deep, end - way * 1.0
    if cut.neck in ("polo", "shirt", "bow") or cut.trim:
        color = accent if cut.trim else main * 0.9
        picture.fill(
            [a - across * wide, a + across * wide, b + across * wide, b - across * wide],
            color,
            0.8 if cut.fabric != "lace" else 0.4,
        )
    picture.stroke([a - across * wide, a + across * wide], main * 0.55, 1.5, 0.5)


def finish_skirt(picture: Picture, part: Part, body: Body, cut: Cut, top: float) -> None:
    """Draws waistband, seam, belt and pockets."""
    s, main = body.scale, np.array(cut.colors[0], np.float32)
    if cut.type == "lower":
        band = [part.box[0], part.box[2]]
        y = body.y + (top + 0.022) * s
        picture.stroke([(band[0], y), (band[1], y)], main * 0.55, 2, 0.6, part)
        if cut.belt:
            _belt(picture, part, body, top + 0.011, main * 0.4)
        if cut.fabric == "denim":
            picture.stroke(
                [body.at(body.spine(0.4), top), body.at(body.spine(0.5), cut.skirt)],
                _thread(cut),
                1.5,
                0.7,
                part,
            )
    elif cut.neck != "bib" and not cut.belt:
        y = body.y + top * s
        picture.stroke([(part.box[0], y + 2), (part.box[2], y + 2)], main * 0.5, 2, 0.5, part)
    if cut.neck == "bib":
        _belt(picture, part, body, top + 0.008, main * 0.85)
    if cut.pockets:
        for side in (-1, 1):
            hips = [
                body.at(body.spine(0.41) + side * 0.05, 0.405),
                body.at(body.spine(0.43) + side * 0.062, 0.432),
                body.at(body.spine(0.45) + side * 0.088, 0.44),
            ]
            picture.stroke(hips, _thread(cut), 2, 0.7, part)


def finish_leg(
    picture: Picture,
    part: Part,
    points: np.ndarray,
    radii: np.ndarray,
    cut: Cut,
    side: int,
    s: float,
    rng: np.random.Generator,
) -> None:
    """Draws crease, outer seam, hem, and the wear of denim."""
    main = np.array(cut.colors[0], np.float32)
    center = points[1:]
    if (
        cut.leg in ("straight", "tapered", "wide")
        and cut.fabric in ("wool", "cotton")
        and cut.legs > 0.5
    ):
        picture.stroke(center, np.minimum(1, main * 1.25 + 0.05), 2, 0.35, part)  # the crease
        picture.stroke(center + np.array([2, 0]), main * 0.6, 2, 0.4, part)
    if cut.fabric == "denim":
        outer = points + np.stack([side * radii * 0.86, np.zeros(len(radii))], 1)
        picture.stroke(outer, _thread(cut), 1.2, 0.55, part)
        if cut.wear > 0.35:  # faded thighs
            for k in np.linspace(0.25, 0.7, 9):
                spot = np.array(
                    [
                        np.interp(k * (len(points) - 1), range(len(points)), points[:, i])
                        for i in (0, 1)
                    ]
                )
                r = float(np.interp(k * (len(points) - 1), range(len(points)), radii))
                picture.fill(
                    outline_oval(spot, r * 0.62, r * 0.9),
                    np.minimum(1, main * 1.5 + 0.12),
                    0.05 * cut.wear,
                    part,
                )
        if cut.wear > 0.72:  # ripped knees
            for dy in (-0.02, 0.03):
                spot = points[2] + np.array([rng.uniform(-0.3, 0.3) * radii[2], dy * s])
                picture.fill(
                    outline_oval(spot, radii[2] * 0.55, 0.010 * s), (0.85, 0.72, 0.62), 0.9, part
                )
                for k in (-0.004, 0.0, 0.005):
                    picture.stroke(
                        spot + np.array([(-radii[2] * 0.5, k * s), (radii[2] * 0.5, k * s)]),
                        (0.92, 0.93, 0.95),
                        1,
                        0.9,
                        part,
                    )
    end, before = points[-1], points[-2]
    way = (end - before) / max(1e-3, np.hypot(*(end - before)))
    across = np.array([way[1], -way[0]]) * radii[-1]
    back = way * 0.014 * s
    picture.stroke(
        [end - back - across, end - back + across],
        _thread(cut) if cut.fabric == "denim" else main * 0.6,
        1.5,
        0.6,
        part,
    )


def finish_hips(picture: Picture, part: Part, body: Body, cut: Cut) -> None:
    """Draws waistband, fly and pockets."""
    s, main = body.scale, np.array(cut.colors[0], np.float32)
    top, x = cut.waist, float(body.spine(0.43))
    y = body.y + (top + 0.024) * s
    dark = main * 0.55
    picture.stroke([(part.box[0], y), (part.box[2], y)], dark, 2, 0.7, part)
    if cut.leg == "tight":
        return
    fly = [body.at(x + 0.001, top + 0.022), body.at(x + 0.001, 0.53)]
    picture.stroke(fly, dark, 2, 0.6, part)
    if cut.belt:
        _belt(picture, part, body, top + 0.012, dark)
    thread = _thread(cut)
    for side in (-1, 1):
        pocket = [
            body.at(x + side * 0.048, top + 0.024),
            body.at(x + side * 0.058, top + 0.052),
            body.at(x + side * 0.092, top + 0.066),
        ]
        picture.stroke(pocket, thread if cut.fabric == "denim" else dark, 2, 0.75, part)
        if cut.fabric == "denim":
            loop = [body.at(x + side * 0.045, top), body.at(x + side * 0.045, top + 0.026)]
            picture.stroke(loop, main * 0.75, 0.008 * s, 0.8, part)
    if cut.fabric == "denim":
        for dy in (0.003, 0.021):
            picture.stroke(
                [(part.box[0], body.y + (top + dy) * s), (part.box[2], body.y + (top + dy) * s)],
                thread,
                1.2,
                0.6,
                part,
            )
        curve = [
            body.at(x + 0.018, top + 0.024),
            body.at(x + 0.018, 0.49),
            body.at(x + 0.002, 0.515),
        ]
        picture.stroke(curve, thread, 1.5, 0.8, part)
        picture.fill(
            outline_disc(body.at(x, top + 0.012), 0.006 * s), (0.72, 0.60, 0.35), 1.0, part
        )


def _thread(cut: Cut) -> np.ndarray:
    return (
        np.array((0.80, 0.56, 0.26), np.float32)
        if cut.fabric == "denim"
        else np.array(cut.colors[0], np.float32) * 0.55
    )


def _front(picture: Picture, part: Part, body: Body, cut: Cut) -> None:
    s, main = body.scale, np.array(cut.colors[0], np.float32)
    deep = VEES.get(cut.neck, (0, 0.04))[1]
    top = NECK_Y + deep
    bottom = 0.265 if cut.front == "placket" else cut.hem
    if bottom <= top:
        return
    at = np.linspace(top, bottom, 12)
    center = np.array([body.at(body.spine(y), y) for y in at])
    side = 0.0 if cut.front in ("buttons", "placket") else 0.02
    for dx, strength in ((0.010, 0.55), (-0.010, 0.35)) if side == 0 else ((0.030, 0.6),):
        picture.stroke(center + np.array([dx * s, 0]), main * 0.6, 1.5, strength, part)
    count = {"placket": 3, "double": 4, "single": 4}.get(cut.front, 8)
    tone = np.minimum(1, main + 0.25) if main.mean() < 0.5 else main * 0.55
    columns = (-0.028, 0.028) if cut.front == "double" else (0.0,)
    first = 0.012 if cut.front == "placket" else 0.02
    size = 0.0042 if cut.front in ("buttons", "placket") else 0.0095
    last = bottom - 0.012 if cut.front in ("buttons", "placket") else min(bottom, 0.50)
    for y in np.linspace(top + first, last, count):
        for dx in columns:
            position = body.at(body.spine(y) + dx, y)
            picture.fill(
                outline_disc(position + np.array([0.5, 1]), size * s * 1.25), main * 0.4, 0.6, part
            )
            picture.fill(outline_disc(position, size * s), tone, 0.95, part)


def _pockets(picture: Picture, part: Part, body: Body, cut: Cut) -> None:
    main = np.array(cut.colors[0], np.float32)
    if cut.neck == "lapels":
        for side in (-1, 1):
            flap = [(0.040, 0.440), (0.092, 0.432), (0.094, 0.452), (0.042, 0.460)]
            picture.fill(
                [body.at(body.spine(0.45) + side * x, y) for x, y in flap], main * 0.9, 0.9, part
            )
            picture.stroke(
                [body.at(body.spine(0.45) + side * x, y) for x, y in (flap[3], flap[2])],
                main * 0.45,
                2,
                0.7,
                part,
            )
    elif cut.neck in ("shirt", "bow"):
        box = [
            (0.032, 0.245),
            (0.072, 0.245),
            (0.072, 0.288),
            (0.052, 0.296),
            (0.032, 0.288),
            (0.032, 0.245),
        ]
        picture.stroke([body.at(x, y) for x, y in box], main * 0.6, 1.5, 0.6, part)


def _belt(picture: Picture, part: Part, body: Body, y: float, color: np.ndarray) -> None:
    s = body.scale
    line = [(part.box[0], body.y + y * s), (part.box[2], body.y + y * s)]
    picture.stroke(line, np.float32(color), 0.017 * s, 0.95, part)
    picture.stroke(
        [(line[0][0], line[0][1] - 0.005 * s), (line[1][0], line[1][1] - 0.005 * s)],
        np.minimum(1, np.float32(color) * 1.6 + 0.05),
        1.2,
        0.4,
        part,
    )
    x = float(body.spine(y))
    buckle = [(-0.012, -0.009), (0.012, -0.009), (0.012, 0.009), (-0.012, 0.009), (-0.012, -0.009)]
    picture.stroke([body.at(x + a, y + b) for a, b in buckle], (0.78, 0.70, 0.5), 2, 0.9, part)
