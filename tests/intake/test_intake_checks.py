from collections.abc import Callable
from pathlib import Path

import pytest

from clinmm import registry
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.split_config import SplitConfig
from clinmm.intake.checks import (
    columns,
    files,
    missing_rates,
    rows,
    same_bytes,
    split_size,
    targets,
)
from clinmm.intake.finding import Context, Finding

Make = Callable[..., Cohort]
NOTHING = Context()


def brief(findings: list[Finding]) -> list[tuple[str, str, int]]:
    return [(f.severity, f.subject, f.count) for f in findings]


def test_a_clean_cohort_has_no_error_or_warning_in_any_check(make: Make) -> None:
    # 40 patients have the class, so that no warning about few is due
    cohort = make(160, outcome=[str(int(i % 4 < 2)) for i in range(160)])
    context = Context(split=SplitConfig(folds=5))
    for name in registry.available("checks"):
        found = registry.load("checks", name).check(cohort, context)
        assert [f for f in found if f.severity != "info"] == []


def test_every_check_names_itself_and_has_a_description(make: Make) -> None:
    described = registry.describe("checks")
    assert {"files", "columns", "targets", "stated_label", "same_bytes"} <= set(described)
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
    found = files.check(cohort, NOTHING)
    assert brief(found) == [("error", "image", 2), ("error", "image", 2)]
    assert found[0].case_ids == ("c1", "c5")
    assert found[1].case_ids == ("c2", "c4")
    assert "neither DICOM nor a picture" in found[1].detail
    assert str(tmp_path) not in found[1].detail


def test_a_file_of_many_cases_is_read_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr("clinmm.intake.checks.files.read_image", read.append)
    files.check(make(6, file=["0.png"] * 5 + ["1.png"]), NOTHING)
    assert len(read) == 2


def test_words_in_a_numeric_column_are_an_error_and_missing_ones_are_not(make: Make) -> None:
    found = columns.check(make(6, age=["1", "old", None, "3", "inf", "4.5"]), NOTHING)
    assert brief(found) == [("error", "age", 2)]
    assert found[0].case_ids == ("c1", "c4")
    assert "old" not in found[0].detail  # a cell may hold anything, a name too


def test_columns_that_say_nothing_are_warned_of(make: Make) -> None:
    found = columns.check(make(4, age=[None] * 4, sex=["F", None, "F", "F"]), NOTHING)
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
    found = columns.check(cohort, NOTHING)
    assert brief(found) == [("warning", "years", 2), ("warning", "date", 2)]
    assert found[1].case_ids == ("c1", "c3")


def test_class_counts_are_of_cases_and_patients(make: Make) -> None:
    outcome = ["1", "0", "1", "1", "0", "0", None, None]
    found = targets.check(make(8, outcome=outcome), NOTHING)
    # p0 has both, p1 the class, p2 not, p3 is unknown
    assert found[0].detail == "3 of 6 cases; 2 patients with, 2 without."
    assert found[0].value == 0.5
    assert brief(found[1:]) == [("warning", "died", 2), ("warning", "died", 2)]
    assert "not known for 25% of the cases" in found[2].detail


def test_a_class_that_nobody_or_everybody_has_is_an_error(make: Make) -> None:
    for value, side in (("0", "with"), ("1", "without")):
        found = targets.check(make(6, outcome=[value] * 6), NOTHING)
        (error,) = [f for f in found if f.severity == "error"]
        assert error.detail == f"no patient {side} the class."


def test_missing_rates_are_shares_of_the_cases(make: Make) -> None:
    cohort = make(4, text=[None, " ", None, "a"], age=[None, "1", "2", "3"], sex=[None] * 4)
    found = missing_rates.check(cohort, NOTHING)
    assert [(f.severity, f.subject, f.value) for f in found] == [
        ("warning", "note", 0.75),
        ("info", "record", 0.25),
        ("info", "record.age", 0.25),
        ("warning", "record.sex", 1.0),
    ]


def test_the_split_is_checked_only_with_a_config(make: Make) -> None:
    cohort = make(12)
    assert split_size.check(cohort, NOTHING) == []
    found = split_size.check(cohort, Context(split=SplitConfig(folds=5)))
    assert [f.severity for f in found] == ["error", "error"]
    assert "2 patients with 'died', this split needs at least 5" in found[0].detail
    by_site = split_size.check(cohort, Context(split=SplitConfig(by="site")))
    assert "names no site" in by_site[0].detail


def test_same_bytes_under_two_patients_are_an_error_under_one_a_remark(
    make: Make, tmp_path: Path
) -> None:
    # c0 and c1 are one patient's; c2 is another's
    cohort = make(6, file=["0.png", "copy.png", "2.png", "3.png", None, "copy2.png"])
    (tmp_path / "copy.png").write_bytes((tmp_path / "0.png").read_bytes())
    (tmp_path / "copy2.png").write_bytes((tmp_path / "3.png").read_bytes())
    found = same_bytes.check(cohort, NOTHING)
    assert brief(found) == [("error", "image", 1), ("info", "image", 1)]
    assert found[0].case_ids == ("c3", "c5")
    assert found[1].case_ids == ("c0", "c1")


def test_the_rows_taken_away_are_told(make: Make) -> None:
    cohort = make(4)
    cohort.dropped.update({"keep": 3, "require": 0})
    (told,) = rows.check(cohort, NOTHING)
    assert told.detail == "4 cases of 2 patients belong, of 7 rows; taken away: keep 3."
