"""Small notebooks for the tests, and a data set's folder for them."""

import json
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = """profile = "laptop"  # smoke, laptop, gpu or deepfashion
dataset = "shopsim"
output_dir = "reports/shopsim/work"
seed = 0"""
TEXT = r"""# A small *notebook*

It says what it is about: `boxes` and [links](https://example.org).

A formula, $\frac{|A \cap B|}{|A \cup B|} < 1$, and a larger one:

$$\mathrm{AP} = \int_0^1 p(r)\,dr$$

<details><summary>Solution</summary>

Look **here**.

</details>

![a picture on the web](https://example.org/far.png)
"""
METRICS = """from shopee_od.course.metrics import record
record(AP50=0.5, photos=200, name='tiny', none=float('nan'))"""
FIGURE = """from pathlib import Path
import matplotlib.pyplot as plt
plt.plot([0, 1], [seed, 2]); plt.show()
Path(output_dir, "made.txt").write_text(f"{profile} {seed}\\n")"""


def write_notebook(path: Path, *codes: str, parameters: str = PARAMETERS, text: str = TEXT) -> Path:
    """A notebook of a text, a parameters cell (unless empty) and one cell for each of `codes`."""
    cells = [new_markdown_cell(text)]
    if parameters:
        cells.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [new_code_cell(code) for code in codes]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # not random, so that the same notebook has the same bytes
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
    return path


def tiny_data(folder: Path) -> Path:
    """The files that make a folder a COCO data set, without content."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations.json").write_text("{}")
    return folder


def read_provenance(report) -> dict:
    """provenance.json of a report."""
    return json.loads((report.folder / "provenance.json").read_text())
