"""Means over the classes in which a group can be judged."""

import numpy as np
import pandas as pd
import pytest

from clinmm.fairness.audit import audit
from clinmm.fairness.over_classes import judged, means
from clinmm.fairness.verdicts import bias_verdicts
from clinmm.intervals import Estimate


def one(value: float) -> Estimate:
    status = "suppressed" if np.isnan(value) else "ok"
    return Estimate("auroc", value, 40, 30, 20, status, per_repeat={0: value})


def test_both_sides_are_means_over_the_same_classes() -> None:
    nan = float("nan")
    pairs = [(one(0.9), one(0.8)), (one(nan), one(0.6)), (one(0.7), one(0.5)), (one(0.1), one(nan))]
    assert judged(pairs) == [0, 2]
    inside, outside = means(pairs)
    assert (inside.value, outside.value) == pytest.approx((0.8, 0.65))
    assert judged(pairs[1:]) == []
    assert means(pairs[1:])[0].status == "suppressed"
    assert means(pairs[1:2])[1].value == 0.6


def test_a_rare_class_does_not_silence_the_verdict_on_the_others() -> None:
    rng = np.random.default_rng(0)
    n = 400
    old = rng.random(n) < 0.5
    rows = []
    for name in ("a", "b", "rare"):
        y = rng.random(n) < 0.4
        if name == "rare":
            y = np.zeros(n, dtype=bool)
            y[np.flatnonzero(~old)[:12]] = True
        z = rng.normal(size=n) + 2.5 * y * ~old + 0.3 * y * old
        rows.append(
            pd.DataFrame(
                {
                    **{"arm": "fused", "repeat": 0, "fold": 0, "split": "test", "pattern": "any"},
                    "case_id": [f"c{i}" for i in range(n)],
                    "patient_id": [f"p{i}" for i in range(n)],
                    **{"class_name": name, "target": y.astype(float)},
                    **dict.fromkeys(("probability_raw", "probability"), 1 / (1 + np.exp(-z))),
                }
            )
        )
    predictions = pd.concat(rows, ignore_index=True)
    groups = pd.DataFrame({"age": np.where(old, "old", "young")}, index=[f"c{i}" for i in range(n)])
    given = {"primary": ("auroc",)}
    compared = audit(predictions, groups, **given, n_bootstrap=0).comparisons
    mean = compared.query("rival == 'complement' and class_name == 'macro' and metric == 'auroc'")
    alone = compared.query("rival == 'complement' and metric == 'auroc' and group == 'old'")
    alone = alone.set_index("class_name")["difference"]
    assert np.isnan(alone["rare"])
    assert alone["macro"] == pytest.approx((alone["a"] + alone["b"]) / 2)
    assert len(mean) == 2
    (row,) = bias_verdicts(
        predictions, None, groups, compared, **given, permutations=100
    ).itertuples()
    assert (row.verdict, row.group) == ("gap_shown", "old")
    assert row.difference == pytest.approx(alone["macro"])
