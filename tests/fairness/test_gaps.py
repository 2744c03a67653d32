"""Gaps against everybody else and the best group: differences, ratios, the declared family."""

import numpy as np
import pandas as pd
import pytest
from invented import at, invent
from scipy.special import stdtrit

from clinmm.comparisons import difference, holm
from clinmm.errors import InputError
from clinmm.fairness.audit import audit
from clinmm.fairness.ratio import ratio
from clinmm.intervals import Draws, Sample, estimate
from clinmm.subgroups import grouping


@pytest.fixture(scope="module")
def made():
    rows, groups = invent(classes=("a", "b"))
    return audit(rows, groups, at(rows), depth=2, n_bootstrap=50)


def sample_of(y, call, patient):
    zeros = np.zeros(len(y), dtype=np.int64)
    columns = {"call:x": np.asarray(call, dtype=float)}
    n = np.arange(len(y))
    return Sample(np.asarray(y, dtype=float), columns, np.asarray(patient), n, zeros, zeros)


def test_ratio_of_two_groups_is_katz_interval_but_for_the_t_quantile():
    # 30 of 60 against 12 of 40, each patient once: variance of the log is 1/a - 1/n + 1/b - 1/m
    call = np.r_[np.ones(30), np.zeros(30), np.ones(12), np.zeros(28)]
    sample = sample_of(np.ones(100), call, np.arange(100))
    draws = Draws(np.arange(100).astype(object), 0, 0)
    key = ("sensitivity", "call:x")
    first, second = (
        estimate(sample.take(keep), [key], draws)[key]
        for keep in (np.arange(100) < 60, np.arange(100) >= 60)
    )
    got = ratio(first, second, difference(first, second))
    assert got.value == pytest.approx(0.5 / 0.3)
    variance = (1 / 30 - 1 / 60 + 1 / 12 - 1 / 40) * 40 / 39
    half = 2.022690920036762 * np.sqrt(variance)  # 97.5 % of t with 39 degrees of freedom
    assert got.low == pytest.approx(0.5 / 0.3 * np.exp(-half))
    assert got.high == pytest.approx(0.5 / 0.3 * np.exp(half))


def test_ratio_is_paired_where_patients_are_in_both_groups():
    rng = np.random.default_rng(0)
    patient = np.arange(200) % 100
    trait = rng.random(100)
    call = (rng.random(200) < trait[patient]).astype(float)
    draws = Draws(np.arange(200).astype(object), 0, 0)
    key = ("sensitivity", "call:x")
    halves = np.arange(200) < 100
    estimates = []
    for owner in (patient, np.arange(200)):
        sample = sample_of(np.ones(200), call, owner)
        estimates.append([estimate(sample.take(k), [key], draws)[key] for k in (halves, ~halves)])
    together, apart = (ratio(a, b, difference(a, b)) for a, b in estimates)
    assert together.value == apart.value
    assert together.high / together.low < apart.high / apart.low
    a, b = estimates[0]
    df = a.influence.df
    assert df == b.influence.df
    moves = a.influence.values / a.value - b.influence.values / b.value  # the same 100 patients
    half = stdtrit(df, 0.975) * np.sqrt(moves @ moves * (df + 1) / df)
    assert together.high == pytest.approx(a.value / b.value * np.exp(half))


def test_no_ratio_where_one_side_is_not_above_0():
    sample = sample_of(np.ones(40), np.r_[np.zeros(20), np.ones(20)], np.arange(40))
    draws = Draws(np.arange(40).astype(object), 0, 0)
    key = ("sensitivity", "call:x")
    keep = np.arange(40) < 20
    none, all_ = (estimate(sample.take(k), [key], draws)[key] for k in (keep, ~keep))
    assert np.isnan(ratio(none, all_, difference(none, all_))).all()


def test_difference_and_ratio_are_those_of_the_metrics_table(made):
    values = made.metrics[made.metrics["metric"] == "fnr"].set_index(["class_name", "group"])
    rows = made.comparisons.query("metric == 'fnr' and group_by == 'sex' and rival == 'complement'")
    assert len(rows) == 6  # two classes and their mean, two groups
    for row in rows.itertuples():
        other = "M" if row.group == "F" else "F"
        mine, theirs = (values.loc[(row.class_name, g), "value"] for g in (row.group, other))
        assert row.difference == pytest.approx(mine - theirs)
        assert row.ratio == pytest.approx(mine / theirs)
        assert row.ratio_low < row.ratio < row.ratio_high


