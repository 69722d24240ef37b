"""Surfaces of cloth and skin: parts with texture coordinates, folds and shading.

For each of its pixels a part has the position across (u) and along (v) it, and the direction of u.
They give the texture, which bends with the body, and the shading of a rounded surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from shopee_od.shopsim.fabrics import Fabric


@dataclass
class Part:
    """A piece of surface in a window of the picture; arrays are float32 (h, w).

    Args:
        box: x0, y0, x1, y1 of the window in pixels.
        mask: coverage in 0..1.
        u: position across in −1..1.
        v: position along in pixels.
        half: half width in pixels.
        across: (2, h, w), the direction of growing u as unit vectors (x, y).
    """

    box: tuple[int, int, int, int]
    mask: np.ndarray
    u: np.ndarray
    v: np.ndarray
    half: np.ndarray
    across: np.ndarray

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """x (1, w) and y (h, 1) of the window's pixels in the picture."""
        x0, y0, x1, y1 = self.box
        x = np.arange(x0, x1, dtype=np.float32)
        y = np.arange(y0, y1, dtype=np.float32)
        return x[None], y[:, None]

    def keep(self, distance: np.ndarray) -> Part:
        """Keeps where `distance` (in pixels, positive inside) is above 0, with a soft edge."""
        self.mask = self.mask * np.clip(distance + 0.5, 0, 1)
        return self


@dataclass(frozen=True)
class Light:
    """One distant light, and light from all sides.

    Args:
        direction: unit vector (x, y, z) to the light, z toward the camera.
        ambient, diffuse: shares of the light.
    """

    direction: tuple[float, float, float]
    ambient: float = 0.55
    diffuse: float = 0.55


def make_sheet(
    shape: tuple[int, int], rows: Any, center: Any, left: Any, right: Any
) -> Part | None:
    """Makes a part of a trunk or a skirt.

    Args:
        shape: height and width of the picture.
        rows: y of the knots in pixels, rising.
        center, left, right: x of the center and half widths at the knots, in pixels.
    Returns:
        The part, or None where it is outside the picture.
    """
    rows = np.asarray(rows, np.float32)
    curves = PchipInterpolator(rows, np.stack([center, left, right], 1))
    y0, y1 = max(0, int(rows[0])), min(shape[0], int(np.ceil(rows[-1])))
    if y1 - y0 < 2:
        return None
    y = np.arange(y0, y1, dtype=np.float32)
    c, a, b = (
        curve[:, None] for curve in curves(np.clip(y, rows[0], rows[-1])).astype(np.float32).T
    )
    x0 = max(0, int((c - a).min()) - 2)
    x1 = min(shape[1], int((c + b).max()) + 3)
    if x1 - x0 < 2:
        return None
    x = np.arange(x0, x1, dtype=np.float32)[None]
    inside = np.minimum(x - (c - a), (c + b) - x)
    half = np.broadcast_to((a + b) / 2, inside.shape).astype(np.float32)
    u = np.clip(
        np.where(x < c, (x - c) / np.maximum(a, 1), (x - c) / np.maximum(b, 1)), -1, 1
    ).astype(np.float32)
    v = np.broadcast_to((y - rows[0])[:, None], inside.shape).astype(np.float32)
    across = np.zeros((2, *inside.shape), np.float32)
    across[0] = 1
    return Part(
        (x0, y0, x1, y1), np.clip(inside + 0.5, 0, 1).astype(np.float32), u, v, half, across
    )


