"""Which arm is the rival of the fused one."""

import numpy as np
import pandas as pd
import pytest

from clinmm.rivals import best_rival, best_single_arm

N = 120


def rows(arm: str, score: np.ndarray, have: np.ndarray, **columns: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "arm": arm,
            "repeat": 0,
            "fold": np.arange(N) % 2,
            "case_id": [f"c{i}" for i in range(N)],
            "patient_id": [f"p{i}" for i in range(N)],
            "split": np.where(np.arange(N) % 3 == 0, "test", "validate"),
            "class_name": "died",
            "target": Y,
            "probability_raw": 1 / (1 + np.exp(-score)),
            "pattern": "x",
        }
    ).assign(**columns)
    return table[have]


RNG = np.random.default_rng(0)
Y = (RNG.random(N) < 0.4).astype(float)
ALL, FEW = np.ones(N, bool), RNG.random(N) < 0.25


def signal(strength: float) -> np.ndarray:
    return strength * (2 * Y - 1) + RNG.normal(size=N)


PREDICTIONS = pd.concat(
    [
        rows("fused", signal(3), ALL),
        rows("ensemble", signal(4), ALL),
        rows("image", signal(2), FEW),
        rows("note", signal(0.5), ALL),
        rows("image+note", signal(0.8), ALL),
        rows("baseline:note", signal(1.2), ALL),
    ],
    ignore_index=True,
)


def test_the_rival_is_the_best_of_all_but_fused_and_ensemble_over_everyone() -> None:
    assert best_rival(PREDICTIONS) == "baseline:note"
    assert best_single_arm(PREDICTIONS) == "image", "on those who have it"


def test_who_lacks_the_input_counts_at_the_fold_s_prevalence() -> None:
    """An arm of few patients wins only if being right about them outweighs the others' ties."""
    whole = PREDICTIONS[PREDICTIONS["arm"] != "image"]
    every = pd.concat([whole, rows("image", signal(2), ALL)], ignore_index=True)
    assert best_rival(every) == "image"
    near = pd.concat(
        [rows("fused", signal(3), ALL), rows("image", signal(9), FEW), rows("note", -Y, ALL)],
        ignore_index=True,
    )
    assert best_rival(near) == "image"


def test_no_test_row_has_a_say() -> None:
    spoiled = PREDICTIONS.copy()
    test = spoiled["split"] == "test"
    spoiled.loc[test, "target"] = 1 - spoiled.loc[test, "target"]
    spoiled.loc[test & (spoiled["arm"] == "note"), "probability_raw"] = 0.5
    assert best_rival(spoiled) == best_rival(PREDICTIONS)


def test_without_another_arm_there_is_no_rival() -> None:
    assert best_rival(PREDICTIONS[PREDICTIONS["arm"] == "fused"]) is None
    assert best_single_arm(PREDICTIONS[PREDICTIONS["arm"] == "fused"]) is None
    assert best_single_arm(PREDICTIONS[PREDICTIONS["arm"] == "baseline:note"]) is None


def test_an_unknown_target_counts_for_nobody() -> None:
    unknown = PREDICTIONS.assign(target=PREDICTIONS["target"].where(PREDICTIONS["fold"] == 0))
    known = PREDICTIONS[PREDICTIONS["fold"] == 0]
    assert best_rival(unknown) == best_rival(known)


@pytest.mark.parametrize("near", ["note", "baseline:note"])
def test_of_values_the_closest_over_everyone_is_the_rival(near: str) -> None:
    truth = 50 + 10 * RNG.normal(size=N)
    none = {"probability_raw": np.nan, "target": truth}
    table = pd.concat(
        [
            rows("fused", Y, ALL, value_raw=truth, **none),
            rows("image", Y, FEW, value_raw=truth, **none),
            rows(near, Y, ALL, value_raw=truth + 2, **none),
            rows("record", Y, ALL, value_raw=truth + 30, **none),
        ],
        ignore_index=True,
    )
    assert best_rival(table) == near
    assert best_single_arm(table) == "image"
