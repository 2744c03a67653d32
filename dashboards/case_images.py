"""The images of a case, and those of the same patient's other cases, with their scale in mm.

An image taken after the case gives away what became of the patient: it is not shown to whoever
judges the case, unless the protocol says so.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import streamlit as st
from PIL import Image

from clinmm.cohort.spec import IndexTime
from clinmm.cohort.times import read_times, surely_after
from clinmm.review.desk import Desk
from clinmm.runs import Run
from dashboards.case_data import inside, names_of_kind
from dashboards.language import t

ON_DETECTOR = "ImagerPixelSpacing"
"""A spacing that holds on the detector: what lies before it is drawn larger than it is."""

When = Literal["", "earlier", "later", "another"]
"""Of another case of the patient: surely earlier, surely later, or nothing tells. Empty: the case
itself."""

EVERY: tuple[When, ...] = ("earlier", "another", "later")
EARLIER: tuple[When, ...] = ("earlier",)
IN_WORDS = {"earlier": t("earlier"), "later": t("later"), "another": t("another")}


@dataclass(frozen=True)
class CaseImage:
    """A display copy of a case's image.

    name: of the image input. display: its path in the run. spacing: mm per pixel of the display
    copy (row, column), None where unknown; on_detector: measured there, not in the patient.
    """

    name: str
    display: str
    spacing: tuple[float, float] | None
    when: When
    case_id: str
    on_detector: bool = False


def images_of(run: Run, cohort: Mapping[str, Any], case: "pd.Series[Any]") -> list[CaseImage]:
    """The case's images that are in the run, in the cohort's order."""
    return _images(run, cohort, case, "")


def priors_of(
    run: Run,
    cases: pd.DataFrame,
    cohort: Mapping[str, Any],
    case: "pd.Series[Any]",
    shown: Collection[When] = EARLIER,
) -> list[CaseImage]:
    """Images of the patient's other cases, in the order of the cohort's index_time if it has one.

    Args:
        run: holds the copies.
        cases: all cases of the run, with `case_id` and `patient_id`.
        cohort: its cohort file.
        case: whose priors; a row of `cases`.
        shown: which of them, as `allowed` has it.
    """
    of_patient = cases[cases["patient_id"] == case["patient_id"]]
    if len(of_patient) < 2:
        return []
    times = _times(of_patient, cohort)
    at = int((of_patient["case_id"] == case["case_id"]).to_numpy().argmax())
    own = times.iloc[[at] * len(times)].set_axis(times.index)
    earlier, later = surely_after(own, times), surely_after(times, own)
    found = []
    for place in times["first"].to_numpy().argsort(kind="stable"):  # unknown ones last
        when: When = "another"
        if earlier.iloc[place] or later.iloc[place]:
            when = "earlier" if earlier.iloc[place] else "later"
        if place != at and when in shown:
            found += _images(run, cohort, of_patient.iloc[place], when)
    return found


def allowed(desk: Desk) -> tuple[When, ...]:
    """Which images of the patient's other cases this person may see beside a case. Administrators
    see all; who judges the case sees later ones where the protocol says so, and those of which
    nothing tells the order there and in the open room."""
    protocol = desk.study.protocol
    if protocol.later_images or desk.roles == {"administrator"}:
        return EVERY
    return (*EARLIER, "another") if protocol.open else EARLIER


def in_words(shown: Collection[When], cohort: Mapping[str, Any]) -> str:
    """What is shown of the patient's other images and what is not. The same for every case: that
    there are later images says something of what became of the patient."""
    if not cohort.get("index_time"):
        if "another" in shown:
            return t("The patient's other images may be shown beside it, earlier or later unknown.")
        return t("The patient's other images are withheld: nothing tells earlier from later.")
    if "later" in shown:
        return t("The patient's other images may be shown beside it, later ones too.")
    if "another" in shown:
        return t("Images of the patient that are known to be later are withheld.")
    return t("Of the patient's other images only those known to be earlier may be shown beside it.")


def _times(cases: pd.DataFrame, cohort: Mapping[str, Any]) -> pd.DataFrame:
    """`first` and `last` moment of each prediction, as `read_times`; NaT where nothing says so."""
    said = cohort.get("index_time")
    if not said or said.get("column") not in cases.columns:
        nothing = pd.Series(pd.NaT, cases.index, dtype="datetime64[us]")
        return pd.DataFrame({"first": nothing, "last": nothing})
    when = IndexTime.model_validate(said)
    return read_times(cases[when.column], when.formats)


def _images(
    run: Run, cohort: Mapping[str, Any], case: "pd.Series[Any]", when: When
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
