"""Garments on a body: a cut and a fabric become trunk, sleeves, skirt and legs, with folds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from shopee_od.shopsim import details, necklines
from shopee_od.shopsim.bodies import ARM_RADII, ARMPIT, BUST, HIP, LEG_RADII, Body, cut_limb
from shopee_od.shopsim.cuts import ARMLESS, LEG_SHAPES, Cut
from shopee_od.shopsim.fabrics import FOLD_HEIGHTS, Fabric
from shopee_od.shopsim.picture import Picture
from shopee_od.shopsim.surfaces import (
    Light,
    Part,
    make_ridges,
    make_streaks,
    make_tube,
    render_cloth,
)


@dataclass
class GarmentRenderer:
    """Draws garments into a picture.

    Args:
        picture: changed in place.
        body: it gives the positions.
        light: it shades the folds.
        rng: gives the folds.
        roundness: of the shading: 0.8 worn, less where a garment hangs or is laid flat.
    """

    picture: Picture
    body: Body
    light: Light
    rng: np.random.Generator
    roundness: float = 0.8

    def upper(self, cut: Cut, fabric: Fabric, labeled: bool) -> None:
        """Draws the trunk of a top, a coat or a dress, without its sleeves."""
        if not cut.hem:
            return
        part = self._trunk(cut)
        if part is None:
            return
        necklines.cut_neck(part, self.body, cut)
        if cut.front == "open":
            part = self._open_front(part)
        if cut.straps or cut.neck == "halter":
            for strap in necklines.make_straps(self.picture.shape, self.body, cut):
                self._put(strap, fabric, 0.0, labeled)
        self._put(
            part,
            fabric,
            self._trunk_folds(part, cut),
            labeled,
            lined=0.075 if cut.lining else None,
        )
        details.finish_trunk(self.picture, part, self.body, cut, self.light, self.rng)

    def sleeve(self, cut: Cut, fabric: Fabric, side: int, labeled: bool) -> None:
        """Draws a sleeve, where the cut has one; side −1 left, 1 right."""
        if not cut.sleeve or not cut.hem:
            return
        s, arm = self.body.scale, self.body.arm(side)[:4]
        points, radii = cut_limb(arm, np.array(ARM_RADII) * cut.sleeve_ease + 0.004, cut.sleeve)
        inner = self.body.at(side * 0.072 * self.body.build, 0.200 - side * self.body.pose.tilt)
        points = np.vstack([inner, points])
        seam_radius = ARM_RADII[0] + 0.004 + 0.25 * cut.ease  # a wide sleeve widens below its seam
        radii = np.concatenate([[0.020, min(seam_radius, radii[0])], radii[1:]])
        radii[-1] += cut.sleeve_flare
        if cut.sleeve > 0.9 and cut.neck in ("shirt", "bow"):
            radii[-1] *= 0.8  # gathered into a cuff
        part = make_tube(self.picture.shape, points, radii * s, cut=(False, True))
        if part is None:
            return
        reach = float(part.v.max()) or 1.0
        bend = np.exp(-(((part.v / reach) - 0.55) ** 2) / 0.03) + 0.4
        folds = self._folds(cut, part, self.rng.uniform(0.9, 1.5) * side, 0.07, 0.016) * bend
        if cut.sleeve_flare or cut.sleeve_ease > 1.45:
            folds = folds + 0.006 * s * np.cos(part.u * 5 + self.rng.uniform(0, 6)) * (
                part.v / reach
            )
        self._put(part, fabric, folds, labeled)
        details.finish_sleeve(self.picture, points, radii * s, cut)

    def lower(self, cut: Cut, fabric: Fabric, labeled: bool) -> None:
        """Draws a skirt or trousers, where the cut has them."""
        if cut.skirt:
            self._skirt(cut, fabric, labeled)
        if cut.legs:
            self._trousers(cut, fabric, labeled)

    # Parts of a garment

    def _trunk(self, cut: Cut) -> Part | None:
        body, ease = self.body, cut.ease
        bottom = cut.hem
        rows = np.array(
            [0.160, 0.172, 0.190, ARMPIT, BUST, 0.320, 0.375, 0.430, HIP, 0.56, 0.66, 0.80]
        )
        half = np.array([*body.width(rows[:9]), *([float(body.width(HIP))] * 3)])
        straight = np.maximum(half, np.where(rows > BUST, float(body.width(BUST)) * 0.97, 0))
        half = cut.shape * half + (1 - cut.shape) * straight + ease
        half[:3] = (
            np.array([0.046, 0.080, 0.104]) * body.build * (1 - 0.16 * abs(body.pose.turn))
            + ease * 0.4
        )
        if cut.neck in ARMLESS:
            top = {"tube": 0.238, "camisole": 0.236, "bib": 0.262}.get(cut.neck, 0.166)
            wide = {"tank": 0.070, "round": 0.080, "vee_armless": 0.076, "halter": 0.03}.get(
                cut.neck
            )
            if wide is None:
                keep = rows > top + 0.012
                start = 0.055 if cut.neck == "bib" else float(body.width(ARMPIT)) - 0.004
                rows = np.concatenate([[top], rows[keep]])
                half = np.concatenate([[start], half[keep]])
                if cut.neck == "bib":
                    half[rows < 0.35] = 0.058
            else:
                half[:3] = (min(0.05, wide), wide, wide * 0.97)
                rows = np.insert(rows, 3, 0.208)
                half = np.insert(half, 3, wide * 0.97 + 0.003)
        at = np.interp(bottom, rows, half)
        keep = rows < bottom - 0.008
        if cut.flare:
            half = half + cut.flare * np.clip((rows - BUST) / max(0.05, bottom - BUST), 0, 1)
            at += cut.flare
        rows = np.concatenate([rows[keep], [bottom, bottom + 0.012]])
        half = np.concatenate([half[keep], [at, at]])
        part = body.trunk(self.picture.shape, rows, half)
        if part is not None and not cut.skirt and not (cut.legs and cut.type == "full"):
            self._hem(part, cut, bottom)
        return part

    def _hem(self, part: Part, cut: Cut, bottom: float) -> None:
        _, y = part.grid()
        s = self.body.scale
        phase = self.rng.uniform(0, 6)
        edge = self.body.y + bottom * s + 0.008 * s * (1 - part.u**2)
        if cut.fabric == "lace":
            edge = edge + 0.005 * s * np.abs(np.sin(part.u * 11 + phase))
        elif cut.pleats:
            edge = edge + 0.006 * s * np.cos(part.u * cut.pleats * 1.7 + phase)
        elif cut.neck == "shirt":
            edge = edge - 0.03 * s * np.abs(part.u) ** 3
        part.keep(edge - y)

    def _open_front(self, part: Part) -> Part:
        """Removes a gap between the fronts of an open coat, which widens downward."""
        x, y = part.grid()
        s = self.body.scale
        center = self.body.x + self.body.spine((y - self.body.y) / s) * s
        gap = (
            0.012 + self.rng.uniform(0.06, 0.12) * np.clip((y - self.body.y) / s - 0.2, 0, 1)
        ) * s
        return part.keep(np.abs(x - center) - gap)

    def _skirt(self, cut: Cut, fabric: Fabric, labeled: bool) -> None:
        body, s = self.body, self.body.scale
        top, hem = cut.waist if cut.type == "lower" else cut.hem, cut.skirt
        knots = np.array([top, 0.43, HIP, (HIP + hem) / 2, hem, hem + 0.02])
        below = np.array([0, 0.12, 0.33, 0.70, 1, 1.03])
        base = np.array([*body.width([top, 0.43, HIP]), *([float(body.width(HIP))] * 3)])
        half = base + 0.005 + cut.skirt_flare * below
        if cut.skirt_flare > 0.08:
            half = half + np.array([0, 0.012, 0.014, 0.006, 0, 0])
        sway = body.pose.hip * 0.5
        part = body.trunk(
            self.picture.shape, knots, half - sway * below * 0.3, half + sway * below * 0.3
        )
        if part is None:
            return
        _, y = part.grid()
        phase = self.rng.uniform(0, 6)
        count = cut.pleats
        wave = np.cos(part.u * max(2, count) * 1.6 + phase) * (0.007 if count else 0.001)
        scallop = 0.006 * np.abs(np.sin(part.u * 13)) if cut.fabric == "lace" else 0
        part.keep(body.y + (hem + 0.012 * (1 - part.u**2)) * s + (wave + scallop) * s - y)
        share = np.clip(part.v / ((hem - top) * s), 0, 1)
        folds = self._folds(cut, part, np.pi / 2, 0.16, 0.022) * (0.3 + share)
        if count:
            sharp = (
                make_ridges(np.sin(part.u * count * 1.6 + phase))
                if count > 10
                else np.cos(part.u * count * 2.2 + phase)
            )
            folds = folds + 0.020 * s * sharp * np.sqrt(share) / max(1.0, count / 4)
        self._put(part, fabric, folds, labeled, lined=0.0 if cut.lining else None)
        details.finish_skirt(self.picture, part, body, cut, top)

    def _trousers(self, cut: Cut, fabric: Fabric, labeled: bool) -> None:
        body, s, shape = self.body, self.body.scale, self.picture.shape
        radii = np.maximum(np.array(LEG_SHAPES[cut.leg]), np.array(LEG_RADII) * 1.02) * body.build
        for side in (-1, 1):
            points, widths = cut_limb(body.leg(side), radii, cut.legs)
            if cut.leg == "wide" and cut.legs < 0.4:
                widths[-1] += 0.012
            part = make_tube(
                shape, points, widths * s, cut=(False, cut.leg != "tight" or cut.legs < 1)
            )
            if part is None:
                continue
            reach = float(part.v.max()) or 1.0
            t = part.v / reach
            knee = np.exp(-((t - 0.52) ** 2) / 0.008)
            ankle = np.clip((t - 0.8) * 5, 0, 1)
            folds = self._folds(cut, part, side * self.rng.uniform(0.1, 0.5), 0.06, 0.014)
            folds = folds * (
                0.25
                + knee
                + (0.9 * ankle if cut.legs > 0.8 else 0)
                + 0.5 * np.clip(0.2 - t, 0, 1) * 5
            )
            if cut.leg in ("wide", "flare"):
                folds = folds + 0.007 * s * np.cos(part.u * 4.5 + self.rng.uniform(0, 6)) * t
            self._put(part, fabric, folds, labeled)
            details.finish_leg(self.picture, part, points, widths * s, cut, side, s, self.rng)
        rows = np.array([cut.waist, 0.43, HIP, 0.52, 0.548])
        hips = body.width(rows) + 0.004 + (0.008 if cut.leg == "wide" else 0)
        hips[-2:] = hips[-2] * 1.0, hips[-2] * 0.55
        part = body.trunk(shape, rows, hips)
        if part is None:
            return
        _, y = part.grid()
        fade = np.clip((body.y + 0.552 * s - y) / (0.05 * s), 0, 1)  # into the legs
        part.mask = part.mask * fade
        self._put(part, fabric, self._folds(cut, part, np.pi / 2 - 0.5, 0.05, 0.018) * 0.5, labeled)
        details.finish_hips(self.picture, part, body, cut)

    # Folds and shading

    def _folds(self, cut: Cut, part: Part, angle: float, long: float, short: float) -> np.ndarray:
        s = self.body.scale
        amount = FOLD_HEIGHTS.get(cut.fabric, 1.0) * (
            0.35 if cut.leg == "tight" and cut.legs else 1.0
        )
        soft = make_streaks(part, self.rng, angle, long * s, short * 1.2 * s)
        crisp = make_ridges(
            0.6 * make_streaks(part, self.rng, angle + 0.3, long * s, short * 1.7 * s)
        )
        return (amount * 0.0105 * s) * (0.6 * soft + 0.7 * crisp)

    def _trunk_folds(self, part: Part, cut: Cut) -> np.ndarray:
        s = self.body.scale
        lean = self.rng.uniform(0.3, 0.9) * self.rng.choice([-1, 1])
        t = np.clip(part.v / (0.33 * s), 0, 1.5)
        folds = self._folds(cut, part, lean, 0.11, 0.020) * (0.35 + 0.5 * t)
        loose = 1 - cut.shape * 0.7
        hang = self._folds(cut, part, np.pi / 2, 0.2, 0.026) * loose * t
        bust = (
            0.012
            * s
            * np.exp(
                -((np.abs(part.u) - 0.45) ** 2) / 0.06 - ((part.v - 0.105 * s) / (0.05 * s)) ** 2
            )
        )
        if cut.pleats and cut.type == "upper":
            hang = hang + 0.006 * s * np.cos(part.u * cut.pleats * 1.7 + lean) * t
        return 1.3 * folds + hang + bust * (0.8 if self.roundness > 0.5 else 0.15)

    def _put(
        self,
        part: Part | None,
        fabric: Fabric,
        folds: np.ndarray | float,
        labeled: bool,
        lined: float | None = None,
    ) -> None:
        """Puts a part with its shadow; a lining starts `lined` below the part's top."""
        if part is None:
            return
        s = self.body.scale
        lx, ly, _ = self.light.direction
        self.picture.shadow(
            part, -lx * 0.014 * s, max(0.3, -ly) * 0.016 * s, max(2.0, 0.009 * s), 0.30
        )
        if lined is not None:
            plain = replace(
                fabric,
                rgb=cv2.blur(fabric.rgb, (31, 31)) * np.float32(0.88),
                alpha=np.ones_like(fabric.alpha),
            )
            rgb, _ = render_cloth(part, plain, self.light, folds, self.roundness)
            inner = part.mask * np.clip((part.v - lined * s) / (0.02 * s) + (lined == 0), 0, 1)
            self.picture.put(part, rgb, inner, labeled)
        rgb, alpha = render_cloth(
            part, fabric, self.light, folds, self.roundness, grain=self._grain()
        )
        self.picture.put(part, rgb, alpha, labeled)

    def _grain(self) -> float:
        """Tile pixels per pixel of the picture: the weave is finer where the figure is smaller."""
        return float(np.clip(760 / self.body.scale, 0.7, 1.6))
