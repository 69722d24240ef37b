"""Fabrics as seamless tiles: colour, holes, relief and gloss of denim, lace, chiffon, knits and prints."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

RGB = tuple[float, float, float]

KINDS = ("cotton", "denim", "knit", "pique", "lace", "chiffon", "satin", "wool", "jersey")
PATTERNS = ("plain", "stripes", "checks", "dots", "floral", "leaf", "animal")

_GLOSS = {"satin": 1.0, "jersey": 0.12, "chiffon": 0.25, "denim": 0.05}

# Hue (0..1), saturation, value, spread of each: what women's apparel is mostly dyed in.
_DYES = (
    (0.00, 0.02, 0.93), (0.00, 0.02, 0.10), (0.08, 0.06, 0.88), (0.62, 0.55, 0.28), (0.00, 0.03, 0.55),
    (0.08, 0.30, 0.72), (0.97, 0.22, 0.90), (0.99, 0.75, 0.66), (0.58, 0.35, 0.80), (0.40, 0.25, 0.72),
    (0.13, 0.55, 0.90), (0.77, 0.25, 0.75), (0.95, 0.60, 0.42), (0.24, 0.30, 0.40), (0.48, 0.55, 0.50),
    (0.05, 0.60, 0.80),
)  # fmt: skip


@dataclass(frozen=True)
class Fabric:
    """A tile that repeats without a seam, float32: rgb (S, S, 3), alpha (S, S) in 0..1, relief (S, S) about −1..1."""

    rgb: np.ndarray
    alpha: np.ndarray
    relief: np.ndarray
    gloss: float


def rgb_of(hue: float, saturation: float, value: float) -> RGB:
    pixel = np.array([[[hue * 360 % 360, np.clip(saturation, 0, 1), np.clip(value, 0, 1)]]], np.float32)
    return tuple(map(float, cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0]))


def palette(rng: np.random.Generator, kind: str) -> tuple[RGB, RGB]:
    """A dye and a second one that is seen against it."""
    if kind == "denim":
        value = rng.choice([0.20, 0.34, 0.50, 0.68], p=[0.2, 0.3, 0.3, 0.2])
        main = rgb_of(0.59 + rng.normal(0, 0.012), 0.62 - 0.45 * value + rng.normal(0, 0.04), value)
        return main, (0.78, 0.52, 0.22)
    hue, saturation, value = _DYES[rng.integers(len(_DYES))]
    if kind == "lace" and rng.random() < 0.6:
        hue, saturation, value = _DYES[rng.choice([0, 0, 1, 2, 6])]
    hue, saturation, value = (
        hue + rng.normal(0, 0.02),
        saturation * rng.uniform(0.8, 1.2),
        value * rng.uniform(0.88, 1.06),
    )
    main = rgb_of(hue, saturation, value)
    away = 0.95 if value < 0.55 else rng.choice([0.15, 0.25, 0.98 if saturation > 0.3 else 0.2])
    return main, rgb_of(hue + rng.uniform(0.3, 0.7), rng.uniform(0.05, 0.6), away)


def noise(rng: np.random.Generator, size: int, sigma: float, stretch: float = 1.0) -> np.ndarray:
    """Seamless smooth noise (size, size), mean 0 and deviation 1; `stretch` draws it out downwards."""
    raw = rng.standard_normal((size, size)).astype(np.float32)
    pad = int(4 * sigma * max(1, stretch)) + 1
    tile = cv2.GaussianBlur(np.pad(raw, pad, mode="wrap"), (0, 0), sigma, sigmaY=sigma * stretch)[pad:-pad, pad:-pad]
    return tile / max(1e-6, float(tile.std()))


def weave(kind: str, colours: tuple[RGB, RGB], rng, size: int = 256, pattern: str = "plain") -> Fabric:
    """A tile of `kind` in (main, accent) with `pattern`. Raises ValueError on a kind or a pattern not known."""
    if kind not in KINDS:
        raise ValueError(f"no fabric {kind!r}; choose from {', '.join(KINDS)}")
    if pattern not in PATTERNS:
        raise ValueError(f"no pattern {pattern!r}; choose from {', '.join(PATTERNS)}")
    main, accent = (np.asarray(c, np.float32) for c in colours)
    share = _PRINTS[pattern](rng, size)[..., None] if pattern != "plain" else np.float32(0)
    rgb = np.ones((size, size, 3), np.float32) * (main + (accent - main) * share)
    alpha, relief = np.ones((size, size), np.float32), np.zeros((size, size), np.float32)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    if kind == "denim":
        twill = np.sin((x + y) * (2 * np.pi * 48 / size))
        slub = noise(rng, size, 0.8, 5)
        rgb = rgb * (1 + 0.10 * twill + 0.07 * slub)[..., None] + 0.03 * np.maximum(slub, 0)[..., None]
        rgb *= (1 + 0.05 * noise(rng, size, 24))[..., None]
        relief = 0.4 * twill
    elif kind == "knit":
        ribs = 32 if rng.random() < 0.6 else 16
        column, row = x * ribs / size, y * 48 / size
        vee = np.cos(2 * np.pi * (row + 0.5 * np.abs(2 * (column % 1) - 1)))
        rgb = rgb * (0.93 + 0.07 * vee + 0.03 * noise(rng, size, 1))[..., None]
        relief = 1.5 * np.cos(2 * np.pi * column) + 0.8 * vee
    elif kind == "pique":
        dots = np.sin(x * 2 * np.pi * 42 / size) * np.sin(y * 2 * np.pi * 42 / size)
        rgb, relief = rgb * (0.98 + 0.05 * dots)[..., None], 0.9 * dots
    elif kind == "wool":
        speckle = noise(rng, size, 0.9)
        twist = noise(rng, size, 1.6, 2)
        rgb = rgb * (1 + 0.06 * speckle + 0.04 * twist)[..., None] + 0.015 * np.maximum(speckle, 0)[..., None]
        relief = 0.9 * twist
    elif kind == "lace":
        figure = _lace(rng, size)
        alpha = 0.16 + 0.84 * figure
        rgb, relief = rgb * (0.86 + 0.14 * figure)[..., None], 2.2 * figure
    elif kind == "chiffon":
        crepe = noise(rng, size, 1.0)
        alpha = np.clip(0.68 + 0.03 * crepe + 0.04 * noise(rng, size, 14) + 0.25 * np.squeeze(share), 0, 0.96).astype(
            np.float32
        )
        rgb = rgb * (1 + 0.02 * crepe)[..., None]
    elif kind == "satin":
        rgb = rgb * (1 + 0.02 * noise(rng, size, 1, 8))[..., None]
    else:  # cotton, jersey
        rgb = rgb * (1 + 0.007 * noise(rng, size, 0.8) + 0.004 * noise(rng, size, 16))[..., None]
    return Fabric(np.clip(rgb, 0, 1).astype(np.float32), alpha, relief.astype(np.float32), _GLOSS.get(kind, 0.0))


def _stamp(size: int, draw, places) -> np.ndarray:
    """A picture (size, size) in 0..1 of `draw(canvas, x, y)` at each place, wrapped around its edges."""
    canvas = np.zeros((3 * size, 3 * size), np.uint8)
    for x, y in places:
        draw(canvas, x + size, y + size)
    blocks = canvas.reshape(3, size, 3, size)
    return blocks.max(axis=(0, 2)).astype(np.float32) / 255


def _spread(rng, size: int, cells: int, jitter: float = 0.3):
    """Places on a shaken brick pattern of about cells² places."""
    step = size / cells
    for row in range(cells):
        for column in range(cells):
            dx, dy = rng.uniform(-jitter, jitter, 2) * step
            yield (column + 0.25 + 0.5 * (row % 2)) * step + dx, (row + 0.5) * step + dy


def _flower(canvas, x, y, radius, petals, turn, value=255):
    for k in range(petals):
        a = turn + 2 * np.pi * k / petals
        centre = (round((x + np.cos(a) * radius * 0.6) * 16), round((y + np.sin(a) * radius * 0.6) * 16))
        axes = (max(1, round(radius * 0.5 * 16)), max(1, round(radius * 0.32 * 16)))
        cv2.ellipse(canvas, centre, axes, float(np.degrees(a)), 0, 360, int(value), -1, cv2.LINE_AA, 4)


def _lace(rng, size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size].astype(np.float32)
    k = 2 * np.pi * 32 / size
    net = np.maximum(np.cos((x + y) * k), np.cos((x - y) * k))
    net = np.clip((net - 0.72) * 4, 0, 0.75)
    cells, petals = int(rng.choice([4, 5, 6])), int(rng.choice([5, 6, 8]))
    places = [(*p, rng.uniform(0.34, 0.44), rng.uniform(0, 6)) for p in _spread(rng, size, cells, 0.12)]
    turned = iter(places)

    def draw(canvas, cx, cy):
        _, _, share, turn = next(turned)
        _flower(canvas, cx, cy, size / cells * share, petals, turn)
        cv2.circle(canvas, (round(cx), round(cy)), max(1, round(size / cells * 0.07)), 0, -1, cv2.LINE_AA)

    flowers = _stamp(size, draw, [(px, py) for px, py, *_ in places])
    return np.clip(np.maximum(net, cv2.blur(flowers, (3, 3)) * 0.97), 0, 1)


def _stripes(rng, size):
    y = np.arange(size, dtype=np.float32)[:, None] / size
    bands, part = int(rng.choice([8, 10, 14])), rng.choice([0.25, 0.4, 0.5])
    stripe = np.clip((np.abs((y * bands) % 1 - 0.5) - (0.5 - part / 2)) * size / bands + 0.5, 0, 1)
    stripe = np.broadcast_to(stripe, (size, size))
    return stripe if rng.random() < 0.7 else np.ascontiguousarray(stripe.T)


def _checks(rng, size):
    bands = int(rng.choice([6, 8, 12]))
    line = (np.arange(size, dtype=np.float32) / size * bands % 1 < 0.5).astype(np.float32)
    fine = (np.arange(size, dtype=np.float32) / size * bands % 1 < 0.08).astype(np.float32)
    return np.clip(0.42 * (line[:, None] + line[None]) + 0.5 * np.maximum(fine[:, None], fine[None]), 0, 1)


def _dots(rng, size):
    cells = int(rng.choice([8, 10, 14]))
    radius = size / cells * rng.uniform(0.14, 0.24)
    return _stamp(
        size,
        lambda c, x, y: cv2.circle(c, (round(x * 16), round(y * 16)), round(radius * 16), 255, -1, cv2.LINE_AA, 4),
        _spread(rng, size, cells, 0),
    )


def _floral(rng, size):
    cells = int(rng.choice([4, 5, 6, 7]))

    def draw(canvas, x, y):
        radius = size / cells * rng.uniform(0.22, 0.42)
        for turn in rng.uniform(0, 6.28, 2):
            end = (round(x + np.cos(turn) * radius * 1.6), round(y + np.sin(turn) * radius * 1.6))
            cv2.ellipse(
                canvas,
                end,
                (round(radius * 0.5), round(radius * 0.2)),
                float(np.degrees(turn)),
                0,
                360,
                130,
                -1,
                cv2.LINE_AA,
            )
        _flower(canvas, x, y, radius, 5, rng.uniform(0, 6.28), 240)
        cv2.circle(canvas, (round(x), round(y)), max(1, round(radius * 0.22)), 60, -1, cv2.LINE_AA)

    return _stamp(size, draw, list(_spread(rng, size, cells)))


def _leaf(rng, size):
    def draw(canvas, x, y):
        turn, length = rng.uniform(0, 6.28), size / 5 * rng.uniform(0.7, 1.1)
        for k in np.linspace(0.15, 1, 6):
            base = np.array([x + np.cos(turn) * length * k, y + np.sin(turn) * length * k])
            for side in (-0.8, 0.8):
                a = turn + side
                tip = base + np.array([np.cos(a), np.sin(a)]) * length * 0.45 * (1.1 - 0.6 * k)
                middle = tuple(np.rint((base + tip) / 2).astype(int).tolist())
                half = round(float(np.hypot(*(tip - base))) / 2)
                cv2.ellipse(
                    canvas,
                    middle,
                    (max(1, half), max(1, half // 4)),
                    float(np.degrees(a)),
                    0,
                    360,
                    235,
                    -1,
                    cv2.LINE_AA,
                )

    return _stamp(size, draw, list(_spread(rng, size, 3)))


def _animal(rng, size):
    spots = noise(rng, size, 4.0)
    return np.clip((np.abs(spots) < 0.35) * (noise(rng, size, 6) > -0.4) * 0.85, 0, 1).astype(np.float32)


_PRINTS = {
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
    "floral": _floral,
    "leaf": _leaf,
    "animal": _animal,
}
