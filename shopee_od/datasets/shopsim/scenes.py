"""A photo: somebody or something wears the garments, before a backdrop, framed, lit and photographed."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from shopee_od.datasets.shopsim import bodies, camera
from shopee_od.datasets.shopsim.backdrops import CONSUMER, FLAT, HANGING, SHOP, backdrop
from shopee_od.datasets.shopsim.bodies import HAIRS, SKINS, Body, Look, Pose, skin_fabric
from shopee_od.datasets.shopsim.fabrics import Fabric, weave
from shopee_od.datasets.shopsim.surfaces import Light, Picture, tube
from shopee_od.datasets.shopsim.tailor import Tailor
from shopee_od.datasets.shopsim.wardrobe import Cut, companion

LONG_SIDE = 300
DRAWN = 1.6  # pixels drawn for each pixel of the photo, along a side

_SHOP_WAYS = (("worn", 0.66), ("mannequin", 0.14), ("hung", 0.10), ("laid", 0.10))
_CONSUMER_WAYS = (("worn", 0.45), ("selfie", 0.29), ("hung", 0.12), ("laid", 0.14))


def photograph(item: Cut, source: str, whole: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The item in a photo of `source` "shop" or "consumer": uint8 (H, W, 3), and its mask, bool (H, W).

    whole: the figure is shown from head to foot, in a second garment that is not labelled.
    """
    ways = _SHOP_WAYS if source == "shop" else _CONSUMER_WAYS
    way = str(rng.choice([name for name, _ in ways], p=[share for _, share in ways]))
    if whole and way in ("hung", "laid"):
        way = "worn"
    size = (round(LONG_SIDE * rng.choice([0.667, 0.75, 0.75, 0.8, 1.0])), LONG_SIDE)
    width, height = (round(side * DRAWN) for side in size)
    picture = Picture(height, width)
    light = _light(source, rng)
    body = _placed(item, way, whole, height, width, source, rng)
    if way in ("hung", "laid"):
        _without_a_body(picture, item, body, light, way, rng)
    else:
        _worn(picture, item, body, light, way, whole, rng)
    if way == "laid":
        _turned(picture, rng.normal(0, 9))
    elif source == "consumer":
        _turned(picture, rng.normal(0, 2.5))
    kinds = {"hung": HANGING, "laid": FLAT, "selfie": ("mirror",)}.get(way, CONSUMER[:2])
    behind = backdrop(str(rng.choice(SHOP if source == "shop" else kinds)), height, width, rng)
    alpha = picture.rgba[..., 3:]
    rgb = picture.rgba[..., :3] + _shaded(behind, alpha[..., 0], light, way) * (1 - alpha)
    if source == "consumer" and rng.random() < 0.12:
        _in_the_way(rgb, picture.garment, rng)
    rgb = camera.shop(rgb, rng) if source == "shop" else camera.consumer(rgb, rng)
    photo = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(picture.garment, size, interpolation=cv2.INTER_AREA) >= 0.5
    return np.rint(photo * 255).astype(np.uint8), mask


def _light(source: str, rng) -> Light:
    side = rng.uniform(-0.6, 0.6) if source == "shop" else rng.uniform(-0.85, 0.85)
    direction = np.array([side, rng.uniform(-0.7, -0.25), 0.75])
    direction = direction / np.linalg.norm(direction)
    soft = 0.62 if source == "shop" else rng.uniform(0.38, 0.6)
    return Light(tuple(map(float, direction)), soft, 1.06 - soft)


