"""The made run with an audit of bias: a gap by sex, none shown by age, and what goes with it."""

from typing import Any

import pandas as pd
from made_run import CLASSES

from clinmm.runs import Run

NAN = float("nan")
BEFORE = (
    "First, who is there: sex: F has the input image in 66.0 of 100, 14.0 fewer than everyone else "
    "(95 % 8.0 to 20.0). "
)
GAP = "Gap between groups shown: in sex F the model tells cases apart less well."
NO_GAP = "No gap between groups of age was shown in AUROC."
SLICE = "site is B and age is 65 or more"


def with_bias(run: Run, group: str = "F", slice_name: str = SLICE) -> Run:
    """The run with its five tables of the audit of bias.

    Args:
        run: of `made_run`.
        group: name of the group that is served worse.
        slice_name: what the confirmed slice is called.
    """
    run.write("groups", pd.DataFrame(_groups(group)))
    run.write("bias_verdicts", pd.DataFrame(_verdicts(group)))
    run.write("slices", pd.DataFrame(_slices(slice_name)))
    run.write("gap_sources", pd.DataFrame(_sources(group)))
    run.write("mitigation", pd.DataFrame(_mitigation(group)))
    return run


def _estimate(value: float, half: float = 0.04, n: int = 130) -> dict[str, Any]:
    ends = {"value": value, "low": value - half, "high": value + half}
    return {**ends, "n_cases": n, "n_patients": n}


def _difference(value: float, half: float = 0.05) -> dict[str, Any]:
    ends = {"difference": value, "difference_low": value - half, "difference_high": value + half}
    return {**ends, "p": 0.01}


def _groups(group: str) -> list[dict[str, Any]]:
    rows = []
    asked = [("share", "")] + [("prevalence", name) for name in CLASSES]
    asked += [("present", name) for name in ("image", "note")] + [("pattern", "image+note")]
    for part in ("cohort", "train", "test"):
        for measure, of in asked:
            for name, n in ((group, 131), ("M", 129), ("not recorded", 6)):
                row = {"part": part, "measure": measure, "of": of, "group_by": "sex", "group": name}
                row |= _estimate(0.5, n=n) | {"status": "ok", "detectable": 0.09}
                if measure != "share":
                    row |= _difference(0.01) | {"verdict": "not_shown", "p_holm": 1.0}
                if (measure, of, name) == ("present", "image", group):
                    row |= _estimate(0.66, n=n) | _difference(-0.14, 0.06)
                    row |= {"verdict": "gap", "p_holm": 0.01}
                if n < 10 and measure != "share":
                    empty = dict.fromkeys((*_estimate(0.0), *_difference(0.0)), NAN)
                    row |= {**empty, "n_cases": n, "n_patients": n, "verdict": "cannot_tell"}
                    row |= {"status": "suppressed", "reason": "6 patients, needs 10"}
                rows.append(row)
    return rows


def _verdicts(group: str) -> list[dict[str, Any]]:
    shown = {"verdict": "gap_shown", "sentence": BEFORE.replace("F has", f"{group} has") + GAP}
    shown |= {"group_by": "sex", "group": group, "case_ids": "case_000\ncase_010"}
    shown |= {"cause": "The image is missing more often in sex F.", "p_holm": 0.01}
    none = {"verdict": "no_gap_shown", "sentence": NO_GAP, "group_by": "age", "p_holm": 0.8}
    none |= {"group": "[65, 120)", "case_ids": None, "cause": None}
    unknown = none | {"verdict": "cannot_tell", "sentence": "It cannot be told.", "group": None}
    unknown |= {"group_by": "sex*age", "difference": NAN, "low": NAN, "high": NAN}
    same = {"arm": "fused", "metric": "auroc", "class_name": "macro", "operating_point": None}
    same |= {"n_groups": 2, "n_suppressed": 1, "n_patients": 260, "statistic": 3.0, "p": 0.01}
    same |= {"difference": -0.051, "low": -0.079, "high": -0.023, "detectable": 0.062}
    return [same | row for row in (none, unknown, shown)]


def _slices(slice_name: str) -> list[dict[str, Any]]:
    rows = []
    for name, verdict, gap in (
        ("note speaks of cough", "not_shown", -0.03),
        (slice_name, "worse", -0.12),
    ):
        same = {"arm": "fused", "class_name": CLASSES[0], "metric": "auroc", "kind": "columns"}
        same |= {"slice": name, "detectable": 0.083, "n_looked_at": 1127, "case_ids": "case_004"}
        found = _estimate(0.7) | _difference(gap - 0.05, 0.04) | {"half": "found"}
        confirmed = _estimate(0.75) | _difference(gap, 0.04)
        confirmed |= {"half": "confirmed", "verdict": verdict, "p_holm": 0.02}
        rows += [same | found, same | confirmed]
    return rows


def _sources(group: str) -> list[dict[str, Any]]:
    def row(source: str, of: str, measure: str, value: float, **other: Any) -> dict[str, Any]:
        same = {"arm": "fused", "group_by": "sex", "group": None, "class_name": None}
        verdict = {"verdict": "yes", "sentence": f"{source} of {of} was found."}
        return (
            same
            | {"source": source, "of": of, "measure": measure}
            | _estimate(value)
            | verdict
            | other
        )

    return [
        row("revealed", "fused", "auroc", 0.81),
        row("revealed", "labels", "auroc", 0.55, verdict="not_shown"),
        row("arm", "image", "auroc_difference", -0.09, group=group, class_name=CLASSES[0]),
        row("image_quality", "image: sharpness", "standardised_difference", -0.3, group=group),
        row("training_share", "train", "share", 0.48, group=group, verdict="not_shown"),
        row(
            "label_noise",
            "readers",
            "alpha",
            NAN,
            verdict="cannot_tell",
            sentence="No second label.",
        ),
    ]


def _mitigation(group: str) -> list[dict[str, Any]]:
    rows = []
    judged = {"all": "pooled", group: "worst_group", "worst": "worst"}
    for method, gain in (("plain_training", NAN), ("group_dro", 0.03), ("group_thresholds", 0.01)):
        for split in ("validate", "test"):
            for who, rests_on in judged.items():
                same = {"method": method, "group_by": "sex", "split": split, "metric": "auroc"}
                same |= {"operating_point": None, "class_name": "macro", "group": who}
                same |= {"chosen": "yes" if method == "group_dro" else "no", "spread": 0.01}
                same |= {"recommended": "yes" if method == "plain_training" else "no"}
                same |= {"n_seeds": 3, "status": "ok", "reason": None, "judged": rests_on}
                same |= {"rule": "trade_off", "margin": 0.01}
                if (method, who) == ("group_dro", "all"):
                    same["reason"] = "the gain of the worst group is not shown"
                moved = gain if who != "all" else -gain / 3
                rows.append(same | _estimate(0.85) | _difference(moved))
    return rows
