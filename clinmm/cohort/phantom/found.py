"""What the audits of a run found of what was planted in its phantom cohort."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinmm.cohort.phantom.picture import MARKER_CORNER
from clinmm.runs import Run

MANY_TIMES = 5.0
"""A map dwells on the marker if the marker's corner holds so many times the attribution that its
area would."""


def planted_and_found(run: Run, cohort_folder: Path) -> pd.DataFrame:
    """One row per plant: planted, concerns, audit, found (yes or no), evidence.

    Args:
        run: a finished study of the phantom cohort.
        cohort_folder: where its truth.json is.
    """
    truth = json.loads((cohort_folder / "truth.json").read_text(encoding="utf-8"))
    rows = []
    for plant in truth["planted"]:
        audit, look = _LOOK[plant["name"]]
        found, evidence = look(run, plant)
        rows.append(
            {
                "planted": plant["name"],
                "concerns": f"{plant['class_name']}, {len(plant['case_ids'])} cases",
                "audit": audit,
                "found": "yes" if found else "no",
                "evidence": evidence,
            }
        )
    return pd.DataFrame(rows, columns=["planted", "concerns", "audit", "found", "evidence"])


def _stated_label(run: Run, plant: dict[str, Any]) -> tuple[bool, str]:
    intake = run.read("intake")
    rows = intake[(intake["check"] == "stated_label") & (intake["severity"] == "error")]
    if rows.empty:
        return False, "no word or phrase was found"
    return True, str(rows.iloc[0]["detail"])


def _faint_group(run: Run, plant: dict[str, Any]) -> tuple[bool, str]:
    by, group = plant["parameters"]["group_by"], plant["parameters"]["group"]
    table = run.read("comparisons")
    rows = table[
        (table["rival"] == "complement") & (table["group_by"] == by) & (table["group"] == group)
    ]
    worse = rows[rows["verdict"] == "worse"]
    shown = worse if len(worse) else rows[rows["metric"] == "auroc"]
    if shown.empty:
        return False, f"no comparison of {group} could be made"
    row = shown.sort_values(["p_holm", "p"]).iloc[0]  # what was declared comes first
    return len(worse) > 0, (
        f"{row['arm']} {row['class_name']}: {row['metric']} of {group} less that of the others "
        f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}), "
        f"p {row['p_holm']:.3f} (Holm), {row['n_patients']} patients"
    )


def _side_marker(run: Run, plant: dict[str, Any]) -> tuple[bool, str]:
    """Median share of the |attribution| of a map that lies in the marker's corner."""
    table = run.read("explanations")
    rows = table[
        (table["class_name"] == plant["class_name"])
        & (table["input"] == plant["input"])
        & (table["status"] == "pass")
        & table["case_id"].isin(plant["case_ids"])
    ]
    if rows.empty:
        return False, "no explained case has the marker"
    top, left, bottom, right = MARKER_CORNER
    shares = []
    for file in rows["file"]:
        with np.load(run.path(file), allow_pickle=False) as arrays:
            mass = np.abs(arrays[f"{plant['input']}/map"].astype(np.float64))
        height, width = mass.shape
        corner = mass[
            int(top * height) : int(np.ceil(bottom * height)),
            int(left * width) : int(np.ceil(right * width)),
        ]
        shares.append(corner.sum() / mass.sum() if mass.any() else 0.0)
    area = (bottom - top) * (right - left)
    share = float(np.median(shares))
    return share > MANY_TIMES * area, (
        f"the marker's corner, {area:.1%} of the picture, holds {share:.0%} of the map "
        f"(median of {len(shares)} cases with the marker)"
    )


_LOOK: dict[str, tuple[str, Callable[[Run, dict[str, Any]], tuple[bool, str]]]] = {
    "stated_label": ("intake: stated label", _stated_label),
    "faint_group": ("audit: gap v. everybody else", _faint_group),
    "side_marker": ("explain: where the map dwells", _side_marker),
}
