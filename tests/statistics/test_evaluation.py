"""The tables of an evaluation."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from clinmm import schema
from clinmm.calibration import tables
from clinmm.errors import InputError
from clinmm.evaluation import evaluate
from clinmm.rivals import best_single_arm
from clinmm.thresholds import DEFAULT, OperatingPoint, table


def calibrated(rows):
    out = tables.apply(rows, tables.fit(rows, exclusive=False)[0])
    points = {**DEFAULT, "high_sensitivity": OperatingPoint(sensitivity=0.9)}
    return out, table(tables.calibration_rows(out), points)


def run(rows, **kwargs):
    out, thresholds = calibrated(rows)
    return out, evaluate(out, thresholds, n_bootstrap=100, **kwargs)


def pick(metrics, **where):
    where = {
        "pattern": "any",
        "group_by": "all",
        "repeat": "all",
        "probability": "calibrated",
    } | where
    for column, value in where.items():
        metrics = metrics[metrics[column] == value]
    return metrics


def test_tables_follow_their_schema_and_hold_every_arm_class_pattern_and_point(predictions_table):
    _, result = run(predictions_table(classes=("a", "b")))
    for name in ("metrics", "comparisons", "curves"):
        schema.TABLES[name].validate(getattr(result, name))
    metrics = result.metrics
    assert set(metrics["arm"]) == {"fused", "image", "note"}
    assert set(metrics["class_name"]) == {"a", "b", "macro", "micro"}
    assert set(metrics["pattern"]) == {"any", "image+note", "image"}
    assert set(metrics["operating_point"].dropna()) == {"youden", "high_sensitivity"}
    assert {"auroc", "auprc", "brier", "log_loss", "ece"} <= set(metrics["metric"])
    assert set(metrics["split"]) == {"test"}
    assert not metrics.duplicated(
        ["arm", "repeat", "metric", "class_name", "pattern", "probability", "operating_point"]
    ).any()
    assert set(result.curves["kind"]) >= {"roc", "precision_recall", "reliability"}


def test_one_class_has_no_macro_row(predictions_table):
    _, result = run(predictions_table())
    assert set(result.metrics["class_name"]) == {"died"}


def test_values_are_scikit_learns_on_the_test_rows(predictions_table):
    rows, result = run(predictions_table(boldness=3.0))
    test = rows[(rows.arm == "fused") & (rows.split == "test")]
    (got,) = pick(result.metrics, arm="fused", metric="auroc")["value"]
    assert got == pytest.approx(roc_auc_score(test.target, test.probability))
    _, thresholds = calibrated(rows)
    at = thresholds[(thresholds.arm == "fused") & (thresholds.operating_point == "youden")]
    call = test.probability >= at["threshold"].iloc[0]
    (got,) = pick(result.metrics, arm="fused", metric="sensitivity", operating_point="youden")[
        "value"
    ]
    assert got == pytest.approx(recall_score(test.target, call))
    raw, after = (
        pick(result.metrics, arm="fused", metric="log_loss", probability=which)["value"].iloc[0]
        for which in ("raw", "calibrated")
    )
    assert after < raw  # three times too bold by construction


def test_each_fold_is_called_at_its_own_threshold(predictions_table):
    rows = predictions_table(folds=3)
    out, thresholds = calibrated(rows)
    youden = thresholds[(thresholds.arm == "fused") & (thresholds.operating_point == "youden")]
    test = out[(out.arm == "fused") & (out.split == "test")]
    call = (
        test.probability.to_numpy()
        >= youden.set_index("fold")["threshold"].loc[test.fold].to_numpy()
    )
    result = evaluate(out, thresholds, n_bootstrap=10)
    (got,) = pick(result.metrics, arm="fused", metric="sensitivity", operating_point="youden")[
        "value"
    ]
    assert got == pytest.approx(recall_score(test.target, call))


def test_a_case_at_its_threshold_is_called(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.0,))
    rows = rows.assign(probability=rows["probability"].round(1))
    at = pd.DataFrame(
        [("fused", 0, 0, "died", "half", 0.5)],
        columns=["arm", "repeat", "fold", "class_name", "operating_point", "threshold"],
    )
    test = rows[rows["split"] == "test"]
    (got,) = pick(evaluate(rows, at, n_bootstrap=0).metrics, metric="sensitivity")["value"]
    assert (test["probability"] == 0.5).any()
    assert got == pytest.approx(recall_score(test["target"], test["probability"] >= 0.5))


def test_unknown_targets_are_left_out(predictions_table):
    rows, _ = calibrated(predictions_table())
    test = np.flatnonzero((rows.arm == "fused") & (rows.split == "test"))
    known = rows.drop(rows.index[test[:20]])
    masked = rows.copy()
    masked.loc[masked.index[test[:20]], "target"] = np.nan
    a, b = (
        pick(evaluate(t, n_bootstrap=10, arms=["fused"]).metrics, metric="brier")
        for t in (known, masked)
    )
    assert a["value"].iloc[0] == b["value"].iloc[0]
    assert b["n_cases"].iloc[0] == len(test) - 20


def test_same_seed_gives_the_same_tables_and_order_of_rows_does_not_matter(predictions_table):
    rows, thresholds = calibrated(predictions_table(repeats=2, folds=2))
    first = evaluate(rows, thresholds, n_bootstrap=50, seed=3)
    shuffled = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    second = evaluate(shuffled, thresholds.iloc[::-1], n_bootstrap=50, seed=3)
    other = evaluate(rows, thresholds, n_bootstrap=50, seed=4)
    order = ["arm", "repeat", "metric", "class_name", "pattern", "probability", "operating_point"]
    a, b, c = (e.metrics.sort_values(order, ignore_index=True) for e in (first, second, other))
    pd.testing.assert_frame_equal(a, b)
    pd.testing.assert_frame_equal(first.comparisons, second.comparisons)
    assert (a["low"] != c["low"]).any()


def test_each_repeat_has_its_own_auroc_and_the_pooled_one_is_their_mean(predictions_table):
    _, result = run(predictions_table(repeats=3, folds=2))
    fused = result.metrics[(result.metrics.arm == "fused") & (result.metrics.metric == "auroc")]
    fused = fused[(fused.pattern == "any") & (fused.probability == "calibrated")]
    alone = fused[fused["repeat"] != "all"]
    assert alone["repeat"].tolist() == ["0", "1", "2"]
    assert alone["low"].isna().all()
    pooled = fused.loc[fused["repeat"] == "all", "value"].iloc[0]
    assert pooled == pytest.approx(alone["value"].mean())


def test_only_the_declared_comparison_gets_a_verdict(predictions_table):
    _, result = run(predictions_table(n_cases=600, boldness=3.0), rival="image")
    judged = result.comparisons[result.comparisons["verdict"] != "exploratory"]
    assert judged[["rival", "metric", "family"]].to_numpy().tolist() == [
        ["image", "auroc", "fusion"],
        ["uncalibrated", "log_loss", "calibration"],
    ]
    assert judged["verdict"].tolist() == ["better", "better"]
    assert judged["p_holm"].notna().all()
    rest = result.comparisons[result.comparisons["verdict"] == "exploratory"]
    assert rest["family"].isna().all()
    assert set(rest["rival"]) == {"image", "note", "uncalibrated"}


def test_with_several_classes_the_declared_comparison_is_of_their_mean(predictions_table):
    _, result = run(predictions_table(classes=("a", "b")), rival="image")
    judged = result.comparisons[result.comparisons["family"] == "fusion"]
    assert judged[["class_name", "metric"]].to_numpy().tolist() == [["macro", "auroc"]]
    metrics = pick(result.metrics, metric="auroc", class_name="macro").set_index("arm")["value"]
    assert judged["difference"].iloc[0] == pytest.approx(metrics["fused"] - metrics["image"])


def test_fusion_that_loses_is_said_to_be_worse(predictions_table):
    _, result = run(predictions_table(n_cases=600, skill=(0.3, 1.8, 0.5)), rival="image")
    (said,) = result.comparisons.loc[result.comparisons["family"] == "fusion", "verdict"]
    assert said == "worse"


def test_a_calibrator_is_not_claimed_with_fewer_than_fifty_patients_of_a_class(predictions_table):
    _, result = run(predictions_table(n_cases=160, boldness=4.0, per_patient=2))
    (said,) = result.comparisons.loc[result.comparisons["family"] == "calibration", "verdict"]
    assert said == "cannot_tell"


def test_arms_are_compared_on_the_cases_that_both_have(predictions_table):
    rows, _ = calibrated(predictions_table())
    gone = rows.index[(rows.arm == "image") & (rows.split == "test")][:60]
    fewer = evaluate(rows.drop(gone), n_bootstrap=20, rival="image").comparisons
    lost = rows.loc[gone, "case_id"]
    common = rows[~((rows.split == "test") & rows.case_id.isin(lost))]
    both = evaluate(common, n_bootstrap=20, rival="image").comparisons
    columns = ["rival", "metric", "difference"]
    a, b = (t.loc[t.rival == "image", columns].reset_index(drop=True) for t in (fewer, both))
    pd.testing.assert_frame_equal(a, b)


def test_a_threshold_that_could_not_be_chosen_withholds_the_rates(predictions_table):
    rows, thresholds = calibrated(predictions_table(folds=2))
    thresholds.loc[(thresholds.arm == "fused") & (thresholds.fold == 1), "threshold"] = np.nan
    metrics = evaluate(rows, thresholds, n_bootstrap=10).metrics
    rates = pick(metrics, arm="fused", metric="sensitivity")
    assert set(rates["status"]) == {"withheld"}
    assert set(pick(metrics, arm="fused", metric="auroc")["status"]) == {"ok"}


def test_best_single_arm_is_chosen_without_test_rows(predictions_table):
    rows = predictions_table(skill=(1.0, 1.6, 0.4))
    test = rows["split"] == "test"
    assert best_single_arm(rows) == "image"
    spoiled = rows.copy()
    spoiled.loc[test, "probability_raw"] = np.where(
        spoiled.loc[test, "arm"] == "note", spoiled.loc[test, "target"], 0.5
    )
    assert best_single_arm(spoiled) == "image"
    assert best_single_arm(rows[rows["arm"] == "fused"]) is None


def test_best_single_arm_is_chosen_even_on_few_patients(predictions_table):
    rows = predictions_table(n_cases=24, per_patient=2, arms=("fused", "a", "b"))
    rows["probability_raw"] = np.where(rows["arm"] == "b", 0.1 + 0.8 * rows["target"], 0.5)
    assert best_single_arm(rows) == "b"  # six patients: any number of theirs would be suppressed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(split="train"), "no prediction of split 'test'"),
        (lambda t: t.assign(probability=np.nan), "probability: .* empty or outside"),
        (lambda t: t.assign(probability_raw=2.0), "probability_raw: .* empty or outside"),
        (lambda t: pd.concat([t, t.tail(1)]), "1 cases have two predictions"),
    ],
)
def test_tables_that_cannot_be_scored_are_refused(predictions_table, change, said):
    with pytest.raises(InputError, match=said):
        evaluate(change(predictions_table()), n_bootstrap=10)


def test_an_unknown_arm_or_metric_is_refused(predictions_table):
    with pytest.raises(InputError, match=r"no arm 'imagee'\. Did you mean 'image'"):
        evaluate(predictions_table(), arms=["imagee"])
    with pytest.raises(InputError, match="no metric named 'auc'"):
        evaluate(predictions_table(), metrics=["auc"])
