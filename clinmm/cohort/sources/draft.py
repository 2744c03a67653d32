"""What a source was found to hold, and the cohort.yaml that says so with every guess marked."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort import first_draft

TABLE = "cases.csv"
NOTES = "notes.csv"
OLDEST = 90
"""Ages from here on are written as this one: higher ones single a person out (45 CFR 164.514)."""


@dataclass(frozen=True, eq=False)
class Draft:
    """A cohort that is not yet on disk.

    name: of the cohort.
    cases: one row per case as text, "" where not recorded; columns `case_id`, `patient_id` first.
    targets: columns that may be the target.
    images: name of an image input (also its column) -> 2 or 3 dimensions.
    numeric: column -> unit. categorical: columns of words.
    notes: rows of (case_id, text, time, section) in time order; None without notes.
    files: path below the cohort's folder -> the file to put there.
    pictures: path below the cohort's folder -> its pixels, uint8: (H, W) or (H, W, 3) to a .png,
        (D, H, W) to a .nii.gz.
    split: the column that holds a published split.
    times: strptime formats of the column `index_time`; none if there is no such column.
    counts: what was read, matched and left out, in the words of the summary -> how many.
    key: pseudonym -> identifier in the source.
    remarks: comments for the head of cohort.yaml.
    """

    name: str
    cases: pd.DataFrame
    targets: tuple[str, ...]
    images: dict[str, int] = field(default_factory=dict)
    numeric: dict[str, str] = field(default_factory=dict)
    categorical: tuple[str, ...] = ()
    notes: pd.DataFrame | None = None
    files: dict[str, Path] = field(default_factory=dict)
    pictures: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    split: str | None = None
    times: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    key: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def cohort_yaml(draft: Draft) -> str:
    """The text of cohort.yaml; every guess is marked CHECK."""
    cases = draft.cases.mask(draft.cases == "", None)
    used = ["case_id", "patient_id", *draft.images, *draft.numeric, *draft.categorical]
    target = first_draft._target(cases, list(draft.targets))
    others = [column for column in draft.targets if column != target]
    also = ", ".join(others).replace("\n", " ")
    shown = [
        str(column)
        for column in cases
        if column not in (*draft.targets, draft.split, "patient_id") and cases[column].nunique() > 1
    ]
    sensitive = first_draft._sensitive_lines(shown, set(draft.numeric))
    used += [column for column in shown if any(_q(column) in line for line in sensitive)]
    lines = [
        f"# A first draft from {draft.name}. Every guess is marked CHECK: clinmm does not guess",
        "# anywhere else. Then: clinmm check THIS_FILE",
        *(f"# {remark}" for remark in draft.remarks),
        f"name: {_q(draft.name)}",
        f"table: {TABLE}",
        "case_id: case_id",
        "patient_id: patient_id",
        "unit_name: patient",
        'missing: [""]',
        "# keep: {column: [value, ...]} # which rows belong",
        "# require: [note]              # inputs without which a case does not belong",
        "",
        *([f"# No inputs unless you name them below; targets perhaps: {also}"] if also else []),
        *first_draft._target_lines(cases, target, []),
        *_inputs(draft),
        *sensitive,
    ]
    if "site" in shown:
        lines += ["site: site # CHECK: numbered places, see the remarks", ""]
        used.append("site")
    if draft.split:
        lines += [f"split: {_q(draft.split)} # for a study with split: {{by: column}}", ""]
        used.append(draft.split)
    if draft.times:
        lines += [
            "# CHECK: is this when the prediction is made?",
            f"index_time: {{column: index_time, formats: {first_draft._list(list(draft.times))}}}",
            "",
        ]
        used.append("index_time")
    return "\n".join(
        [*lines, *first_draft._unused_lines([*map(str, cases)], [*used, *draft.targets]), ""]
    )


def _q(text: object) -> str:
    return first_draft._q(text)


def _inputs(draft: Draft) -> list[str]:
    lines = ["inputs: # CHECK: nothing here may be known only after the prediction is made"]
    for name, dimensions in draft.images.items():
        lines.append(f"  {name}: {{kind: image, column: {name}, dimensions: {dimensions}}}")
    if draft.notes is not None:
        time = ", time: time" if "time" in draft.notes else ""
        table = f"path: {NOTES}, case_id: case_id, text: text{time}, section: section"
        lines += [
            "  note: # CHECK: mask the words that give the answer away",
            "    {kind: note, column: note, mask: [],",
            f"     table: {{{table}}}}}",
        ]
    if draft.numeric or draft.categorical:
        lines += ["  record: # CHECK: units, and that no column follows from the outcome"]
        lines += ["    kind: record"]
        if draft.numeric:
            lines += ["    numeric:"]
            lines += [f"      {_q(column)}: {_q(unit)}" for column, unit in draft.numeric.items()]
        if draft.categorical:
            lines += [f"    categorical: {first_draft._list(list(draft.categorical))}"]
    if len(lines) == 1:
        lines.append("  note: {kind: note, column: FILL_IN} # CHECK: no input was recognised")
    return [*lines, ""]


def age_text(years: float) -> str:
    """Whole years, months of infants as a fraction; from 90 on 90; "" for what no person is.

    >>> age_text(64.9), age_text(0.5), age_text(97), age_text(-1)
    ('64', '0.5', '90', '')
    """
    if not 0 <= years <= 130:
        return ""
    if years < 2:
        return f"{years:.2f}".rstrip("0").rstrip(".")
    return str(min(int(years), OLDEST))
