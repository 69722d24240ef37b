"""Surfaces of cloth and skin: tubes and sheets with coordinates of their own, their folds and their light.

A part of a garment knows, for each of its pixels, how far across it is (u), how far along (v), and which way
"across" points. From these come the weave, which bends with the body, and the light, as on a rounded surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from shopee_od.datasets.shopsim.fabrics import Fabric


@dataclass
class Part:
    """A piece of surface in the window `box` (x0, y0, x1, y1) of the picture; arrays are float32 (h, w).

    mask: coverage 0..1;  u: −1..1 across;  v: pixels along;  half: half width in pixels
    across: (2, h, w), the direction of growing u as a unit vector (x, y)
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
        return np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]

    def keep(self, distance: np.ndarray) -> Part:
        """Keeps where `distance` (pixels, inside positive) is above 0, with a soft edge."""
        self.mask = self.mask * np.clip(distance + 0.5, 0, 1)
        return self


@dataclass(frozen=True)
class Light:
    """direction: unit (x, y, z), z towards the camera; ambient and diffuse: shares of the light."""

    direction: tuple[float, float, float]
    ambient: float = 0.55
    diffuse: float = 0.55


def sheet(shape, rows, centre, left, right) -> Part | None:
    """Knots (y, centre x, half widths left and right), y rising, in pixels -> a part of a trunk or a skirt."""
    rows = np.asarray(rows, np.float32)
    curves = PchipInterpolator(rows, np.stack([centre, left, right], 1))
    y0, y1 = max(0, int(rows[0])), min(shape[0], int(np.ceil(rows[-1])))
    if y1 - y0 < 2:
        return None
    y = np.arange(y0, y1, dtype=np.float32)
    c, a, b = (curve[:, None] for curve in curves(np.clip(y, rows[0], rows[-1])).astype(np.float32).T)
    x0, x1 = max(0, int((c - a).min()) - 2), min(shape[1], int((c + b).max()) + 3)
    if x1 - x0 < 2:
        return None
    x = np.arange(x0, x1, dtype=np.float32)[None]
    inside = np.minimum(x - (c - a), (c + b) - x)
    half = np.broadcast_to((a + b) / 2, inside.shape).astype(np.float32)
    u = np.clip(np.where(x < c, (x - c) / np.maximum(a, 1), (x - c) / np.maximum(b, 1)), -1, 1).astype(np.float32)
    v = np.broadcast_to((y - rows[0])[:, None], inside.shape).astype(np.float32)
    across = np.zeros((2, *inside.shape), np.float32)
    across[0] = 1
    return Part((x0, y0, x1, y1), np.clip(inside + 0.5, 0, 1).astype(np.float32), u, v, half, across)


def tube(shape, points, radii, cut=(False, False)) -> Part | None:
    """Points (K, 2) and radii (K,) in pixels -> a part of a limb; `cut` ends are straight, others round."""
    points, radii = np.asarray(points, np.float64), np.asarray(radii, np.float64)
    length = np.concatenate([[0], np.cumsum(np.maximum(1e-3, np.hypot(*np.diff(points, axis=0).T)))])
    if len(points) > 2:  # bends are rounded
        fine = np.unique(np.concatenate([np.linspace(a, b, 4) for a, b in pairwise(length)]))
        points = PchipInterpolator(length, points)(fine)
        radii, length = PchipInterpolator(length, radii)(fine), fine
    low = np.floor((points - radii[:, None]).min(0)).astype(int) - 2
    high = np.ceil((points + radii[:, None]).max(0)).astype(int) + 3
    x0, y0, x1, y1 = max(0, low[0]), max(0, low[1]), min(shape[1], high[0]), min(shape[0], high[1])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    best = np.full((y1 - y0, x1 - x0), -1e9, np.float32)
    u, v, half = (np.zeros_like(best) for _ in range(3))
    across = np.zeros((2, *best.shape), np.float32)
    last = len(points) - 2
    for i in range(last + 1):
        # Only the window around this piece of the way, in pixels from the part's corner.
        reach = max(radii[i], radii[i + 1]) + 2
        wx0, wy0 = np.maximum(np.floor(points[i : i + 2].min(0) - reach).astype(int) - (x0, y0), 0)
        wx1, wy1 = np.ceil(points[i : i + 2].max(0) + reach).astype(int) + 1 - (x0, y0)
        here = np.s_[wy0 : max(wy0, wy1), wx0 : max(wx0, wx1)]
        h, w = best[here].shape
        if not h or not w:
            continue
        (px, py), (dx, dy) = points[i] - (x0 + wx0, y0 + wy0), points[i + 1] - points[i]
        norm = max(1e-3, float(np.hypot(dx, dy)))
        ax, ay = np.float32(dy / norm), np.float32(-dx / norm)  # to the right of the way, as seen by the camera
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
        for whole, piece in ((best, inside), (u, off / r), (v, np.float32(length[i]) + along - over), (half, r)):
            np.copyto(whole[here], piece, where=nearer)
        across[0][here][nearer] = ax
        across[1][here][nearer] = ay
    mask = np.clip(best + 0.5, 0, 1).astype(np.float32)
    return Part((x0, y0, x1, y1), mask, np.clip(u, -1, 1), v, half, across)


