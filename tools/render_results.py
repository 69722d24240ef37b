"""Renders all tables and pictures of measured figures from the files under results/.

    python -m tools.render_results

1. Each block of README.md from `<!-- results: NAME -->` to `<!-- end -->`.
2. MODEL_CARD.md of the shipped detector.
3. docs/results.png.

docs/tagged.jpg is drawn by tools/collect_results.py, from the detector of a report.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shopee_od.detectors.saving import read_info
from shopee_od.errors import InputError
from shopee_od.io import atomic_file, hash_file, project_root, read_json
from shopee_od.models import SHIPPED
from tools import model_card, pictures, report_tables, stage_tables
from tools.markdown import commit, format_markdown, source

BLOCK = re.compile(r"(?<=<!-- results: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
FILES = {
    "shop_detector": "accuracy and cost of the detector in the package",
    "ablation": "what each part of its recipe adds",
    "five_figures": "its losses and its RoI accuracy, next to those of an earlier project",
    "stage_comparison": "the stages of the course, with intervals",
    "shopsim_laptop": "a report on ShopSim: metrics and seconds of each notebook",
    "ccp_laptop": "notebooks 02 to 06 on CCP",
}
"""File under results/ -> what it holds."""
NEEDED = ("shop_detector", "shopsim_laptop")


def read_results(folder: Path) -> dict[str, Any]:
    """The content of each file under results/, by name.

    Raises:
        InputError: a file is not JSON, not in FILES, or one of NEEDED is absent.
    """
    results: dict[str, Any] = {f.stem: read_json(f) for f in sorted(folder.glob("*.json"))}
    for name in NEEDED:
        if name not in results:
            raise InputError(f"{folder / name}.json: there is no such file")
    for name in results:
        if name not in FILES:
            raise InputError(f"{folder / name}.json: describe it in FILES, tools/render_results.py")
    return results


def render_blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The content of each block of README.md, by name."""
    return {
        "shop_detector": model_card.render_summary(results["shop_detector"]),
        "report": report_tables.format_report(results["shopsim_laptop"]),
        "report_minutes": report_tables.format_minutes(results["shopsim_laptop"]),
        "stage_comparison": stage_tables.format_stages(results),
        "files": format_files(results),
    }


def format_files(results: Mapping[str, Any]) -> str:
    """One row per file under results/: what it holds, and what it was measured with."""
    rows = [
        (
            source(name),
            description,
            f"`{results[name]['command']}`",
            f"{results[name].get('measured', results[name].get('updated', '–'))[:10]}, "
            f"{commit(results[name])}",
        )
        for name, description in FILES.items()
        if name in results
    ]
    return format_markdown(("file", "what", "command", "measured, commit"), rows)


def replace_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """README.md with its blocks rendered.

    Raises:
        InputError: the text does not have each block once.
    """
    names = [match[1] for match in BLOCK.finditer(text)]
    if sorted(names) != sorted(blocks):
        raise InputError(
            f"README.md: needs the blocks {', '.join(sorted(blocks))}, each once, from "
            f"<!-- results: NAME --> to <!-- end -->; it has {', '.join(sorted(names)) or 'none'}"
        )
    return BLOCK.sub(lambda match: f"{match[1]}{match[2]}\n{blocks[match[1]]}\n\n", text)


def render_documents(root: Path, model: Path) -> dict[Path, bytes]:
    """The content of each file that has measured figures.

    Args:
        root: has README.md, docs/ and results/.
        model: the folder of the shipped detector.
    Raises:
        InputError: a result is absent or of another detector, or README.md lacks a block.
    """
    results = read_results(root / "results")
    readme = (root / "README.md").read_text(encoding="utf-8")
    card = model_card.render_card(
        read_info(model),
        results["shop_detector"],
        results.get("ablation"),
        results.get("five_figures"),
        model_card.FAILURES.read_text(encoding="utf-8"),
    )
    note = describe_source(root / "results" / "shop_detector.json")
    return {
        root / "README.md": replace_blocks(readme, render_blocks(results)).encode(),
        model / model_card.CARD: card.encode(),
        root / "docs" / "results.png": pictures.render_accuracy(results["shop_detector"], note),
    }


def describe_source(file: Path) -> str:
    """The name and the sha256 of a file under results/, for a picture that was drawn from it."""
    return f"results/{file.name} {hash_file(file)}"


def main(arguments: list[str] | None = None) -> None:
    """The command: writes all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=project_root(), help="of the checkout")
    parser.add_argument("--model", type=Path, default=SHIPPED, help="the shipped detector")
    options = parser.parse_args(arguments)
    for file, content in render_documents(options.root, options.model).items():
        with atomic_file(file) as temporary:
            temporary.write_bytes(content)
        print(file)


if __name__ == "__main__":
    main()
