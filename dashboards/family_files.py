"""What the files of a family say of themselves, read without importing them: a method's file would
load a model library."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

import clinmm
from clinmm.registry import FAMILIES


@cache
def constants(family: str) -> dict[str, dict[str, Any]]:
    """File name -> its constants in capitals that are written out (texts, numbers, tuples)."""
    folder = Path(str(clinmm.__file__)).parent.joinpath(*FAMILIES[family].split(".")[1:])
    found = {}
    for file in sorted(folder.glob("[a-z]*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found[file.stem] = dict(pair for node in tree.body if (pair := _constant(node)) is not None)
    return found


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