def _placed(item: Cut, way: str, whole: bool, height: int, width: int, source: str, rng) -> Body:
    """Pose and frame: the garment fills most of the picture, or the figure does where it is shown whole."""
    poses = {
        "worn": bodies.STANDING,
        "selfie": bodies.SELFIE,
        "mannequin": bodies.MANNEQUIN,
        "hung": bodies.HUNG,
        "laid": bodies.LAID,
    }[way]
    pose: Pose = poses[int(rng.integers(len(poses)))]
    bare = way in ("hung", "laid")
    top, bottom = _extent(item)
    if whole:
        first, last = -0.03, 1.03
    elif bare:
        first, last = top - rng.uniform(0.02, 0.09), bottom + rng.uniform(0.02, 0.08)
    elif item.type == "upper":
        first = (
            -0.02 if way == "selfie" else rng.choice([rng.uniform(-0.03, 0.0), rng.uniform(0.085, 0.12)], p=[0.4, 0.6])
        )
        last = bottom + rng.uniform(0.015, 0.07)
    elif item.type == "lower":
        first, last = top - rng.uniform(0.02, 0.12), min(1.02, bottom + rng.uniform(0.03, 0.09))
    else:
        first, last = (
            rng.choice([rng.uniform(-0.03, 0.0), rng.uniform(0.07, 0.11)]),
            min(1.03, bottom + rng.uniform(0.03, 0.12)),
        )
    if source == "consumer" and rng.random() < 0.15:  # cut off by the frame
        span = last - first
        first, last = first + span * rng.uniform(0, 0.12), last - span * rng.uniform(0, 0.12)
    scale = height / (last - first)
    broad = 0.36 if item.type != "lower" else 0.27
    if way == "laid":
        broad = 0.62 if item.sleeve > 0.5 else 0.44
    broad = max(broad, 0.22 + 2.2 * item.skirt_flare if item.skirt else 0)
    scale = min(scale, width / broad)
    if source == "consumer":
        scale *= rng.uniform(0.82, 1.0)
    middle = (first + last) / 2
    x = width * (0.5 + rng.uniform(-0.05, 0.05) * (1 if source == "shop" else 2)) - pose.hip * scale * 0.5
    body = Body(pose, scale, x, height / 2 - middle * scale, build=rng.uniform(0.94, 1.10))
    return body.mirrored() if rng.random() < 0.5 else body


def _extent(item: Cut) -> tuple[float, float]:
    """The heights that the item reaches from and to, as shares of the figure."""
    top = item.waist if item.type == "lower" else 0.15
    legs = 0.505 + 0.45 * item.legs if item.legs else 0
    return top, max(item.hem, item.skirt, legs)


def _worn(picture: Picture, item: Cut, body: Body, light: Light, way: str, whole: bool, rng) -> None:
    """Back to front: hair, figure, lower garment, upper garment, arms and sleeves, head, what is in the hands."""
    look = _look(way, rng)
    second = companion(item, rng) if item.type != "full" else None
    inner = None
    if item.front == "open" or item.neck == "bib":
        inner = replace(companion(replace(item, type="lower"), rng), hem=0.47 if item.neck != "bib" else 0.40)
    tailor = Tailor(picture, body, light, rng)
    bodies.draw_hair_behind(picture, body, look)
    if way == "mannequin":
        bodies.draw_stand(picture, body)
    bodies.draw_trunk(picture, body, look, light)
    behind = [side for side in (-1, 1) if item.hem and not item.sleeve]
    for side in behind:
        bodies.draw_arm(picture, body, look, light, side)
    worn = [(item, _fabric(item), True)]
    if inner is not None:
        worn.append((inner, _fabric(inner), False))
    if second is not None:
        worn.append((second, _fabric(second), False))
    # A top hangs over what is worn below it, or is tucked into it; coats and bibs are over everything.
    tucked = item.type == "lower"
    worn.sort(key=lambda w: (w[0].neck in ("lapels", "bib"), (w[0].type == "lower") == tucked))
    for cut, fabric, labelled in worn:
        tailor.lower(cut, fabric, labelled)
        tailor.upper(cut, fabric, labelled)
    sleeved = [w for w in worn if w[0].sleeve]
    for side in (-1, 1):
        if side not in behind or _before_the_body(body, side):
            bodies.draw_arm(picture, body, look, light, side)
        for cut, fabric, labelled in sorted(sleeved, key=lambda w: w[0].neck == "lapels"):
            tailor.sleeve(cut, fabric, side, labelled)
    if look.head:
        bodies.draw_head(picture, body, look, light)
    _carried(picture, body, way, rng)


