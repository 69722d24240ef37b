"""COCO metrics of any detector on any data set, their intervals, and the operating threshold."""

from shopee_od.evaluation.prediction import predict
from shopee_od.evaluation.scoring import evaluate, score
from shopee_od.evaluation.tables import format_table
from shopee_od.evaluation.thresholds import find_best_threshold

__all__ = ["evaluate", "find_best_threshold", "format_table", "predict", "score"]
