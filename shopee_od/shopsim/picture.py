"""The picture that garments and figures are drawn into, with the mask of the labeled garment."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from shopee_od.shopsim.surfaces import Part


def outline_disc(center: np.ndarray, radius: float) -> np.ndarray:
    """A circle's outline (16, 2) in pixels."""
    return outline_oval(center, radius, radius)


def outline_oval(center: np.ndarray, rx: float, ry: float) -> np.ndarray:
    """An upright ellipse's outline (16, 2) in pixels."""
    a = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return np.stack([center[0] + rx * np.cos(a), center[1] + ry * np.sin(a)], 1)


class Picture:
    """The image without its backdrop, and how much of each pixel is the labeled garment.

    `rgba` is float32 (H, W, 4), premultiplied; `garment` is float32 (H, W) in 0..1.
    """

    def __init__(self, height: int, width: int):
        self.rgba: np.ndarray = np.zeros((height, width, 4), np.float32)
        self.garment: np.ndarray = np.zeros((height, width), np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.garment.shape

    def put(
        self,
        part: Part | None,
        rgb: Any,
        alpha: np.ndarray | None = None,
        labeled: bool = False,
    ) -> None:
        """Draws a part on top.

        Args:
            part: None: nothing is drawn.
            rgb: a color, or an array (h, w, 3), which is changed.
            alpha: (h, w) opacity; None: the part's mask.
            labeled: whether it is the labeled garment; what is not hides it.
        """
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
        if labeled:
            garment += part.mask

    def shadow(self, part: Part | None, dx: float, dy: float, blur: float, strength: float) -> None:
        """Darkens what is below a part that is put next.

        Args:
            part: None: nothing changes.
            dx, dy: the shift of the shadow in pixels.
            blur: in pixels.
            strength: 0..1.
        """
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

    def stroke(
        self,
        points: ArrayLike,
        color: ArrayLike,
        width: float,
        alpha: float = 1.0,
        within: Part | None = None,
    ) -> None:
        """Draws a line through points (K, 2), inside `within`; it hides nothing."""
        self._ink(points, color, alpha, within, None, max(1, round(width)))

    def fill(
        self,
        points: ArrayLike,
        color: ArrayLike,
        alpha: float = 1.0,
        within: Part | None = None,
        labeled: bool | None = None,
    ) -> None:
        """Draws a polygon.

        Args:
            points: (K, 2) in pixels.
            color: in 0..1.
            alpha: opacity.
            within: the part to stay inside.
            labeled: True: it counts as the labeled garment; False: it hides it; None: neither.
        """
        self._ink(points, color, alpha, within, labeled, 0)

    def _ink(
        self,
        points: ArrayLike,
        color: ArrayLike,
        alpha: float,
        within: Part | None,
        labeled: bool | None,
        width: int,
    ) -> None:
        points = np.asarray(points, np.float64)
        low = np.floor(points.min(0) - width - 2).astype(int)
        high = np.ceil(points.max(0) + width + 3).astype(int)
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
        region[..., :3] += np.asarray(color, np.float32) * coverage[..., None]
        region[..., 3] += coverage
        if labeled is not None:
            garment = self.garment[y0:y1, x0:x1]
            garment *= 1 - coverage
            if labeled:
                garment += coverage

    def rotate(self, degrees: float) -> None:
        """Rotates the picture, for clothes on a bed and tilted cameras."""
        h, w = self.shape
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), float(np.clip(degrees, -25, 25)), 1.0)
        if abs(degrees) > 0.3:
            self.rgba = cv2.warpAffine(self.rgba, turn, (w, h), flags=cv2.INTER_LINEAR)
            self.garment = cv2.warpAffine(self.garment, turn, (w, h), flags=cv2.INTER_LINEAR)


def _window(part: Part, box: tuple[int, int, int, int]) -> np.ndarray:
    """The part's mask in another window of the picture, 0 outside the part."""
    (x0, y0, x1, y1), (px0, py0, px1, py1) = box, part.box
    seen = np.zeros((y1 - y0, x1 - x0), np.float32)
    a0 = max(x0, px0)
    b0 = max(y0, py0)
    a1 = min(x1, px1)
    b1 = min(y1, py1)
    if a1 > a0 and b1 > b0:
        seen[b0 - y0 : b1 - y0, a0 - x0 : a1 - x0] = part.mask[
            b0 - py0 : b1 - py0, a0 - px0 : a1 - px0
        ]
    return seen
