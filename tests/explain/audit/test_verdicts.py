"""From readings to verdicts, by hand; what they withhold; the gate; groups."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from clinmm import schema
from clinmm.explain.audit.parts.gate import gates_of
from clinmm.explain.audit.parts.groups import difference, group_rows
from clinmm.explain.audit.parts.rules import DEFAULT_RULES, Rule
from clinmm.explain.audit.parts.verdicts import verdict_rows
from clinmm.explain.withhold import withhold
from clinmm.intervals import mean_interval

CENTRE = np.array([-0.02, 0.02] * 10)
"""Twenty patients that vary little."""
GOOD = {
    "completeness_error": 0.01,
    "stability": 0.9,
    "weight_randomisation": 0.1,
    "weight_randomisation_unsigned": 0.2,
    "deletion": 0.3,
    "insertion": 0.3,
    "label_randomisation": 0.4,
    "localisation_over_chance": 0.3,
}
JOINT = ("completeness_error",)


def readings(n: int = 20, whole: bool = False, **tests: Any) -> pd.DataFrame:
    """Of one method, class and input; a test is a mean, an array, or None to leave it out."""
    given = {"share": 0.5, "parts": 1.0 if whole else 9.0, **GOOD, **tests}
    rows = [
        {
            "arm": "fused",
            "case_id": f"c{i}",
            "patient_id": f"p{i}",
            "class_name": "effusion",
            "method": "occlusion",
            "input": "joint" if test in JOINT else "image",
            "test": test,
            "value": value,
        }
        for test, mean in given.items()
        if mean is not None
        for i, value in enumerate(
            np.asarray(mean) if np.ndim(mean) else mean + np.resize(CENTRE, n)
        )
    ]
    return pd.DataFrame(rows)


KINDS = {"image": "image", "note": "note"}


def judged(table: pd.DataFrame, **given: Any) -> pd.DataFrame:
    rows = verdict_rows(table, DEFAULT_RULES, **{"retrained": True, "kinds": KINDS, **given})
    return schema.EXPLANATION_AUDIT.fill(pd.DataFrame(rows))


def overall(table: pd.DataFrame, **given: Any) -> tuple[str, str]:
    row = judged(table, **given).query("test == 'overall'").iloc[0]
    return row["verdict"], "" if pd.isna(row["reason"]) else row["reason"]


def test_means_and_intervals_are_those_of_patients() -> None:
    table = readings()
    rows = judged(table).set_index("test")
    by_hand = mean_interval(0.9 + CENTRE, np.arange(20))
    assert rows.loc["stability", ["value", "low", "high"]].tolist() == list(by_hand[:3])
    twice = pd.concat([table, table.assign(case_id="d" + table["case_id"])])
    again = judged(twice).set_index("test")
    assert again.loc["stability", "low"] == pytest.approx(by_hand.low), "cases are no patients"
    assert (again.loc["stability", "n_cases"], again.loc["stability", "n_patients"]) == (40, 20)


def test_what_passes_every_needed_test_passes() -> None:
    assert overall(readings()) == ("pass", "")
    rows = judged(readings()).set_index("test")
    assert set(rows.loc[list(GOOD), "verdict"]) == {"pass"}
    assert pd.isna(rows.loc["share", "verdict"])
    assert rows.loc["completeness_error", "input"] == "joint"
    assert rows.loc["overall", "input"] == "image"


@pytest.mark.parametrize(
    ("test", "value", "verdict", "said"),
    [
        (
            "weight_randomisation",
            0.71,
            "fail",
            r"weight randomisation: .71 (.7 to .72), wanted below .5",
        ),
        ("deletion", -0.1, "fail", "deletion: -.1 (-.11 to -.09), wanted above 0"),
        ("completeness_error", 0.5, "fail", "completeness error: .5 (.49 to .51), wanted below .1"),
        ("label_randomisation", 0.105, "weak", "the interval holds the bound"),
        ("localisation_over_chance", 0.0, "fail", "localisation over chance: 0"),
    ],
)
def test_one_needed_test_that_is_not_passed_withholds(
    test: str, value: float, verdict: str, said: str
) -> None:
    found, reason = overall(readings(**{test: value}))
    assert found == verdict
    assert said in reason


def test_a_test_that_is_not_needed_is_told_only() -> None:
    table = readings(baseline_agreement=0.1)
    assert overall(table)[0] == "pass"
    row = judged(table).set_index("test").loc["baseline_agreement"]
    assert (row["verdict"], row["needed"], row["bound"]) == ("fail", "no", 0.5)


def test_few_patients_are_weak_at_best() -> None:
    few = judged(readings(9)).set_index("test")
    assert set(few.loc[list(GOOD), "verdict"]) == {"weak"}
    assert few.loc[list(GOOD), ["low", "high"]].isna().all(axis=None)
    assert "9 patients, an interval needs 10" in few.loc["stability", "reason"]
    assert overall(readings(9))[0] == "weak"
    assert (
        judged(readings(9, stability=0.1)).set_index("test").loc["stability", "verdict"] == "fail"
    )
    four = judged(readings(4, stability=0.1)).set_index("test").loc["stability"]
    assert (four["verdict"], four["reason"]) == ("weak", "stability: cannot tell: 4 cases")


@pytest.mark.parametrize(
    "test", ["deletion", "insertion", "weight_randomisation", "label_randomisation"]
)
def test_what_was_not_measured_does_not_pass(test: str) -> None:
    verdict, reason = overall(readings(**{test: None}))
    assert verdict == "weak"
    assert reason == f"not measured: {test.replace('_', ' ')}"


def test_what_was_measured_of_all_inputs_together_does_not_stand_for_an_input() -> None:
    together = readings().query("test == 'deletion'")
    together = together.assign(test="comprehensiveness", input="joint")
    table = pd.concat([readings(deletion=None, insertion=None), together])
    assert overall(table) == ("weak", "not measured: deletion, insertion")
    note = readings(deletion=None, insertion=None, localisation_over_chance=None)
    note.loc[note["input"] == "image", "input"] = "note"
    assert overall(pd.concat([note, together])) == ("weak", "not measured: comprehensiveness")
    own = pd.concat([note, together, together.assign(input="note")])
    assert overall(own) == ("pass", "")


def test_a_verdict_rests_on_as_many_cases_as_the_needed_test_that_had_the_fewest() -> None:
    table = readings()
    few = (table["test"] == "localisation_over_chance") & (table["case_id"] > "c4")
    told = readings(3).query("test == 'stability'").assign(test="agreement")
    gates = gates_of(metrics(0.55), ["effusion"], continuous=False)
    row = judged(pd.concat([table[~few], told]), gates=gates).set_index("test").loc["overall"]
    n = table[~few].query("test == 'localisation_over_chance'")["case_id"].nunique()
    assert n < 20
    assert (row["n_cases"], row["n_patients"]) == (n, n)


def test_one_test_is_told_apart_of_the_input_and_of_all_inputs_together() -> None:
    own = readings(deletion=None, insertion=None, localisation_over_chance=None)
    own.loc[own["input"] == "image", "input"] = "note"
    worse = readings(comprehensiveness=-0.2).query("test == 'comprehensiveness'")
    both = pd.concat([own, worse.assign(input="note"), worse.assign(input="joint")])
    said = "comprehensiveness: -.2 (-.21 to -.19), wanted above 0"
    assert overall(both) == ("fail", f"{said}; all inputs together, {said}")


def test_without_retraining_its_test_is_not_asked_for() -> None:
    assert overall(readings(label_randomisation=None), retrained=False) == ("pass", "")


def test_an_input_scored_as_a_whole_is_judged_by_what_applies_to_it() -> None:
    whole = readings(
        whole=True,
        deletion=None,
        insertion=None,
        weight_randomisation=None,
        weight_randomisation_unsigned=None,
        label_randomisation=None,
        localisation_over_chance=None,
        stability=None,
    )
    assert overall(whole) == ("pass", "")
    missing = whole[whole["test"] != "completeness_error"]
    assert overall(missing)[0] == "weak"


def test_a_failure_of_all_inputs_together_counts_for_each() -> None:
    both = pd.concat([readings(completeness_error=0.9), readings().assign(input="note")])
    rows = judged(both[~((both["input"] == "note") & (both["test"] == "completeness_error"))])
    assert set(rows.query("test == 'overall'")["input"]) == {"image", "note"}
    assert set(rows.query("test == 'overall'")["verdict"]) == {"fail"}
    assert set(rows.query("test == 'overall'")["input"]) == {"image", "note"}


def test_a_refused_method_fails_with_its_reason() -> None:
    rows = judged(readings(), refused={"grad_cam": "no maps"}, classes=["effusion", "nodule"])
    refused = rows[rows["method"] == "grad_cam"]
    assert refused["verdict"].tolist() == ["fail", "fail"]
    assert set(refused["reason"]) == {"no maps"}


# --- the gate -----------------------------------------------------------------------------
def metrics(low: float = 0.6, status: str = "ok", metric: str = "auroc") -> pd.DataFrame:
    row = {
        "arm": "fused",
        "split": "test",
        "repeat": "all",
        "fold": "all",
        "group_by": "all",
        "group": "all",
        "pattern": "any",
        "probability": "calibrated",
        "class_name": "effusion",
        "metric": metric,
        "value": 0.7,
        "low": low,
        "high": 0.8,
        "n_cases": 90,
        "n_patients": 80,
        "status": status,
        "reason": None if status == "ok" else "3 positive patients, needs 5",
    }
    return pd.DataFrame([row, {**row, "fold": "0", "low": 0.1}, {**row, "arm": "note", "low": 0.9}])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (metrics(0.45), "AUROC .7 (.45 to .8) does not lie above .5"),
        (metrics(status="suppressed"), "AUROC is not known: 3 positive patients"),
        (metrics(metric="brier"), "AUROC is not known: not evaluated"),
    ],
)
def test_a_class_that_the_model_cannot_tell_is_withheld(table: pd.DataFrame, said: str) -> None:
    gates = gates_of(table, ["effusion"], continuous=False)
    verdict, reason = overall(readings(), gates=gates)
    assert verdict == "fail"
    assert said in reason
    row = judged(readings(), gates=gates).set_index("test").loc["auroc_gate"]
    assert (row["verdict"], row["needed"], row["bound"]) == ("fail", "yes", 0.5)


def test_a_class_that_the_model_can_tell_passes_the_gate() -> None:
    gates = gates_of(metrics(0.55), ["effusion"], continuous=False)
    assert overall(readings(), gates=gates) == ("pass", "")


@pytest.mark.parametrize(
    ("concordance", "r2", "verdict"), [(0.6, 0.1, "pass"), (0.4, 0.1, "fail"), (0.6, -0.1, "fail")]
)
def test_values_are_gated_by_concordance_and_r2(
    concordance: float, r2: float, verdict: str
) -> None:
    table = pd.concat([metrics(concordance, metric="concordance"), metrics(r2, metric="r2")])
    gates = gates_of(table, ["effusion"], continuous=True)
    found, reason = overall(readings(), gates=gates)
    assert found == verdict
    assert "AUROC" not in reason


# --- withheld per case --------------------------------------------------------------------
def row_of_case(**changes: Any) -> dict[str, Any]:
    row = {
        "method": "occlusion",
        "input": "image",
        "class_name": "effusion",
        "stability": 0.9,
        "reason": None,
    }
    return {**row, **changes}


def status(audit: pd.DataFrame | None, **changes: Any) -> tuple[str, str]:
    row = withhold([row_of_case(**changes)], audit, DEFAULT_RULES, "not audited yet")[0]
    return row["status"], row["reason"] or ""


def test_only_what_passed_may_be_drawn() -> None:
    passed, failed = judged(readings()), judged(readings(deletion=-0.1))
    assert status(passed) == ("pass", "")
    found, reason = status(failed)
    assert found == "withheld"
    assert reason.startswith("did not pass the audit (fail): deletion: -.1")
    assert status(judged(readings(9)))[0] == "withheld", "weak is not drawn"
    assert status(None) == ("withheld", "not audited yet")
    for other in ({"input": "note"}, {"class_name": "nodule"}, {"method": "grad_cam"}):
        assert status(passed, **other) == ("withheld", "not audited yet")


def test_a_class_is_set_against_another_only_where_both_may_be_shown() -> None:
    passed = judged(readings())
    against = {"rather_than": "nodule"}
    assert status(passed, **against) == ("withheld", "nodule: not audited yet")
    other = judged(readings(deletion=-0.1).assign(class_name="nodule"))
    found, reason = status(pd.concat([passed, other]), **against)
    assert found == "withheld"
    assert reason.startswith("nodule: did not pass the audit (fail): deletion: -.1")
    both = pd.concat([passed, passed.assign(class_name="nodule")])
    assert status(both, **against) == ("pass", "")


def test_a_case_is_withheld_for_itself_first() -> None:
    passed, failed = judged(readings()), judged(readings(deletion=-0.1))
    found, reason = status(passed, stability=0.31)
    assert found == "withheld"
    assert reason == ("not stable for this case: .31 where it is changed a little, wanted above .5")
    assert status(passed, reason="attributions miss the change")[0] == "withheld"
    both = status(failed, reason="attributions miss the change", stability=0.31)[1].split("; ")
    assert both[0] == "attributions miss the change"
    assert both[1].startswith("not stable")
    assert both[2].startswith("did not pass")
    assert status(passed, stability=float("nan")) == ("pass", "")


def test_verdicts_by_group_withhold_nothing() -> None:
    groups = pd.DataFrame({"sex": ["F", "M"] * 10}, index=[f"c{i}" for i in range(20)])
    table = readings()
    rows = pd.DataFrame(
        verdict_rows(table, DEFAULT_RULES, kinds=KINDS, retrained=True)
        + group_rows(table, groups, DEFAULT_RULES)
    )
    assert status(schema.EXPLANATION_AUDIT.fill(rows)) == ("pass", "")


# --- groups -------------------------------------------------------------------------------
def by_sex(values: np.ndarray, n: int = 40, rule: Rule = DEFAULT_RULES["stability"]) -> Any:
    table = readings(n, stability=values)
    groups = pd.DataFrame({"sex": ["F", "M"] * (n // 2)}, index=[f"c{i}" for i in range(n)])
    rows = pd.DataFrame(
        group_rows(table[table["test"] == "stability"], groups, {"stability": rule})
    )
    return rows.set_index("group")


def test_a_group_whose_explanations_are_worse_is_named() -> None:
    values = np.resize([0.4, 0.8], 40) + np.repeat(CENTRE, 2)
    rows = by_sex(values)
    assert rows.loc["F", "reason"].startswith("worse than in everybody else: -.4 (")
    assert rows.loc["M", "reason"].startswith("better than in everybody else: .4 (")
    assert "outlasts a correction for 2 comparisons" in rows.loc["F", "reason"]
    assert rows.loc["F", "value"] == pytest.approx(0.4)
    assert (rows.loc["F", "n_patients"], rows.loc["F", "class_name"]) == (20, "all")
    flipped = by_sex(values, rule=Rule(below=0.5))
    assert flipped.loc["F", "reason"].startswith("better")


def test_equal_groups_and_small_groups_are_told_without_a_reason() -> None:
    rng = np.random.default_rng(3)
    assert by_sex(rng.normal(size=40))["reason"].isna().all()
    few = by_sex(np.resize([0.4, 0.8], 18) + np.resize(CENTRE, 18), 18)
    assert few["reason"].isna().all()
    assert few["low"].isna().all()


def test_the_difference_is_welchs_where_each_patient_has_one_case() -> None:
    rng = np.random.default_rng(0)
    values, inside = rng.normal(size=50), np.arange(50) < 20
    gap, low, high, _ = difference(values, np.arange(50).astype(object), inside, ~inside)
    se = np.sqrt(values[inside].var(ddof=1) / 20 + values[~inside].var(ddof=1) / 30)
    assert gap == pytest.approx(values[inside].mean() - values[~inside].mean())
    assert (high - low) / 2 == pytest.approx(2.0930240544 * se)
