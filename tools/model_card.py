"""The shipped detector's MODEL_CARD.md and its block of README.md, from the files under results/.

`python -m tools.render_results` writes both. Of results/ the card has shop_detector.json,
ablation.json and five_figures.json; its known failures are in tools/known_failures.md, written by
hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shopee_od.config import to_dict
from shopee_od.course.earlier_losses import format_loss_comparison
from shopee_od.datasets.taxonomy import JOINED
from shopee_od.detectors.saving import DetectorInfo
from shopee_od.errors import InputError
from shopee_od.profiles import profile
from tools import card_tables
from tools.markdown import commit, format_markdown, number

CARD = "MODEL_CARD.md"
FAILURES = Path(__file__).with_name("known_failures.md")
NOTE = "<!-- rendered from results/ by python -m tools.render_results -->"

DATA = {
    "ccp": "Clothing Co-Parsing, street photos (Yang, Luo, Lin, CVPR 2014) | Apache-2.0",
    "clothing": "Clothing, photos of garments laid flat or hung up (Alexey Grigorev, 2020), with "
    "boxes made for this project | CC0 1.0",
    "ccp-cutouts": "the garments of Clothing Co-Parsing, cut out | Apache-2.0",
    "clothing-cutouts": "the garments of Clothing, cut out | CC0 1.0",
}
"""Data set -> its description and license."""
WEIGHTS = {
    **{
        f"EfficientNet-Lite{k}, ImageNet": f"EfficientNet-Lite{k} (Google), trained on ImageNet-1k"
        for k in range(3)
    },
    "EfficientNet-Lite0, COCO": "backbone of EfficientDet-Lite0 (Google), trained on ImageNet-1k "
    "and COCO 2017",
}
"""Name of the initial weights -> their description; the license of all is Apache-2.0."""
PREPARE = {
    "ccp": "shopee-od data download ccp",
    "clothing": "shopee-od data download clothing",
    "ccp-cutouts": "shopee-od data make ccp-cutouts",
    "clothing-cutouts": "shopee-od data make clothing-cutouts",
}

NOT_TRAINED_ON = """\
No free photos of underwear and swimwear with boxes were available for its training. It has no such
categories: it misses these garments, or tags them as others. With internet, two commands close the
gap:

    shopee-od data download openimages --classes Brassiere,Swimwear
    shopee-od train --profile shop --weights shipped --run runs/mine \\
        --dataset ccp --dataset clothing --dataset openimages

Shoes, hats, bags and jewelry are no garments here."""


def render_card(
    info: DetectorInfo,
    results: Mapping[str, Any],
    ablation: Mapping[str, Any] | None,
    losses: Mapping[str, Any] | None,
    failures: str,
) -> str:
    """The model card.

    Args:
        info: of the detector.
        results: of tools/evaluate_shop_detector.py, of the same detector.
        ablation: of tools/ablate_shop_detector.py.
        losses: of tools/five_figures.py.
        failures: the section on known failures.
    Raises:
        InputError: the results are another detector's, or a license is not known.
    """
    evaluated = results["model"]["files"]["network.tflite"]["sha256"]
    if evaluated != info.inference["network_sha256"]:
        raise InputError(
            f"results/shop_detector.json is of another network ({results['model']['name']}) than "
            f"{info.name}; run tools/evaluate_shop_detector.py again"
        )
    sections = {
        "What it is for": _describe_use(info),
        "Data and licenses": _describe_data(info),
        "Recipe": _describe_recipe(info),
        "Accuracy": _describe_accuracy(results),
        "Cost": card_tables.format_cost(results),
        "Thresholds": _describe_thresholds(info),
        "Known failures": failures.strip(),
        "What it was not trained on": NOT_TRAINED_ON,
    }
    if ablation:
        sections["What each part of the recipe adds"] = _describe_ablation(ablation)
    if losses:
        sections["Losses"] = _describe_losses(losses)
    sections["Files"] = _describe_files(results)
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# {info.name}\n\n{NOTE}\n\n{body}\n"


def render_summary(results: Mapping[str, Any]) -> str:
    """What README.md tells: accuracy, cost, and where more is."""
    more = (
        f"[Its model card](shopee_od/models/shop/{CARD}) has its data, recipe, figures by class "
        "and known failures."
    )
    accuracy = card_tables.format_accuracy(card_tables.list_metrics(results))
    return f"{accuracy}\n\n{card_tables.format_cost(results)}\n{more}"


def list_commands(info: DetectorInfo) -> list[str]:
    """The commands that train a detector with the same data, sizes and seed."""
    names = info.metadata["dataset"].split(JOINED)
    is_single = names[1:] == ["categories"]
    datasets = names[:1] if is_single else names
    command = f"shopee-od train --profile {info.config['name']}"
    command += "".join(f" --dataset {name}" for name in datasets) + " --categories" * is_single
    defaults = to_dict(profile(info.config["name"], datasets[0] if len(datasets) == 1 else ""))
    command += "".join(f" --set {setting}" for setting in _list_changes(info.config, defaults))
    command += f" --seed {info.metadata['seed']} --run runs/shop"
    return [*(PREPARE[name] for name in datasets), command]


def _list_changes(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    """NAME=VALUE of each setting that differs from the profile's."""
    for name, value in config.items():
        default = defaults.get(name)
        if name == "description" or value == default:
            continue
        if isinstance(value, Mapping):
            yield from (f"{name}.{change}" for change in _list_changes(value, default or {}))
        elif isinstance(value, list):
            yield f"{name}={','.join(map(str, value))}"
        else:
            yield f"{name}={str(value).lower() if isinstance(value, bool) else value}"


