"""The images of a case, and those of the same patient's other cases, with their scale in mm."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from PIL import Image

from clinmm.cohort.spec import IndexTime
from clinmm.cohort.times import read_times
from clinmm.runs import Run
from dashboards.case_data import inside, names_of_kind
from dashboards.language import t

ON_DETECTOR = "ImagerPixelSpacing"
"""A spacing that holds on the detector: what lies before it is drawn larger than it is."""


@dataclass(frozen=True)
class CaseImage:
    """A display copy of a case's image.

    name: of the image input. display: its path in the run. spacing: mm per pixel of the display
    copy (row, column), None where unknown; on_detector: measured there, not in the patient.
    when: of another case of the patient, whether it is earlier or later; "" of the case itself.
    """

    name: str
    display: str
    spacing: tuple[float, float] | None
    when: str
    case_id: str
    on_detector: bool = False


def images_of(run: Run, cohort: Mapping[str, Any], case: "pd.Series[Any]") -> list[CaseImage]:
    """The case's images that are in the run, in the cohort's order."""
    return _images(run, cohort, case, "")


def priors_of(
    run: Run, cases: pd.DataFrame, cohort: Mapping[str, Any], case: "pd.Series[Any]"
) -> list[CaseImage]:
    """Images of the patient's other cases, in the order of the cohort's index_time if it has one.

    Args:
        run: holds the copies.
        cases: all cases of the run, with `case_id` and `patient_id`.
        cohort: its cohort file.
        case: whose priors; a row of `cases`.
    """
    of_patient = cases[cases["patient_id"] == case["patient_id"]]
    if len(of_patient) < 2:
        return []
    times = _times(of_patient, cohort)
    own = times[of_patient["case_id"] == case["case_id"]].iloc[0]
    found = []
    for place in times.argsort(kind="stable") if times.notna().any() else range(len(of_patient)):
        other = of_patient.iloc[place]
        if other["case_id"] != case["case_id"]:
            found += _images(run, cohort, other, _when(times.iloc[place], own))
    return found


def _when(time: Any, own: Any) -> str:
    if pd.isna(time) or pd.isna(own) or time == own:
        return t("another")
    return t("earlier") if time < own else t("later")


def _times(cases: pd.DataFrame, cohort: Mapping[str, Any]) -> "pd.Series[pd.Timestamp]":
    """When each prediction is made; NaT where nothing says so."""
    said = cohort.get("index_time")
    if not said or said.get("column") not in cases.columns:
        return pd.Series(pd.NaT, index=cases.index, dtype="datetime64[us]")
    when = IndexTime.model_validate(said)
    return read_times(cases[when.column], when.formats)["first"]


def _images(
    run: Run, cohort: Mapping[str, Any], case: "pd.Series[Any]", when: str
) -> list[CaseImage]:
    found = []
    for name in names_of_kind(cohort, "image"):
        display, case_id = case.get(f"{name}_display"), str(case["case_id"])
        if isinstance(display, str) and display and inside(run.folder, display).is_file():
            spacing, on_detector = spacing_of(run, case_id, name, display)
            found.append(CaseImage(name, display, spacing, when, case_id, on_detector))
    return found


def spacing_of(
    run: Run, case_id: str, name: str, display: str
) -> tuple[tuple[float, float] | None, bool]:
    """mm per pixel of the display copy (row, column), and whether on the detector.

    The header's spacing is of the pixels as stored; the copy shows the same millimetres on its own,
    usually fewer pixels. Slices of a volume lie one under the other, of square pixels.
    """
    if not run.has("images"):
        return None, False
    path = run.path("images.parquet")
    facts = _facts(str(path), path.stat().st_mtime_ns).get((case_id, name))
    if facts is None:
        return None, False
    said, height, width = facts
    numbers = re.match(r"[\d.e+-]+(?: x [\d.e+-]+){1,2}(?= mm)", said)
    if numbers is None:
        return None, False
    *depth, row, column = (float(mm) for mm in numbers.group().split(" x "))
    with Image.open(inside(run.folder, display)) as opened:
        shown_width, shown_height = opened.size
    pitch = column * width / shown_width
    return (pitch if depth else row * height / shown_height, pitch), ON_DETECTOR in said


@st.cache_resource(show_spinner=False, max_entries=4)
def _facts(path: str, changed_ns: int) -> dict[tuple[str, str], tuple[str, int, int]]:
    """(case, input) -> spacing in words, height and width as stored, where there is a spacing."""
    columns = ["case_id", "input", "spacing", "height", "width"]
    table = pd.read_parquet(path, columns=columns).dropna()
    keys = zip(table["case_id"].astype(str), table["input"].astype(str), strict=True)
    sizes = (table[name].astype(int) for name in ("height", "width"))
    return dict(zip(keys, zip(table["spacing"], *sizes, strict=True), strict=True))
