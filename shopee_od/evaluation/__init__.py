"""COCO metrics of any detector on any data set, their bootstrap intervals, and the operating threshold."""

from shopee_od.evaluation.operating import best_threshold
from shopee_od.evaluation.report import table
from shopee_od.evaluation.scoring import evaluate, predict, score

__all__ = ["best_threshold", "evaluate", "predict", "score", "table"]
