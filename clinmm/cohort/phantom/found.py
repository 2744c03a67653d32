"""What the audits of a run found of what was planted in its phantom cohort."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from clinmm.cohort.phantom import found_gaps
from clinmm.cohort.phantom.found_gaps import Look, Plant
from clinmm.cohort.phantom.picture import MARKER_CORNER
from clinmm.explain.audit.parts.wording import in_words, mean_in_words
from clinmm.runs import Run
from clinmm.subgroups import ALL

MANY_TIMES = 5.0
"""A map dwells on the marker if the marker's corner holds so many times the attribution that its
area would."""

MARKER_TEST = "shortcut_mass_upper_right"
"""The audit's test of the zone that the marker's corner lies in."""

MOST = 0.5
"""Share of the planted cases that a check must name to have found them, and share of those that it
names that must be planted: naming every case finds nothing."""


def planted_and_found(run: Run, cohort_folder: Path) -> pd.DataFrame:
    """One row per plant and audit of it: planted, concerns, audit, found (yes or no), evidence.

    Args:
        run: a finished study of the phantom cohort.
        cohort_folder: where its truth.json is.
    """
    truth = json.loads((cohort_folder / "truth.json").read_text(encoding="utf-8"))
    intake = run.read("intake")
    rows = []
    for plant in truth["planted"]:
        name = plant["name"]
        looks: list[tuple[str, Look]] = []
        if name in _IN_INTAKE:
            audit = f"intake: {check_of(name).replace('_', ' ')}"
            looks.append((audit, look_in_intake(intake, plant)))
        for audit, look in _IN_RUN.get(name, ()):
            if (looked := look(run, plant)) is not None:
                looks.append((audit, looked))
        for audit, (found, evidence) in looks:
            rows.append(
                {
                    "planted": name,
                    "concerns": f"{plant['class_name']}, {len(plant['case_ids'])} cases",
                    "audit": audit,
                    "found": "yes" if found else "no",
                    "evidence": evidence,
                }
            )
    return pd.DataFrame(rows, columns=["planted", "concerns", "audit", "found", "evidence"])


def look_in_intake(intake: pd.DataFrame, plant: Plant) -> Look:
    """Whether the intake table found the plant, and by what.

    intake: `schema.INTAKE`. plant: an entry of `planted` in truth.json, of `INTAKE_PLANTS`.
    """
    check, look = _IN_INTAKE[plant["name"]]
    rows = intake[(intake["check"] == check) & intake["severity"].isin(("error", "warning"))]
    return look(rows, plant)


def check_of(name: str) -> str:
    """The check that is to find the plant of this name, one of `INTAKE_PLANTS`."""
    return _IN_INTAKE[name][0]


def _names_class(rows: pd.DataFrame, plant: Plant) -> Look:
    """A finding names the class whose label leaks."""
    text = rows["subject"].astype(str) + " " + rows["detail"].astype(str)
    about = rows[text.str.contains(plant["class_name"], case=False, regex=False)]
    if about.empty:
        return False, f"no finding about {plant['class_name']}"
    return True, str(about.iloc[0]["detail"])


def _states_class(rows: pd.DataFrame, plant: Plant) -> Look:
    """An error: a word names the class. A warning is about words that may be evidence."""
    return _names_class(rows[rows["severity"] == "error"], plant)


def _names_cases(rows: pd.DataFrame, plant: Plant) -> Look:
    """Most of the planted cases are among those that the findings name, and few others are."""
    named = {case_id for ids in rows["case_ids"] for case_id in ids}
    planted = set(plant["case_ids"])
    copies = plant["parameters"].get("copy_of", {})
    hits = named & planted
    others = named - planted - set(copies.values())
    told = f"{len(hits)} of the {len(planted)} planted cases are named"
    ways = plant["parameters"].get("how", {})
    if missed := [way for way, ids in ways.items() if not named.intersection(ids)]:
        told += f", none by {', '.join(missed)}"
    if others:
        told += f", and {len(others)} others"
    found = len(hits) >= MOST * len(planted) and len(hits) >= MOST * (len(hits) + len(others))
    return found, f"{told}." if rows.empty else f"{told}: {rows.iloc[0]['detail']}"


_IN_INTAKE: dict[str, tuple[str, Callable[[pd.DataFrame, Plant], Look]]] = {
    "side_marker": ("shortcut", _names_class),
    "stated_label": ("stated_label", _states_class),
    "duplicate_images": ("duplicates", _names_cases),
    "same_patient": ("same_patient", _names_cases),
    "missing_note": ("missingness", _names_class),
    "site_shortcut": ("shortcut", _names_class),
    "time_travel": ("time_travel", _names_cases),
    "identifiers": ("deidentification", _names_cases),
    "implausible": ("ranges", _names_cases),
    "wrong_pixels": ("files", _names_cases),
}
INTAKE_PLANTS = tuple(_IN_INTAKE)
"""Plants that the intake table can show, by name."""


def _side_marker(run: Run, plant: Plant) -> Look:
    """Whether the audit of explanations names the marker's corner, and how much of the maps of
    marked cases lies in it; the latter decides where there was no audit."""
    looks = [look for look in (_named_by_audit(run, plant), _in_corner(run, plant)) if look]
    if not looks:
        return False, "no explained case has the marker"
    return looks[0][0], "; ".join(evidence for _, evidence in looks)


def _named_by_audit(run: Run, plant: Plant) -> Look | None:
    if not run.has("explanation_audit"):
        return None
    table = run.read("explanation_audit")
    rows = table[
        (table["test"] == MARKER_TEST)
        & (table["class_name"] == plant["class_name"])
        & (table["input"] == plant["input"])
        & (table["group_by"] == ALL)
    ]
    if rows.empty:
        return None
    failed = rows[rows["verdict"] == "fail"]
    row = (failed if len(failed) else rows).iloc[0]
    return len(failed) > 0, (
        f"{in_words(MARKER_TEST)}: {row['verdict']}, {mean_in_words(row)} of the map beyond the "
        f"corner's share of the picture ({row['method']}, {row['n_patients']} patients)"
    )


def _in_corner(run: Run, plant: Plant) -> Look | None:
    """Median share of the |attribution| of a map that lies in the marker's corner."""
    table = run.read("explanations")
    rows = table[
        (table["class_name"] == plant["class_name"])
        & (table["input"] == plant["input"])
        & table["case_id"].isin(plant["case_ids"])
    ]
    if rows.empty:
        return None
    rows = rows[rows["method"] == rows["method"].iloc[0]]
    top, left, bottom, right = MARKER_CORNER
    shares = []
    for file in rows["file"]:
        with np.load(run.path(file), allow_pickle=False) as arrays:
            mass = np.abs(arrays[f"{plant['input']}/map"].astype(np.float64))
        height, width = mass.shape[-2:]
        corner = mass[
            ...,
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


_GAP = ("audit: gap v. everybody else", found_gaps.worse_than_complement)
_VERDICT = ("audit: verdict by attribute", found_gaps.verdict_by_attribute)
_WHO = ("audit: who is there", found_gaps.who_is_there)

_IN_RUN: dict[str, tuple[tuple[str, Callable[[Run, Plant], Look | None]], ...]] = {
    "faint_group": (_GAP, _VERDICT),
    "side_marker": (("explain: where the map dwells", _side_marker),),
    "site_shortcut": (_WHO,),
    "noisy_labels_group": (_GAP, _VERDICT, ("audit: noise in labels", found_gaps.label_noise)),
    "missing_in_group": (_WHO,),
    "miscalibrated_site": (_WHO, ("audit: calibration by group", found_gaps.calibration_apart)),
    "group_shortcut": (_GAP, _VERDICT),
}
