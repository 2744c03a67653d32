"""How many of a group a model could learn from."""

import numpy as np
import pandas as pd
import pytest

from clinmm.fairness.sources import training_share


def splits(n: int, folds: int, per_patient: int = 1) -> pd.DataFrame:
    """Patient p is tested in fold p % folds; of one fold in the fourth quarter."""
    patient = np.arange(n) // per_patient
    parts = [
        pd.DataFrame(
            {
                "repeat": repeat,
                "fold": fold,
                "case_id": [f"c{i}" for i in range(n)],
                "patient_id": [f"p{i}" for i in patient],
                "split": np.where(patient % max(folds, 4) == fold, "test", "train"),
                "member": -1,
            }
        )
        for repeat in range(2)
        for fold in range(folds)
    ]
    return pd.concat(parts, ignore_index=True)


def test_shares_and_positive_patients_by_hand() -> None:
    # 40 patients of two cases; the first 3 are F, of whom p0 and p1 are ill
    index = pd.Index([f"c{i}" for i in range(80)], name="case_id")
    groups = pd.DataFrame({"sex": ["F"] * 6 + ["M"] * 74}, index=index)
    ill = np.zeros(80)
    ill[:4], ill[20:70], ill[75] = 1, 1, np.nan
    found = training_share.measure(
        splits(80, 4, 2), groups, pd.DataFrame({"ill": ill}, index=index)
    )
    rows = {(row["group"], row["of"], row["measure"]): row for row in found}
    share, test = rows["F", "train", "share"], rows["F", "test", "share"]
    # tested one a fold in folds 0, 1, 2 and none in 3: 2 or 3 of 30 patients are left to learn from
    assert share["value"] == pytest.approx((2 + 2 + 2 + 3) / 4 / 30)
    assert (share["n_patients"], share["n_cases"], share["verdict"]) == (2, 4, "yes")
    assert test["value"] == pytest.approx(3 / 4 / 10)
    assert test["verdict"] is None
    positive = rows["F", "train", "positive_patients"]
    assert (positive["value"], positive["verdict"], positive["class_name"]) == (1, "yes", "ill")
    of_m = rows["M", "train", "positive_patients"]
    assert of_m["verdict"] == "yes"
    assert of_m["value"] == 18
    assert rows["M", "train", "share"]["verdict"] == "not_shown"
    assert np.isnan(share["low"])


def test_without_classes_only_shares_are_told() -> None:
    index = pd.Index([f"c{i}" for i in range(40)], name="case_id")
    groups = pd.DataFrame({"sex": ["F", "M"] * 20}, index=index)
    found = training_share.measure(splits(40, 1), groups, pd.DataFrame(index=index))
    assert [row["measure"] for row in found] == ["share"] * 4
    assert found[0]["value"] == pytest.approx(1 / 3)  # every fourth patient is an F who is tested
