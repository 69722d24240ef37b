"""Photos and their boxes as pandas tables, read from the layouts that data sets come in."""

from shopee_od.datasets.registry import DATASETS, Layout, default_root, locate, open_dataset

__all__ = ["DATASETS", "Layout", "default_root", "locate", "open_dataset"]
