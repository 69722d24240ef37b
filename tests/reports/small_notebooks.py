"""Small notebooks of the tests' own, and a data set's folder for them."""

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
METRICS = "from shopee_od.lessons.metrics import record\nrecord(AP50=0.5, photos=200, name='tiny', none=float('nan'))"
FIGURE = """from pathlib import Path
import matplotlib.pyplot as plt
plt.plot([0, 1], [seed, 2]); plt.show()
Path(output_dir, "made.txt").write_text(f"{profile} {seed}\\n")"""


def write_notebook(path: Path, *codes: str, parameters: str = PARAMETERS, text: str = TEXT) -> Path:
    """A notebook of a text, a parameters cell (none where empty) and a cell for each of `codes`."""
    cells = [new_markdown_cell(text)]
    if parameters:
        cells.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [new_code_cell(code) for code in codes]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # not by chance, so that the same notebook has the same bytes
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
    return path


def tiny_data(folder: Path) -> Path:
    """What shows that there is a COCO data set, and nothing in it."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations.json").write_text("{}")
    return folder


def held(made) -> dict:
    """provenance.json of a report."""
    return json.loads((made.folder / "provenance.json").read_text())