def make_tube(
    shape: tuple[int, int],
    points: Any,
    radii: Any,
    cut: tuple[bool, bool] = (False, False),
) -> Part | None:
    """Makes a part of a limb.

    Args:
        shape: height and width of the picture.
        points: (K, 2) x, y along its center line, in pixels.
        radii: (K,) in pixels.
        cut: whether the first and the last end are straight; others are round.
    Returns:
        The part, or None where it is outside the picture.
    """
    points = np.asarray(points, np.float64)
    radii = np.asarray(radii, np.float64)
    length = np.concatenate(
        [[0], np.cumsum(np.maximum(1e-3, np.hypot(*np.diff(points, axis=0).T)))]
    )
    if len(points) > 2:  # bends are rounded
        fine = np.unique(np.concatenate([np.linspace(a, b, 4) for a, b in pairwise(length)]))
        points = PchipInterpolator(length, points)(fine)
        radii = PchipInterpolator(length, radii)(fine)
        length = fine
    low = np.floor((points - radii[:, None]).min(0)).astype(int) - 2
    high = np.ceil((points + radii[:, None]).max(0)).astype(int) + 3
    x0 = max(0, low[0])
    y0 = max(0, low[1])
    x1 = min(shape[1], high[0])
    y1 = min(shape[0], high[1])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    best = np.full((y1 - y0, x1 - x0), -1e9, np.float32)
    u, v, half = (np.zeros_like(best) for _ in range(3))
    across = np.zeros((2, *best.shape), np.float32)
    last = len(points) - 2
    for i in range(last + 1):
        # Only the window around this segment, in pixels from the part's corner.
        reach = max(radii[i], radii[i + 1]) + 2
        wx0, wy0 = np.maximum(np.floor(points[i : i + 2].min(0) - reach).astype(int) - (x0, y0), 0)
        wx1, wy1 = np.ceil(points[i : i + 2].max(0) + reach).astype(int) + 1 - (x0, y0)
        here = np.s_[wy0 : max(wy0, wy1), wx0 : max(wx0, wx1)]
        h, w = best[here].shape
        if not h or not w:
            continue
        (px, py), (dx, dy) = points[i] - (x0 + wx0, y0 + wy0), points[i + 1] - points[i]
        norm = max(1e-3, float(np.hypot(dx, dy)))
        ax = np.float32(dy / norm)
        ay = np.float32(-dx / norm)
        x = np.arange(w, dtype=np.float32)[None] - np.float32(px)
        y = np.arange(h, dtype=np.float32)[:, None] - np.float32(py)
        along, off = y * ax - x * ay, x * ax + y * ay
        t = np.clip(along / np.float32(norm), 0, 1)
        over = along - t * np.float32(norm)
        r = np.float32(radii[i]) + t * np.float32(radii[i + 1] - radii[i])
        inside = r - np.sqrt(off * off + over * over)
        if cut[0] and i == 0:
            inside = np.where(along < 0, np.minimum(inside, along), inside)
        if cut[1] and i == last:
            inside = np.where(over > 0, np.minimum(inside, -over), inside)
        nearer = inside > best[here]
        for whole, piece in (
            (best, inside),
            (u, off / r),
            (v, np.float32(length[i]) + along - over),
            (half, r),
        ):
            np.copyto(whole[here], piece, where=nearer)
        across[0][here][nearer] = ax
        across[1][here][nearer] = ay
    mask = np.clip(best + 0.5, 0, 1).astype(np.float32)
    return Part((x0, y0, x1, y1), mask, np.clip(u, -1, 1), v, half, across)


def make_streaks(
    part: Part, rng: np.random.Generator, angle: float, long: float, short: float
) -> np.ndarray:
    """Smooth noise (h, w) of about −1..1, stretched along a direction.

    Args:
        part: gives the window.
        rng: the source of the noise.
        angle: in radians from the x axis.
        long, short: lengths of the streaks in pixels, along and across the direction.
    """
    grid = rng.standard_normal((32, 32)).astype(np.float32)
    grid = cv2.GaussianBlur(np.pad(grid, 4, mode="wrap"), (0, 0), 0.7)[4:-4, 4:-4] * 1.8
    x, y = part.grid()
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    a = x * (c / np.float32(long)) + y * (s / np.float32(long))
    b = y * (c / np.float32(short)) - x * (s / np.float32(short))
    return cv2.remap(grid, a, b, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def make_ridges(noise: np.ndarray) -> np.ndarray:
    """Noise to heights with sharp ridges, like creases."""
    return 1 - 2 * np.abs(noise)


def compute_shading(
    part: Part, light: Light, height: np.ndarray | float, roundness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lambertian shading of a rounded surface with folds.

    Args:
        part: the surface.
        light: the light.
        height: (h, w) heights of the folds in pixels, or 0.
        roundness: 0 flat to 1 a half cylinder.
    Returns:
        Brightness (h, w), and the cosine (h, w) of the angle to the light.
    """
    nu = part.u * roundness
    nx, ny = nu * part.across[0], nu * part.across[1]
    if isinstance(height, np.ndarray):
        nx = nx - cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
        ny = ny - cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    nz = np.sqrt(np.maximum(0.05, 1 - nu * nu))
    norm = np.sqrt(nx * nx + ny * ny + nz * nz)
    lx, ly, lz = light.direction
    lambert = np.clip((nx * lx + ny * ly + nz * lz) / norm, 0, 1)
    shade = light.ambient + light.diffuse * lambert
    square = part.u * part.u
    shade = shade * (1 - 0.28 * roundness * square * square)
    return shade, lambert


def render_cloth(
    part: Part,
    fabric: Fabric,
    light: Light,
    height: np.ndarray | float = 0.0,
    roundness: float = 0.8,
    grain: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Textures and shades a part.

    Args:
        part: the surface.
        fabric: the texture.
        light: the light.
        height: (h, w) heights of the folds in pixels, or 0.
        roundness: 0 flat to 1 a half cylinder.
        grain: tile pixels per pixel of the picture.
    Returns:
        rgb (h, w, 3), and alpha (h, w) with holes and sheerness.
    """
    size = fabric.rgb.shape[0]
    wrap = part.u * part.half * (1 + 0.25 * part.u * part.u) * grain
    column = np.rint(wrap).astype(np.int32) % size
    row = np.rint(part.v * grain).astype(np.int32) % size
    if isinstance(height, np.ndarray):
        height = (height + 0.35 * fabric.relief[row, column]).astype(np.float32)
    shade, cosine = compute_shading(part, light, height, roundness)
    rgb = fabric.rgb[row, column]
    rgb *= shade[..., None]
    if fabric.gloss:
        rgb += (fabric.gloss * 0.35 * cv2.pow(cosine, 12))[..., None]
    return rgb, part.mask * fabric.alpha[row, column]
