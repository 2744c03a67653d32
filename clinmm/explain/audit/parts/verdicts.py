"""From readings to verdicts: what may be drawn, of which method, input and class."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from clinmm.arms import FUSED
from clinmm.explain.audit.parts.look import JOINT
from clinmm.explain.audit.parts.rules import Rule
from clinmm.explain.audit.parts.wording import holds, in_words, mean_in_words, wanted
from clinmm.intervals import MIN_PATIENTS, mean_interval
from clinmm.subgroups import ALL

OVERALL = "overall"
MIN_CASES = 5
"""Readings that a mean needs to be judged at all."""

FAITHFUL = {
    "image": ("deletion", "insertion"),
    "signal": ("deletion", "insertion"),
    "note": ("comprehensiveness",),
    "record": ("comprehensiveness",),
}
"""Kind of input -> tests of whether the model leans on what the explanation names; of inputs that
are scored whole `completeness_error` takes their place."""
RANDOMISED = ("weight_randomisation", "label_randomisation")
"""Tests of whether the explanation depends on what the model has learned."""

Row = dict[str, Any]


def verdict_rows(
    readings: pd.DataFrame,
    rules: Mapping[str, Rule],
    *,
    kinds: Mapping[str, str],
    retrained: bool,
    gates: Mapping[str, Row] | None = None,
    refused: Mapping[str, str] | None = None,
    classes: list[str] | None = None,
) -> list[Row]:
    """Rows of schema.EXPLANATION_AUDIT over all patients: every test, and `overall`.

    Args:
        readings: schema.EXPLANATION_READINGS of the sample.
        rules: test -> what it has to show.
        kinds: input -> kind.
        retrained: whether the test of permuted labels could be made, and is asked for.
        gates: class -> value, low, high, n_cases, n_patients, verdict and reason of its AUROC (see
            `gate.py`); a class that fails it passes nothing.
        refused: method -> why it explains nothing of this model.
        classes: those that a refused method would have explained.

    Returns:
        By method, class and input; the verdict of a pair comes after its tests.
    """
    rows: list[Row] = []
    for (method, class_name), of_class in readings.groupby(["method", "class_name"], sort=False):
        inputs = sorted(set(of_class["input"]) - {JOINT})
        tests = {
            name: _test_rows(of_class[of_class["input"] == name], rules)
            for name in [*inputs, JOINT]
        }
        for name in inputs:
            at = {"method": method, "class_name": class_name, "input": name}
            gate = (gates or {}).get(str(class_name))
            rows += [{**at, **row} for row in (*tests[name], *([gate] if gate else []))]
            missing = _missing(tests[name], tests[JOINT], kinds[name], retrained=retrained)
            rows.append({**at, **_overall(tests[name], tests[JOINT], gate, missing)})
        rows += [
            {"method": method, "class_name": class_name, "input": JOINT, **row}
            for row in tests[JOINT]
        ]
    for method, why in (refused or {}).items():
        rows += [_refused(method, name, why) for name in classes or []]
    return [{"arm": FUSED, "group_by": ALL, "group": ALL, **row} for row in rows]


def _test_rows(readings: pd.DataFrame, rules: Mapping[str, Rule]) -> list[Row]:
    return [
        _judged(str(test), of_test, rules.get(str(test)))
        for test, of_test in readings.groupby("test", sort=False)
    ]


def _judged(test: str, readings: pd.DataFrame, rule: Rule | None) -> Row:
    """One test of one method, input and class: mean, interval and what the rule says of it."""
    mean = mean_interval(readings["value"], readings["patient_id"])
    few = mean.n_patients < MIN_PATIENTS
    row: Row = {
        "test": test,
        "value": mean.value,
        "low": float("nan") if few else mean.low,
        "high": float("nan") if few else mean.high,
        "n_cases": mean.n_cases,
        "n_patients": mean.n_patients,
        "bound": float("nan"),
        "needed": None,
        "verdict": None,
        "reason": None,
    }
    if rule is None:
        return row
    row |= {"bound": rule.bound, "needed": "yes" if rule.needed else "no"}
    return row | _verdict(row, rule)


def _verdict(row: Row, rule: Rule) -> Row:
    good = holds(row["value"], rule)
    name = in_words(row["test"])
    if row["n_cases"] < MIN_CASES:
        return {"verdict": "weak", "reason": f"{name}: cannot tell: {row['n_cases']} cases"}
    said = f"{name}: {mean_in_words(row)}, wanted {wanted(rule)}"
    if not good:
        return {"verdict": "fail", "reason": said}
    if row["n_patients"] < MIN_PATIENTS:
        few = f"{row['n_patients']} patients, an interval needs {MIN_PATIENTS}"
        return {"verdict": "weak", "reason": f"{said}; {few}"}
    worst = row["low"] if rule.above is not None else row["high"]
    if not holds(worst, rule):
        return {"verdict": "weak", "reason": f"{said}; the interval holds the bound"}
    return {"verdict": "pass", "reason": None}


def _overall(own: list[Row], joint: list[Row], gate: Row | None, missing: list[str]) -> Row:
    """fail where a needed test failed; pass where all needed tests passed and none of those that
    have to be made is missing; else weak. Its cases and patients are those of the needed test that
    had the fewest.

    Args:
        own, joint: tests of the input, and of all inputs together.
    """
    needed = [("", row) for row in own if row["needed"] == "yes"]
    needed += [("all inputs together, ", row) for row in joint if row["needed"] == "yes"]
    judged = [*needed, *([("", gate)] if gate else [])]
    failed, weak = (
        [of_whom + row["reason"] for of_whom, row in judged if row["verdict"] == verdict]
        for verdict in ("fail", "weak")
    )
    untold = [f"not measured: {', '.join(map(in_words, missing))}"] if missing else []
    return {
        "test": OVERALL,
        "n_cases": min((row["n_cases"] for _, row in needed), default=0),
        "n_patients": min((row["n_patients"] for _, row in needed), default=0),
        "needed": None,
        "verdict": "fail" if failed else "weak" if weak or untold else "pass",
        "reason": "; ".join([*failed, *weak, *untold]) or None,
    }


def _missing(own: list[Row], joint: list[Row], kind: str, *, retrained: bool) -> list[str]:
    """Tests without which nothing passes, and of which there is no reading."""
    if not any(row["test"] == "parts" and row["value"] > 1 for row in own):
        made, asked = joint, ("completeness_error",)
    else:
        made, asked = own, (*FAITHFUL[kind], *(RANDOMISED if retrained else RANDOMISED[:1]))
    return [test for test in asked if test not in {row["test"] for row in made}]


def _refused(method: str, class_name: str, why: str) -> Row:
    return {
        "method": method,
        "class_name": class_name,
        "input": JOINT,
        "test": OVERALL,
        "n_cases": 0,
        "n_patients": 0,
        "verdict": "fail",
        "reason": why,
    }
