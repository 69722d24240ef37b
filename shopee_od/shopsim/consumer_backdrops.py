"""Backdrops of photos by customers: a room, a mirror in a room, a street."""

from __future__ import annotations

import cv2
import numpy as np

from shopee_od.shopsim.backdrop_parts import (
    draw_block,
    draw_floor,
    draw_plant,
    make_glow,
    make_gradient,
    make_mottle,
)
from shopee_od.shopsim.fabrics import hsv_to_rgb


def render_room(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A room with three to five of window, drawers, pictures, plant, curtain and sofa."""
    wall = np.array(
        hsv_to_rgb(rng.random(), rng.uniform(0.02, 0.25), rng.uniform(0.5, 0.88)), np.float32
    )
    picture = make_gradient(height, width, wall * 1.03, wall * 0.85) * make_mottle(
        height, width, rng, 4, 0.03
    )
    draw_floor(picture, rng.uniform(0.72, 0.9), rng)
    is_on_left = rng.random() < 0.5

    def side(a: float, b: float) -> tuple[float, float]:
        return (a, b) if is_on_left else (1 - b, 1 - a)

    for kind in rng.permutation(6)[: int(rng.integers(3, 6))]:
        if kind == 0:  # a window with its light
            x0, x1 = side(-0.05, rng.uniform(0.14, 0.28))
            draw_block(picture, x0 - 0.02, 0.06, x1 + 0.02, 0.60, (0.93, 0.93, 0.92))
            draw_block(picture, x0, 0.08, x1, 0.58, (0.97, 0.99, 1.0), -0.05)
            draw_block(
                picture, (x0 + x1) / 2 - 0.01, 0.08, (x0 + x1) / 2 + 0.01, 0.58, (0.85, 0.85, 0.84)
            )
        elif kind == 1:  # a chest of drawers with things on it
            x0, x1 = side(rng.uniform(0.6, 0.75), 1.1)
            color = np.array(
                hsv_to_rgb(0.07, rng.uniform(0.05, 0.5), rng.uniform(0.3, 0.85)), np.float32
            )
            draw_block(picture, x0, 0.55, x1, 0.95, color)
            for y in (0.60, 0.72, 0.84):
                draw_block(picture, x0 + 0.02, y, x1 - 0.02, y + 0.10, color * 0.9)
            for x in np.linspace(x0 + 0.04, x1 - 0.08, 3):
                top = rng.uniform(0.42, 0.52)
                draw_block(
                    picture,
                    x,
                    top,
                    x + rng.uniform(0.03, 0.08),
                    0.55,
                    hsv_to_rgb(rng.random(), 0.4, rng.uniform(0.4, 0.9)),
                )
        elif kind == 2:  # pictures on the wall
            for _ in range(rng.integers(1, 4)):
                x = rng.uniform(0, 0.85)
                y = rng.uniform(0.02, 0.3)
                s = rng.uniform(0.1, 0.22)
                draw_block(
                    picture,
                    x - 0.01,
                    y - 0.008,
                    x + s + 0.01,
                    y + s * 0.9 + 0.008,
                    (0.16, 0.14, 0.13),
                )
                draw_block(
                    picture,
                    x,
                    y,
                    x + s,
                    y + s * 0.9,
                    hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.95)),
                )
        elif kind == 3:
            x0, _ = side(rng.uniform(0.02, 0.15), 1)
            draw_plant(
                picture,
                float(np.clip(x0, 0.08, 0.92)),
                rng.uniform(0.55, 0.75),
                rng.uniform(0.15, 0.3),
                rng,
            )
        elif kind == 4:  # a curtain
            x0, x1 = side(0.0, rng.uniform(0.12, 0.25))
            a, b = max(0, round(x0 * width)), min(width, round(x1 * width))
            folds = 0.85 + 0.15 * np.cos(np.arange(b - a) / width * rng.uniform(90, 160))
            color = np.array(
                hsv_to_rgb(rng.random(), rng.uniform(0.05, 0.45), rng.uniform(0.5, 0.9)), np.float32
            )
            picture[: round(0.9 * height), a:b] = color * folds[None, :, None]
        else:  # a bed's or a sofa's corner
            x0, x1 = side(rng.uniform(0.5, 0.7), 1.2)
            color = np.array(
                hsv_to_rgb(rng.random(), rng.uniform(0.05, 0.4), rng.uniform(0.45, 0.92)),
                np.float32,
            )
            draw_block(picture, x0, 0.62, x1, 1, color)
            draw_block(picture, x0 + 0.02, 0.52, x1, 0.64, color * 1.08)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1.5, 4.5))
    return picture * make_glow(
        height, width, rng.uniform(0, 1), rng.uniform(0, 0.5), 0.7, rng.uniform(0.05, 0.3)
    )


def render_mirror(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A room in a mirror with its frame."""
    picture = render_room(height, width, rng)
    frame = np.array(hsv_to_rgb(0.09, rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.85)), np.float32)
    edge = rng.uniform(0.03, 0.07)
    for x in (0, 1 - edge):
        draw_block(picture, x, 0, x + edge, 1, frame, 0.15)
        draw_block(
            picture,
            x + (edge - 0.008 if x == 0 else 0),
            0,
            x + (edge if x == 0 else 0.008),
            1,
            frame * 0.6,
            0,
        )
    if rng.random() < 0.5:
        draw_block(picture, 0, 0, 1, edge * 0.7, frame)
    return picture


def render_street(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A wall with windows above a pavement, out of focus."""
    stone = np.array(
        hsv_to_rgb(rng.uniform(0.02, 0.12), rng.uniform(0.05, 0.4), rng.uniform(0.45, 0.85)),
        np.float32,
    )
    picture = make_gradient(height, width, stone, stone * 0.9) * make_mottle(
        height, width, rng, 2, 0.04
    )
    if rng.random() < 0.5:  # bricks
        for row in range(40):
            y = row / 40
            draw_block(picture, 0, y, 1, y + 0.003, stone * 0.82, 0)
            for x in np.arange((row % 2) * 0.05, 1, 0.1):
                draw_block(picture, x, y, x + 0.004, y + 0.025, stone * 0.82, 0)
    for x in np.arange(rng.uniform(-0.2, 0.1), 1, rng.uniform(0.38, 0.6)):
        glass = np.array(
            hsv_to_rgb(rng.uniform(0.5, 0.62), rng.uniform(0.1, 0.4), rng.uniform(0.2, 0.6)),
            np.float32,
        )
        top = rng.uniform(0.02, 0.2)
        tall = rng.uniform(0.3, 0.62)
        draw_block(picture, x - 0.02, top - 0.015, x + 0.27, top + tall + 0.02, stone * 1.15)
        draw_block(picture, x, top, x + 0.25, top + tall, glass, 0.35)
        draw_block(picture, x + 0.118, top, x + 0.132, top + tall, stone * 0.6, 0)
    pavement = rng.uniform(0.78, 0.9)
    draw_block(picture, 0, pavement, 1, 1, (0.55, 0.54, 0.52), -0.1)
    draw_block(picture, 0, pavement - 0.02, 1, pavement, (0.38, 0.37, 0.36))
    if rng.random() < 0.5:
        draw_plant(picture, rng.choice([0.06, 0.94]), 0.8, rng.uniform(0.3, 0.55), rng)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(3, 7))
    return picture * make_glow(height, width, rng.uniform(0, 1), 0, 0.8, rng.uniform(0.1, 0.35))
