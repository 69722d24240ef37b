"""COCO metrics of any detector on any data set, their intervals, and the thresholds."""

from shopee_od.evaluation.prediction import predict
from shopee_od.evaluation.scoring import evaluate, evaluate_sources, score
from shopee_od.evaluation.tables import format_table
from shopee_od.evaluation.thresholds import (
    find_best_threshold,
    find_category_threshold,
    find_garment_threshold,
)

__all__ = [
    "evaluate",
    "evaluate_sources",
    "find_best_threshold",
    "find_category_threshold",
    "find_garment_threshold",
    "format_table",
    "predict",
    "score",
]
