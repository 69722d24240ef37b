"""The losses and the RoI accuracy of an earlier project next to ours, and which can be compared.

The earlier project trained keras-frcnn, a Faster R-CNN with one feature map, on DeepFashion's 16
classes. Its slides give five values, each on its training and on its test images.

Source: losses.py, data_generators.py, roi_helpers.py and config.py of keras-frcnn
(github.com/yhenon/keras-frcnn and its copies), for how it defines them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shopee_od.io import project_root, read_json

if TYPE_CHECKING:
    from IPython.display import Markdown

RESULTS = Path("results", "five_figures.json")
"""What tools/five_figures.py measures, below the project's root."""


@dataclass(frozen=True)
class EarlierValue:
    """One value of the slides.

    Args:
        title: what it is.
        train, test: on either split.
        comparable: "yes", "in part" or "no".
        reason: why, in words.
    """

    title: str
    train: float
    test: float
    comparable: str
    reason: str


EARLIER_VALUES = {
    "roi_accuracy": EarlierValue(
        "RoI accuracy",
        0.7626,
        0.7541,
        "in part",
        "Both are the share of sampled RoIs that are classified correctly, background included. "
        "But half of their RoIs hold a garment, where there are enough, and at most a quarter of "
        "ours: predicting background everywhere is right for about 50% of theirs and for at least "
        "75% of ours.",
    ),
    "rpn_score_loss": EarlierValue(
        "RPN: objectness loss",
        0.0279,
        0.0355,
        "no",
        "Both are averaged over sampled anchors. But most copies of keras-frcnn sample as many "
        "background anchors as garment anchors, and ours adds background, which is easier, up to "
        "256 anchors per image. Under Keras 2, theirs also swaps label and prediction in the "
        "cross-entropy.",
    ),
    "rpn_box_loss": EarlierValue(
        "RPN: box loss",
        0.0599,
        0.0618,
        "no",
        "Both are averaged over the deltas of positive anchors. But theirs multiplies the deltas "
        "by 4 and is smooth L1 with its corner at 1, and ours is a Huber loss with its corner at "
        "1/9: the same error counts 16 to 36 times as much in theirs.",
    ),
    "frcnn_cls_loss": EarlierValue(
        "second stage: class loss",
        0.6196,
        0.6523,
        "in part",
        "Both are the mean cross-entropy of sampled RoIs. But the classes are others, and so is "
        "the share of background; background RoIs, which are the easy ones, overlap a garment at "
        "IoU 0.1 or more in theirs, and need not in ours.",
    ),
    "frcnn_box_loss": EarlierValue(
        "second stage: box loss",
        0.0834,
        0.0869,
        "nearly",
        "Both are smooth L1 with its corner at 1, averaged over the deltas of RoIs that hold a "
        "garment. The deltas are scaled by 10, 10, 5, 5 in ours and by 8, 8, 4, 4 in theirs, so "
        "that the same error counts 1.25 to 1.56 times as much in ours; on the other hand, "
        "ground-truth boxes, whose deltas are 0, are among our RoIs.",
    ),
}


def format_loss_comparison(ours: Mapping[str, Mapping[str, float]]) -> str:
    """A Markdown table of our values, the earlier project's, and whether they can be compared.

    Args:
        ours: "train" and "test" -> what `measure_losses` returns; {} where it was not measured.
    """
    lines = [
        "| | ours, train | ours, test | earlier, train | earlier, test | comparable? | why |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, earlier in EARLIER_VALUES.items():
        values = [ours.get(split, {}).get(name) for split in ("train", "test")]
        cells = ["–" if v is None else f"{v:.4f}" for v in [*values, earlier.train, earlier.test]]
        cells = [earlier.title, *cells, earlier.comparable, earlier.reason]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def show_loss_comparison(file: Path | None = None) -> Markdown:
    """The table of `format_loss_comparison` for a notebook.

    Args:
        file: by default RESULTS of the checkout. Where it is absent, our columns are empty.
    """
    from IPython.display import Markdown

    file = project_root() / RESULTS if file is None else file
    results: Any = read_json(file) if file.is_file() else {}
    return Markdown(format_loss_comparison(results.get("losses", {})))
