"""What stands behind a garment: a studio's paper, or a customer's room, street, mirror, bed, floor or wardrobe."""

from __future__ import annotations

import cv2
import numpy as np

from shopee_od.datasets.shopsim.fabrics import noise, rgb_of

SHOP = ("studio", "grey", "pastel", "wall")
CONSUMER = ("room", "street", "mirror")
FLAT = ("bed", "boards", "carpet")
HANGING = ("door", "wardrobe", "plaster")


def backdrop(kind: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (height, width, 3) in 0..1. Raises ValueError on a kind not known."""
    if kind not in _DRAWN:
        raise ValueError(f"no backdrop {kind!r}; choose from {', '.join(_DRAWN)}")
    picture = _DRAWN[kind](height, width, rng)
    return np.clip(picture, 0, 1).astype(np.float32)


def _ramp(height: int, width: int, top, bottom, power: float = 1.0) -> np.ndarray:
    t = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** power
    return np.broadcast_to(np.float32(top) * (1 - t) + np.float32(bottom) * t, (height, width, 3)).copy()


def _glow(height: int, width: int, x: float, y: float, radius: float, strength: float) -> np.ndarray:
    yy, xx = np.ogrid[:height, :width]
    d = ((xx - x * width) ** 2 + (yy - y * height) ** 2) / (radius * height) ** 2
    return (1 + strength * np.exp(-d)).astype(np.float32)[..., None]


def _mottle(height: int, width: int, rng, sigma: float, strength: float) -> np.ndarray:
    tile = cv2.resize(noise(rng, 64, sigma), (width, height), interpolation=cv2.INTER_CUBIC)
    return (1 + strength * tile)[..., None].astype(np.float32)


def _box(picture, x0, y0, x1, y1, colour, shade: float = 0.12) -> None:
    """A rectangle, lit from its upper left, in shares of the picture."""
    h, w = picture.shape[:2]
    a, b, c, d = round(x0 * w), round(y0 * h), round(x1 * w), round(y1 * h)
    a, b, c, d = max(0, a), max(0, b), min(w, c), min(h, d)
    if c > a and d > b:
        light = np.linspace(1 + shade, 1 - shade, d - b, dtype=np.float32)[:, None, None]
        picture[b:d, a:c] = np.float32(colour) * light


def _studio(height, width, rng, base=None):
    base = np.float32(rng.uniform(0.94, 1.0) if base is None else base)
    picture = _ramp(height, width, base, base * rng.uniform(0.93, 0.98), 2)
    return picture * _glow(height, width, rng.uniform(0.3, 0.7), 0.4, 0.7, 0.03)


def _grey(height, width, rng):
    picture = _studio(height, width, rng, rng.uniform(0.72, 0.86))
    return picture * _glow(height, width, 0.5, 0.35, 0.5, 0.10)


def _pastel(height, width, rng):
    colour = rgb_of(rng.random(), rng.uniform(0.06, 0.22), rng.uniform(0.82, 0.95))
    return _ramp(height, width, colour, np.float32(colour) * 0.88) * _glow(height, width, 0.4, 0.3, 0.6, 0.08)


def _wall(height, width, rng):
    wall = rgb_of(rng.uniform(0.02, 0.16), rng.uniform(0.02, 0.14), rng.uniform(0.72, 0.92))
    picture = _ramp(height, width, wall, np.float32(wall) * 0.92) * _mottle(height, width, rng, 2, 0.012)
    if rng.random() < 0.5:
        step = rng.uniform(0.22, 0.4)
        for x in np.arange(rng.uniform(0, step), 1.0, step):
            _box(picture, x, 0, x + 0.008, 1, np.float32(wall) * 0.86, 0)
            _box(picture, x + 0.008, 0, x + 0.012, 1, np.float32(wall) * 1.05, 0)
    _floor(picture, rng.uniform(0.84, 0.93), rng)
    return cv2.GaussianBlur(picture, (0, 0), 2) * _glow(height, width, rng.uniform(0, 1), 0.2, 0.7, 0.10)


def _floor(picture, top, rng):
    h, w = picture.shape[:2]
    wood = np.float32(rgb_of(rng.uniform(0.05, 0.11), rng.uniform(0.15, 0.5), rng.uniform(0.35, 0.75)))
    first = round(top * h)
    picture[first:] = wood * _mottle(h - first, w, rng, 3, 0.04)
    for x in np.linspace(-1.5, 2.5, 22):
        ends = (round(w * (0.5 + (x - 0.5) * 0.55)), first), (round(w * x), h)
        cv2.line(picture, *ends, tuple(map(float, wood * 0.8)), 2, cv2.LINE_AA)
    _box(picture, 0, top - 0.025, 1, top, (0.9, 0.89, 0.87), 0.05)


def _plant(picture, x, y, size, rng):
    h, w = picture.shape[:2]
    for _ in range(14):
        angle, length = rng.uniform(-2.6, -0.5), size * h * rng.uniform(0.5, 1)
        centre = (round(x * w + np.cos(angle) * length * 0.5), round(y * h + np.sin(angle) * length * 0.5))
        green = rgb_of(rng.uniform(0.25, 0.36), rng.uniform(0.35, 0.6), rng.uniform(0.22, 0.5))
        axes = (max(1, round(length * 0.5)), max(1, round(length * 0.10)))
        cv2.ellipse(picture, centre, axes, float(np.degrees(angle)), 0, 360, green, -1, cv2.LINE_AA)
    pot = rgb_of(0.05, rng.uniform(0.1, 0.5), rng.uniform(0.4, 0.85))
    _box(picture, x - size * 0.28, y - 0.01, x + size * 0.28, y + size * 0.6, pot)


def _room(height, width, rng):
    wall = np.float32(rgb_of(rng.random(), rng.uniform(0.02, 0.25), rng.uniform(0.5, 0.88)))
    picture = _ramp(height, width, wall * 1.03, wall * 0.85) * _mottle(height, width, rng, 4, 0.03)
    _floor(picture, rng.uniform(0.72, 0.9), rng)
    left = rng.random() < 0.5

    def side(a, b):
        return (a, b) if left else (1 - b, 1 - a)

    for kind in rng.permutation(6)[: int(rng.integers(3, 6))]:
        if kind == 0:  # a window with its light
            x0, x1 = side(-0.05, rng.uniform(0.14, 0.28))
            _box(picture, x0 - 0.02, 0.06, x1 + 0.02, 0.60, (0.93, 0.93, 0.92))
            _box(picture, x0, 0.08, x1, 0.58, (0.97, 0.99, 1.0), -0.05)
            _box(picture, (x0 + x1) / 2 - 0.01, 0.08, (x0 + x1) / 2 + 0.01, 0.58, (0.85, 0.85, 0.84))
        elif kind == 1:  # a chest of drawers with things on it
            x0, x1 = side(rng.uniform(0.6, 0.75), 1.1)
            colour = np.float32(rgb_of(0.07, rng.uniform(0.05, 0.5), rng.uniform(0.3, 0.85)))
            _box(picture, x0, 0.55, x1, 0.95, colour)
            for y in (0.60, 0.72, 0.84):
                _box(picture, x0 + 0.02, y, x1 - 0.02, y + 0.10, colour * 0.9)
            for x in np.linspace(x0 + 0.04, x1 - 0.08, 3):
                top = rng.uniform(0.42, 0.52)
                _box(
                    picture, x, top, x + rng.uniform(0.03, 0.08), 0.55, rgb_of(rng.random(), 0.4, rng.uniform(0.4, 0.9))
                )
        elif kind == 2:  # pictures on the wall
            for _ in range(rng.integers(1, 4)):
                x, y, s = rng.uniform(0, 0.85), rng.uniform(0.02, 0.3), rng.uniform(0.1, 0.22)
                _box(picture, x - 0.01, y - 0.008, x + s + 0.01, y + s * 0.9 + 0.008, (0.16, 0.14, 0.13))
                _box(
                    picture,
                    x,
                    y,
                    x + s,
                    y + s * 0.9,
                    rgb_of(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.95)),
                )
        elif kind == 3:
            x0, _ = side(rng.uniform(0.02, 0.15), 1)
            _plant(picture, float(np.clip(x0, 0.08, 0.92)), rng.uniform(0.55, 0.75), rng.uniform(0.15, 0.3), rng)
        elif kind == 4:  # a curtain
            x0, x1 = side(0.0, rng.uniform(0.12, 0.25))
            a, b = max(0, round(x0 * width)), min(width, round(x1 * width))
            folds = 0.85 + 0.15 * np.cos(np.arange(b - a) / width * rng.uniform(90, 160))
            colour = np.float32(rgb_of(rng.random(), rng.uniform(0.05, 0.45), rng.uniform(0.5, 0.9)))
            picture[: round(0.9 * height), a:b] = colour * folds[None, :, None]
        else:  # a bed's or a sofa's corner
            x0, x1 = side(rng.uniform(0.5, 0.7), 1.2)
            colour = np.float32(rgb_of(rng.random(), rng.uniform(0.05, 0.4), rng.uniform(0.45, 0.92)))
            _box(picture, x0, 0.62, x1, 1, colour)
            _box(picture, x0 + 0.02, 0.52, x1, 0.64, colour * 1.08)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1.5, 4.5))
    return picture * _glow(height, width, rng.uniform(0, 1), rng.uniform(0, 0.5), 0.7, rng.uniform(0.05, 0.3))


def _mirror(height, width, rng):
    picture = _room(height, width, rng)
    frame = np.float32(rgb_of(0.09, rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.85)))
    edge = rng.uniform(0.03, 0.07)
    for x in (0, 1 - edge):
        _box(picture, x, 0, x + edge, 1, frame, 0.15)
        _box(picture, x + (edge - 0.008 if x == 0 else 0), 0, x + (edge if x == 0 else 0.008), 1, frame * 0.6, 0)
    if rng.random() < 0.5:
        _box(picture, 0, 0, 1, edge * 0.7, frame)
    return picture


def _street(height, width, rng):
    stone = np.float32(rgb_of(rng.uniform(0.02, 0.12), rng.uniform(0.05, 0.4), rng.uniform(0.45, 0.85)))
    picture = _ramp(height, width, stone, stone * 0.9) * _mottle(height, width, rng, 2, 0.04)
    if rng.random() < 0.5:  # bricks
        for row in range(40):
            y = row / 40
            _box(picture, 0, y, 1, y + 0.003, stone * 0.82, 0)
            for x in np.arange((row % 2) * 0.05, 1, 0.1):
                _box(picture, x, y, x + 0.004, y + 0.025, stone * 0.82, 0)
    for x in np.arange(rng.uniform(-0.2, 0.1), 1, rng.uniform(0.38, 0.6)):
        glass = np.float32(rgb_of(rng.uniform(0.5, 0.62), rng.uniform(0.1, 0.4), rng.uniform(0.2, 0.6)))
        top, tall = rng.uniform(0.02, 0.2), rng.uniform(0.3, 0.62)
        _box(picture, x - 0.02, top - 0.015, x + 0.27, top + tall + 0.02, stone * 1.15)
        _box(picture, x, top, x + 0.25, top + tall, glass, 0.35)
        _box(picture, x + 0.118, top, x + 0.132, top + tall, stone * 0.6, 0)
    pavement = rng.uniform(0.78, 0.9)
    _box(picture, 0, pavement, 1, 1, (0.55, 0.54, 0.52), -0.1)
    _box(picture, 0, pavement - 0.02, 1, pavement, (0.38, 0.37, 0.36))
    if rng.random() < 0.5:
        _plant(picture, rng.choice([0.06, 0.94]), 0.8, rng.uniform(0.3, 0.55), rng)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(3, 7))
    return picture * _glow(height, width, rng.uniform(0, 1), 0, 0.8, rng.uniform(0.1, 0.35))


def _bed(height, width, rng):
    sheet = np.float32(rgb_of(rng.random(), rng.uniform(0.0, 0.22), rng.uniform(0.7, 0.96)))
    creases = cv2.resize(noise(rng, 64, 1.6, 2), (width, height), interpolation=cv2.INTER_CUBIC)
    creases = cv2.GaussianBlur(1 - 2 * np.abs(creases), (0, 0), 2)
    light = 1 + 0.5 * cv2.Sobel(creases, cv2.CV_32F, 1, 1, ksize=5, scale=0.05) + 0.02 * creases
    picture = _ramp(height, width, sheet, sheet * 0.93) * np.clip(light, 0.7, 1.2)[..., None]
    if rng.random() < 0.4:
        pillow = np.float32(rgb_of(rng.random(), 0.15, 0.9))
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
    return picture * _glow(height, width, rng.uniform(0, 1), rng.uniform(0, 1), 0.7, 0.12)


def _boards(height, width, rng):
    wood = np.float32(rgb_of(rng.uniform(0.05, 0.1), rng.uniform(0.15, 0.55), rng.uniform(0.4, 0.85)))
    picture = np.empty((height, width, 3), np.float32)
    wide = rng.uniform(0.14, 0.24)
    grain = cv2.resize(noise(rng, 128, 0.8, 8), (width, height), interpolation=cv2.INTER_CUBIC)
    picture[:] = wood
    for x in np.arange(-rng.uniform(0, wide), 1, wide):
        _box(picture, x, 0, x + wide - 0.006, 1, wood * rng.uniform(0.88, 1.1), 0.02)
        _box(picture, x + wide - 0.006, 0, x + wide, 1, wood * 0.6, 0)
    return picture * (1 + 0.06 * grain)[..., None] * _glow(height, width, rng.uniform(0, 1), 0, 0.8, 0.15)


def _carpet(height, width, rng):
    pile = np.float32(rgb_of(rng.random(), rng.uniform(0.02, 0.3), rng.uniform(0.45, 0.9)))
    tufts = cv2.resize(noise(rng, 256, 0.8), (width, height), interpolation=cv2.INTER_LINEAR)
    return _ramp(height, width, pile, pile * 0.92) * (1 + 0.09 * tufts)[..., None]


def _door(height, width, rng):
    paint = np.float32(rgb_of(rng.uniform(0.05, 0.12), rng.uniform(0.02, 0.5), rng.uniform(0.4, 0.92)))
    picture = _ramp(height, width, paint, paint * 0.9)
    for x in (0.08, 0.55):
        for y, tall in ((0.06, 0.36), (0.5, 0.44)):
            _box(picture, x, y, x + 0.37, y + tall, paint * 0.8, 0)
            _box(picture, x + 0.012, y + 0.01, x + 0.365, y + tall - 0.005, paint * 1.03, 0.04)
    return cv2.GaussianBlur(picture, (0, 0), 1.2) * _glow(height, width, rng.uniform(0, 1), 0.1, 0.8, 0.2)


def _wardrobe(height, width, rng):
    picture = _ramp(height, width, (0.30, 0.26, 0.23), (0.20, 0.18, 0.16))
    x = -0.05
    while x < 1:
        wide = rng.uniform(0.05, 0.13)
        colour = np.float32(rgb_of(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.15, 0.85)))
        a, b = max(0, round(x * width)), min(width, round((x + wide) * width))
        if b > a:
            folds = 0.75 + 0.25 * np.sin(np.linspace(0, np.pi * rng.integers(1, 4), b - a))
            picture[round(0.08 * height) : round(rng.uniform(0.75, 1) * height), a:b] = colour * folds[None, :, None]
        x += wide * 0.92
    _box(picture, 0, 0.04, 1, 0.055, (0.6, 0.6, 0.6), 0.3)
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(3, 6))


def _plaster(height, width, rng):
    wall = np.float32(rgb_of(rng.random(), rng.uniform(0.0, 0.2), rng.uniform(0.6, 0.92)))
    picture = _ramp(height, width, wall, wall * 0.9) * _mottle(height, width, rng, 1.5, 0.02)
    return picture * _glow(height, width, rng.uniform(0, 1), 0.1, 0.8, 0.2)


_DRAWN = {
    "studio": _studio,
    "grey": _grey,
    "pastel": _pastel,
    "wall": _wall,
    "room": _room,
    "street": _street,
    "mirror": _mirror,
    "bed": _bed,
    "boards": _boards,
    "carpet": _carpet,
    "door": _door,
    "wardrobe": _wardrobe,
    "plaster": _plaster,
}
