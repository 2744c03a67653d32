"""Where a probability becomes a call."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import roc_curve

from clinmm import schema
from clinmm.errors import InputError
from clinmm.intervals import rate_interval
from clinmm.thresholds import DEFAULT, OperatingPoint, choose, delivered, table

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
        ({"cost_ratio": 3}, 0.25),
        ({"net_benefit": 0.5}, 0.35),  # 5 - 1 at .35, 4 - 0 at .55: the lower one
        ({"net_benefit": 0.2}, 0.35),
        ({"net_benefit": 0.9}, 0.55),  # a false alarm costs nine hits
        ({"value": 0.123}, 0.123),
        ({"value": 0.0}, 0.0),
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


@pytest.mark.parametrize("at", [0.05, 0.2, 0.5, 0.9])
def test_net_benefit_threshold_is_the_best_of_all_that_could_be_chosen(at):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = np.append([0.0, 1.0], (rng.random(50) < 0.3).astype(float))
        p = np.round(np.clip(0.3 * y + 0.7 * rng.random(52), 0, 1), 2)

        def benefit(threshold, y=y, p=p):
            call = p >= threshold
            return (call & (y == 1)).mean() - (call & (y == 0)).mean() * at / (1 - at)

        best = max(benefit(t) for t in [*np.unique(p), 2.0])
        assert benefit(choose(y, p, OperatingPoint(net_benefit=at))) == pytest.approx(best)


def test_nobody_is_called_where_every_call_does_more_harm_than_good():
    y, p = np.array([0.0, 1, 0, 0]), np.array([0.9, 0.4, 0.3, 0.2])
    threshold = choose(y, p, OperatingPoint(net_benefit=0.8))
    assert threshold > 0.9
    assert not (p >= threshold).any()


def test_cost_ratio_and_net_benefit_meet_on_calibrated_cases_only():
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    y = (rng.random(p.size) < p).astype(float)
    ratio, benefit = OperatingPoint(cost_ratio=4), OperatingPoint(net_benefit=0.2)
    assert choose(y, p, ratio) == 0.2
    assert choose(y, p, benefit) == pytest.approx(0.2, abs=0.02)
    # twice too high: the outcomes know, the ratio does not
    y = (rng.random(p.size) < p / 2).astype(float)
    assert choose(y, p, ratio) == 0.2
    assert choose(y, p, benefit) == pytest.approx(0.4, abs=0.03)


def test_logits_are_refused():
    with pytest.raises(InputError, match="Apply a sigmoid"):
        choose([0, 1], [-1.0, 2.0], OperatingPoint(youden=True))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"youden": True, "value": 0.5},
        {"cost_ratio": 4, "net_benefit": 0.2},
        {"youden": True, "value": 0.0},
        {"sensitivity": 1.5},
        {"sens": 0.9},
        {"value": -1},
        {"cost_ratio": 0},
        {"cost_ratio": float("inf")},
        {"net_benefit": 0},
        {"net_benefit": 1},
    ],
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


# --- what a threshold will deliver


POINTS = {**DEFAULT, "fixed": OperatingPoint(value=0.5), "all": OperatingPoint(sensitivity=1.0)}


def test_fixed_threshold_delivers_what_is_counted(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.8,))
    rows = rows[rows["split"] != "test"]
    made = delivered(rows, POINTS).set_index(["operating_point", "metric"])
    y, call = rows["target"] == 1, rows["probability"] >= 0.5
    for metric, hit, about in (("sensitivity", call, y), ("specificity", ~call, ~y)):
        found = made.loc["fixed", metric]
        expected = rate_interval(hit[about].astype(float), rows.loc[about, "patient_id"])
        assert found[["value", "low", "high"]].tolist() == pytest.approx(expected[:3])
        assert found["n_patients"] == rows.loc[about, "patient_id"].nunique()


def test_delivered_rates_are_not_those_of_the_cases_the_threshold_was_chosen_on(predictions_table):
    """Noise alone: on its own cases the best threshold seems to have skill."""
    own, honest = [], []
    for seed in range(15):
        rows = predictions_table(n_cases=120, arms=("fused",), skill=(0.0,), seed=seed)
        rows = rows.assign(probability=np.random.default_rng(seed).random(len(rows)))
        y, p = rows["target"].to_numpy(), rows["probability"].to_numpy()
        own.append(sum(rates(y, p, choose(y, p, DEFAULT["youden"]))) - 1)
        honest.append(delivered(rows.assign(fold=0), DEFAULT)["value"].sum() - 1)
    assert np.mean(own) > 0.1
    assert abs(np.mean(honest)) < 0.06


def test_delivered_rates_pool_folds_each_with_its_own_threshold(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.8,), folds=3)
    rows = rows[rows["split"] != "test"]
    logit = np.log(rows["probability"] / (1 - rows["probability"])) + 3 * rows["fold"]
    moved = rows.assign(probability=1 / (1 + np.exp(-logit)))
    pd.testing.assert_frame_equal(delivered(rows, DEFAULT), delivered(moved, DEFAULT))


def test_too_few_patients_deliver_nothing(predictions_table):
    rows = predictions_table(n_cases=16, arms=("fused",), skill=(1.8,))
    made = delivered(rows, DEFAULT)
    assert made["metric"].tolist() == ["sensitivity", "specificity"]
    assert made[["value", "low", "high"]].isna().all(axis=None)
    assert made["n_patients"].gt(0).all()