def test_family_is_every_primary_test_of_the_mean_over_classes_and_nothing_else(made):
    rows = made.comparisons
    judged = rows[rows["family"] == "gaps"]
    assert set(judged["rival"]) == {"complement"}
    assert set(judged["class_name"]) == {"macro"}
    assert set(judged["metric"]) == {"auroc", "fnr"}
    assert set(judged["group_by"]) == {"sex", "age", "sex*age"}
    assert set(rows.loc[rows["family"].isna(), "verdict"]) == {"exploratory"}
    assert rows.loc[rows["family"].isna(), "p_holm"].isna().all()
    once = judged[~((judged["group_by"] == "sex") & (judged["group"] == "M"))]
    np.testing.assert_allclose(once["p_holm"], holm(once["p"].tolist()))


def test_primary_metrics_can_be_chosen_and_underdiagnosis_is_one():
    rows, groups = invent(classes=("a", "b"))
    primary = ("ppv", "underdiagnosis")
    made = audit(rows, groups, at(rows), primary=primary, n_bootstrap=20).comparisons
    judged = made[made["family"] == "gaps"]
    said = set(zip(judged["metric"], judged["class_name"], strict=True))
    assert said == {("ppv", "macro"), ("underdiagnosis", "all")}


@pytest.mark.parametrize(
    ("name", "said"),
    [("selection_rate", "no better side"), ("mae", "not a metric of one class"), ("auc", "auroc")],
)
def test_a_primary_metric_that_cannot_be_judged_is_refused(name, said):
    rows, groups = invent(n_patients=20)
    with pytest.raises(InputError, match=said):
        audit(rows, groups, at(rows), primary=(name,))


def test_best_group_is_described_and_never_judged(made):
    rows = made.comparisons[made.comparisons["rival"] == "best_group"]
    assert set(rows["verdict"]) == {"exploratory"}
    assert rows[["p", "p_holm", "detectable"]].isna().all(axis=None)
    of = rows.query("metric == 'auroc' and group_by == 'age' and class_name == 'a'")
    values = made.metrics.query(
        "metric == 'auroc' and group_by == 'age' and class_name == 'a'"
    ).set_index("group")["value"]
    assert set(of["group"]) == set(values.index) - {values.idxmax()}
    for row in of.itertuples():
        assert row.difference == pytest.approx(values[row.group] - values.max())
    fnr = rows.query("metric == 'fnr' and group_by == 'age' and class_name == 'a'")
    assert (fnr["difference"] >= 0).all(), "the best group misses least"
    assert not rows["metric"].isin(["selection_rate", "calibration_intercept"]).any()


def test_the_group_that_is_not_recorded_is_no_best_group():
    rows, groups = invent()
    groups.loc[groups.index[:100], "sex"] = None
    made = audit(rows, groups, at(rows), group_by=["sex"], n_bootstrap=0)
    best = made.comparisons[made.comparisons["rival"] == "best_group"]
    assert "not recorded" not in set(best["group"])
    assert {"F", "M", "not recorded"} == set(made.metrics["group"]) - {"all"}


def test_gaps_do_not_depend_on_the_order_of_the_rows():
    rows, groups = invent(n_patients=60)
    shuffled = rows.sample(frac=1, random_state=1)
    one, other = (audit(r, groups, at(rows), n_bootstrap=20) for r in (rows, shuffled))
    pd.testing.assert_frame_equal(one.comparisons, other.comparisons)
    pd.testing.assert_frame_equal(one.metrics, other.metrics)


def test_largest_gaps_are_those_of_the_points_that_were_estimated():
    rows, groups = invent(n_patients=120)
    two = pd.concat([at(rows), at(rows).assign(operating_point="other", threshold=0.3)])
    made = audit(rows, groups, two, metrics=(), n_bootstrap=0).metrics
    largest = made[made["metric"].isin(["fpr_gap", "fnr_gap"])]
    assert len(largest)
    assert largest["operating_point"].nunique() == 1


def test_empty_text_is_not_recorded_and_reserved_names_are_refused():
    groups = pd.DataFrame({"sex": ["F", "", " ", None]}, index=list("abcd"))
    assert grouping(groups)["sex"].tolist() == ["F"] + ["not recorded"] * 3
    assert grouping(groups[[]]).empty
    for name in ("all", "class"):
        with pytest.raises(InputError, match=f"named '{name}'.*rename it"):
            grouping(groups.rename(columns={"sex": name}))
