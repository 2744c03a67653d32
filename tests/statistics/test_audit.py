"""The audit by group: planted disadvantages are found, absent ones are not."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate

from clinmm import schema
from clinmm.errors import InputError
from clinmm.evaluation import evaluate
from clinmm.fairness.audit import audit, merged
from clinmm.subgroups import grouping
from clinmm.thresholds import DEFAULT, OperatingPoint, table


def groups_for(rows, seed=0):
    case_ids = sorted(set(rows["case_id"]))
    rng = np.random.default_rng(seed)
    n = len(case_ids) // 2 + 1  # a patient has two cases
    sex = np.repeat(rng.choice(["F", "M"], n), 2)[: len(case_ids)]
    age = np.repeat(rng.choice(["[0, 40)", "[40, 65)", "[65, 120)"], n), 2)[: len(case_ids)]
    return pd.DataFrame({"sex": sex, "age": age}, index=pd.Index(case_ids, name="case_id"))


def with_worse_group(rows, groups, noise):
    """The same table with the probabilities of women partly scrambled."""
    rng = np.random.default_rng(1)
    logit = np.log(rows["probability_raw"] / (1 - rows["probability_raw"]))
    female = groups["sex"].reindex(rows["case_id"]).to_numpy() == "F"
    logit = logit + np.where(female, noise * rng.normal(size=len(rows)), 0.0)
    p = 1 / (1 + np.exp(-logit))
    return rows.assign(probability_raw=p, probability=p)


def thresholds_of(rows):
    return table(rows[rows["split"] != "test"], DEFAULT)


def test_planted_gap_is_found_and_named_worse(predictions_table):
    rows = predictions_table(n_cases=1600, arms=("fused",), skill=(2.0,))
    groups = groups_for(rows)
    spoiled = with_worse_group(rows, groups, 4.0)
    result = audit(spoiled, groups, thresholds_of(spoiled), n_bootstrap=300)
    for name in ("metrics", "comparisons", "curves"):
        schema.TABLES[name].validate(getattr(result, name))
    judged = result.comparisons[result.comparisons["family"] == "gaps"]
    said = judged[judged["metric"] == "auroc"].set_index("group")["verdict"]
    assert (said["F"], said["M"]) == ("worse", "better")
    assert set(said[["[0, 40)", "[40, 65)", "[65, 120)"]]) == {"not_shown"}


def test_nothing_is_found_where_nothing_was_planted(predictions_table):
    found = 0
    for seed in range(15):
        rows = predictions_table(n_cases=500, arms=("fused",), skill=(1.5,), seed=seed)
        result = audit(rows, groups_for(rows, seed), thresholds_of(rows), n_bootstrap=200)
        found += set(result.comparisons["verdict"]) & {"better", "worse"} != set()
    assert found <= 3  # family-wise 5 %: more than 3 of 15 has a chance of .005


def test_rates_equal_fairlearns(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.2,))
    groups, thresholds = groups_for(rows), thresholds_of(rows)
    metrics = audit(rows, groups, thresholds, n_bootstrap=10).metrics
    test = rows[rows["split"] == "test"]
    call = (test["probability"] >= thresholds["threshold"].iloc[0]).to_numpy(dtype=float)
    for column in groups:
        of = groups[column].reindex(test["case_id"]).to_numpy(dtype=object)
        frame = MetricFrame(
            metrics={"fpr": false_positive_rate, "fnr": false_negative_rate},
            y_true=test["target"].to_numpy(),
            y_pred=call,
            sensitive_features=of.astype(str),
        )
        for metric, by_group in frame.by_group.items():
            rates = by_group.to_dict()
            ours = metrics[(metrics["metric"] == metric) & (metrics["group_by"] == column)]
            assert ours.set_index("group")["value"].to_dict() == pytest.approx(rates)
            gap = metrics[(metrics["metric"] == f"{metric}_gap") & (metrics["group_by"] == column)]
            assert gap["value"].iloc[0] == pytest.approx(max(rates.values()) - min(rates.values()))


def test_group_and_complement_are_the_metrics_of_their_cases(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.2,))
    groups = groups_for(rows)
    result = audit(rows, groups, n_bootstrap=10)
    of = groups["age"].reindex(rows["case_id"]).to_numpy()
    inside, outside = (
        evaluate(rows[keep], n_bootstrap=0).metrics.query("metric == 'auroc' and pattern == 'any'")
        for keep in (of == "[0, 40)", of != "[0, 40)")
    )
    got = result.comparisons.query("metric == 'auroc' and group == '[0, 40)'")["difference"]
    assert got.iloc[0] == pytest.approx(inside["value"].iloc[0] - outside["value"].iloc[0])


def test_two_groups_are_one_test_seen_from_both_sides(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.2,))
    groups = groups_for(rows)[["sex"]]
    result = audit(rows, groups, n_bootstrap=50).comparisons
    result = result.query("metric == 'auroc' and rival == 'complement'")
    assert len(result) == 2
    assert result["p_holm"].tolist() == result["p"].tolist()  # one test needs no adjustment
    assert result["difference"].sum() == pytest.approx(0.0)


def test_small_group_keeps_its_row_and_its_n_without_a_value(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.2,))
    groups = groups_for(rows)
    test_cases = sorted(set(rows.loc[rows["split"] == "test", "case_id"]))
    groups.loc[test_cases[:6], "sex"] = None
    metrics = audit(rows, groups, thresholds_of(rows), n_bootstrap=10).metrics
    small = metrics[metrics["group"] == "not recorded"]
    assert set(small["status"]) == {"suppressed"}
    assert small["value"].isna().all()
    assert set(small["n_cases"]) == {6}
    said = audit(rows, groups, n_bootstrap=10).comparisons.query("group == 'not recorded'")
    assert set(said.loc[said["family"] == "gaps", "verdict"]) == {"cannot_tell"}


def test_auditing_again_replaces_the_rows_by_group(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.2,))
    groups = groups_for(rows)
    before = evaluate(rows, n_bootstrap=10).metrics
    once = merged(before, audit(rows, groups, n_bootstrap=10).metrics)
    twice = merged(once, audit(rows, groups, n_bootstrap=10).metrics)
    pd.testing.assert_frame_equal(once, twice)
    assert (once["group_by"] == "all").sum() == len(before)


def test_intersections_are_written_with_a_star_and_empty_is_not_recorded():
    groups = pd.DataFrame(
        {"sex": ["F", None], "age": pd.Categorical(["[40, 65)", "[0, 40)"])}, index=["a", "b"]
    )
    made = grouping(groups, ["sex", "sex*age"])
    assert made["sex*age"].tolist() == ["F*[40, 65)", "not recorded*[0, 40)"]
    assert made["sex"].tolist() == ["F", "not recorded"]
    assert grouping(groups).columns.tolist() == ["sex", "age"]


def test_unknown_attributes_and_double_cases_are_refused_at_once():
    groups = pd.DataFrame({"sex": ["F", "M"]}, index=["a", "a"])
    with pytest.raises(InputError) as caught:
        grouping(groups, ["sexe", "sex*agee"])
    assert len(caught.value.problems) == 3
    assert "Did you mean 'sex'" in str(caught.value)


def test_gap_family_takes_the_first_operating_point_only(predictions_table):
    rows = predictions_table(arms=("fused",), skill=(1.2,))
    points = {"a": OperatingPoint(value=0.3), "b": OperatingPoint(value=0.6)}
    thresholds = table(rows[rows["split"] != "test"], points)
    result = audit(rows, groups_for(rows), thresholds, n_bootstrap=20)
    judged = result.comparisons[result.comparisons["family"] == "gaps"]
    assert sorted(judged["metric"].value_counts().to_dict().items()) == [("auroc", 5), ("fnr", 5)]
    assert set(result.metrics["operating_point"].dropna()) == {"a", "b"}
