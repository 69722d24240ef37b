"""Recall by the size of the garment in its image."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.evaluation.match_table import MatchTable
from shopee_od.ops.boxes import box_area


def measure_recall_by_size(
    table: MatchTable, dataset: Dataset, score_threshold: float = 0.0, num_groups: int = 5
) -> pd.DataFrame:
    """Measures recall in groups of boxes of similar size.

    A garment's size is the share of its image that its box covers.

    Args:
        table: from `build_match_table`.
        dataset: the one that the table is of.
        score_threshold: detections with lower scores do not count.
        num_groups: at most so many groups, with equal numbers of boxes as far as equal sizes allow.
    Returns:
        One row per group, smallest sizes first: low and high (the bounds of the sizes, high
        included), boxes, matched (those with a correct detection at IoU 0.5), recall = matched /
        boxes.
    """
    gt_boxes = table.gt_boxes
    images = dataset.images.set_index("image_id").loc[gt_boxes.image_id]
    size = box_area(gt_boxes[CORNERS].to_numpy()) / (images.width * images.height).to_numpy()
    correct = table.detections.correct & (table.detections.score >= score_threshold)
    matched = np.isin(np.arange(len(gt_boxes)), table.detections.gt_row[correct])
    quantiles = np.linspace(0, 1, num_groups + 1)
    edges = np.unique(np.quantile(size, quantiles)) if len(size) else np.zeros(1)
    # With a single size there is one edge, and one group.
    last_group = max(len(edges) - 2, 0)
    group = np.clip(np.searchsorted(edges, size, side="left") - 1, 0, last_group)
    counts = pd.DataFrame({"group": group, "matched": matched}).groupby("group").matched
    rows = counts.agg(["size", "sum"])
    return pd.DataFrame(
        {
            "low": edges[rows.index],
            "high": edges[np.minimum(rows.index + 1, len(edges) - 1)],
            "boxes": rows["size"].to_numpy(),
            "matched": rows["sum"].to_numpy(),
            "recall": (rows["sum"] / rows["size"]).to_numpy(),
        }
    )
