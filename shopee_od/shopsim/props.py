"""Objects that hide a part of the garment: a phone, a bag, something close to the camera."""

from __future__ import annotations

import cv2
import numpy as np

from shopee_od.shopsim.bodies import Body
from shopee_od.shopsim.picture import Picture
from shopee_od.shopsim.surfaces import make_tube


def draw_carried_object(
    picture: Picture, body: Body, presentation: str, rng: np.random.Generator
) -> None:
    """Draws a phone in the raised hand, or in some photos a bag; they hide what is behind them."""
    s = body.scale
    if presentation == "selfie":
        raised = [side for side in (-1, 1) if abs(body.pose.arms[(side + 1) // 2][1]) > 100]
        for side in raised:
            x, y = (body.arm(side)[4] - (body.x, body.y)) / s
            phone = [
                (x - 0.022, y - 0.045),
                (x + 0.022, y - 0.045),
                (x + 0.022, y + 0.042),
                (x - 0.022, y + 0.042),
            ]
            picture.fill([body.at(*p) for p in phone], (0.08, 0.08, 0.09), 1.0, labeled=False)
            picture.fill(
                [
                    body.at(x + a * 0.006 + 0.012, y - 0.035 + b * 0.006)
                    for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
                ],
                (0.25, 0.25, 0.3),
                1.0,
            )
            for k in range(3):
                finger = make_tube(
                    picture.shape,
                    [
                        body.at(x - side * 0.024, y - 0.012 + 0.014 * k),
                        body.at(x + side * 0.004, y - 0.014 + 0.014 * k),
                    ],
                    np.full(2, 0.006 * s),
                )
                picture.put(finger, (0.80, 0.62, 0.52))
    elif presentation == "worn" and rng.random() < 0.12:
        side = int(rng.choice([-1, 1]))
        leather = np.float32(rng.uniform(0.1, 0.6, 3))
        strap = make_tube(
            picture.shape,
            [
                body.at(-side * 0.075, 0.18),
                body.at(side * 0.03, 0.33),
                body.at(side * 0.115, 0.455),
            ],
            np.full(3, 0.005 * s),
        )
        picture.shadow(strap, 2, 3, 3, 0.25)
        picture.put(strap, leather * 0.8)
        bag = [(0.075, 0.45), (0.165, 0.45), (0.175, 0.535), (0.065, 0.535)]
        picture.fill([body.at(side * x, y) for x, y in bag], leather, 1.0, labeled=False)
        picture.fill(
            [
                body.at(side * x, y)
                for x, y in ((0.072, 0.45), (0.168, 0.45), (0.160, 0.49), (0.080, 0.49))
            ],
            leather * 1.15,
            1.0,
        )


def draw_occluder(rgb: np.ndarray, garment: np.ndarray, rng: np.random.Generator) -> None:
    """Draws an object close to the camera, out of focus, over an edge of the picture."""
    h, w = garment.shape
    mask = np.zeros((h, w), np.uint8)
    center = (
        round(w * rng.choice([rng.uniform(-0.05, 0.08), rng.uniform(0.92, 1.05)])),
        round(h * rng.uniform(0.3, 1.0)),
    )
    cv2.ellipse(
        mask,
        center,
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
