"""The stage comparison as Markdown, from results/stage_comparison.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shopee_od.course.stage_comparison import STAGES, describe_steps
from tools.markdown import commit, format_markdown, machine, number, source, with_interval

Results = Mapping[str, Any]
"""What tools/compare_stages.py writes."""

NAME = "stage_comparison"
TITLES = {"shopsim": "ShopSim: synthetic images", "ccp": "CCP: street photos"}
METRICS = ("AP50", "agnostic_AP50")


def format_stages(results: Mapping[str, Results]) -> str:
    """The block of README.md.

    Args:
        results: of all files under results/, by name.
    """
    if NAME not in results:
        return format_single_runs(results)
    comparison = results[NAME]
    parts = [describe_conditions(comparison)]
    for name, dataset in comparison["datasets"].items():
        stages = dataset["stages"]
        parts += [
            f"#### {TITLES[name]}",
            _describe_images(dataset["data"]),
            format_accuracy_and_cost(stages),
            f"What each slot bought on {TITLES[name].partition(':')[0]}:",
            format_differences(dataset),
        ]
    return "\n\n".join(parts)


def describe_conditions(comparison: Results) -> str:
    """How all stages were trained, evaluated and timed."""
    seeds = ", ".join(map(str, comparison["seeds"]))
    postprocessing = comparison["postprocessing"]
    return (
        f"Values are means over trainings with seeds {seeds}. Parentheses are 95% intervals of "
        f"{comparison['resamples']:,} bootstrap resamples over test images and seeds; for a "
        "difference, both stages have the same images. Seconds are wall-clock time with "
        f"{comparison['threads']} threads ({machine(comparison)}), memory is the peak of a process "
        "that runs this stage alone. All stages have the same postprocessing: NMS at IoU "
        f"{postprocessing['nms_iou']:g} within each class, on the "
        f"{postprocessing['pre_nms_top_k']:,} pairs of region and class with the highest scores. "
        "Bridging stages are in no paper: they change one slot where a paper changed several. "
        f"Source: {source(NAME)}, commit {commit(comparison)}."
    )


def format_accuracy_and_cost(stages: Mapping[str, Any]) -> str:
    """One row per stage: accuracy with intervals, and what it costs."""
    heading = (
        "stage",
        "AP50",
        "class-agnostic AP50",
        "s/image",
        "memory, GB",
        "training, min",
        "training steps",
        "parameters, M",
    )
    rows = [
        (
            stage["name"],
            *(_value(stage[metric]) for metric in METRICS),
            number(stage["seconds"]),
            f"{stage['peak_memory'] / 1e9:.2f}",
            number(stage["training_minutes"], ".1f"),
            number(stage["trained"]["steps"], ",d"),
            f"{stage['parameters'] / 1e6:.2f}",
        )
        for stage in stages.values()
    ]
    return format_markdown(heading, rows)


def format_differences(dataset: Mapping[str, Any]) -> str:
    """One row per stage that is compared to another: what changed, and what that bought."""
    steps = describe_steps(dataset).reset_index()
    return format_markdown(list(steps), steps.to_numpy().tolist())


def format_single_runs(results: Mapping[str, Results]) -> str:
    """One run on each data set without intervals, as long as the comparison is not measured."""
    shopsim, ccp = (results[f"{name}_laptop"] for name in TITLES)
    heading = (
        "stage",
        *("ShopSim: AP50", "class-agnostic AP50", "s/image"),
        *("CCP: AP50", "class-agnostic AP50", "s/image"),
    )
    rows = [
        (
            shopsim["stages"][name]["name"],
            *(
                number(run["stages"][name][key])
                for run in (shopsim, ccp)
                for key in (*METRICS, "seconds")
            ),
        )
        for name in STAGES
        if name in shopsim["stages"]
    ]
    images = " and ".join(
        "{train_photos} training images and {test_photos} test images".format(
            **run["stages"]["rcnn"]
        )
        + f" of {title.partition(':')[0]}"
        for run, title in ((shopsim, TITLES["shopsim"]), (ccp, TITLES["ccp"]))
    )
    return (
        f"{format_markdown(heading, rows)}\n\n"
        f"One training of each stage with seed {shopsim['parameters']['seed']}, on {images} "
        f"({machine(shopsim)}): {source('shopsim_laptop')}, {source('ccp_laptop')}, commit "
        f"{commit(shopsim)}. There are no intervals: small differences may be chance. Stages "
        "differ in more than the idea that each is named after, in input size and training length "
        "too, so the table compares whole stages. From R-CNN to Fast R-CNN, s/image adds the "
        "processor time of selective search to the elapsed time of the network."
    )


def _describe_images(data: Mapping[str, Any]) -> str:
    counts = [f"{data[split]['photos']:,} {split}" for split in data]
    return f"Images: {', '.join(counts)}."


def _value(metric: Mapping[str, Any]) -> str:
    return with_interval(metric["value"], (metric["low"], metric["high"]))
