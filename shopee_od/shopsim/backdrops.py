"""Backdrops: a studio, a street, a customer's room, mirror, bed, floor, door or wardrobe."""

from __future__ import annotations

import cv2
import numpy as np

from shopee_od.shopsim.backdrop_parts import (
    draw_block,
    draw_floor,
    make_glow,
    make_gradient,
    make_mottle,
)
from shopee_od.shopsim.consumer_backdrops import render_mirror, render_room, render_street
from shopee_od.shopsim.fabrics import hsv_to_rgb
from shopee_od.shopsim.patterns import make_noise

SHOP = ("studio", "gray", "pastel", "wall")
CONSUMER = ("room", "street", "mirror")
FLAT = ("bed", "boards", "carpet")
HANGING = ("door", "wardrobe", "plaster")


def render_backdrop(kind: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Renders what is behind the garment.

    Args:
        kind: one of SHOP, CONSUMER, FLAT and HANGING.
        height, width: in pixels.
        rng: gives colors and objects.
    Returns:
        float32 (height, width, 3) in 0..1.
    Raises:
        ValueError: an unknown kind.
    """
    if kind not in _RENDERERS:
        raise ValueError(f"no backdrop {kind!r}; choose from {', '.join(_RENDERERS)}")
    picture = _RENDERERS[kind](height, width, rng)
    return np.clip(picture, 0, 1).astype(np.float32)


def _studio(height, width, rng, base=None):
    base = np.float32(rng.uniform(0.94, 1.0) if base is None else base)
    picture = make_gradient(height, width, base, base * rng.uniform(0.93, 0.98), 2)
    return picture * make_glow(height, width, rng.uniform(0.3, 0.7), 0.4, 0.7, 0.03)


def _gray(height, width, rng):
    picture = _studio(height, width, rng, rng.uniform(0.72, 0.86))
    return picture * make_glow(height, width, 0.5, 0.35, 0.5, 0.10)


def _pastel(height, width, rng):
    color = hsv_to_rgb(rng.random(), rng.uniform(0.06, 0.22), rng.uniform(0.82, 0.95))
    return make_gradient(height, width, color, np.array(color, np.float32) * 0.88) * make_glow(
        height, width, 0.4, 0.3, 0.6, 0.08
    )


def _wall(height, width, rng):
    wall = hsv_to_rgb(rng.uniform(0.02, 0.16), rng.uniform(0.02, 0.14), rng.uniform(0.72, 0.92))
    picture = make_gradient(height, width, wall, np.array(wall, np.float32) * 0.92) * make_mottle(
        height, width, rng, 2, 0.012
    )
    if rng.random() < 0.5:
        step = rng.uniform(0.22, 0.4)
        for x in np.arange(rng.uniform(0, step), 1.0, step):
            draw_block(picture, x, 0, x + 0.008, 1, np.array(wall, np.float32) * 0.86, 0)
            draw_block(picture, x + 0.008, 0, x + 0.012, 1, np.array(wall, np.float32) * 1.05, 0)
    draw_floor(picture, rng.uniform(0.84, 0.93), rng)
    return cv2.GaussianBlur(picture, (0, 0), 2) * make_glow(
        height, width, rng.uniform(0, 1), 0.2, 0.7, 0.10
    )


def _bed(height, width, rng):
    sheet = np.array(
        hsv_to_rgb(rng.random(), rng.uniform(0.0, 0.22), rng.uniform(0.7, 0.96)), np.float32
    )
    creases = cv2.resize(
        make_noise(rng, 64, 1.6, 2), (width, height), interpolation=cv2.INTER_CUBIC
    )
    creases = cv2.GaussianBlur(1 - 2 * np.abs(creases), (0, 0), 2)
    light = 1 + 0.5 * cv2.Sobel(creases, cv2.CV_32F, 1, 1, ksize=5, scale=0.05) + 0.02 * creases
    picture = (
        make_gradient(height, width, sheet, sheet * 0.93) * np.clip(light, 0.7, 1.2)[..., None]
    )
    if rng.random() < 0.4:
        pillow = np.array(hsv_to_rgb(rng.random(), 0.15, 0.9), np.float32)
        cv2.ellipse(
            picture,
            (round(width * rng.uniform(0.1, 0.9)), 0),
            (width // 3, height // 9),
            0,
            0,
            360,
            tuple(map(float, pillow)),
            -1,
            cv2.LINE_AA,
        )
        picture = cv2.GaussianBlur(picture, (0, 0), 1.5)
    return picture * make_glow(height, width, rng.uniform(0, 1), rng.uniform(0, 1), 0.7, 0.12)


def _boards(height, width, rng):
    wood = np.array(
        hsv_to_rgb(rng.uniform(0.05, 0.1), rng.uniform(0.15, 0.55), rng.uniform(0.4, 0.85)),
        np.float32,
    )
    picture = np.empty((height, width, 3), np.float32)
    wide = rng.uniform(0.14, 0.24)
    grain = cv2.resize(make_noise(rng, 128, 0.8, 8), (width, height), interpolation=cv2.INTER_CUBIC)
    picture[:] = wood
    for x in np.arange(-rng.uniform(0, wide), 1, wide):
        draw_block(picture, x, 0, x + wide - 0.006, 1, wood * rng.uniform(0.88, 1.1), 0.02)
        draw_block(picture, x + wide - 0.006, 0, x + wide, 1, wood * 0.6, 0)
    return (
        picture
        * (1 + 0.06 * grain)[..., None]
        * make_glow(height, width, rng.uniform(0, 1), 0, 0.8, 0.15)
    )


def _carpet(height, width, rng):
    pile = np.array(
        hsv_to_rgb(rng.random(), rng.uniform(0.02, 0.3), rng.uniform(0.45, 0.9)), np.float32
    )
    tufts = cv2.resize(make_noise(rng, 256, 0.8), (width, height), interpolation=cv2.INTER_LINEAR)
    return make_gradient(height, width, pile, pile * 0.92) * (1 + 0.09 * tufts)[..., None]


def _door(height, width, rng):
    paint = np.array(
        hsv_to_rgb(rng.uniform(0.05, 0.12), rng.uniform(0.02, 0.5), rng.uniform(0.4, 0.92)),
        np.float32,
    )
    picture = make_gradient(height, width, paint, paint * 0.9)
    for x in (0.08, 0.55):
        for y, tall in ((0.06, 0.36), (0.5, 0.44)):
            draw_block(picture, x, y, x + 0.37, y + tall, paint * 0.8, 0)
            draw_block(
                picture, x + 0.012, y + 0.01, x + 0.365, y + tall - 0.005, paint * 1.03, 0.04
            )
    return cv2.GaussianBlur(picture, (0, 0), 1.2) * make_glow(
        height, width, rng.uniform(0, 1), 0.1, 0.8, 0.2
    )


def _wardrobe(height, width, rng):
    picture = make_gradient(height, width, (0.30, 0.26, 0.23), (0.20, 0.18, 0.16))
    x = -0.05
    while x < 1:
        wide = rng.uniform(0.05, 0.13)
        color = np.array(
            hsv_to_rgb(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.15, 0.85)), np.float32
        )
        a, b = max(0, round(x * width)), min(width, round((x + wide) * width))
        if b > a:
            folds = 0.75 + 0.25 * np.sin(np.linspace(0, np.pi * rng.integers(1, 4), b - a))
            picture[round(0.08 * height) : round(rng.uniform(0.75, 1) * height), a:b] = (
                color * folds[None, :, None]
            )
        x += wide * 0.92
    draw_block(picture, 0, 0.04, 1, 0.055, (0.6, 0.6, 0.6), 0.3)
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(3, 6))


def _plaster(height, width, rng):
    wall = np.array(
        hsv_to_rgb(rng.random(), rng.uniform(0.0, 0.2), rng.uniform(0.6, 0.92)), np.float32
    )
    picture = make_gradient(height, width, wall, wall * 0.9) * make_mottle(
        height, width, rng, 1.5, 0.02
    )
    return picture * make_glow(height, width, rng.uniform(0, 1), 0.1, 0.8, 0.2)


_RENDERERS = {
    "studio": _studio,
    "gray": _gray,
    "pastel": _pastel,
    "wall": _wall,
    "room": render_room,
    "street": render_street,
    "mirror": render_mirror,
    "bed": _bed,
    "boards": _boards,
    "carpet": _carpet,
    "door": _door,
    "wardrobe": _wardrobe,
    "plaster": _plaster,
}
