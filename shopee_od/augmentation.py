"""`Augmentation`: what training photos are made into, so that they resemble the photos of shops."""

from __future__ import annotations

from dataclasses import dataclass, fields

from shopee_od.errors import InputError


@dataclass(frozen=True)
class Augmentation:
    """Shares in [0, 1]; each is the probability for one training image.

    Args:
        collages: 2 to 9 photos side by side, with gutters, on white or colored ground.
        sheets: one to three small photos on a large plain ground.
        charts: tables of text without any photo, as size charts are: nothing in them is a garment.
        close_ups: of the single photos, those cropped to one of their garments, or into it.
        turns: of the single photos of garments laid flat, those turned by a multiple of 90°.
        banners: of the collages and sheets, those with bars of text on them.
        artifacts: of all images, those that are blurred or saved as a JPEG of low quality.
    """

    collages: float = 0.0
    sheets: float = 0.0
    charts: float = 0.0
    close_ups: float = 0.0
    turns: float = 0.0
    banners: float = 0.0
    artifacts: float = 0.0

    def check(self) -> None:
        """Raises InputError where a share is not one, or those of pages exceed 1 together."""
        for part in fields(self):
            value = getattr(self, part.name)
            if not 0 <= value <= 1:
                raise InputError(f"augmentation.{part.name} is {value}; use a share from 0 to 1")
        if self.composed_share > 1:
            raise InputError(
                f"augmentation.collages, sheets and charts are {self.composed_share:g} together; "
                "use shares of which the sum is at most 1"
            )

    @property
    def composed_share(self) -> float:
        """The share of images that are no single photos."""
        return self.collages + self.sheets + self.charts


SHOP_PHOTOS = Augmentation(
    collages=0.25,
    sheets=0.1,
    charts=0.01,
    close_ups=0.3,
    turns=0.1,
    banners=0.3,
    artifacts=0.3,
)
