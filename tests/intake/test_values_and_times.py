"""Checks of numbers, times and image files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.plausible import limits_of
from clinmm.intake.checks import files, notes, ranges, time_travel
from clinmm.intake.context import Context

Make = Callable[..., Cohort]


def record(**units: object) -> dict[str, object]:
    return {"inputs": {"record": {"kind": "record", "numeric": units}}}


@pytest.mark.parametrize(
    ("column", "unit", "cells", "hint"),
    [
        ("temperature", "degC", ["98.6", "101", "37", None], "values in degF"),
        ("temp_c", "°C", ["370", "36.6", "37", "38"], "divided by 10"),
        ("spo2", "percent", ["0.98", "0.91", "97", "95"], "fractions"),
        ("creatinine", "mg/dL", ["90", "110", "1", "2"], "values in umol/L"),
    ],
)
def test_impossible_values_are_errors_with_a_likely_reason(
    make: Make, column: str, unit: str, cells: list[str | None], hint: str
) -> None:
    cohort = make(4, record(**{column: unit}), **{column: cells})
    cohort.lines["c0"] = 2
    (found,) = ranges.check(cohort, Context())
    assert (found.severity, found.subject) == ("error", column)
    assert hint in found.detail
    assert "case c0, row 2 of the table" in found.detail
    assert {e.value for e in found.examples} <= {float(c) for c in cells if c}
    assert cohort.record("record")[column].notna().sum() == sum(c is not None for c in cells)


def test_a_stated_range_goes_before_the_limits_of_life_and_its_ends_are_inside(make: Make) -> None:
    spec = record(temperature={"unit": "degC", "range": [35, 40]}, score="points")
    cohort = make(4, spec, temperature=["35", "40", "40.1", None], score=["1", "2", "3", "1e9"])
    error, info = ranges.check(cohort, Context())
    assert error.case_ids == ("c2",)
    assert "outside the stated range 35 to 40 degC" in error.detail
    assert info.detail.startswith("not checked: no range is stated or known for 1 columns: score")


def test_names_that_say_more_have_no_limits() -> None:
    assert limits_of("weight_loss", "kg") is None
    assert limits_of("age", "points") is None
    assert limits_of("HeartRate", "bpm") == (10, 600)


def times(**target: object) -> dict[str, object]:
    outcome = {"name": "died", "kind": "binary", "column": "outcome", "positive": ["1"]}
    return {
        "inputs": {"note": {"kind": "note", "column": "text", "time": "written"}},
        "index_time": {"column": "index", "formats": ["%Y-%m-%d", "%Y"]},
        "target": {**outcome, "negative": ["0"], **target},
    }


def test_what_is_dated_later_is_an_error_and_the_same_day_is_not(make: Make) -> None:
    cohort = make(
        6,
        times(time="known"),
        index=["2020-01-02", "2020-01-02", "2020", "2020", None, "2020-01-02"],
        written=["2020-01-02", "2020-01-12", "2020-12-31", "2021-01-01", "2020", "2020-01-01"],
        known=["2020-01-03", None, "2021-06-01", "2021", None, "2019"],
    )  # fmt: skip
    found = time_travel.check(cohort, Context())
    errors = {(f.subject, f.case_ids) for f in found if f.severity == "error"}
    assert errors == {("note", ("c1", "c3")), ("note", ("c5",)), ("target", ("c5",))}
    assert found[0].examples[0].value == pytest.approx(9, abs=0.01)


def test_days_are_told_without_powers_of_ten(make: Make) -> None:
    later = make(2, times(), index=["2010-01-01"] * 2, written=["2010-01-03", "2019-12-31"],
                 known=[None] * 2)  # fmt: skip
    (found,) = [f for f in time_travel.check(later, Context()) if f.severity == "error"]
    assert "by 1826 days in the middle, 3650 at most" in found.detail


def test_without_times_it_says_not_checked(make: Make) -> None:
    found = time_travel.check(make(4), Context())
    assert [f.severity for f in found] == ["info"]
    assert found[0].detail == "not checked: the cohort file names no index_time."


def test_broken_files_are_one_finding_with_their_kinds(make: Make, tmp_path: Path) -> None:
    cohort = make(6, file=["0.png", "gone.png", "bad.png", None, "bad2.png", "gone/too.png"])
    for name in ("bad.png", "bad2.png"):
        (tmp_path / name).write_bytes(name.encode())
    absent, unreadable = files.check(cohort, Context())
    assert absent.case_ids == ("c1", "c5")
    assert unreadable.case_ids == ("c2", "c4")
    assert unreadable.detail.count("2 x:") == 1
    assert "count as absent" in unreadable.advice


def test_what_notes_say_little_is_told(make: Make) -> None:
    spanish = "el paciente presenta fiebre y tos sin disnea por tres dias con dolor del pecho"
    text = [spanish, "fine", "caf\u00c3\u00a9 was closed", *["A template of a note."] * 9]
    found = notes.check(make(12, text=text), Context())
    told = {(f.severity, f.detail.split(",")[0]) for f in found}
    assert told == {
        ("warning", "1 notes hold characters that were broken before they came here."),
        ("warning", "1 notes seem to be in Spanish"),
        ("info", "1 notes have fewer than 3 words."),
        ("info", "1 notes come word for word under 5 patients or more"),
    }