def _describe_use(info: DetectorInfo) -> str:
    return (
        "It draws a box around each garment in photos of fashion shops, and tags it: people, "
        "garments laid flat, on hangers and mannequins, close-ups, collages. `shopee_od.load()` "
        "and `shopee-od detect` open it by default; `shopee-od train --weights shipped` starts "
        "from it. It is not made to recognize or describe people.\n\n"
        f"Categories: {', '.join(info.classes)}."
    )


def _describe_data(info: DetectorInfo) -> str:
    metadata = info.metadata
    names = [name for name in metadata["dataset"].split(JOINED) if name != "categories"]
    unknown = [name for name in names if name not in DATA]
    unknown += [metadata["weights"]] if metadata["weights"] not in WEIGHTS else []
    if unknown:
        raise InputError(f"{unknown[0]}: add its license to tools/model_card.py")
    lines = ["| | license |", "|---|---|", *(f"| {DATA[name]} |" for name in names)]
    lines.append(f"| initial weights: {WEIGHTS[metadata['weights']]} | Apache-2.0 |")
    return (
        "\n".join(lines) + f"\n\nIt was trained on {metadata['photos']:,} photos. "
        f"{metadata['val_photos']:,} validation photos chose its checkpoint and its thresholds. "
        "Test splits were used for nothing but the figures below. The weights are under Apache-2.0."
    )


def _describe_recipe(info: DetectorInfo) -> str:
    metadata = info.metadata
    text = "\n".join(f"    {command}" for command in list_commands(info))
    text += (
        f"\n\n{metadata['steps']:,} steps of {info.config['batch_size']} images, "
        f"{metadata['epochs']:.1f} epochs, in {metadata['minutes'] / 60:.1f} hours; seed "
        f"{metadata['seed']}. The checkpoint of step {metadata['best_step']:,} was taken."
    )
    if info.config["weights"]:
        text += (
            f" `{info.config['weights']}` has the initial weights; a converter in tools/, "
            "convert_efficientdet_backbone.py or convert_efficientnet_lite.py, writes it."
        )
    return text


def _describe_accuracy(results: Mapping[str, Any]) -> str:
    parts = [
        card_tables.format_accuracy(card_tables.list_metrics(results)),
        "Parentheses are 95% intervals, by bootstrap over images. AP50 and AP are means over "
        "classes: over CCP's own on CCP, to which categories are mapped, and over categories "
        "elsewhere. *Class-agnostic* treats all garments as one class. Measured by "
        f"`{results['command']}`, commit {commit(results)}.",
        "### AP50 by type, and number of boxes",
        card_tables.format_types(results),
        "### By class: CCP",
        card_tables.format_names(results["ccp"]["per_class"], "class"),
        "### By category: Clothing",
        card_tables.format_names(results["clothing"]["per_class"], "category"),
    ]
    if "shopee" in results:
        groups = results["shopee"]["groups"]
        parts += [
            "### By group: Shopee photos",
            card_tables.format_names(results["shopee"]["all"]["shop"]["per_name"], "group"),
            f"Mean AP50 over the groups with at least {groups['min_boxes']} boxes: "
            f"{number(groups['AP50'])}.",
        ]
    parts += ["### False alarms at the threshold", card_tables.format_false_alarms(results)]
    if results["baseline"]:
        parts += [
            f"### Gain over a detector trained on {results['baseline']['trained_on']}",
            card_tables.format_gains(results),
        ]
    return "\n\n".join(parts)


def _describe_thresholds(info: DetectorInfo) -> str:
    return (
        f"A box is shown from a garment score of {info.threshold:.2f}. It is tagged with its "
        f"category from a class score of {info.category_threshold:.2f}; below that, with its type "
        'alone ("upper garment"). Both were chosen on validation photos.'
    )


def _describe_ablation(ablation: Mapping[str, Any]) -> str:
    images = ", ".join(f"{name} ({count})" for name, count in ablation["images"].items())
    return (
        f"All trainings have the same number of steps, and seed {ablation['seed']}. Values are "
        f"means over sets of validation images: {images}. Intervals are 95%, paired.\n\n"
        + card_tables.format_ablation(ablation)
    )


def _describe_losses(losses: Mapping[str, Any]) -> str:
    photos = {name: row["photos"] for name, row in losses["data"].items()}
    return (
        f"Four losses and the RoI accuracy, on {photos['train']:,} training and "
        f"{photos['test']:,} test photos, next to those of an earlier project (keras-frcnn on "
        "DeepFashion).\n\n" + format_loss_comparison(losses["losses"])
    )


def _describe_files(results: Mapping[str, Any]) -> str:
    rows = [
        (f"`{name}`", f"{file['bytes'] / 1e3:,.0f} kB", f"`{file['sha256']}`")
        for name, file in results["model"]["files"].items()
    ]
    return format_markdown(("file", "size", "sha256"), rows)