def _before_the_body(body: Body, side: int) -> bool:
    """Whether the forearm comes back before the trunk."""
    return body.pose.arms[(side + 1) // 2][1] < -20


def _without_a_body(picture: Picture, item: Cut, body: Body, light: Light, way: str, rng) -> None:
    tailor = Tailor(picture, body, light, rng, roundness=0.5 if way == "hung" else 0.3)
    fabric = _fabric(item)
    if item.hem and item.neck not in ("tube",):
        if way == "hung":
            bodies.draw_hanger(picture, body, rng)
        _inside(picture, body, item)
    elif way == "hung":
        bar = tube(
            picture.shape,
            [body.at(-0.09, item.waist - 0.004), body.at(0.09, item.waist - 0.004)],
            np.full(2, 0.008) * body.scale,
        )
        picture.put(bar, (0.6, 0.6, 0.62))
        picture.stroke(
            [body.at(0, item.waist - 0.005), body.at(0, item.waist - 0.06)], (0.6, 0.6, 0.62), 0.006 * body.scale
        )
    tailor.lower(item, fabric, True)
    for side in (-1, 1):
        tailor.sleeve(item, fabric, side, True)
    tailor.upper(item, fabric, True)


def _inside(picture: Picture, body: Body, item: Cut) -> None:
    """The inside of the back, seen through the neckline; with its label."""
    if item.neck in ("camisole", "bib", "halter"):
        return
    main = np.float32(item.colours[0]) * 0.6
    around = np.linspace(0, np.pi, 16)
    wide = 0.078 if item.neck == "boat" else 0.052
    oval = [body.at(wide * np.cos(a), 0.166 + 0.05 * np.sin(a)) for a in around]
    picture.fill(oval, main, 1.0, labelled=True)
    picture.fill(
        [body.at(x, y) for x, y in ((-0.012, 0.172), (0.012, 0.172), (0.012, 0.182), (-0.012, 0.182))],
        (0.92, 0.92, 0.9),
        0.9,
    )


@lru_cache(maxsize=16)
def _fabric(cut: Cut) -> Fabric:
    """The same for all photos of an item."""
    return weave(cut.fabric, cut.colours, np.random.default_rng(cut.grain), pattern=cut.pattern)


def _look(way: str, rng) -> Look:
    if way == "mannequin":
        tone = rng.choice([0.92, 0.75, 0.25], p=[0.6, 0.25, 0.15])
        whole = rng.random() < 0.5
        return Look(
            skin_fabric((tone, tone * 0.98, tone * 0.95), rng, 0.5), (0.5, 0.5, 0.5), "bob", 0, arms=whole, legs=whole
        )
    style = str(rng.choice(["long", "shoulder", "bob", "bun"], p=[0.4, 0.25, 0.15, 0.2]))
    return Look(skin_fabric(SKINS[rng.integers(len(SKINS))], rng), HAIRS[rng.integers(len(HAIRS))], style)


def _carried(picture: Picture, body: Body, way: str, rng) -> None:
    """A phone in the raised hand, or at times a bag: they hide what is behind them."""
    s = body.scale
    if way == "selfie":
        raised = [side for side in (-1, 1) if abs(body.pose.arms[(side + 1) // 2][1]) > 100]
        for side in raised:
            x, y = (body.arm(side)[4] - (body.x, body.y)) / s
            phone = [(x - 0.022, y - 0.045), (x + 0.022, y - 0.045), (x + 0.022, y + 0.042), (x - 0.022, y + 0.042)]
            picture.fill([body.at(*p) for p in phone], (0.08, 0.08, 0.09), 1.0, labelled=False)
            picture.fill(
                [
                    body.at(x + a * 0.006 + 0.012, y - 0.035 + b * 0.006)
                    for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
                ],
                (0.25, 0.25, 0.3),
                1.0,
            )
            for k in range(3):
                finger = tube(
                    picture.shape,
                    [
                        body.at(x - side * 0.024, y - 0.012 + 0.014 * k),
                        body.at(x + side * 0.004, y - 0.014 + 0.014 * k),
                    ],
                    np.full(2, 0.006 * s),
                )
                picture.put(finger, (0.80, 0.62, 0.52))
    elif way == "worn" and rng.random() < 0.12:
        side, leather = int(rng.choice([-1, 1])), np.float32(rng.uniform(0.1, 0.6, 3))
        strap = tube(
            picture.shape,
            [body.at(-side * 0.075, 0.18), body.at(side * 0.03, 0.33), body.at(side * 0.115, 0.455)],
            np.full(3, 0.005 * s),
        )
        picture.shadow(strap, 2, 3, 3, 0.25)
        picture.put(strap, leather * 0.8)
        bag = [(0.075, 0.45), (0.165, 0.45), (0.175, 0.535), (0.065, 0.535)]
        picture.fill([body.at(side * x, y) for x, y in bag], leather, 1.0, labelled=False)
        picture.fill(
            [body.at(side * x, y) for x, y in ((0.072, 0.45), (0.168, 0.45), (0.160, 0.49), (0.080, 0.49))],
            leather * 1.15,
            1.0,
        )


def _in_the_way(rgb: np.ndarray, garment: np.ndarray, rng) -> None:
    """Something close to the camera, out of focus, over an edge of the picture."""
    h, w = garment.shape
    mask = np.zeros((h, w), np.uint8)
    centre = (
        round(w * rng.choice([rng.uniform(-0.05, 0.08), rng.uniform(0.92, 1.05)])),
        round(h * rng.uniform(0.3, 1.0)),
    )
    cv2.ellipse(
        mask,
        centre,
        (round(w * rng.uniform(0.08, 0.2)), round(h * rng.uniform(0.1, 0.25))),
        float(rng.uniform(0, 180)),
        0,
        360,
        255,
        -1,
    )
    soft = cv2.GaussianBlur(mask, (0, 0), 5).astype(np.float32)[..., None] / 255
    rgb *= 1 - soft
    rgb += soft * np.float32(rng.uniform(0.1, 0.7, 3))
    garment *= 1 - soft[..., 0]


def _turned(picture: Picture, degrees: float) -> None:
    """Turns what is drawn, for clothes on a bed and cameras held askew."""
    h, w = picture.shape
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), float(np.clip(degrees, -25, 25)), 1.0)
    if abs(degrees) > 0.3:
        picture.rgba = cv2.warpAffine(picture.rgba, turn, (w, h), flags=cv2.INTER_LINEAR)
        picture.garment = cv2.warpAffine(picture.garment, turn, (w, h), flags=cv2.INTER_LINEAR)


def _shaded(behind: np.ndarray, alpha: np.ndarray, light: Light, way: str) -> np.ndarray:
    """The backdrop with the shadow that falls on it: close to clothes that lie or hang, wide behind a figure."""
    h, w = alpha.shape
    small = cv2.resize(alpha, (w // 8, h // 8), interpolation=cv2.INTER_AREA)
    blur, reach, depth = (1.2, 1.5, 0.42) if way in ("laid", "hung") else (5.0, 4.0, 0.16)
    small = cv2.GaussianBlur(small, (0, 0), blur)
    lx, ly, _ = light.direction
    move = np.float32([[1, 0, -lx * reach], [0, 1, -ly * reach]])
    small = cv2.warpAffine(small, move, (w // 8, h // 8))
    return behind * (1 - depth * cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR))[..., None]
