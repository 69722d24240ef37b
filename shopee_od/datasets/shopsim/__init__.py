"""ShopSim: garments that the project draws itself, of DeepFashion's 16 classes and in its layout.

A newcomer's first run stands on it, since DeepFashion needs a signed agreement. From the inside out:
`fabrics` weaves tiles, `surfaces` bends and lights them, `bodies` wear them, `wardrobe` says what cut each class has,
`tailor` and `details` sew, `scenes` photographs, before `backdrops` and with a `camera`; `shop` writes the folder.
"""

from shopee_od.datasets.shopsim.shop import MANIFEST, make_shopsim

__all__ = ["MANIFEST", "make_shopsim"]
