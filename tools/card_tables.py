"""The figures of the shipped detector as Markdown, from the files under results/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shopee_od.structures import GARMENT_TYPES
from tools.markdown import format_markdown, machine, number, share, with_interval

Results = Mapping[str, Any]
"""What tools/evaluate_shop_detector.py writes."""

ROWS = {
    "CCP, test: street photos": ("ccp",),
    "Clothing, test: garments laid flat or hung up": ("clothing",),
    "Shopee photos, without underwear and swimwear": ("shopee", "supported"),
    "Shopee photos, all garments": ("shopee", "all"),
}
"""A row of the tables -> where its metrics are in the results."""


def list_metrics(results: Results) -> dict[str, Any]:
    """The metrics of each row that was measured, by its title."""
    metrics = {}
    for title, keys in ROWS.items():
        value: Any = results
        for key in keys:
            value = value.get(key, {})
        if value:
            metrics[title] = value
    return metrics


def format_accuracy(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """AP and image-level recall, with 95% intervals where they were computed.

    Args:
        metrics: title -> what `evaluation.score` returns, one row each.
    """
    heading = (
        "evaluated on",
        "photos, garments",
        "AP50",
        "AP",
        "class-agnostic AP50",
        "class-agnostic AP",
        "images with at least one garment found",
    )
    return format_markdown(heading, [_accuracy_row(title, row) for title, row in metrics.items()])


def format_types(results: Results) -> str:
    """AP50 by type on each data set, with the number of boxes."""
    rows = [
        (title, *(_ap50_and_boxes(metrics["per_type"][name]) for name in GARMENT_TYPES))
        for title, metrics in list_metrics(results).items()
    ]
    return format_markdown(("AP50", *GARMENT_TYPES), rows)


def format_names(rows: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """Boxes, AP and AP50 of each class or group, highest AP50 first."""
    known = {name: row for name, row in rows.items() if row["boxes"]}
    order = sorted(known, key=lambda name: -(known[name]["AP50"] or 0))
    return format_markdown(
        (title, "boxes", "AP", "AP50"),
        [
            (
                name,
                f"{known[name]['boxes']:,}",
                number(known[name]["AP"]),
                number(known[name]["AP50"]),
            )
            for name in order
        ],
    )


def format_gains(results: Results) -> str:
    """The gain in class-agnostic AP50 over the baseline, with its paired interval."""
    heading = ("class-agnostic AP50", "baseline", "this detector", "gain")
    rows = [
        (
            title,
            number(metrics["gain"]["baseline_AP50"]),
            number(metrics["gain"]["AP50"]),
            with_interval(metrics["gain"]["gain"], metrics["gain"]["interval"], "+.3f"),
        )
        for title, metrics in list_metrics(results).items()
        if metrics["gain"]
    ]
    return format_markdown(heading, rows)


def format_false_alarms(results: Results) -> str:
    """Boxes that are shown in photos without garments, by what these photos show."""
    kinds = {"shoes and hats (Clothing, test)": results["clothing"]["false_alarms"]}
    if "shopee" in results:
        kinds["size charts (Shopee)"] = results["shopee"]["all"]["false_alarms"]
    rows = [
        (kind, *(f"{row[name]:,}" for name in ("photos", "false_alarms")), number(row["per_photo"]))
        for kind, row in kinds.items()
    ]
    return format_markdown(("photos of", "photos", "boxes shown", "per photo"), rows)


def format_cost(results: Results) -> str:
    """One sentence: seconds to the first photo, s/image, memory, and the machine."""
    cost = results["cost"]
    return (
        f"`shopee-od detect` shows its first tagged photo after "
        f"{cost['first_photo_seconds']:.1f} s. Then it takes {cost['seconds_per_image']:.3f} "
        f"s/image, and {cost['peak_memory'] / 1e9:.2f} GB of memory ({machine(results)})."
    )


def format_ablation(ablation: Mapping[str, Any]) -> str:
    """One row per training of tools/ablate_shop_detector.py."""
    heading = (
        "training",
        "what it adds",
        "to",
        "class-agnostic AP50",
        "class-agnostic AP",
        "AP",
        "gain in class-agnostic AP",
        "minutes",
    )
    rows = []
    for name, row in ablation["rows"].items():
        gain = row.get("gain", {}).get("agnostic_AP")
        rows.append(
            (
                f"`{name}`",
                row["what"],
                f"`{row['compared_to']}`" if row["compared_to"] else "",
                *(number(row[key]["mean"]) for key in ("agnostic_AP50", "agnostic_AP", "AP")),
                with_interval(gain["value"], gain["interval"], "+.3f") if gain else "–",
                f"{row['trained']['minutes']:.0f}",
            )
        )
    return format_markdown(heading, rows)


def _accuracy_row(title: str, metrics: Mapping[str, Any]) -> Sequence[str]:
    intervals = metrics["intervals"]
    agnostic = metrics["agnostic"]
    return (
        title,
        f"{metrics['photos']:,}, {agnostic['boxes']:,}",
        with_interval(metrics["AP50"], intervals.get("AP50")),
        with_interval(metrics["AP"], intervals.get("AP")),
        with_interval(agnostic["AP50"], intervals.get("agnostic_AP50")),
        number(agnostic["AP"]),
        share(metrics["photos_with_a_hit"], intervals.get("photos_with_a_hit")),
    )


def _ap50_and_boxes(row: Mapping[str, Any]) -> str:
    return f"{number(row['AP50'])} ({row['boxes']:,})" if row["boxes"] else "–"
