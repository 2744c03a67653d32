"""What the run keeps of an explained case: which method is shown, what may be drawn, the arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import registry
from clinmm.report.lines import each
from clinmm.report.wording import present


def method_shown(folder: Path, rows: pd.DataFrame, order: Sequence[str]) -> str:
    """The method with most inputs to draw; of equals the first in the order.

    Args:
        folder: of the run.
        rows: of the explanations table, one case and class.
        order: of the methods.
    """
    there = [method for method in order if (rows["method"] == method).any()]
    passed = rows[rows["status"] == "pass"]

    def n_drawn(method: str) -> int:
        found = each(passed[passed["method"] == method])
        return sum(bool(arrays_of(folder, str(row.file), str(row.input))) for row in found)

    return str(max(there, key=n_drawn))


def method_says(method: str, constant: str) -> Any:
    """A constant of a method's file; None of a method that is not here any more."""
    return registry.constants("attributions").get(method, {}).get(constant)


def withheld(rows: pd.DataFrame) -> str:
    """Why an input's attributions may not be drawn; empty where they may.

    rows: of the explanations table, one case, class, method and input.
    """
    failed = rows[rows["status"] != "pass"]
    if not len(failed):
        return ""
    reason = failed["reason"].iloc[0]
    return str(reason) if present(reason) else "the audit of explanations did not pass it"


def arrays_of(folder: Path, file: str, name: str) -> dict[str, NDArray[Any]]:
    """An input's attributions, keys without its name; none where the file is absent.

    Only for what passed: what is withheld is not opened.
    """
    path = inside(folder, file)
    if path is None:
        return {}
    with np.load(path, allow_pickle=False) as stored:
        keys = [key for key in stored.files if key.startswith(f"{name}/")]
        return {key.removeprefix(f"{name}/"): stored[key] for key in keys}


def inside(folder: Path, relative: str) -> Path | None:
    """A file within the run; None for one that is absent or leads out of it."""
    path = (folder / relative).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
