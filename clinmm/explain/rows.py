"""Explanations -> rows of the explanations table and arrays on disk."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm import registry
from clinmm.encoders.interface import Located
from clinmm.explain.explanation import Explanation


def file_of(
    arm: str, case_id: str, class_name: str, method: str, rather_than: str | None = None
) -> str:
    """Where the arrays lie in the run; ids may hold characters that a file name may not."""
    parts = [arm, case_id, class_name, method, rather_than or ""]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return f"attributions/{key}.npz"


def save_arrays(file: Path, located: Mapping[str, Located]) -> None:
    """One compressed npz; keys `INPUT/map`, `INPUT/start` and so on."""
    arrays: dict[str, NDArray[Any]] = {
        f"{name}/{key}": array for name, at in located.items() for key, array in at.items()
    }
    with file.open("wb") as handle:
        np.savez_compressed(handle, **arrays)  # type: ignore[arg-type]


def rows_of(
    arm: str,
    case_id: str,
    class_name: str,
    method: str,
    explanation: Explanation,
    rather_than: str | None = None,
) -> list[dict[str, Any]]:
    """One row per input that the case has. A method whose numbers are not in logits does not
    compare inputs: it has no share."""
    compares = registry.load("attributions", method).IN_LOGITS
    missed = explanation.missed
    return [
        {
            "arm": arm,
            "case_id": case_id,
            "class_name": class_name,
            "rather_than": rather_than,
            "method": method,
            "input": name,
            "share": explanation.share(name) if compares else float("nan"),
            "attribution": value,
            "logit_change": explanation.logit_change,
            "completeness_error": explanation.completeness_error,
            "status": "withheld" if missed else "pass",
            "reason": missed,
            "file": file_of(arm, case_id, class_name, method, rather_than),
        }
        for name, value in explanation.sums.items()
    ]
