"""Which cases are audited: balanced classes, half of them positive, few of any one patient."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from clinmm.explain.audit.parts.sample import MOST_OF_A_PATIENT, audit_sample


def predictions(n: int = 90, positives: tuple[int, ...] = (30, 6), folds: int = 3) -> pd.DataFrame:
    """Cases of n patients, `positives[k]` of each fold's cases positive for class k."""
    per_fold = n // folds
    return pd.DataFrame(
        [
            {
                "arm": "fused",
                "repeat": 0,
                "fold": i // per_fold,
                "case_id": f"c{i:03d}",
                "patient_id": f"p{i:03d}",
                "split": "test",
                "class_name": f"class {k}",
                "target": float(i % per_fold < count),
                "pattern": "image+note",
            }
            for i in range(n)
            for k, count in enumerate(positives)
        ]
    )


def drawn(table: pd.DataFrame, n: int, folds: int = 1, seed: int = 0) -> pd.DataFrame:
    sample = pd.DataFrame(audit_sample(table, n, folds, seed))
    known = table.set_index(["case_id", "class_name"])["target"]
    return sample.assign(y=[known[one.case_id, one.class_name] for one in sample.itertuples()])


def test_classes_are_balanced_and_half_of_each_is_positive() -> None:
    found = drawn(predictions(positives=(15, 15)), 20)
    assert Counter(zip(found.class_name, found.y, strict=True)) == {
        ("class 0", 1.0): 5,
        ("class 0", 0.0): 5,
        ("class 1", 1.0): 5,
        ("class 1", 0.0): 5,
    }
    assert set(found["fold"]) == {0}
    assert found["case_id"].is_unique, "each case is looked at for one class"


def test_a_rare_class_has_all_its_positives_and_negatives_fill_it_up() -> None:
    found = drawn(predictions(positives=(20, 3)), 24)
    rare = found[found["class_name"] == "class 1"]
    assert len(rare) == 12
    assert rare["y"].sum() == 3


def test_positives_that_somebody_outlined_come_first() -> None:
    table = predictions(positives=(20, 20))
    outlined = {("c007", "class 0"), ("c019", "class 0"), ("c003", "class 1"), ("c025", "class 1")}
    sample = audit_sample(table, 8, 1, 0, lambda *at: at in outlined)
    taken = {(one.case_id, one.class_name) for one in sample}
    assert taken & outlined == outlined - {("c025", "class 1")}, "c025 is negative"
    assert len(taken) == 8


def test_one_case_a_patient_where_that_is_enough_and_two_where_it_is_not() -> None:
    table = predictions(60, (10, 10), folds=1)
    table["patient_id"] = "p" + (table["case_id"].str[1:].astype(int) // 3).astype(str)
    assert drawn(table, 20)["patient_id"].value_counts().max() == 1
    found = drawn(table, 60)
    assert found["patient_id"].value_counts().max() == MOST_OF_A_PATIENT
    assert len(found) == 40, "20 patients, two cases each"


def test_more_folds_give_more_cases_the_lowest_numbers_first() -> None:
    table = predictions()
    assert set(drawn(table, 60, folds=2)["fold"]) == {0, 1}
    assert len(drawn(table, 900, folds=3)) == 90
    assert len(drawn(table, 900, folds=9)) == 90


def test_only_test_rows_of_the_fused_arm_in_repeat_0_with_a_target_and_an_input_count() -> None:
    table = predictions(folds=1)
    for column, value in (
        ("arm", "note"),
        ("split", "validate"),
        ("repeat", 1),
        ("target", np.nan),
        ("pattern", "none"),
    ):
        assert audit_sample(table.assign(**{column: value}), 20, 1, 0) == []
    assert audit_sample(table, 0, 1, 0) == []


def test_the_order_of_rows_does_not_matter_and_the_seed_does() -> None:
    table = predictions()
    first = audit_sample(table, 20, 1, 0)
    assert first == audit_sample(table.sample(frac=1, random_state=1), 20, 1, 0)
    assert first != audit_sample(table, 20, 1, 1)


def test_values_of_a_continuous_target_are_positive_above_their_median() -> None:
    table = predictions(40, (0,), folds=1)
    table["target"] = np.arange(40.0)
    found = drawn(table, 10)
    assert (found["y"] > 19.5).sum() == 5


@pytest.mark.parametrize("n", [1, 2, 7, 19])
def test_as_many_as_asked_for(n: int) -> None:
    assert len(audit_sample(predictions(), n, 1, 0)) == n
