"""A family member's file name is its name: `{name: densenet}` opens encoders/densenet.py.

Only the file that is asked for is imported, so a heavy library loads when it is chosen.
"""

import ast
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from clinmm.errors import InputError, did_you_mean

FAMILIES = {
    "encoders": "clinmm.encoders",
    "baselines": "clinmm.baselines",
    "fusions": "clinmm.fusion",
    "calibrators": "clinmm.calibration",
    "metrics": "clinmm.metrics",
    "checks": "clinmm.intake.checks",
    "attributions": "clinmm.explain.methods",
    "explanation_tests": "clinmm.explain.audit",
    "readers": "clinmm.readers",
}
"""Family name (as in `clinmm list`) -> package."""

_MARKS = {
    "encoders": "Encoder",
    "baselines": "Baseline",
    "fusions": "Fusion",
    "calibrators": "Calibrator",
    "checks": "check",
    "attributions": "attribute",
    "explanation_tests": "measure",
    "readers": "read",
}
"""The name that makes a file of the package a member; a metric defines its own file name."""


@cache
def _members(family: str) -> dict[str, str]:
    """Member name -> first line of its docstring, read without importing anything."""
    if family not in FAMILIES:
        raise InputError(f"no family '{family}'. {did_you_mean(family, list(FAMILIES))}")
    folder = Path(__file__).parent.joinpath(*FAMILIES[family].split(".")[1:])
    found = {}
    for file in sorted(folder.glob("[a-z]*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        mark = _MARKS.get(family, file.stem)
        if any(getattr(node, "name", None) == mark for node in tree.body):
            found[file.stem] = (ast.get_docstring(tree) or "").split("\n")[0]
    return found


def available(family: str) -> list[str]:
    """Names of the family's members, in alphabetical order."""
    return list(_members(family))


def describe(family: str) -> dict[str, str]:
    """Member name -> the first line of its docstring."""
    return dict(_members(family))


def load(family: str, name: str) -> ModuleType:
    """The member's module.

    Raises:
        InputError: no such family, or no such member; says what there is.
    """
    known = available(family)
    if name not in known:
        one = family.removesuffix("s")
        raise InputError(f"no {one} named '{name}'. {did_you_mean(name, known)}")
    return importlib.import_module(f"{FAMILIES[family]}.{name}")
