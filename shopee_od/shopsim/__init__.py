"""ShopSim: rendered images of garments, of DeepFashion's 16 classes and in its layout on disk.

The course runs on this synthetic data set by default, because DeepFashion needs a signed agreement.
How an image is rendered, step by step:

1. `class_cuts` samples a garment of a class, described by `cuts`.
2. `fabrics` makes seamless tiles with `patterns`; `surfaces` bends and shades them.
3. `figures` draws who wears the garment, from `poses` and `bodies`.
4. `garments`, `necklines`, `details` and `prints` draw the garment into a `picture`.
5. `scenes` adds `backdrops` and `props` and simulates a `camera`.
6. `dataset` writes the folder.
"""

from shopee_od.shopsim.dataset import MANIFEST, make_shopsim

__all__ = ["MANIFEST", "make_shopsim"]
