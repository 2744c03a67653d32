"""Ill and told that there is nothing: by hand, with and without a class that says so."""

import numpy as np
import pandas as pd
import pytest
from invented import at, invent

from clinmm.fairness.audit import audit, merged


def rates(made, metric, group="all"):
    rows = made.metrics[(made.metrics["metric"] == metric) & (made.metrics["class_name"] == "all")]
    return rows.set_index("group")["value"][group]


def by_hand(rows, keep, threshold=0.5):
    """Of several labels: ill where any is there, called where any is called."""
    rows = rows[rows["case_id"].isin(keep)]
    wide = rows.pivot(index="case_id", columns="class_name", values=["target", "probability"])
    ill = (wide["target"] == 1).any(axis=1)
    called = (wide["probability"] >= threshold).any(axis=1)
    return (~called[ill]).mean(), called[~ill].mean()


def test_of_several_labels_by_any_of_them():
    rows, groups = invent(classes=("a", "b", "c"))
    made = audit(rows, groups, at(rows), n_bootstrap=0)
    for group, keep in (("all", groups.index), ("F", groups.index[groups["sex"] == "F"])):
        under, over = by_hand(rows, keep)
        assert rates(made, "underdiagnosis", group) == pytest.approx(under)
        assert rates(made, "overdiagnosis", group) == pytest.approx(over)


def test_of_one_class_it_is_its_own_error_rate():
    rows, groups = invent()
    made = audit(rows, groups, at(rows), kind="binary", n_bootstrap=0)
    fnr = made.metrics.query("metric == 'fnr' and group == 'F'")["value"].iloc[0]
    assert rates(made, "underdiagnosis", "F") == fnr


def test_a_class_that_says_no_finding_decides():
    rows, groups = invent(classes=("a", "No Finding"))
    made = audit(rows, groups, at(rows), n_bootstrap=0)
    fpr = made.metrics.query("metric == 'fpr' and group == 'M' and class_name == 'No Finding'")
    fnr = made.metrics.query("metric == 'fnr' and group == 'M' and class_name == 'No Finding'")
    assert rates(made, "underdiagnosis", "M") == pytest.approx(fpr["value"].iloc[0])
    assert rates(made, "overdiagnosis", "M") == pytest.approx(fnr["value"].iloc[0])


def test_exclusive_classes_without_no_finding_have_none():
    rows, groups = invent(classes=("a", "b"))
    made = audit(rows, groups, at(rows), kind="multiclass", n_bootstrap=0)
    assert "underdiagnosis" not in set(made.metrics["metric"])
    assert "underdiagnosis" not in set(audit(rows, groups, n_bootstrap=0).metrics["metric"])


def test_cases_with_an_unknown_class_are_left_out():
    rows, groups = invent(classes=("a", "b"))
    unknown = rows["case_id"].isin(rows["case_id"].unique()[:40]) & (rows["class_name"] == "b")
    rows.loc[unknown, "target"] = np.nan
    made = audit(rows, groups, at(rows), n_bootstrap=0)
    left = groups.index[~groups.index.isin(rows.loc[unknown, "case_id"])]
    assert rates(made, "underdiagnosis") == pytest.approx(by_hand(rows, left)[0])


def test_auditing_again_replaces_the_row_for_everybody():
    rows, groups = invent(classes=("a", "b"))
    made = audit(rows, groups, at(rows), n_bootstrap=0).metrics
    twice = merged(merged(made.iloc[:0], made), made)
    pd.testing.assert_frame_equal(twice, made)


def test_net_benefit_is_that_of_the_calls_weighed_by_the_threshold():
    rows, groups = invent()
    made = audit(rows, groups, at(rows, 0.3), n_bootstrap=0)
    women = rows[rows["case_id"].isin(groups.index[groups["sex"] == "F"])]
    call, y = women["probability"] >= 0.3, women["target"]
    wanted = (call * (y - (1 - y) * 0.3 / 0.7)).mean()
    got = made.metrics.query("metric == 'net_benefit' and group == 'F'")["value"].iloc[0]
    assert got == pytest.approx(wanted)
