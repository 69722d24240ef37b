"""A photo: a figure or a hanger with garments before a backdrop, framed, lit and photographed."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from shopee_od.shopsim import camera, figures, poses
from shopee_od.shopsim.backdrops import CONSUMER, FLAT, HANGING, SHOP, render_backdrop
from shopee_od.shopsim.bodies import Body
from shopee_od.shopsim.class_cuts import sample_companion
from shopee_od.shopsim.cuts import Cut
from shopee_od.shopsim.fabrics import Fabric, weave
from shopee_od.shopsim.figures import HAIRS, SKINS, Look, make_skin
from shopee_od.shopsim.garments import GarmentRenderer
from shopee_od.shopsim.picture import Picture
from shopee_od.shopsim.props import draw_carried_object, draw_occluder
from shopee_od.shopsim.surfaces import Light, make_tube

LONG_SIDE = 300
SUPERSAMPLING = 1.6
"""Rendered pixels per pixel of the photo, along a side."""

_SHOP_PRESENTATIONS = (("worn", 0.66), ("mannequin", 0.14), ("hung", 0.10), ("laid", 0.10))
_POSES = {
    "worn": poses.STANDING,
    "selfie": poses.SELFIE,
    "mannequin": poses.MANNEQUIN,
    "hung": poses.HUNG,
    "laid": poses.LAID,
}
_CONSUMER_PRESENTATIONS = (("worn", 0.45), ("selfie", 0.29), ("hung", 0.12), ("laid", 0.14))


def render_photo(
    item: Cut, source: str, full_figure: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Renders one photo of an item.

    Args:
        item: the labeled garment.
        source: "shop" or "consumer".
        full_figure: whether the figure is shown from head to foot, with a second, unlabeled
            garment.
        rng: gives all that differs between photos of an item.
    Returns:
        uint8 (H, W, 3), and bool (H, W): where the labeled garment is visible.
    """
    presentations = _SHOP_PRESENTATIONS if source == "shop" else _CONSUMER_PRESENTATIONS
    presentation = str(
        rng.choice([name for name, _ in presentations], p=[share for _, share in presentations])
    )
    if full_figure and presentation in ("hung", "laid"):
        presentation = "worn"
    size = (round(LONG_SIDE * rng.choice([0.667, 0.75, 0.75, 0.8, 1.0])), LONG_SIDE)
    width, height = (round(side * SUPERSAMPLING) for side in size)
    picture = Picture(height, width)
    light = _sample_light(source, rng)
    body = _frame_body(item, presentation, full_figure, height, width, source, rng)
    if presentation in ("hung", "laid"):
        _render_unworn(picture, item, body, light, presentation, rng)
    else:
        _render_worn(picture, item, body, light, presentation, rng)
    if presentation == "laid":
        picture.rotate(rng.normal(0, 9))
    elif source == "consumer":
        picture.rotate(rng.normal(0, 2.5))
    kinds = {"hung": HANGING, "laid": FLAT, "selfie": ("mirror",)}.get(presentation, CONSUMER[:2])
    behind = render_backdrop(
        str(rng.choice(SHOP if source == "shop" else kinds)), height, width, rng
    )
    alpha = picture.rgba[..., 3:]
    rgb = picture.rgba[..., :3] + _cast_shadow(behind, alpha[..., 0], light, presentation) * (
        1 - alpha
    )
    if source == "consumer" and rng.random() < 0.12:
        draw_occluder(rgb, picture.garment, rng)
    rgb = (
        camera.simulate_shop_camera(rgb, rng)
        if source == "shop"
        else camera.simulate_consumer_camera(rgb, rng)
    )
    photo = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(picture.garment, size, interpolation=cv2.INTER_AREA) >= 0.5
    return np.rint(photo * 255).astype(np.uint8), mask


def _sample_light(source: str, rng: np.random.Generator) -> Light:
    side = rng.uniform(-0.6, 0.6) if source == "shop" else rng.uniform(-0.85, 0.85)
    direction = np.array([side, rng.uniform(-0.7, -0.25), 0.75])
    direction = direction / np.linalg.norm(direction)
    soft = 0.62 if source == "shop" else rng.uniform(0.38, 0.6)
    x, y, z = map(float, direction)
    return Light((x, y, z), soft, 1.06 - soft)


