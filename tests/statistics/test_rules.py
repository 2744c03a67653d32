"""Calibrators, thresholds, sets and deferral together, and what carries over to another place."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from clinmm.calibration import tables
from clinmm.config import CalibrateConfig, SetsConfig
from clinmm.errors import InputError
from clinmm.evaluation import evaluate
from clinmm.rules import fit_rules
from clinmm.runs import Run
from clinmm.thresholds import OperatingPoint
from clinmm.uncertainty.new_place import carry_over, mean_deferral

POINTS = {"youden": OperatingPoint(youden=True)}


def fitted(rows, **settings):
    return fit_rules(rows, kind="binary", config=CalibrateConfig(**settings), points=POINTS)


@pytest.mark.parametrize("folds", [1, 3])
def test_every_row_gets_a_probability_a_set_and_a_decision_and_doing_it_again_changes_nothing(
    predictions_table, folds
):
    rows = predictions_table(folds=folds, boldness=3.0, arms=("fused",), skill=(1.8,))
    rules = fitted(rows)
    assert rules.predictions["probability"].between(0, 1).all()
    sets = {tuple(sorted(one)) for one in rules.predictions["prediction_set"]}
    assert sets <= {(), ("died",), ("not died",), ("died", "not died")}
    assert rules.predictions["deferred"].dtype == bool
    again = fitted(rules.predictions)
    pd.testing.assert_frame_equal(again.predictions, rules.predictions)


def test_no_rule_looks_at_a_test_patient(predictions_table):
    rows = predictions_table(folds=3, arms=("fused",), skill=(1.8,))
    test = rows["split"] == "test"
    turned = rows.assign(target=np.where(test, 1 - rows["target"], rows["target"]))
    first, second = fitted(rows), fitted(turned)
    for name in ("calibration", "thresholds", "prediction_sets", "deferral"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


def test_set_sizes_come_from_the_half_that_the_calibrator_has_not_seen(predictions_table):
    rows = predictions_table(boldness=3.0, arms=("fused",), skill=(1.8,))
    half = tables.calibration_rows(rows, part="second")["patient_id"].nunique()
    both = rows[rows["split"] == "calibrate"]["patient_id"].nunique()
    limits = fitted(rows).prediction_sets.set_index("by")["n_patients"]
    assert limits["all"].max() == half
    assert 0.4 * both < half < 0.6 * both


def test_cells_that_are_not_there_are_refused(predictions_table):
    with pytest.raises(InputError, match=r"calibrate\.by: no sensitive attribute 'ward'"):
        fitted(predictions_table(), by="ward")


def test_ppv_moves_with_the_stated_prevalence_and_an_unknown_class_is_refused(predictions_table):
    rules = fitted(predictions_table(arms=("fused",), skill=(1.8,)))

    def at(prevalence):
        found = evaluate(rules.predictions, rules.thresholds, prevalence=prevalence).metrics
        return found[found["pattern"] == "any"].set_index("metric")["value"]

    rare, frequent = at({"died": 0.01}), at({"died": 0.5})
    sensitivity, specificity = rare["sensitivity"], rare["specificity"]
    by_hand = sensitivity * 0.01 / (sensitivity * 0.01 + (1 - specificity) * 0.99)
    assert rare["ppv_at_prevalence"] == pytest.approx(by_hand)
    assert rare["ppv_at_prevalence"] < frequent["ppv_at_prevalence"]
    assert rare["prevalence_stated"] == 0.01
    with pytest.raises(InputError, match="no class 'dyed'"):
        at({"dyed": 0.1})


def test_ordered_classes_are_scored_by_their_distance(predictions_table):
    rows = predictions_table(classes=("a", "b", "c"), arms=("fused",), skill=(1.8,))
    number = rows["case_id"].str[1:].astype(int) % 3
    target = (rows["class_name"].map({"a": 0, "b": 1, "c": 2}) == number).astype(float)
    # never right, and one class away: a for b, b for c, c for b
    called = np.where(number == 1, 0, np.where(number == 2, 1, 1))
    probability = np.where(rows["class_name"].map({"a": 0, "b": 1, "c": 2}) == called, 0.8, 0.1)
    rows = rows.assign(target=target, probability_raw=probability, probability=probability)
    found = evaluate(rows, kind="multiclass", ordered=["a", "b", "c"]).metrics
    of_all = found[found["class_name"] == "all"].set_index("metric")["value"]
    assert of_all["accuracy"] == 0
    assert of_all["mean_absolute_error"] == 1
    unordered = evaluate(rows, kind="multiclass").metrics
    wanted = {"accuracy", "balanced_multiclass_accuracy"}
    assert set(unordered[unordered["class_name"] == "all"]["metric"]) == wanted


def test_balanced_accuracy_rests_on_the_rarest_class(predictions_table):
    rows = predictions_table(classes=("a", "b", "c"), arms=("fused",), skill=(1.8,))
    case = rows["case_id"].str[1:].astype(int)
    patients = rows.loc[rows["split"] == "test", "patient_id"].unique()
    for n_rare, status in ((4, "suppressed"), (5, "ok")):
        number = (case % 2).where(~rows["patient_id"].isin(patients[:n_rare]), 2)
        target = (rows["class_name"].map({"a": 0, "b": 1, "c": 2}) == number).astype(float)
        made = rows.assign(target=target, probability_raw=1 / 3, probability=1 / 3)
        found = evaluate(made, kind="multiclass", n_bootstrap=0).metrics
        (row,) = found[found["metric"] == "balanced_multiclass_accuracy"].to_dict("records")
        assert row["status"] == status
    assert row["value"] == pytest.approx(1 / 3)
    assert row["low"] < 0.3
    assert row["high"] > 0.4


def test_balanced_accuracy_is_the_mean_share_found_over_repeats(predictions_table):
    rows = predictions_table(classes=("a", "b", "c"), arms=("fused",), skill=(1.8,), repeats=2)
    number = rows["case_id"].str[1:].astype(int) % 3
    risk = rows.groupby(["repeat", "case_id"])["probability"].transform(lambda p: p / p.sum())
    target = (rows["class_name"].map({"a": 0, "b": 1, "c": 2}) == number).astype(float)
    rows = rows.assign(target=target, probability_raw=risk, probability=risk)
    found = evaluate(rows, kind="multiclass", n_bootstrap=0).metrics
    (row,) = found[found["metric"] == "balanced_multiclass_accuracy"].to_dict("records")
    wide = rows[rows["split"] == "test"].pivot(
        index=["repeat", "case_id"], columns="class_name", values=["target", "probability"]
    )
    y, p = (wide[name].to_numpy().argmax(axis=1) for name in ("target", "probability"))
    repeat = wide.index.get_level_values("repeat").to_numpy()
    wanted = [balanced_accuracy_score(y[repeat == r], p[repeat == r]) for r in (0, 1)]
    assert row["value"] == pytest.approx(np.mean(wanted))


def test_margins_say_whether_the_headline_arm_is_as_good(predictions_table):
    rows = predictions_table(arms=("fused", "image"), skill=(1.8, 0.6))
    table = evaluate(rows, rival="image", margins={"auroc": 0.05}).comparisons
    auroc = table[(table["metric"] == "auroc") & (table["rival"] == "image")].iloc[0]
    assert auroc["non_inferior"] == "yes"
    assert auroc["margin"] == 0.05
    assert 0 < auroc["detectable"] < auroc["difference"]
    assert table[table["metric"] == "brier"]["non_inferior"].isna().all()


def test_a_calibration_that_is_off_is_flagged_and_a_right_one_is_not(predictions_table):
    rows = predictions_table(n_cases=900, arms=("fused",), skill=(1.2,))
    p = rows["probability"].to_numpy()
    right = rows.assign(target=(np.random.default_rng(3).random(len(p)) < p).astype(float))
    doubled = right.assign(probability=np.clip(2 * p, 0, 0.99))

    def flags(table):
        found = evaluate(table.assign(probability_raw=table["probability"])).metrics
        whole = found[(found["pattern"] == "any") & (found["probability"] == "calibrated")]
        return whole.set_index("metric")["flag"].dropna().to_dict()

    assert flags(right) == {}
    assert flags(doubled)["observed_expected"] == "risks too high"


@pytest.fixture
def study(tmp_path, predictions_table):
    rows = predictions_table(n_cases=600, folds=2, arms=("fused",), skill=(1.8,))
    rules = fitted(rows, deferral={"share": 0.2})
    run = Run.create(tmp_path / "study", "study", {"seed": 0, "n_folds": 2})
    for name in ("predictions", "prediction_sets", "deferral"):
        run.write(name, getattr(rules, name))
    return run, rules


def new_cases(study, shift):
    """New patients by both folds' models: their logits are the study's, moved."""
    rows = study[1].predictions
    rows = rows[rows["split"] == "test"]
    logit = np.log(rows["probability"] / (1 - rows["probability"])) + shift
    moved = rows.assign(
        case_id="x" + rows["case_id"],
        patient_id="x" + rows["patient_id"],
        probability=1 / (1 + np.exp(-logit)),
        prediction_set=None,
        deferred=None,
    )
    return [moved.assign(fold=fold) for fold in (0, 1)]


def carried(study, shift):
    by_fold = new_cases(study, shift)
    thresholds = study[1].thresholds.groupby(["arm", "class_name", "operating_point"])
    thresholds = thresholds["threshold"].mean().reset_index().assign(repeat=0, fold=0)
    return carry_over(
        study[0],
        by_fold[0],
        by_fold,
        thresholds,
        kind="binary",
        config=SetsConfig(),
        groups=pd.DataFrame(index=pd.Index([], name="case_id")),
        seed=0,
    )


def test_promises_hold_for_patients_like_the_study_s(study):
    found = carried(study, shift=0.0)
    assert set(found.exchangeability["verdict"]) == {"holds"}
    assert found.predictions["prediction_set"].notna().all()
    assert "ok" in set(found.prediction_sets["status"])


def test_promises_are_withdrawn_where_patients_are_others(study):
    found = carried(study, shift=2.5)
    assert "fails" in set(found.exchangeability["verdict"])
    assert found.predictions["prediction_set"].isna().all()
    assert not found.predictions["deferred"].any()
    assert set(found.prediction_sets["status"]) == {"no_promise"}
    assert found.deferral["reason"].str.contains("withdrawn").all()


def test_a_deferral_rule_of_the_minority_of_folds_is_not_carried_over(study):
    rules = study[1].deferral.iloc[:1]
    three = pd.concat([rules.assign(fold=f) for f in range(3)], ignore_index=True)
    one_on = three.assign(kept=["yes", "no", "no"], limit=[1.0, np.nan, np.nan])
    two_on = three.assign(kept=["yes", "yes", "no"], limit=[1.0, 2.0, np.nan])
    assert mean_deferral(one_on)["kept"].tolist() == ["no"]
    assert mean_deferral(two_on)[["kept", "limit"]].values.tolist() == [["yes", 1.5]]
