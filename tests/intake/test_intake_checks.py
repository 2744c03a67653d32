from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinmm import registry
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.split_config import SplitConfig
from clinmm.intake.checks import columns, files, missing_rates, rows, targets
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding
from clinmm.readers.pixels import Picture

Make = Callable[..., Cohort]


def brief(findings: list[Finding]) -> list[tuple[str, str, int]]:
    return [(f.severity, f.subject, f.count) for f in findings]


def test_a_clean_cohort_has_no_error_or_warning_in_any_check(make: Make) -> None:
    # 40 patients have the class, so that no warning about few is due
    classes = [str(int(i % 4 < 2)) for i in range(160)]
    cohort = make(160, outcome=classes, age=[str(20 + i % 70) for i in range(160)])
    context = Context(split=SplitConfig(folds=5))
    for name in registry.available("checks"):
        found = registry.load("checks", name).check(cohort, context)
        assert [f for f in found if f.severity != "info"] == []


def test_every_check_names_itself_and_has_a_description(make: Make) -> None:
    described = registry.describe("checks")
    assert {"files", "columns", "targets", "stated_label", "duplicates"} <= set(described)
    cohort = make(4, file=["absent.png", None, "0.png", "0.png"], age=["x", None, "1", "1"])
    for name, text in described.items():
        assert len(text) > 20
        for finding in registry.load("checks", name).check(cohort, Context(SplitConfig())):
            assert finding.check == name


def test_absent_and_unreadable_files_are_two_errors_with_their_cases(
    make: Make, tmp_path: Path
) -> None:
    cohort = make(6, file=["0.png", "gone.png", "bad.png", None, "bad.png", "gone/too.png"])
    (tmp_path / "bad.png").write_bytes(b"no picture")
    found = files.check(cohort, Context())
    assert brief(found) == [("error", "image", 2), ("error", "image", 2)]
    assert found[0].case_ids == ("c1", "c5")
    assert found[1].case_ids == ("c2", "c4")
    assert "neither DICOM nor a picture" in found[1].detail
    assert str(tmp_path) not in found[1].detail


def test_a_header_that_contradicts_itself_is_a_warning_with_its_cases(
    make: Make, tmp_path: Path
) -> None:
    import pydicom
    from pydicom.data import get_testdata_file

    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for name, shape in (("right.dcm", "IDENTITY"), ("wrong.dcm", "INVERSE")):
        dataset.PresentationLUTShape = shape
        dataset.save_as(tmp_path / name)
    (found,) = files.check(make(4, file=["right.dcm", "wrong.dcm", None, "0.png"]), Context())
    assert (found.severity, found.case_ids) == ("warning", ("c1",))
    assert "1 x MONOCHROME2 beside PresentationLUTShape INVERSE" in found.detail


def test_a_file_of_many_cases_is_read_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def look(path: Path, **_: Any) -> Picture:
        read.append(path)
        return Picture(np.zeros((1, 3, 3), np.float32), None)

    monkeypatch.setattr("clinmm.intake.images_read.read_image", look)
    files.check(make(6, file=["0.png"] * 5 + ["1.png"]), Context())
    assert len(read) == 2


def test_words_in_a_numeric_column_are_an_error_and_missing_ones_are_not(make: Make) -> None:
    found = columns.check(make(6, age=["1", "old", None, "3", "inf", "4.5"]), Context())
    assert brief(found) == [("error", "age", 2)]
    assert found[0].case_ids == ("c1", "c4")
    assert "old" not in found[0].detail  # a cell may hold anything, a name too


def test_columns_that_say_nothing_are_warned_of(make: Make) -> None:
    found = columns.check(make(4, age=[None] * 4, sex=["F", None, "F", "F"]), Context())
    assert [(f.subject, f.detail) for f in found] == [
        ("age", "no value is recorded."),
        ("sex", "every recorded value is the same."),
    ]


def test_ages_outside_the_bins_and_times_that_cannot_be_read_are_warned_of(make: Make) -> None:
    spec = {
        "sensitive": {"years": {"column": "age", "bins": [0, 40, 120]}},
        "index_time": {"column": "date"},
    }
    cohort = make(
        4,
        spec,
        age=["39", "120", "-1", None],
        date=["2020-01-01", "January", None, "2020-02-30"],
    )
    found = columns.check(cohort, Context())
    assert brief(found) == [("warning", "years", 2), ("warning", "date", 2)]
    assert found[1].case_ids == ("c1", "c3")


def test_class_counts_are_of_cases_and_patients(make: Make) -> None:
    outcome = ["1", "0", "1", "1", "0", "0", None, None]
    found = targets.check(make(8, outcome=outcome), Context())
    # p0 has both, p1 the class, p2 not, p3 is unknown
    assert found[0].detail == "3 of 6 cases; 2 patients with, 2 without."
    assert found[0].value == 0.5
    assert brief(found[1:]) == [("warning", "died", 2), ("warning", "died", 2)]
    assert "not known for 25% of the cases" in found[2].detail


def test_a_class_that_nobody_or_everybody_has_is_an_error(make: Make) -> None:
    for value, side in (("0", "with"), ("1", "without")):
        found = targets.check(make(6, outcome=[value] * 6), Context())
        (error,) = [f for f in found if f.severity == "error"]
        assert error.detail == f"no patient {side} the class."


def test_missing_rates_are_shares_of_the_cases(make: Make) -> None:
    cohort = make(4, text=[None, " ", None, "a"], age=[None, "1", "2", "3"], sex=[None] * 4)
    found = missing_rates.check(cohort, Context())
    assert [(f.severity, f.subject, f.value) for f in found] == [
        ("warning", "note", 0.75),
        ("info", "record", 0.25),
        ("info", "record.age", 0.25),
        ("warning", "record.sex", 1.0),
    ]


def test_many_missing_columns_are_told_together(make: Make) -> None:
    genes = {
        f"g{i}": [None] + ["1"] * 10 + [None] * (i % 2) + ["1"] * (1 - i % 2) for i in range(30)
    }
    rare = {f"r{i}": [None] * 11 + ["1"] for i in range(23)}
    numeric = {"age": "years", **dict.fromkeys([*genes, *rare], "n")}
    inputs = {"inputs": {"record": {"kind": "record", "numeric": numeric}}}
    found = missing_rates.check(make(12, inputs, **genes, **rare), Context())
    assert [(f.severity, f.subject, f.count) for f in found] == [
        *(("warning", f"record.r{i}", 11) for i in range(20)),
        ("warning", "record.*", 3),
        ("info", "record.*", 30),
    ]
    assert found[-2].detail == "3 more columns missing in 92% of the cases."
    assert found[-1].detail == "30 columns missing in 8% to 17% of the cases."
    few = make(12, inputs, **genes, **dict.fromkeys(rare, ["1"] * 12))
    (told,) = missing_rates.check(few, Context())
    assert told.subject == "record.*"


def test_the_rows_taken_away_are_told(make: Make) -> None:
    cohort = make(4)
    cohort.dropped.update({"keep": 3, "require": 0})
    (told,) = rows.check(cohort, Context())
    assert told.detail == "4 cases of 2 patients belong, of 7 rows; taken away: keep 3."
