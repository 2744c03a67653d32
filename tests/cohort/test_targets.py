"""Targets of every kind: what is scored, what is learned, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from clinmm.cohort.allocation import label_counts
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import load_cohort, spec_from
from clinmm.cohort.split_config import SplitConfig
from clinmm.cohort.split_size import too_few_patients
from clinmm.cohort.splits import make_splits
from clinmm.errors import InputError
from clinmm.intake.agreement import alpha
from clinmm.intake.checks.targets import check
from clinmm.intake.context import Context

SCORE = {"kind": "continuous", "column": "a", "unit": "points", "range": [0, 18]}
BINARY = {"kind": "binary", "positive": ["yes"], "negative": ["no"]}
GRADES = {"kind": "multiclass", "classes": ["low", "mid", "high"]}
READERS = {"readers": ["a", "b", "c"]}
FINGERPRINT_BEFORE = "00cf114ddffdbaa3f32cf26f46d39e27ec145eadedd5dc9d8f0c5a374ba7167b"


def settings(target: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "t",
        "table": "t.csv",
        "case_id": "case_id",
        "patient_id": "patient_id",
        "target": {"name": "outcome", **target},
        "inputs": {"record": {"kind": "record", "numeric": {"age": "years"}}},
    }


def cohort(target: dict[str, Any], **columns: list[Any]) -> Cohort:
    n = len(next(iter(columns.values())))
    ids = {
        "case_id": [f"c{i}" for i in range(n)],
        "patient_id": [f"p{i // 2}" for i in range(n)],
        "age": ["50"] * n,
    }
    table = pd.DataFrame({**ids, **columns}, dtype=object)
    return Cohort(spec_from(settings(target), "t.yaml"), Path(), table, {})


def load(folder: Path, target: dict[str, Any], **columns: list[Any]) -> Cohort:
    made = cohort(target, **columns)
    made.table.to_csv(folder / "t.csv", index=False)
    (folder / "t.yaml").write_text(yaml.safe_dump(settings(target)), encoding="utf-8")
    return load_cohort(folder / "t.yaml")


# --- a value ---------------------------------------------------------------------------------
def test_a_value_is_one_column_with_nan_where_not_recorded() -> None:
    made = cohort(SCORE, a=["3", "17.5", None])
    assert made.task == "continuous"
    assert made.class_names == ["outcome"]
    np.testing.assert_array_equal(made.targets(), [[3.0], [17.5], [np.nan]])
    np.testing.assert_array_equal(made.training_targets(), made.targets())


def test_sides_are_above_and_up_to_the_median() -> None:
    found = cohort(SCORE, a=["1", "2", "2", "9", None]).sides()
    np.testing.assert_array_equal(found[:, 0], [0, 0, 0, 1, np.nan])


def test_cells_that_are_no_numbers_or_out_of_range_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, SCORE, a=["3", "severe", "19", "-1", ""])
    first, second = refused.value.problems
    assert "no numbers: 'severe' (1 rows)" in first
    assert "outside [0, 18]" in second
    assert "'19' (1 rows)" in second
    assert "'-1' (1 rows)" in second


def test_infinity_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no numbers"):
        load(tmp_path, SCORE, a=["inf", "3"])


def test_many_different_bad_cells_are_counted_not_quoted(tmp_path: Path) -> None:
    names = [f"Person {i}" for i in range(12)]
    with pytest.raises(InputError) as refused:
        load(tmp_path, SCORE, a=names)
    assert "Person" not in str(refused.value)
    assert "no numbers: 12 different values. Correct" in str(refused.value)
    often = ["mild"] * 5
    with pytest.raises(InputError, match=r"no numbers: 'mild' \(5 rows\), 12 more values\. "):
        load(tmp_path, SCORE, a=names + often)


def test_cases_without_a_value_do_not_belong(tmp_path: Path) -> None:
    made = load(tmp_path, SCORE, a=["3", "", "4"])
    assert made.n_cases == 2
    assert made.dropped["no target"] == 1


@pytest.mark.parametrize("limits", [[18, 0], [0, 0], [0, float("inf")]])
def test_a_range_rises(limits: list[float]) -> None:
    with pytest.raises(InputError, match="range"):
        cohort({**SCORE, "range": limits}, a=["1"])


# --- readers ---------------------------------------------------------------------------------
def test_binary_readers_majority_is_scored_and_the_share_learned() -> None:
    made = cohort(
        {**BINARY, **READERS},
        a=["yes", "yes", "no", "yes", None],
        b=["yes", "no", "no", None, None],
        c=["no", None, None, None, None],
    )
    np.testing.assert_array_equal(made.targets()[:, 0], [1, np.nan, 0, 1, np.nan])
    np.testing.assert_allclose(made.training_targets()[:, 0], [2 / 3, 0.5, 0, 1, np.nan])


def test_multiclass_readers_tie_is_not_scored_but_learned() -> None:
    made = cohort(
        {**GRADES, **READERS},
        a=["low", "low", "high"],
        b=["low", "mid", "high"],
        c=["high", None, None],
    )
    np.testing.assert_array_equal(made.targets()[[0, 2]], [[1, 0, 0], [0, 0, 1]])
    assert np.isnan(made.targets()[1]).all()
    np.testing.assert_allclose(made.training_targets()[:2], [[2 / 3, 0, 1 / 3], [0.5, 0.5, 0]])
    np.testing.assert_allclose(made.training_targets().sum(axis=1), 1)


def test_value_readers_give_their_mean() -> None:
    made = cohort(
        {"kind": "continuous", "unit": "points", **READERS},
        a=["3", "4"],
        b=["6", None],
        c=[None, None],
    )
    np.testing.assert_array_equal(made.targets(), [[4.5], [4.0]])


def test_a_tied_case_belongs_because_it_can_be_learned_from(tmp_path: Path) -> None:
    target = {**BINARY, "readers": ["a", "b"]}
    made = load(tmp_path, target, a=["yes", "no", ""], b=["no", "no", ""])
    assert made.n_cases == 2


def test_every_reader_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, {**BINARY, "readers": ["a", "b"]}, a=["yes", "Y"], b=["no", "N"])
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (BINARY, "name either column, or readers"),
        ({**BINARY, "column": "a", "readers": ["a", "b"]}, "name either column, or readers"),
        ({**BINARY, "readers": ["a"]}, "readers"),
        ({**BINARY, "readers": ["a", "a"]}, "readers named twice"),
        ({**BINARY, "column": "a", "soft": True}, "soft"),
        ({"kind": "binary", "column": "a"}, "name positive and negative"),
        ({"kind": "continuous", "column": "a"}, "unit"),
    ],
)
def test_targets_that_say_too_little_or_too_much_are_refused(
    target: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        cohort(target, a=["yes"])


# --- soft labels -----------------------------------------------------------------------------
def test_soft_labels_are_scored_from_one_half_on_and_learned_as_they_are() -> None:
    made = cohort({"kind": "multilabel", "columns": ["a", "b"], "soft": True}, a=["0.2", "0.5"],
                  b=["1", None])  # fmt: skip
    np.testing.assert_array_equal(made.targets(), [[0, 1], [1, np.nan]])
    np.testing.assert_array_equal(made.training_targets(), [[0.2, 1], [0.5, np.nan]])


def test_soft_labels_outside_0_to_1_are_refused(tmp_path: Path) -> None:
    target = {"kind": "binary", "column": "a", "soft": True}
    with pytest.raises(InputError, match=r"outside \[0, 1\]"):
        load(tmp_path, target, a=["0.5", "1.2"])


# --- what stays the same ---------------------------------------------------------------------
def test_a_target_that_says_nothing_new_keeps_its_fingerprint() -> None:
    """That of the version before readers and soft labels."""
    plain = cohort({**BINARY, "column": "a"}, a=["yes", "no"])
    spelled = cohort({**BINARY, "column": "a", "soft": False, "readers": None}, a=["yes", "no"])
    assert spelled.fingerprint == plain.fingerprint
    assert plain.fingerprint == FINGERPRINT_BEFORE


# --- splits ----------------------------------------------------------------------------------
def values_of(n: int = 200) -> list[str]:
    return [f"{value:.1f}" for value in np.random.default_rng(0).gamma(2, 3, n).clip(0, 18)]


def test_values_are_dealt_by_fifths() -> None:
    made = cohort(SCORE, a=[*values_of(), None])
    _, counts = label_counts(made)
    assert counts[:, :-1].sum(axis=0).tolist() == pytest.approx([40] * 5, abs=3)
    assert counts.sum() == 200 + 1  # the last patient has no value and is dealt too


def test_folds_have_alike_values() -> None:
    made = cohort(SCORE, a=values_of())
    splits = make_splits(made, SplitConfig(folds=5, repeats=1), 0, None)
    tested = splits[splits["split"] == "test"].set_index("case_id")["fold"]
    values = pd.Series(made.targets()[:, 0], index=made.table["case_id"])
    means = values.groupby(tested).mean()
    shuffled = values.groupby(pd.Series(np.arange(200) // 2 % 5, index=values.index)).mean()
    assert means.std() < shuffled.std()
    assert means.std() < 0.35  # 0.6 by chance


def test_too_few_patients_for_a_split_of_values() -> None:
    made = cohort(SCORE, a=["1", "2", "3", "4", "9", "9"])
    problems = too_few_patients(made, SplitConfig(folds=5))
    assert any("above the median of 'outcome'" in problem for problem, _ in problems)
    assert too_few_patients(cohort(SCORE, a=values_of()), SplitConfig(folds=5)) == []


# --- intake ----------------------------------------------------------------------------------
def test_intake_describes_values() -> None:
    (found,) = check(cohort(SCORE, a=values_of()), Context())
    assert found.severity == "info"
    assert "200 of 200 cases of 100 patients" in found.detail
    assert "points" in found.detail


def test_intake_stops_where_every_value_is_the_same() -> None:
    severities = [one.severity for one in check(cohort(SCORE, a=["2"] * 60), Context())]
    assert severities == ["info", "error"]


def test_intake_warns_of_few_patients_with_a_value() -> None:
    found = check(cohort(SCORE, a=["2", "3", "4", "5"]), Context())
    assert found[-1].severity == "warning"


def test_intake_says_how_far_readers_agree() -> None:
    rng = np.random.default_rng(1)
    same = [["yes", "no"][i] for i in rng.integers(0, 2, 80)]
    some = [cell if rng.random() < 0.8 else "no" for cell in same]
    found = check(cohort({**BINARY, **READERS}, a=same, b=some, c=some[::-1]), Context())
    (said,) = [one for one in found if "readers or more" in one.detail]
    assert said.severity == "info"
    assert said.low < said.value < said.high  # type: ignore[operator]


def test_alpha_equals_the_worked_example_of_krippendorff() -> None:
    """Four observers, twelve units, nominal and interval: .743 and .849 (Krippendorff 2011,
    Computing Krippendorff's Alpha-Reliability, example C)."""
    nan = np.nan
    said = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
            [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
        ]
    )
    patients = np.array([f"p{i}" for i in range(12)], dtype=object)
    one_hot = np.where(np.isnan(said)[..., None], nan, said[..., None] == np.arange(1, 6))
    assert alpha(one_hot, patients)[0] == pytest.approx(0.743, abs=5e-4)
    value, low, high = alpha(said[..., None], patients)
    assert value == pytest.approx(0.849, abs=5e-4)
    assert low < value < high


def test_alpha_without_two_readings_of_one_case_is_nothing() -> None:
    readings = np.array([[[1.0], [np.nan]], [[np.nan], [2.0]]])
    assert np.isnan(alpha(readings, np.array(["a", "b"], dtype=object))).all()
