"""Recall by the size of the garment in its photo."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.evaluation.verdicts import Verdicts
from shopee_od.ops.boxes import area


def recall_by_size(verdicts: Verdicts, dataset: Dataset, threshold: float = 0.0, groups: int = 5) -> pd.DataFrame:
    """Verdicts and the Dataset that they are of -> a row for each of up to `groups` sizes, the smallest first.

    A garment's size is the share of its photo that its box covers. The groups hold as many boxes each, as far as
    equal sizes allow. Columns: low, high (the sizes between which they lie, high included), boxes, found (at
    IoU >= 0.5, by a detection of the box's class with a score of at least `threshold`), recall = found / boxes.
    """
    truth = verdicts.truth
    images = dataset.images.set_index("image_id").loc[truth.image_id]
    share = area(truth[CORNERS].to_numpy()) / (images.width * images.height).to_numpy()
    hits = verdicts.found[verdicts.found.hit & (verdicts.found.score >= threshold)]
    found = np.isin(np.arange(len(truth)), hits.box)
    edges = np.unique(np.quantile(share, np.linspace(0, 1, groups + 1))) if len(share) else np.zeros(1)
    group = np.clip(np.searchsorted(edges, share, side="left") - 1, 0, max(len(edges) - 2, 0))
    table = pd.DataFrame({"group": group, "found": found})
    rows = table.groupby("group").found.agg(["size", "sum"])
    low = edges[:-1] if len(edges) > 1 else edges
    return pd.DataFrame(
        {
            "low": low[rows.index],
            "high": edges[np.minimum(rows.index + 1, len(edges) - 1)],
            "boxes": rows["size"].to_numpy(),
            "found": rows["sum"].to_numpy(),
            "recall": (rows["sum"] / rows["size"]).to_numpy(),
        }
    )
