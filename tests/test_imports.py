"""Imports run one way: no cycle among the modules, and from the top rooms to the ground floor."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import shopee_od

PACKAGE = Path(shopee_od.__file__).parent
FLOORS = (
    ("cli",),
    ("reports",),
    ("course",),
    ("detect", ""),
    ("detectors",),
    ("evaluation", "drawing"),
    ("detector",),
    ("backbones", "datasets", "shopsim"),
    ("structures", "cache", "config", "augmentation", "profiles"),
    ("ops", "errors", "io", "system", "version", "models"),
)
"""A room imports from its own floor and those below; "" is the package itself, for its `load`."""
LIGHT = (
    "shopee_od",
    "shopee_od.cli",
    "shopee_od.datasets",
    "shopee_od.drawing",
    "shopee_od.evaluation",
)
"""Importing them imports no TensorFlow."""


def module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def imported_modules(name: str) -> set[str]:
    """The package's modules that a module imports, in functions and under TYPE_CHECKING too."""
    file = FILES[name]
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            base = ".".join(above[: len(above) + 1 - node.level]) if node.level else ""
            source = ".".join(part for part in (base, node.module or "") if part)
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                modules.add(inner if inner in FILES else source)
    return {module for module in modules if module in FILES and module != name}


IMPORTS = {name: imported_modules(name) for name in FILES}


def room(module: str) -> str:
    """The folder or file below the package; "" is the package itself."""
    return module.split(".")[1] if "." in module else ""


def test_relative_and_function_level_imports_are_seen():
    assert "shopee_od.datasets.dataset" in IMPORTS["shopee_od.detector"], "under TYPE_CHECKING"
    assert "shopee_od.detectors" in IMPORTS["shopee_od"], "in a function"


def test_no_module_imports_itself_by_way_of_others():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail("a cycle of imports: " + " ← ".join(error.args[1]))


def test_no_room_imports_itself_by_way_of_others():
    rooms = {}
    for importer, modules in IMPORTS.items():
        rooms.setdefault(room(importer), set()).update(map(room, modules))
    try:
        TopologicalSorter({name: others - {name} for name, others in rooms.items()}).prepare()
    except CycleError as error:
        pytest.fail("a cycle of rooms: " + " ← ".join(error.args[1]))


def test_every_room_has_its_floor():
    rooms = {room(name) for name in FILES}
    known = [name for floor in FLOORS for name in floor]
    assert rooms == set(known) and len(known) == len(set(known))


def test_rooms_import_from_their_own_floor_and_below():
    floor_of = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    upward = [
        f"{importer} imports {imported}"
        for importer, modules in IMPORTS.items()
        for imported in sorted(modules)
        if floor_of[room(importer)] > floor_of[room(imported)]
    ]
    assert not upward, "\n".join(upward)


def test_operations_import_nothing_of_the_project():
    for name, modules in IMPORTS.items():
        if room(name) == "ops":
            outside = {module for module in modules if room(module) not in ("ops", "errors")}
            assert not outside, f"{name} imports {', '.join(sorted(outside))}"


def test_light_modules_import_no_tensorflow():
    code = (
        f"import sys, {', '.join(LIGHT)}\n"
        "heavy = {'tensorflow', 'tf_keras', 'official', 'keras'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