def streaks(part: Part, rng, angle: float, long: float, short: float) -> np.ndarray:
    """Smooth noise (h, w), about −1..1, drawn out along `angle` (radians from the x axis): lengths in pixels."""
    grid = rng.standard_normal((32, 32)).astype(np.float32)
    grid = cv2.GaussianBlur(np.pad(grid, 4, mode="wrap"), (0, 0), 0.7)[4:-4, 4:-4] * 1.8
    x, y = part.grid()
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    a = x * (c / np.float32(long)) + y * (s / np.float32(long))
    b = y * (c / np.float32(short)) - x * (s / np.float32(short))
    return cv2.remap(grid, a, b, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def ridges(noise: np.ndarray) -> np.ndarray:
    """Noise -> heights with crisp ridges, as creases have."""
    return 1 - 2 * np.abs(noise)


def light_of(part: Part, light: Light, height: np.ndarray | float, roundness: float) -> tuple[np.ndarray, np.ndarray]:
    """Heights of folds in pixels -> shade (h, w), and the cosine (h, w) of the light's angle."""
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


def cloth(part: Part, fabric: Fabric, light: Light, height=0.0, roundness=0.8, grain: float = 1.0):
    """The part in this fabric: rgb (h, w, 3) and alpha (h, w), holes and sheerness included."""
    size = fabric.rgb.shape[0]
    wrap = part.u * part.half * (1 + 0.25 * part.u * part.u) * grain
    column = np.rint(wrap).astype(np.int32) % size
    row = np.rint(part.v * grain).astype(np.int32) % size
    if isinstance(height, np.ndarray):
        height = (height + 0.35 * fabric.relief[row, column]).astype(np.float32)
    shade, cosine = light_of(part, light, height, roundness)
    rgb = fabric.rgb[row, column]
    rgb *= shade[..., None]
    if fabric.gloss:
        rgb += (fabric.gloss * 0.35 * cv2.pow(cosine, 12))[..., None]
    return rgb, part.mask * fabric.alpha[row, column]


def disc(centre, radius: float) -> np.ndarray:
    """A circle's outline (16, 2) in pixels."""
    return oval(centre, radius, radius)


def oval(centre, rx: float, ry: float) -> np.ndarray:
    """An upright ellipse's outline (16, 2) in pixels."""
    a = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return np.stack([centre[0] + rx * np.cos(a), centre[1] + ry * np.sin(a)], 1)


class Picture:
    """What is drawn before the backdrop: premultiplied `rgba`; `garment` is how much of a pixel is the labelled one."""

    def __init__(self, height: int, width: int):
        self.rgba = np.zeros((height, width, 4), np.float32)
        self.garment = np.zeros((height, width), np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        return self.garment.shape

    def put(self, part: Part | None, rgb, alpha=None, labelled: bool = False) -> None:
        """Lays a part on top (an array `rgb` is used up). What is not the labelled garment hides it."""
        if part is None:
            return
        x0, y0, x1, y1 = part.box
        alpha = part.mask if alpha is None else alpha
        under, garment = self.rgba[y0:y1, x0:x1], self.garment[y0:y1, x0:x1]
        a = alpha[..., None]
        under *= 1 - a
        if np.ndim(rgb) == 3:
            rgb *= a
            under[..., :3] += rgb
        else:
            under[..., :3] += np.float32(rgb) * a
        under[..., 3] += alpha
        garment *= 1 - part.mask
        if labelled:
            garment += part.mask

    def shadow(self, part: Part | None, dx: float, dy: float, blur: float, strength: float) -> None:
        """Darkens what lies below a part that is about to be put, a little to the side of it."""
        if part is None:
            return
        pad = int(3 * blur) + 2
        mask = cv2.copyMakeBorder(part.mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
        mask = cv2.blur(cv2.blur(mask, (int(blur) * 2 + 1,) * 2), (int(blur) * 2 + 1,) * 2)
        x0, y0 = part.box[0] - pad + round(dx), part.box[1] - pad + round(dy)
        h, w = self.shape
        left, top = max(0, -x0), max(0, -y0)
        right, bottom = min(mask.shape[1], w - x0), min(mask.shape[0], h - y0)
        if right > left and bottom > top:
            region = self.rgba[y0 + top : y0 + bottom, x0 + left : x0 + right, :3]
            region *= 1 - strength * mask[top:bottom, left:right, None]

    def stroke(self, points, colour, width: float, alpha: float = 1.0, within: Part | None = None) -> None:
        """A line through points (K, 2), in `within` only; it hides nothing."""
        self._ink(points, colour, alpha, within, None, max(1, round(width)))

    def fill(
        self, points, colour, alpha: float = 1.0, within: Part | None = None, labelled: bool | None = None
    ) -> None:
        """A polygon; True or False for `labelled` makes it count as the garment, or hide it."""
        self._ink(points, colour, alpha, within, labelled, 0)

    def _ink(self, points, colour, alpha, within, labelled, width: int) -> None:
        points = np.asarray(points, np.float64)
        low, high = np.floor(points.min(0) - width - 2).astype(int), np.ceil(points.max(0) + width + 3).astype(int)
        x0, y0 = max(0, low[0]), max(0, low[1])
        x1, y1 = min(self.shape[1], high[0]), min(self.shape[0], high[1])
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        fixed = [np.rint((points - (x0, y0)) * 16).astype(np.int32)]  # OpenCV's fixed-point numbers
        if width:
            cv2.polylines(mask, fixed, False, 255, width, cv2.LINE_AA, 4)
        else:
            cv2.fillPoly(mask, fixed, 255, cv2.LINE_AA, 4)
        coverage = mask.astype(np.float32) * np.float32(alpha / 255)
        if within is not None:
            coverage *= _window(within, (x0, y0, x1, y1))
        region = self.rgba[y0:y1, x0:x1]
        region *= 1 - coverage[..., None]
        region[..., :3] += np.asarray(colour, np.float32) * coverage[..., None]
        region[..., 3] += coverage
        if labelled is not None:
            garment = self.garment[y0:y1, x0:x1]
            garment *= 1 - coverage
            if labelled:
                garment += coverage


def _window(part: Part, box) -> np.ndarray:
    """The part's mask in another window of the picture, 0 where it has none."""
    (x0, y0, x1, y1), (px0, py0, px1, py1) = box, part.box
    seen = np.zeros((y1 - y0, x1 - x0), np.float32)
    a0, b0, a1, b1 = max(x0, px0), max(y0, py0), min(x1, px1), min(y1, py1)
    if a1 > a0 and b1 > b0:
        seen[b0 - y0 : b1 - y0, a0 - x0 : a1 - x0] = part.mask[b0 - py0 : b1 - py0, a0 - px0 : a1 - px0]
    return seen
