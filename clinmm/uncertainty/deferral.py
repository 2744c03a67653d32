"""Which cases the model hands back, and whether handing them back has been shown to help.

A rule hands back the cases whose confidence lies below a limit. It is found on calibration
patients, for each arm, repeat, fold and class, and is off unless these patients show that it helps:

*   there are enough: 10 with a wrong call, 10 with a kept case, 5 with one handed back;
*   the wrong calls among the kept are fewer than without deferral: the 95 % interval of the paired
    difference lies below 0, and its p is below .05 after Holm's adjustment over every class, group
    and pattern of inputs of the same model;
*   in no group and no pattern they are shown to be more. Here the plain 95 % interval decides: an
    adjustment would make harm the harder to see the more groups are declared, and a false alarm
    only leaves the rule off. A group needs as many patients, but only 5 with a wrong call; smaller
    ones are not tested.

The decision of a fold uses its own calibration patients only: one made on all folds together would
know the test patients of each.

A wrong call is one at the first operating point. Confidence is the distance of the case's logit
from that of the threshold. For exclusive classes the most probable one is called, and its
probability is the confidence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.comparisons import ALPHA, holm
from clinmm.config import DeferralConfig
from clinmm.errors import InputError
from clinmm.intervals import MIN_PATIENTS_PER_CLASS
from clinmm.subgroups import ANY, Subset, by_group, by_pattern, grouping
from clinmm.uncertainty.deferral_cases import HIGHEST, MODEL, RULE, judged
from clinmm.uncertainty.retained_risk import Change, change, limit_of, smallest_share

MIN_WRONG = 10
"""Patients with a wrong call below which no rule is kept."""
YES, NO = "yes", "no"


def choose(
    calibration: pd.DataFrame,
    thresholds: pd.DataFrame,
    config: DeferralConfig,
    *,
    groups: pd.DataFrame | None = None,
    exclusive: bool = False,
) -> pd.DataFrame:
    """The rule of every arm, repeat, fold and class: kept, or off with the reason.

    share: the limit is the highest with at most this share of the cases below it.
    risk: so too, at the smallest share at which the wrong calls among the kept are shown to be
    fewer than this (`smallest_share`).

    Args:
        calibration: schema.PREDICTIONS, calibrated, rows that are not test; best those on which
            neither calibrator nor threshold was fitted.
        thresholds: schema.THRESHOLDS; calls at its first operating point are judged.
        config: the share to hand back, or the risk wanted.
        groups: index case_id, one text column per sensitive attribute.
        exclusive: the classes are exclusive; they have one rule, class_name `all`.

    Returns:
        schema.DEFERRAL.

    Raises:
        InputError: no threshold at all, or as `subgroups.grouping`.

    Reference:
        Geifman, El-Yaniv. Selective classification for deep neural networks. NeurIPS 2017.
        Jones, Sagawa, Koh, Kumar, Liang. Selective classification can magnify disparities across
        groups. ICLR 2021.
    """
    if not exclusive and thresholds.empty:
        raise InputError("deferral judges calls, and thresholds holds no operating point.")
    point = HIGHEST if exclusive else str(thresholds["operating_point"].iloc[0])
    asked = None if groups is None else grouping(groups)
    cases = judged(calibration, thresholds, point)
    cases = cases[cases["target"].notna()]
    rows = []
    for _, of_model in cases.groupby(MODEL, sort=True):
        found = [_tried(part, config, asked) for _, part in of_model.groupby("class_name")]
        overall = [one.p for one in found]
        adjusted = holm(overall + [of.p for one in found for _, of in one.by_subset])
        for one, p_holm in zip(found, adjusted[: len(found)], strict=True):
            rows.append(_row(one, float(p_holm), config) | {"operating_point": point})
    return schema.DEFERRAL.fill(pd.DataFrame(rows, columns=schema.DEFERRAL.names))


def apply(
    predictions: pd.DataFrame, rules: pd.DataFrame, thresholds: pd.DataFrame
) -> "pd.Series[bool]":
    """Which rows are handed back: false where the rule is off. Index of predictions.

    Args:
        predictions: schema.PREDICTIONS, calibrated; targets may be empty.
        rules: what `choose` gave. thresholds: what it was given.
    """
    if rules.empty:
        return pd.Series(False, index=predictions.index)
    point = str(rules["operating_point"].iloc[0])
    cases = judged(predictions, thresholds, point)
    back = handed_back(cases, rules)
    if point != HIGHEST:
        return pd.Series(back, index=cases.index)
    key = [*MODEL, "case_id"]
    of_case = pd.Series(back, index=pd.MultiIndex.from_frame(cases[key]))
    of_row = of_case.reindex(pd.MultiIndex.from_frame(predictions[key]))
    return pd.Series(of_row.to_numpy(dtype=bool), index=predictions.index)


def handed_back(cases: pd.DataFrame, rules: pd.DataFrame) -> NDArray[np.bool_]:
    """(n,) for the rows of `judged`: whether the confidence is below the limit of a kept rule."""
    limits = rules[rules["kept"] == YES].set_index(RULE)["limit"]
    limit = cases[RULE].join(limits, on=RULE)["limit"].to_numpy(dtype=np.float64)
    return np.asarray(cases["confidence"].to_numpy(dtype=np.float64) < limit)


@dataclass(frozen=True)
class _Tried:
    """A rule on its calibration cases, before Holm.

    key: arm, repeat, fold, class_name. change: None where no limit was found, and `off` says why.
    by_subset: (name, change) of each group and pattern that could be tested.
    """

    key: dict[str, Any]
    limit: float
    change: Change | None
    by_subset: list[tuple[str, Change]]
    off: str | None
    n_patients: int

    @property
    def p(self) -> float:
        """Of all cases; NaN where not tested."""
        return float("nan") if self.change is None else self.change.p


def _tried(part: pd.DataFrame, config: DeferralConfig, groups: pd.DataFrame | None) -> _Tried:
    """part: the judged cases of one model and class, all with a target."""
    key = {name: part[name].iloc[0] for name in RULE}
    wrong, confidence = (part[name].to_numpy(dtype=np.float64) for name in ("wrong", "confidence"))
    patient = pd.factorize(part["patient_id"], sort=True)[0]
    n_patients = int(patient.max()) + 1
    nan = float("nan")
    if np.isnan(confidence).any():
        off = "no threshold could be chosen, so there are no calls"
        return _Tried(key, nan, None, [], off, n_patients)
    share = config.share
    if config.risk is not None:
        share = smallest_share(wrong, confidence, patient, config.risk)
        if not share:  # nothing was shown to do, or nothing need be handed back
            whole = change(wrong, np.ones(wrong.size, dtype=bool), patient, min_wrong=0)
            wanted = f"below {config.risk:.1%}"
            off = (
                f"no share was shown to bring the wrong calls among the kept {wanted}"
                if share is None
                else f"the wrong calls are {wanted} without handing anything back"
            )
            return _Tried(key, nan, whole, [], off, n_patients)
    assert share is not None  # DeferralConfig has exactly one of the two
    limit = limit_of(confidence, share)
    kept = confidence >= limit
    overall = change(wrong, kept, patient, min_wrong=MIN_WRONG)
    if overall.lacking:
        return _Tried(key, limit, overall, [], f"too little to tell: {overall.lacking}", n_patients)
    each = []
    for subset in _subsets(part, groups):
        inside = subset.keep
        of = change(wrong[inside], kept[inside], patient[inside], min_wrong=MIN_PATIENTS_PER_CLASS)
        if not of.lacking:
            each.append((_name(subset), of))
    return _Tried(key, limit, overall, each, None, n_patients)


def _subsets(part: pd.DataFrame, groups: pd.DataFrame | None) -> Iterator[Subset]:
    """Every group and pattern but one that everybody is in."""
    every = list(by_pattern(part["pattern"].to_numpy(dtype=object)))
    if groups is not None:
        every += by_group(groups, part["case_id"].to_numpy(dtype=object))
    return (subset for subset in every if not subset.keep.all())


def _name(subset: Subset) -> str:
    if subset.pattern != ANY:
        return f"pattern {subset.pattern}"
    return f"{subset.group_by} {subset.group}"


def _row(one: _Tried, p_holm: float, config: DeferralConfig) -> dict[str, Any]:
    """Of schema.DEFERRAL, but operating_point."""
    off = one.off or _not_shown(one, p_holm)
    row = {
        **one.key,
        "rule": "risk" if config.share is None else "share",
        "asked": config.risk if config.share is None else config.share,
        "limit": float("nan") if off else one.limit,
        "p_holm": p_holm,
        "n_patients": one.n_patients,
        "kept": NO if off else YES,
    }
    if one.change is None:
        return row | {"reason": off}
    of = one.change
    return row | {
        "share": of.share,
        "risk": of.risk,
        "retained_risk": of.retained,
        "difference": of.difference,
        "low": of.low,
        "high": of.high,
        "p": of.p,
        "reason": off or f"fewer wrong calls among the kept: {_said(of)}",
    }


def _not_shown(one: _Tried, p_holm: float) -> str | None:
    """Why a tested rule stays off; None where it is kept."""
    of = one.change
    assert of is not None
    if worse := [f"{name} ({_said(sub)})" for name, sub in one.by_subset if sub.low > 0]:
        return f"more wrong calls among the kept in {'; '.join(worse)}"
    if of.high >= 0:
        return f"not shown to lower the wrong calls among the kept: {_said(of)}"
    if p_holm >= ALPHA:
        return (
            "not shown to lower the wrong calls among the kept after Holm's adjustment over "
            f"classes, groups and patterns: {_said(of)}, adjusted p {p_holm:.3f}"
        )
    return None


def _said(of: Change) -> str:
    """The change in a sentence, in per cent of the cases."""
    return (
        f"handing back {of.share:.1%}, {of.retained:.1%} instead of {of.risk:.1%} are wrong, "
        f"difference {100 * of.difference:+.1f} points, 95 % interval "
        f"[{100 * of.low:+.1f}, {100 * of.high:+.1f}]"
    )
