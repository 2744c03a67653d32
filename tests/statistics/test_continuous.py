"""A continuous target: metrics, recalibration, intervals, comparisons and the audit."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as reference

from clinmm import schema
from clinmm.calibration.parts import parts
from clinmm.continuous.audit import audit_values
from clinmm.continuous.choice import choose_value_cases
from clinmm.continuous.evaluate import evaluate_values
from clinmm.continuous.recalibration import LINEAR, NONE, Recalibration, choose
from clinmm.continuous.rules import fit_value_rules, mean_value_rules
from clinmm.continuous.samples import METRICS, build_values
from clinmm.errors import InputError
from clinmm.intervals import estimate
from clinmm.metrics.calibration_slope_value import calibration_slope_value
from clinmm.metrics.concordance import concordance
from clinmm.metrics.concordance import influence as influence_of_concordance
from clinmm.metrics.mae import mae
from clinmm.metrics.mean_error import mean_error
from clinmm.metrics.r2 import r2
from clinmm.metrics.rmse import rmse
from clinmm.samples import CALIBRATED


def predictions(
    n_patients: int = 80,
    *,
    slope: float = 1.0,
    noise: float = 2.0,
    folds: int = 2,
    seed: int = 0,
    arms: tuple[str, ...] = ("fused", "note"),
) -> pd.DataFrame:
    """Two cases a patient; every fold tests its own patients and has the others cross-fitted. The
    predicted value is the observed one times `slope`, with noise (twice as much for other arms)."""
    rng = np.random.default_rng(seed)
    n = 2 * n_patients
    patient = np.arange(n) // 2
    target = np.clip(9 + 4 * rng.normal(size=n_patients)[patient] + rng.normal(size=n), 0, 18)
    parts = []
    for arm in arms:
        for fold in range(folds):
            error = rng.normal(size=n) * noise * (1 if arm == "fused" else 2)
            parts.append(
                pd.DataFrame(
                    {
                        "arm": arm,
                        "repeat": 0,
                        "fold": fold,
                        "case_id": [f"c{i}" for i in range(n)],
                        "patient_id": [f"p{i}" for i in patient],
                        "split": np.where(patient % folds == fold, "test", "train"),
                        "class_name": "severity",
                        "target": np.where(np.arange(n) % 20 == 7, np.nan, target),
                        "probability_raw": np.nan,
                        "probability": np.nan,
                        "pattern": np.where(np.arange(n) % 3 == 0, "note", "note+record"),
                        "value_raw": 9 + slope * (target - 9) + error,
                    }
                ).assign(value=lambda rows: rows["value_raw"])
            )
    return schema.PREDICTIONS.fill(pd.concat(parts, ignore_index=True))


@pytest.fixture(scope="module")
def calibrated() -> pd.DataFrame:
    return fit_value_rules(predictions(), limits=(0, 18)).predictions


# --- metrics ---------------------------------------------------------------------------------
def test_metrics_equal_scikit_learn_and_scipy() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(50, 9, 70).round()
    v = (y + rng.normal(2, 6, 70)).round()
    assert mae(y, v) == pytest.approx(reference.mean_absolute_error(y, v))
    assert rmse(y, v) == pytest.approx(reference.root_mean_squared_error(y, v))
    assert r2(y, v) == pytest.approx(reference.r2_score(y, v))
    assert mean_error(y, v) == pytest.approx((v - y).mean())
    assert calibration_slope_value(y, v) == pytest.approx(stats.linregress(v, y).slope)
    # Somers' D, y given: (concordant - discordant) / pairs that differ in y
    assert 2 * concordance(y, v) - 1 == pytest.approx(stats.somersd(y, v).statistic)


def test_concordance_of_two_outcomes_is_the_auroc() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 60).astype(float)
    v = (y + rng.normal(size=60)).round(1)
    assert concordance(y, v) == pytest.approx(reference.roc_auc_score(y, v))


def test_concordance_compares_cases_of_one_fold_only() -> None:
    """Each fold is in perfect order, and together they are not."""
    y, v = np.array([1.0, 2, 3, 4]), np.array([10.0, 11, 1, 2])
    assert influence_of_concordance(y, v, np.array([0, 0, 1, 1]))[0] == 1
    assert influence_of_concordance(y, v)[0] == pytest.approx(2 / 6)


def test_influence_of_concordance_is_its_derivative() -> None:
    rng = np.random.default_rng(2)
    y, v = rng.normal(size=(2, 30)).round(1)
    value, influence = influence_of_concordance(y, v)
    observed, predicted = np.sign(y[:, None] - y), np.sign(v[:, None] - v)
    right, pairs = np.abs(observed) * (1 + observed * predicted) / 2, np.abs(observed)
    for i in (0, 11, 29):
        weight = np.ones(30)
        weight[i] += 1e-6
        moved = (weight @ right @ weight) / (weight @ pairs @ weight)
        assert (moved - value) / 1e-6 == pytest.approx(influence[i], abs=1e-6)


def test_many_cases_are_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    y, v = rng.normal(size=(2, 50))
    whole = concordance(y, v)
    monkeypatch.setattr("clinmm.metrics.concordance.AT_ONCE", 120)
    assert concordance(y, v) == whole


@pytest.mark.parametrize(
    "metric", [mae, rmse, r2, mean_error, calibration_slope_value, concordance]
)
def test_metrics_refuse_what_is_no_value(metric) -> None:
    with pytest.raises(InputError) as refused:
        metric([1.0, np.nan], [1.0, np.inf])
    assert len(refused.value.problems) == 2
    with pytest.raises(InputError, match="one each per case"):
        metric([1.0], [1.0, 2.0])
    with pytest.raises(InputError, match="empty"):
        metric([], [])


@pytest.mark.parametrize("metric", [r2, concordance])
def test_metrics_of_one_observed_value_are_undefined(metric) -> None:
    with pytest.raises(InputError, match="undefined"):
        metric([2.0, 2.0], [1.0, 3.0])
    with pytest.raises(InputError, match="undefined"):
        calibration_slope_value([1.0, 3.0], [2.0, 2.0])


def test_large_values_lose_no_digits() -> None:
    y, v = np.array([0.0, 1, 2, 3]), np.array([0.5, 1, 1.5, 3])
    for metric in (r2, calibration_slope_value):
        assert metric(y + 1e8, v + 1e8) == pytest.approx(metric(y, v), rel=1e-6)


def test_interval_of_the_error_holds_that_of_a_bootstrap_by_patient() -> None:
    samples = build_values(predictions(noise=3.0), n_bootstrap=0)
    found = estimate(
        samples.parts["fused", "severity"].sample, [("mae", CALIBRATED)], samples.draws
    )
    sample = samples.parts["fused", "severity"].sample
    error = np.abs(sample.columns[CALIBRATED] - sample.y_true)
    sums, counts = (np.bincount(sample.patient, weights=w) for w in (error, np.ones_like(error)))
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, sums.size, (4000, sums.size))
    spread = (sums[drawn].sum(1) / counts[drawn].sum(1)).std()
    assert found["mae", CALIBRATED].se == pytest.approx(spread, rel=0.06)


# --- recalibration ---------------------------------------------------------------------------
def ids(n: int, each: int = 2) -> np.ndarray:
    return np.array([f"p{i // each}" for i in range(n)], dtype=object)


def test_a_line_is_taken_where_it_lowers_the_error() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(9, 4, 200)
    found = choose(raw, 1 + 0.5 * raw + rng.normal(size=200), ids(200))
    assert found.chosen.name == LINEAR
    assert found.chosen.slope == pytest.approx(0.5, abs=0.05)
    assert found.errors[LINEAR] < found.errors[NONE]


def test_right_values_are_mostly_left_alone() -> None:
    taken = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        raw = rng.normal(size=80)
        taken += choose(raw, raw + rng.normal(size=80), ids(80)).chosen.name == LINEAR
    assert taken <= 8


def test_line_of_all_patients_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(4)
    raw = rng.normal(size=100)
    target = 3 - 2 * raw + rng.normal(size=100) * 0.1
    chosen = choose(raw, target, ids(100)).chosen
    line = stats.linregress(raw, target)
    assert (chosen.slope, chosen.intercept) == pytest.approx((line.slope, line.intercept))


def test_crossfitted_values_come_from_lines_that_never_saw_the_patient() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(size=60)
    target = 5 * raw + rng.normal(size=60)
    found = choose(raw, target, ids(60), seed=3).crossfitted
    part = parts(ids(60), target, 5, seed=3)
    for k in range(5):
        line = stats.linregress(raw[part != k], target[part != k])
        expected = line.intercept + line.slope * raw[part == k]
        np.testing.assert_allclose(found[part == k], expected)


@pytest.mark.parametrize(
    ("n", "linear", "said"), [(30, True, "needs 20"), (100, False, "not offered")]
)
def test_no_line_without_patients_or_where_it_is_not_a_candidate(
    n: int, linear: bool, said: str
) -> None:
    raw = np.random.default_rng(0).normal(size=n)
    found = choose(raw, 10 * raw, ids(n), linear=linear)
    assert found.chosen.name == NONE
    assert said in found.reason


def test_equal_predictions_have_no_line() -> None:
    assert choose(np.ones(60), np.arange(60.0), ids(60)).chosen.name == NONE


def test_values_and_intervals_stay_in_the_range() -> None:
    rule = Recalibration(LINEAR, 1.0, 2.0, (0.0, 18.0), 3.0)
    raw = np.array([-4.0, 5.0, 20.0])
    assert rule.apply(raw).tolist() == [0.0, 11.0, 18.0]
    low, high = rule.interval(raw)
    assert low.tolist() == [0.0, 8.0, 15.0]
    assert high.tolist() == [3.0, 14.0, 18.0]


@pytest.mark.parametrize(
    "rule", [Recalibration(LINEAR, 1.5, 0.5, (0.0, 18.0), 2.0), Recalibration(NONE)]
)
def test_recalibration_is_stored_and_read(rule: Recalibration) -> None:
    again = Recalibration.from_json(json.loads(json.dumps(rule.to_json())))
    raw = np.linspace(-3, 30, 9)
    np.testing.assert_array_equal(again.apply(raw), rule.apply(raw))
    np.testing.assert_array_equal(again.interval(raw), rule.interval(raw))


# --- intervals -------------------------------------------------------------------------------
def test_half_width_by_hand() -> None:
    """9 patients, one case each, 90 %: the largest residual."""
    rows = predictions(9, arms=("fused",), folds=1).iloc[::2].assign(split="train")
    rows["target"] = 5.0
    rows["value_raw"] = 5.0 + np.arange(1, 10) * np.where(np.arange(9) % 2, 1, -1)
    rules = fit_value_rules(rows)
    (rule,) = rules.recalibrations.values()
    assert rule.half_width == 9.0
    np.testing.assert_allclose(rules.predictions["value_low"], rows["value_raw"] - 9)


def test_too_few_patients_promise_nothing() -> None:
    rows = predictions(8, arms=("fused",), folds=1).assign(split="train")
    rules = fit_value_rules(rows)
    assert rules.prediction_sets["status"].tolist() == ["no_promise"]
    assert rules.predictions["value_low"].isna().all()
    assert rules.predictions["value"].notna().all()


def test_new_patients_are_covered_as_promised() -> None:
    """With a calibrate part, over 40 samples: 90 % of a random case, within chance."""
    held = []
    for seed in range(40):
        rows = predictions(60, slope=0.5, arms=("fused",), folds=1, seed=seed)
        patient = rows["patient_id"].str[1:].astype(int)
        rows["split"] = np.where(patient < 40, "calibrate", "test")
        made = fit_value_rules(rows, seed=seed).predictions
        test = made[(made["split"] == "test") & made["target"].notna()]
        inside = test["target"].between(test["value_low"], test["value_high"])
        held.append(inside.groupby(test["patient_id"]).mean().mean())
    assert 0.875 < np.mean(held) < 0.945


def test_calibrate_part_is_halved_by_patient() -> None:
    rows = predictions(60, slope=0.4, arms=("fused",), folds=1).assign(split="calibrate")
    rules = fit_value_rules(rows)
    assert rules.calibration["n_patients"].tolist() == [30]
    assert rules.prediction_sets["n_patients"].tolist() == [30]


def test_test_rows_decide_nothing() -> None:
    rows = predictions(slope=0.5)
    other = rows.assign(target=rows["target"].where(rows["split"] != "test", 99.0))
    first, second = fit_value_rules(rows), fit_value_rules(other)
    assert first.recalibrations == second.recalibrations
    with pytest.raises(InputError, match="test rows only"):
        fit_value_rules(rows.assign(split="test"))


def test_doing_it_again_gives_the_same() -> None:
    once = fit_value_rules(predictions(slope=0.5), limits=(0, 18))
    again = fit_value_rules(once.predictions, limits=(0, 18))
    pd.testing.assert_frame_equal(once.predictions, again.predictions, check_exact=True)


def test_mean_rules_of_several_models() -> None:
    table = fit_value_rules(predictions()).prediction_sets
    (row,) = mean_value_rules(table).to_dict("records")
    fused = table[table["arm"] == "fused"]
    assert row["limit"] == pytest.approx(fused["limit"].mean())
    none = mean_value_rules(table.assign(status="no_promise", limit=np.nan))
    assert none["status"].tolist() == ["no_promise"]
    assert none["limit"].isna().all()


# --- evaluation ------------------------------------------------------------------------------
def test_every_metric_of_every_arm_and_pattern_is_on_file(calibrated: pd.DataFrame) -> None:
    found = evaluate_values(calibrated)
    schema.METRICS.validate(found.metrics)
    rows = found.metrics[found.metrics["probability"] == "calibrated"]
    expected = {*METRICS, "interval_coverage", "interval_width"}
    for (_arm, _pattern), part in rows.groupby(["arm", "pattern"]):
        assert set(part["metric"]) == expected
    assert set(rows["pattern"]) == {"any", "note", "note+record"}
    assert (found.metrics["n_positive"] == 0).all()


def test_the_error_on_file_is_that_of_the_test_cases(calibrated: pd.DataFrame) -> None:
    rows = evaluate_values(calibrated).metrics
    test = calibrated[(calibrated["split"] == "test") & calibrated["target"].notna()]
    fused = test[test["arm"] == "fused"]
    (row,) = rows.query(
        "arm == 'fused' and metric == 'mae' and probability == 'calibrated' and pattern == 'any'"
    ).to_dict("records")
    assert row["value"] == pytest.approx((fused["value"] - fused["target"]).abs().mean())
    assert row["n_cases"] == fused["case_id"].nunique()
    assert row["low"] < row["value"] < row["high"]


def test_coverage_weighs_patients_the_same(calibrated: pd.DataFrame) -> None:
    rows = evaluate_values(calibrated).metrics
    test = calibrated[
        (calibrated["split"] == "test")
        & calibrated["target"].notna()
        & (calibrated["arm"] == "note")
    ]
    inside = test["target"].between(test["value_low"], test["value_high"])
    by_hand = inside.groupby(test["patient_id"]).mean().mean()
    (value,) = rows.query("arm == 'note' and metric == 'interval_coverage' and pattern == 'any'")[
        "value"
    ]
    assert value == pytest.approx(by_hand)


def test_coverage_below_the_promise_is_flagged() -> None:
    rules = fit_value_rules(predictions())
    narrow = rules.predictions.assign(
        value_low=rules.predictions["value"] - 0.5, value_high=rules.predictions["value"] + 0.5
    )
    rows = evaluate_values(narrow, rules.prediction_sets).metrics
    of_all = rows[(rows["metric"] == "interval_coverage") & (rows["pattern"] == "any")]
    assert set(of_all["flag"]) == {"below the promise"}
    kept = evaluate_values(rules.predictions, rules.prediction_sets).metrics
    assert kept["flag"].isna().all()


def test_fewer_than_ten_patients_are_suppressed() -> None:
    rows = fit_value_rules(predictions()).predictions
    first = [f"p{i}" for i in range(9)]
    rows = rows[(rows["split"] != "test") | rows["patient_id"].isin(first)]
    found = evaluate_values(rows)
    assert set(found.metrics["status"]) == {"suppressed"}
    assert found.metrics["value"].isna().all()
    assert found.curves.empty


def test_the_declared_rival_gets_the_verdict(calibrated: pd.DataFrame) -> None:
    rows = evaluate_values(calibrated, rival="note").comparisons
    schema.COMPARISONS.validate(rows)
    (row,) = rows[rows["family"] == "fusion"].to_dict("records")
    assert (row["arm"], row["rival"], row["metric"]) == ("fused", "note", "mae")
    assert row["verdict"] == "better"
    assert row["difference"] < 0
    without = evaluate_values(calibrated).comparisons
    assert (without[without["rival"] == "note"]["verdict"] == "exploratory").all()


def test_comparison_is_paired_on_common_cases(calibrated: pd.DataFrame) -> None:
    """An arm that lacks the worst cases of the other is not better for it."""
    test = calibrated["split"] == "test"
    error = (calibrated["value"] - calibrated["target"]).abs()
    fused = calibrated[calibrated["arm"] == "fused"]
    same = fused[~(test & (error > 1.0)).loc[fused.index]].assign(arm="note")
    rows = evaluate_values(pd.concat([fused, same], ignore_index=True), rival="note").comparisons
    (row,) = rows[rows["family"] == "fusion"].to_dict("records")
    assert row["difference"] == 0
    assert row["verdict"] == "not_shown"


def test_recalibration_is_compared_with_none() -> None:
    made = fit_value_rules(predictions(slope=0.3, noise=0.5)).predictions
    rows = evaluate_values(made).comparisons
    (row,) = rows[rows["family"] == "calibration"].to_dict("records")
    assert (row["metric"], row["verdict"]) == ("rmse", "better")


def test_curve_is_observed_over_predicted(calibrated: pd.DataFrame) -> None:
    points = evaluate_values(calibrated).curves
    fused = points[(points["arm"] == "fused") & (points["pattern"] == "any")]
    assert set(points["kind"]) == {"observed_value"}
    assert fused["x"].is_monotonic_increasing
    assert (fused["low"] <= fused["y"]).all()
    assert (fused["y"] <= fused["high"]).all()


def test_order_of_rows_does_not_matter(calibrated: pd.DataFrame) -> None:
    shuffled = calibrated.sample(frac=1, random_state=0)
    one, other = evaluate_values(calibrated).metrics, evaluate_values(shuffled).metrics
    pd.testing.assert_frame_equal(one, other)


def test_evaluation_refuses_rows_that_cannot_be_scored(calibrated: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="nothing can be scored"):
        evaluate_values(calibrated.assign(target=np.nan))
    with pytest.raises(InputError) as refused:
        evaluate_values(pd.concat([calibrated, calibrated.iloc[:1]]).assign(value=np.nan))
    assert "Calibrate first" in str(refused.value)


# --- audit -----------------------------------------------------------------------------------
def sexes(rows: pd.DataFrame) -> pd.DataFrame:
    cases = rows.drop_duplicates("case_id")
    number = cases["patient_id"].str[1:].astype(int)
    sex = np.where(number % 4 < 2, "F", "M")
    return pd.DataFrame({"sex": sex}, index=pd.Index(cases["case_id"], name="case_id"))


def test_audit_finds_a_planted_bias() -> None:
    rows = predictions(120, arms=("fused",), noise=1.0)
    groups = sexes(rows)
    women = (rows["case_id"].map(groups["sex"]) == "F").astype(float)
    biased = rows.assign(value_raw=rows["value_raw"] - 3 * women)
    made = fit_value_rules(biased, candidates=["none"]).predictions  # a line would shrink it
    found = audit_values(made, groups)
    (row,) = found.comparisons.query("group == 'F' and metric == 'mean_error'").to_dict("records")
    assert row["verdict"] == "worse"
    assert row["difference"] == pytest.approx(-3, abs=0.5)
    assert set(found.metrics["group"]) == {"F", "M"}
    assert set(found.metrics["metric"]) == {*METRICS, "interval_coverage", "interval_width"}


def test_audit_is_silent_where_nothing_is_planted() -> None:
    said = []
    for seed in range(6):
        made = fit_value_rules(predictions(arms=("fused",), seed=seed)).predictions
        said += audit_values(made, sexes(made)).comparisons["verdict"].tolist()
    assert said.count("worse") + said.count("better") <= 2


def test_intersections_are_audited_without_their_parts(calibrated: pd.DataFrame) -> None:
    groups = sexes(calibrated)
    groups["site"] = np.where(np.arange(len(groups)) % 2 == 0, "a", "b")
    rows = audit_values(calibrated, groups, group_by=["sex*site"]).metrics
    for metric in ("mae", "interval_coverage"):
        found = set(rows.loc[rows["metric"] == metric, "group"])
        assert found == {"F*a", "F*b", "M*a", "M*b"}


def test_both_sides_of_two_groups_are_one_test(calibrated: pd.DataFrame) -> None:
    rows = audit_values(calibrated, sexes(calibrated)).comparisons
    for _, part in rows[rows["rival"] == "complement"].groupby(["arm", "metric"]):
        assert part["p_holm"].nunique() == 1
        assert part["difference"].sum() == pytest.approx(0, abs=1e-9)


# --- choices ---------------------------------------------------------------------------------
def test_explained_cases_are_extremes_and_one_by_chance() -> None:
    calibrated = fit_value_rules(predictions()).predictions  # no range, so no ties at its ends
    test = calibrated[(calibrated["split"] == "test") & (calibrated["arm"] == "fused")]
    chosen = choose_value_cases(calibrated, 4, 0)
    by_value = test.sort_values("value")["case_id"].tolist()
    assert chosen[:2] == [by_value[-1], by_value[0]]
    assert len(choose_value_cases(calibrated, 1000, 0)) == test["case_id"].nunique()
    assert choose_value_cases(calibrated, 30, 1) == choose_value_cases(calibrated, 30, 1)
