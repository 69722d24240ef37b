"""Prints on the front of a top: a crest, a heart, a star, a face, a word."""

from __future__ import annotations

import cv2
import numpy as np

from shopee_od.shopsim.bodies import Body
from shopee_od.shopsim.cuts import Cut
from shopee_od.shopsim.picture import Picture, outline_disc, outline_oval
from shopee_od.shopsim.surfaces import Part


def draw_print(
    picture: Picture, part: Part, body: Body, cut: Cut, rng: np.random.Generator
) -> None:
    """Draws the print of a cut on the front of its trunk."""
    s, accent = body.scale, np.array(cut.colors[1], np.float32)
    center = body.at(0, 0.285)
    if cut.motif == "crest":
        picture.fill(outline_oval(body.at(0.042, 0.252), 0.008 * s, 0.010 * s), accent, 0.9, part)
    elif cut.motif == "heart":
        a = np.linspace(0, 2 * np.pi, 40)
        x = 16 * np.sin(a) ** 3
        y = -(13 * np.cos(a) - 5 * np.cos(2 * a) - 2 * np.cos(3 * a) - np.cos(4 * a))
        picture.fill(center + np.stack([x, y], 1) * (0.0024 * s), accent, 0.9, part)
    elif cut.motif == "star":
        a = np.arange(10) * np.pi / 5 - np.pi / 2
        r = np.where(np.arange(10) % 2, 0.018, 0.043) * s
        picture.fill(center + np.stack([np.cos(a), np.sin(a)], 1) * r[:, None], accent, 0.9, part)
    elif cut.motif == "face":
        picture.fill(outline_disc(center, 0.040 * s), accent, 0.9, part)
        ink = np.array(cut.colors[0], np.float32)
        for side in (-1, 1):
            picture.fill(
                outline_oval(
                    center + np.array([side * 0.014 * s, -0.010 * s]), 0.005 * s, 0.008 * s
                ),
                ink,
                1,
                part,
            )
        a = np.linspace(0.3, np.pi - 0.3, 10)
        picture.stroke(
            center + np.stack([np.cos(a), np.sin(a)], 1) * 0.024 * s, ink, 0.006 * s, 1, part
        )
    else:
        word = "".join(rng.choice(list("AELMNORSTU"), int(rng.integers(3, 6))))
        _word(picture, part, word, center, 0.10 * s, accent)


def _word(
    picture: Picture, part: Part, word: str, center: np.ndarray, wide: float, color: np.ndarray
) -> None:
    """Draws a word, `wide` pixels wide."""
    (w, h), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, 1, 2)
    scale = wide / w
    stamp = np.zeros((round(h * scale) + 8, round(wide) + 8), np.uint8)
    cv2.putText(
        stamp,
        word,
        (4, stamp.shape[0] - 4),
        cv2.FONT_HERSHEY_DUPLEX,
        scale,
        255,
        max(2, round(4 * scale)),
        cv2.LINE_AA,
    )
    x0 = round(center[0] - stamp.shape[1] / 2)
    y0 = round(center[1] - stamp.shape[0] / 2)
    px0, py0, px1, py1 = part.box
    a0 = max(x0, px0)
    b0 = max(y0, py0)
    a1 = min(x0 + stamp.shape[1], px1)
    b1 = min(y0 + stamp.shape[0], py1)
    if a1 <= a0 or b1 <= b0:
        return
    ink = stamp[b0 - y0 : b1 - y0, a0 - x0 : a1 - x0].astype(np.float32) / 255 * 0.9
    ink = (ink * part.mask[b0 - py0 : b1 - py0, a0 - px0 : a1 - px0])[..., None]
    region = picture.rgba[b0:b1, a0:a1]
    region *= 1 - ink
    region[..., :3] += color * ink
    region[..., 3:] += ink