def _frame_body(
    item: Cut,
    presentation: str,
    full_figure: bool,
    height: int,
    width: int,
    source: str,
    rng: np.random.Generator,
) -> Body:
    """Pose and framing: the garment fills most of the picture, or the full figure does."""
    candidates = _POSES[presentation]
    pose = candidates[int(rng.integers(len(candidates)))]
    is_unworn = presentation in ("hung", "laid")
    top, bottom = _vertical_extent(item)
    if full_figure:
        first, last = -0.03, 1.03
    elif is_unworn:
        first = top - rng.uniform(0.02, 0.09)
        last = bottom + rng.uniform(0.02, 0.08)
    elif item.type == "upper":
        first = (
            -0.02
            if presentation == "selfie"
            else rng.choice([rng.uniform(-0.03, 0.0), rng.uniform(0.085, 0.12)], p=[0.4, 0.6])
        )
        last = bottom + rng.uniform(0.015, 0.07)
    elif item.type == "lower":
        first = top - rng.uniform(0.02, 0.12)
        last = min(1.02, bottom + rng.uniform(0.03, 0.09))
    else:
        first = rng.choice([rng.uniform(-0.03, 0.0), rng.uniform(0.07, 0.11)])
        last = min(1.03, bottom + rng.uniform(0.03, 0.12))
    if source == "consumer" and rng.random() < 0.15:  # cut off by the frame
        span = last - first
        first = first + span * rng.uniform(0, 0.12)
        last = last - span * rng.uniform(0, 0.12)
    scale = height / (last - first)
    broad = 0.36 if item.type != "lower" else 0.27
    if presentation == "laid":
        broad = 0.62 if item.sleeve > 0.5 else 0.44
    broad = max(broad, 0.22 + 2.2 * item.skirt_flare if item.skirt else 0)
    scale = min(scale, width / broad)
    if source == "consumer":
        scale *= rng.uniform(0.82, 1.0)
    center = (first + last) / 2
    x = (
        width * (0.5 + rng.uniform(-0.05, 0.05) * (1 if source == "shop" else 2))
        - pose.hip * scale * 0.5
    )
    body = Body(pose, scale, x, height / 2 - center * scale, build=rng.uniform(0.94, 1.10))
    return body.mirror() if rng.random() < 0.5 else body


def _vertical_extent(item: Cut) -> tuple[float, float]:
    """The heights from and to which the item reaches, as shares of the figure."""
    top = item.waist if item.type == "lower" else 0.15
    legs = 0.505 + 0.45 * item.legs if item.legs else 0
    return top, max(item.hem, item.skirt, legs)


def _render_worn(
    picture: Picture,
    item: Cut,
    body: Body,
    light: Light,
    presentation: str,
    rng: np.random.Generator,
) -> None:
    """Draws back to front: hair, figure, garments, arms and sleeves, head, carried objects."""
    look = _sample_look(presentation, rng)
    second = sample_companion(item, rng) if item.type != "full" else None
    inner = None
    if item.front == "open" or item.neck == "bib":
        inner = replace(
            sample_companion(replace(item, type="lower"), rng),
            hem=0.47 if item.neck != "bib" else 0.40,
        )
    renderer = GarmentRenderer(picture, body, light, rng)
    figures.draw_hair_behind(picture, body, look)
    if presentation == "mannequin":
        figures.draw_stand(picture, body)
    figures.draw_trunk(picture, body, look, light)
    behind = [side for side in (-1, 1) if item.hem and not item.sleeve]
    for side in behind:
        figures.draw_arm(picture, body, look, light, side)
    worn = [(item, _weave_fabric(item), True)]
    if inner is not None:
        worn.append((inner, _weave_fabric(inner), False))
    if second is not None:
        worn.append((second, _weave_fabric(second), False))
    # A top is over the lower garment or tucked into it; coats and bibs are over everything.
    tucked = item.type == "lower"
    worn.sort(key=lambda w: (w[0].neck in ("lapels", "bib"), (w[0].type == "lower") == tucked))
    for cut, fabric, labeled in worn:
        renderer.lower(cut, fabric, labeled)
        renderer.upper(cut, fabric, labeled)
    sleeved = [w for w in worn if w[0].sleeve]
    for side in (-1, 1):
        if side not in behind or _is_arm_in_front(body, side):
            figures.draw_arm(picture, body, look, light, side)
        for cut, fabric, labeled in sorted(sleeved, key=lambda w: w[0].neck == "lapels"):
            renderer.sleeve(cut, fabric, side, labeled)
    if look.head:
        figures.draw_head(picture, body, look, light)
    draw_carried_object(picture, body, presentation, rng)


