from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from clinmm.cohort.cohort import Cohort
from clinmm.intake.checks.missingness import check, on_test
from clinmm.intake.context import Context
from clinmm.intake.leaks.presence import presence
from clinmm.intake.leaks.told import auroc_of, holm, patient_folds, told_by

Make = Callable[..., Cohort]
N = 240  # two cases a patient
INPUTS: dict[str, Any] = {
    "inputs": {
        "note": {"kind": "note", "column": "text"},
        "record": {"kind": "record", "numeric": {"age": "years", "crp": "mg/L"}},
    }
}
POSITIVE = np.array([i % 6 in (0, 1) for i in range(N)])


def cohort_with(make: Make, measured: np.ndarray, **columns: Any) -> Cohort:
    return make(N, INPUTS | columns.pop("spec", {}), crp=["5" if m else None for m in measured],
                **columns)  # fmt: skip


def random_share(share: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(N) < share


def test_a_field_recorded_because_of_the_answer_is_an_error(make: Make) -> None:
    cohort = cohort_with(make, POSITIVE)
    (error, told) = check(cohort, Context())
    assert (error.severity, error.subject, error.value) == ("error", "record.crp", 1.0)
    assert (told.severity, told.subject) == ("info", "died")


def test_a_field_recorded_more_often_with_the_class_is_a_warning(make: Make) -> None:
    measured = np.where(POSITIVE, random_share(0.9), random_share(0.3, 1))
    (warning, told) = check(cohort_with(make, measured), Context())
    assert warning.severity == "warning"
    y = POSITIVE.astype(float)
    assert warning.value == pytest.approx(roc_auc_score(y, measured))
    assert warning.low is not None
    assert warning.value is not None
    assert 0.55 < warning.low < warning.value
    assert told.severity == "info"


def test_a_field_that_is_lacking_with_the_class_counts_as_much(make: Make) -> None:
    measured = np.where(POSITIVE, random_share(0.9), random_share(0.3, 1))
    one, other = (check(cohort_with(make, m), Context())[0] for m in (measured, ~measured))
    assert one.value == pytest.approx(other.value)
    assert one.severity == other.severity == "warning"


def test_what_is_missing_at_random_gives_no_warning(make: Make) -> None:
    for seed in range(5):
        text = ["A cough." if m else None for m in random_share(0.7, seed + 50)]
        cohort = cohort_with(make, random_share(0.6, seed), text=text)
        assert {f.severity for f in check(cohort, Context())} == {"info"}


def test_a_group_of_whom_less_is_recorded_is_a_warning_never_an_error(make: Make) -> None:
    women = np.arange(N) % 4 < 2
    spec = {"sensitive": {"sex": "sex"}}
    found = check(cohort_with(make, women, spec=spec), Context())
    (warning,) = [f for f in found if f.severity != "info"]
    assert (warning.severity, warning.subject) == ("warning", "record.crp")
    assert "'F' of sex" in warning.detail


def test_labels_of_test_patients_decide_nothing(make: Make) -> None:
    measured = np.where(POSITIVE, random_share(0.9), random_share(0.3, 1))
    learns = np.arange(N) < 180
    outcome = POSITIVE.astype(int).astype(str).tolist()
    turned = outcome[:180] + [str(1 - int(y)) for y in outcome[180:]]
    first, second = (
        check(cohort_with(make, measured, outcome=y), Context(learns=learns))
        for y in (outcome, turned)
    )
    assert first == second


def test_the_others_regression_is_measured_on_test_patients(make: Make) -> None:
    cohort, test = cohort_with(make, POSITIVE), np.arange(N) >= 120
    (row,) = on_test(cohort, Context(learns=~test), [], test)
    assert (row["value"], row["n_cases"], row["n_patients"]) == (1.0, 120, 60)
    # cases that are neither: other cases of test patients, which only one of the two may see
    turned = [str(int(p) if t else 1 - int(p)) for p, t in zip(POSITIVE, test, strict=True)]
    apart, learns = cohort_with(make, POSITIVE, outcome=turned), np.arange(N) < 12
    (row,) = on_test(apart, Context(learns=learns), [], test)
    assert (row["value"], row["n_patients"]) == (0.0, 60)
    (row,) = on_test(cohort, Context(learns=np.zeros(N, dtype=bool)), [], test)
    assert np.isnan(row["value"])
    few = np.arange(N) >= N - 8
    (row,) = on_test(cohort, Context(learns=~few), [], few)
    assert np.isnan(row["value"])


def test_fields_that_are_always_there_or_come_together_are_left_out(make: Make) -> None:
    half = random_share(0.5)
    age = ["30" if m else None for m in half]
    fields = presence(cohort_with(make, half, age=age))
    assert list(fields) == ["record"]
    assert presence(cohort_with(make, np.ones(N, dtype=bool))) == {}
    assert check(cohort_with(make, np.ones(N, dtype=bool)), Context()) == []


def test_no_patient_is_learned_from_and_scored() -> None:
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 40, 200).astype(str)
    y = rng.integers(0, 2, 200).astype(float)
    fold = patient_folds(y, patients)
    assert all(len(set(fold[patients == who])) == 1 for who in patients)
    # the outcome of a patient, told only by who he is, cannot be learned
    who = (patients[:, None] == np.unique(patients)).astype(float)
    assert told_by(who, np.isin(patients, np.unique(patients)[:20]) * 1.0, patients).value < 0.7


def test_auroc_with_interval_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y, score = rng.integers(0, 2, 150).astype(float), rng.random(150)
    told = auroc_of(score, y, np.arange(150))
    assert told.value == pytest.approx(roc_auc_score(y, score))
    assert told.low < told.value < told.high
    assert np.isnan(auroc_of(score[:6], y[:6], np.arange(6)).value)


def test_holm_is_that_of_the_definition() -> None:
    p = np.array([0.02, 0.01, 0.03])
    assert holm(p) == pytest.approx([0.04, 0.03, 0.04])
