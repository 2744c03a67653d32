"""Which criteria of fairness the tables contradict, and why they cannot all hold."""

import numpy as np
import pandas as pd
import pytest
from invented import at, invent

from clinmm.fairness.audit import audit
from clinmm.fairness.criteria import CRITERIA, criteria, why_not_all
from clinmm.fairness.who import who_is_there


def table(**metrics):
    """Comparisons of the women and the men: metric -> (difference, standard error)."""
    rows = []
    for metric, (gap, se) in metrics.items():
        for group, sign in (("F", 1), ("M", -1)):
            p = 1e-6 if abs(gap) > 3 * se else 0.5
            rows.append(
                {
                    "arm": "fused",
                    "rival": "complement",
                    "metric": metric,
                    "class_name": "x",
                    "group_by": "sex",
                    "group": group,
                    "difference": sign * gap,
                    "low": sign * gap - 2 * se,
                    "high": sign * gap + 2 * se,
                    "p": p,
                    "detectable": 2.8 * se,
                }
            )
    return pd.DataFrame(rows)


NOTHING = pd.DataFrame(columns=["arm", "group_by", "class_name", "status", "metric", "group"])
NO_GAPS = {metric: (0.0, 0.01) for metrics, _ in CRITERIA.values() for metric in metrics}


def said(metrics=NOTHING, **of):
    found = criteria(metrics, table(**(NO_GAPS | of)), "sex", "x", "fused")
    return {one.name: one for one in found}


@pytest.mark.parametrize(
    ("metric", "contradicted"),
    [
        ("fnr", {"equal opportunity", "equalised odds"}),
        ("fpr", {"equalised odds"}),
        ("selection_rate", {"demographic parity"}),
        ("ppv", {"sufficiency"}),
        ("npv", {"sufficiency"}),
        ("calibration_intercept", {"sufficiency"}),
    ],
)
def test_each_gap_contradicts_the_criteria_that_forbid_it(metric, contradicted):
    found = said(**{metric: (0.2, 0.01)})
    assert {name for name, one in found.items() if one.holds == "no"} == contradicted
    rest = {one.holds for name, one in found.items() if name not in contradicted}
    assert rest == {"not_shown_to_fail"}
    for name in contradicted:
        assert "differ from everybody else's by" in found[name].said


def test_no_gap_shown_says_what_could_have_been_seen():
    found = said(fnr=(0.0, 0.05))["equal opportunity"]
    assert "could have shown a gap of 0.140 in missed findings" in found.said


def test_too_few_patients_cannot_tell_and_small_groups_are_named():
    empty = table(fnr=(np.nan, np.nan)).assign(p=np.nan)
    small = pd.DataFrame(
        [("fused", "sex", "x", "suppressed", "fnr", "other")], columns=NOTHING.columns
    )
    found = criteria(small, empty, "sex", "x", "fused")
    assert {one.holds for one in found} == {"cannot_tell"}
    assert "Too small to be judged: other." in found[0].said
    assert "other" not in found[2].said, "a suppressed miss rate says nothing of calls"


def test_a_p_that_many_groups_give_by_chance_contradicts_nothing():
    one = table(fnr=(0.1, 0.04)).iloc[:1].assign(p=0.02)
    assert criteria(NOTHING, one, "sex", "x", "fused")[0].holds == "no"
    rest = [one.assign(group=f"g{i}", p=0.3 + i / 100) for i in range(9)]
    many = pd.concat([one, *rest])
    assert criteria(NOTHING, many, "sex", "x", "fused")[0].holds == "not_shown_to_fail"


def test_every_criterion_says_what_it_means_for_a_patient():
    found = said()
    assert list(found) == list(CRITERIA)
    assert all("you" in one.means.lower() for one in found.values())


def test_why_not_all_names_the_prevalence_gap_that_was_seen():
    rows, groups = invent(n_patients=300)
    rng = np.random.default_rng(0)
    ill = rng.random(len(rows)) < np.where(groups["sex"] == "F", 0.6, 0.2)
    targets = pd.DataFrame({"died": ill.astype(float)}, index=groups.index)
    cases = rows[["case_id", "patient_id"]]
    who = who_is_there(cases, targets, groups, {"test": cases["case_id"]})
    text = why_not_all(who, "sex", "died")
    assert text.startswith("They cannot all hold here. died:")
    share = targets["died"].groupby(groups["sex"]).mean()
    assert f"{share['M']:.1%} of sex M have it, {share['F']:.1%} of sex F" in text
    assert "no gap in prevalence was shown" in why_not_all(who, "age", "died")
    assert why_not_all(who, "sex", "macro") == text, "the class with the largest gap"
    assert why_not_all(who, "site", "died").startswith("Too few patients")


def test_criteria_read_the_tables_of_an_audit():
    rows, groups = invent(classes=("a", "b"))
    made = audit(rows, groups, at(rows), n_bootstrap=50)
    found = criteria(made.metrics, made.comparisons, "sex", "macro", "fused")
    assert "cannot_tell" not in {one.holds for one in found}
    calls = made.comparisons.query(
        "metric == 'selection_rate' and class_name == 'macro' and rival == 'complement'"
    )
    p = calls.loc[calls["group_by"] == "sex", "p"].iloc[0]  # two groups, one test
    assert (found[2].holds == "no") == (p < 0.05)


def test_where_nothing_was_called_that_is_why_it_cannot_be_told():
    without = table(auroc=(0.0, 0.01))
    found = criteria(NOTHING, without, "sex", "x", "fused")
    assert {one.said for one in found} == {"It was not measured in this run."}


def test_a_gap_is_told_with_its_interval_and_intersections_as_words():
    one = table(fnr=(-0.1, 0.01)).iloc[:1].assign(group_by="sex*age", group="F*[0, 40)")
    text = criteria(NOTHING, one, "sex*age", "x", "fused")[0].said
    assert "missed findings of F × [0, 40) differ" in text
    assert "by −0.100 (95 % −0.120 to −0.080)" in text