def _is_arm_in_front(body: Body, side: int) -> bool:
    """Whether the forearm is in front of the trunk."""
    return body.pose.arms[(side + 1) // 2][1] < -20


def _render_unworn(
    picture: Picture,
    item: Cut,
    body: Body,
    light: Light,
    presentation: str,
    rng: np.random.Generator,
) -> None:
    """Draws an item that hangs or is laid flat."""
    renderer = GarmentRenderer(
        picture, body, light, rng, roundness=0.5 if presentation == "hung" else 0.3
    )
    fabric = _weave_fabric(item)
    if item.hem and item.neck not in ("tube",):
        if presentation == "hung":
            figures.draw_hanger(picture, body, rng)
        _draw_inside(picture, body, item)
    elif presentation == "hung":
        bar = make_tube(
            picture.shape,
            [body.at(-0.09, item.waist - 0.004), body.at(0.09, item.waist - 0.004)],
            np.full(2, 0.008) * body.scale,
        )
        picture.put(bar, (0.6, 0.6, 0.62))
        picture.stroke(
            [body.at(0, item.waist - 0.005), body.at(0, item.waist - 0.06)],
            (0.6, 0.6, 0.62),
            0.006 * body.scale,
        )
    renderer.lower(item, fabric, True)
    for side in (-1, 1):
        renderer.sleeve(item, fabric, side, True)
    renderer.upper(item, fabric, True)


def _draw_inside(picture: Picture, body: Body, item: Cut) -> None:
    """Draws the inside of the back with its label, seen through the neckline."""
    if item.neck in ("camisole", "bib", "halter"):
        return
    main = np.array(item.colors[0], np.float32) * 0.6
    around = np.linspace(0, np.pi, 16)
    wide = 0.078 if item.neck == "boat" else 0.052
    oval = [body.at(wide * np.cos(a), 0.166 + 0.05 * np.sin(a)) for a in around]
    picture.fill(oval, main, 1.0, labeled=True)
    label = ((-0.012, 0.172), (0.012, 0.172), (0.012, 0.182), (-0.012, 0.182))
    picture.fill([body.at(x, y) for x, y in label], (0.92, 0.92, 0.9), 0.9)


@lru_cache(maxsize=16)
def _weave_fabric(cut: Cut) -> Fabric:
    """The fabric of an item, the same in all its photos."""
    return weave(cut.fabric, cut.colors, np.random.default_rng(cut.grain), pattern=cut.pattern)


def _sample_look(presentation: str, rng: np.random.Generator) -> Look:
    if presentation == "mannequin":
        tone = rng.choice([0.92, 0.75, 0.25], p=[0.6, 0.25, 0.15])
        has_limbs = rng.random() < 0.5
        return Look(
            make_skin((tone, tone * 0.98, tone * 0.95), rng, 0.5),
            (0.5, 0.5, 0.5),
            "bob",
            head=False,
            arms=has_limbs,
            legs=has_limbs,
        )
    style = str(rng.choice(["long", "shoulder", "bob", "bun"], p=[0.4, 0.25, 0.15, 0.2]))
    return Look(
        make_skin(SKINS[rng.integers(len(SKINS))], rng), HAIRS[rng.integers(len(HAIRS))], style
    )


def _cast_shadow(
    behind: np.ndarray, alpha: np.ndarray, light: Light, presentation: str
) -> np.ndarray:
    """The backdrop with a shadow: sharp below clothes that touch it, soft behind a figure."""
    h, w = alpha.shape
    small = cv2.resize(alpha, (w // 8, h // 8), interpolation=cv2.INTER_AREA)
    blur, reach, depth = (1.2, 1.5, 0.42) if presentation in ("laid", "hung") else (5.0, 4.0, 0.16)
    small = cv2.GaussianBlur(small, (0, 0), blur)
    lx, ly, _ = light.direction
    move = np.array([[1, 0, -lx * reach], [0, 1, -ly * reach]], np.float32)
    small = cv2.warpAffine(small, move, (w // 8, h // 8))
    return (
        behind * (1 - depth * cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR))[..., None]
    )
