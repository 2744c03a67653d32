"""Where a probability becomes a call."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import roc_curve

from clinmm import schema
from clinmm.errors import InputError
from clinmm.thresholds import DEFAULT, OperatingPoint, choose, table

Y = np.array([0, 0, 0, 0, 1, 0, 1, 1, 1, 1], dtype=float)
P = np.arange(10) / 10


def rates(y, p, threshold):
    call = p >= threshold
    return call[y == 1].mean(), (~call)[y == 0].mean()


@pytest.mark.parametrize(
    ("point", "threshold"),
    [
        ({"youden": True}, 0.35),  # 1 + 4/5 there; 4/5 + 1 at .55, which misses more
        ({"sensitivity": 1.0}, 0.35),
        ({"sensitivity": 0.8}, 0.55),
        ({"specificity": 1.0}, 0.55),
        ({"specificity": 0.6}, 0.25),
        ({"value": 0.123}, 0.123),
    ],
)
def test_threshold_of_ten_cases_worked_out_by_hand(point, threshold):
    assert choose(Y, P, OperatingPoint(**point)) == pytest.approx(threshold)


def test_youden_threshold_reaches_the_best_point_of_scikit_learns_roc():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        y = np.append([0.0, 1.0], (rng.random(60) < 0.3).astype(float))
        p = np.round(rng.random(62), 1 + seed % 3)
        fpr, tpr, _ = roc_curve(y, p)
        sensitivity, specificity = rates(y, p, choose(y, p, OperatingPoint(youden=True)))
        assert sensitivity + specificity - 1 == pytest.approx(max(tpr - fpr))


@pytest.mark.parametrize("wanted", [0.3, 0.75, 0.9, 0.95, 1.0])
def test_fixed_sensitivity_and_specificity_are_reached_and_not_overshot(wanted):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = np.append([0.0, 1.0], (rng.random(50) < 0.4).astype(float))
        p = np.round(rng.random(52), 2)
        t = choose(y, p, OperatingPoint(sensitivity=wanted))
        assert rates(y, p, t)[0] >= wanted
        above = p[p >= t].min()  # one distinct score further up it would be too few
        assert rates(y, p, np.nextafter(above, 2))[0] < wanted
        t = choose(y, p, OperatingPoint(specificity=wanted))
        assert rates(y, p, t)[1] >= wanted


def test_no_threshold_where_the_cases_hold_one_class():
    assert np.isnan(choose([1, 1], [0.2, 0.4], OperatingPoint(youden=True)))
    assert np.isnan(choose([], [], OperatingPoint(sensitivity=0.9)))
    assert choose([1, 1], [0.2, 0.4], OperatingPoint(value=0.5)) == 0.5


def test_logits_are_refused():
    with pytest.raises(InputError, match="Apply a sigmoid"):
        choose([0, 1], [-1.0, 2.0], OperatingPoint(youden=True))


@pytest.mark.parametrize(
    "given",
    [{}, {"youden": True, "value": 0.5}, {"sensitivity": 1.5}, {"sens": 0.9}, {"value": -1}],
)
def test_operating_point_that_is_not_exactly_one_policy_is_refused(given):
    with pytest.raises(ValidationError):
        OperatingPoint(**given)


def test_table_has_a_threshold_for_each_arm_fold_class_and_point(predictions_table):
    rows = predictions_table(classes=("a", "b"), repeats=2, folds=3)
    points = {**DEFAULT, "high_sensitivity": OperatingPoint(sensitivity=0.9)}
    made = table(rows[rows["split"] != "test"], points)
    schema.THRESHOLDS.validate(made)
    assert len(made) == 3 * 2 * 3 * 2 * 2
    one = made[(made["operating_point"] == "high_sensitivity")].iloc[5]
    at = pd.Series(True, index=rows.index)
    for key in ("arm", "repeat", "fold", "class_name"):
        at &= rows[key] == one[key]
    part = rows[at & (rows["split"] != "test")]
    assert rates(part.target.to_numpy(), part.probability.to_numpy(), one["threshold"])[0] >= 0.9
