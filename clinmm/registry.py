"""A family member's file name is its name: `{name: densenet}` opens encoders/densenet.py.

Only the file that is asked for is imported, so a heavy library loads when it is chosen; what files
say of themselves is read without importing any.
"""

import ast
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

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
    "mitigations": "clinmm.fairness.mitigation",
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
    "mitigations": "Mitigation",
    "readers": "read",
}
"""The name that makes a file of the package a member; a metric defines its own file name."""


@cache
def _members(family: str) -> dict[str, str]:
    """Member name -> first line of its docstring, read without importing anything."""
    if family not in FAMILIES:
        raise InputError(f"no family '{family}'. {did_you_mean(family, list(FAMILIES))}")
    found = {}
    for name, tree in _trees(family).items():
        mark = _MARKS.get(family, name)
        if any(getattr(node, "name", None) == mark for node in tree.body):
            found[name] = (ast.get_docstring(tree) or "").split("\n")[0]
    return found


def _trees(family: str) -> dict[str, ast.Module]:
    """File name -> what it says, in alphabetical order."""
    folder = Path(__file__).parent.joinpath(*FAMILIES[family].split(".")[1:])
    files = sorted(folder.glob("[a-z]*.py"))
    return {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in files}


def available(family: str) -> list[str]:
    """Names of the family's members, in alphabetical order."""
    return list(_members(family))


def describe(family: str) -> dict[str, str]:
    """Member name -> the first line of its docstring."""
    return dict(_members(family))


@cache
def constants(family: str) -> dict[str, dict[str, Any]]:
    """Member name -> its constants in capitals that are written out: texts, numbers, tuples.

    A member that nobody has heard of has none: `constants(family).get(name, {})`.
    """
    members = _members(family)
    return {
        name: dict(pair for node in tree.body if (pair := _constant(node)) is not None)
        for name, tree in _trees(family).items()
        if name in members
    }


def _constant(node: ast.stmt) -> tuple[str, Any] | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: ast.expr = node.targets[0]
    elif isinstance(node, ast.AnnAssign):
        target = node.target
    else:
        return None
    if not isinstance(target, ast.Name) or not target.id.isupper():
        return None
    return target.id, _literal(node.value)


def _literal(value: ast.expr | None) -> Any:
    """What is written out, else None; a text keeps what it says around names it puts in."""
    if isinstance(value, ast.JoinedStr):
        parts = [str(part.value) for part in value.values if isinstance(part, ast.Constant)]
        return " ".join("".join(parts).split())
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
        return (_literal(value.left) or {}) | (_literal(value.right) or {})
    if isinstance(value, ast.Dict):
        pairs = [(_literal(k), _literal(v)) for k, v in zip(value.keys, value.values, strict=True)]
        return {key: said for key, said in pairs if key is not None}
    try:
        return ast.literal_eval(value) if value is not None else None
    except ValueError:
        return None


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
