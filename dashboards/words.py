"""Every phrase a physician reads, in one place.

Plain and without praise: "risk estimate", "gap between groups". Nothing here decides anything.
"""

import math
from collections.abc import Mapping

from dashboards.language import t, tn

NOT_FOR_CARE = t("Research and review use only. Not for use in patient care.")

METRICS = {
    "auroc": "AUROC",
    "mae": t("Mean absolute error"),
    "rmse": "RMSE",
    "r2": t("R squared"),
    "calibration_slope_value": t("Calibration slope"),
    "interval_coverage": t("Intervals that hold the value"),
    "interval_width": t("Width of the intervals"),
    "auprc": "AUPRC",
    "brier": t("Brier score"),
    "log_loss": t("Log loss"),
    "ece": "ECE",
    "ece_debiased": t("ECE, debiased"),
    "sensitivity": t("Sensitivity"),
    "specificity": t("Specificity"),
    "ppv": "PPV",
    "npv": "NPV",
    "fpr": t("False positive rate"),
    "fnr": t("False negative rate"),
    "prevalence": t("Prevalence"),
    "selection_rate": t("Share called positive"),
    "calibration_intercept": t("Calibration intercept"),
    "calibration_slope": t("Calibration slope"),
    "observed_expected": t("Observed : expected"),
    "ici": "ICI",
    "ece_if_calibrated": t("ECE if calibrated"),
    "set_coverage": t("Sets that hold the truth"),
    "set_recall": t("Findings that the sets hold"),
    "set_size": t("Classes in the set"),
    "set_certain": t("Sets of one class"),
    "set_empty": t("Empty sets"),
    "deferral_share": t("Handed back"),
    "retained_risk": t("Wrong among the kept"),
    "risk_without_deferral": t("Wrong without deferral"),
    "handed_back_per_1000": t("Handed back"),
    "misses_per_1000": t("Missed"),
    "misses_per_1000_without_deferral": t("Missed without deferral"),
    "underdiagnosis": t("Underdiagnosis"),
    "overdiagnosis": t("Overdiagnosis"),
}

MEANINGS = {
    "auroc": t("chance that a case with the finding is ranked above one without it; 0.5 is a coin"),
    "auprc": t("mean precision over recalls; compare it with the prevalence"),
    "mae": t("mean distance of predicted and observed value; lower is better"),
    "rmse": t("root of the mean squared distance: large errors weigh more; lower is better"),
    "mean_error": t("predicted less observed value on average; above 0 the values are too high"),
    "r2": t(
        "share of the spread between cases that is explained; 1 is best, 0 is a constant answer"
    ),
    "concordance": t("how often two cases are put in the right order; 0.5 is a coin"),
    "calibration_slope_value": t("1 is right; below 1 the values are too extreme"),
    "brier": t("mean squared distance of risk estimate and outcome; lower is better"),
    "log_loss": t("penalty for confident mistakes; lower is better"),
    "ece": t("mean distance of risk estimate and observed frequency, ten bins; 0 is best"),
    "calibration_intercept": t("0 is right; below 0 the estimates are too high on average"),
    "observed_expected": t("findings seen over findings expected; 1 is right"),
    "calibration_slope": t("1 is right; below 1 the estimates are too extreme"),
    "ici": t("mean distance of estimate and smooth calibration curve; chance makes it more than 0"),
    "ece_debiased": t("ECE less what chance adds to it; 0 is right"),
    "ece_if_calibrated": t("the ECE that chance alone would give estimates that are right"),
    "set_coverage": t("share whose set holds the true class; dashed line: promised"),
    "set_recall": t("share of the true findings that the set holds; dashed line: promised"),
    "set_size": t("mean number of classes in the set; smaller says more"),
    "set_certain": t("share of sets that leave one class"),
    "set_empty": t("share of sets that hold no class"),
    "underdiagnosis": t("share of those who have a finding and are told that there is none"),
    "overdiagnosis": t("share of those without any finding who are told that there is one"),
}

LOWER_IS_BETTER = {
    "brier",
    "log_loss",
    "ece",
    "ece_debiased",
    "fpr",
    "fnr",
    "underdiagnosis",
    "overdiagnosis",
}

VERDICTS = {
    "better": t("better"),
    "worse": t("worse"),
    "not_shown": t("no difference shown"),
    "cannot_tell": t("too few patients to tell"),
    "exploratory": t("exploratory, no verdict"),
}

GOOD_ENOUGH = {
    "yes": t("as good"),
    "no": t("not shown to be as good"),
    "cannot_tell": t("too few patients to say as good"),
}
"""At the stated margin: column non_inferior of the comparisons."""

SEVERITIES = {"error": t("Error"), "warning": t("Warning"), "info": t("For information")}


def metric(name: str) -> str:
    """
    >>> metric("auroc"), metric("net_benefit")
    ('AUROC', 'Net benefit')
    """
    return METRICS.get(name, name.replace("_", " ").capitalize())


def verdict(name: str, detectable: float, margin: float, non_inferior: str) -> str:
    """A verdict with what could have been seen, where nothing was, and what a stated margin says.

    >>> verdict("better", 0.04, math.nan, "")
    'better'
    >>> verdict("not_shown", 0.04, 0.02, "yes")
    'no difference shown (detectable: 0.040), as good at a margin of 0.020'
    """
    said = VERDICTS[name]
    if name == "not_shown" and not math.isnan(detectable):
        said = t("{verdict} (detectable: {least})", verdict=said, least=number(detectable))
    if non_inferior and not math.isnan(margin):
        said = t(
            "{verdict}, {good_enough} at a margin of {margin}",
            verdict=said,
            good_enough=GOOD_ENOUGH[non_inferior],
            margin=number(margin),
        )
    return said


DETECTABLE = t("Detectable: the smallest difference that 80 % of such samples would show.")


def class_label(name: str, target: str) -> str:
    """A class as a heading; `macro` is the mean over classes, `micro` all their cases in one.

    >>> class_label("macro", "finding"), class_label("lung_mass", "finding")
    ('all findings (mean)', 'lung mass')
    """
    several = {
        "macro": t("all {target}s (mean)", target=target),
        "micro": t("all {target}s (pooled)", target=target),
    }
    return several.get(name, name.replace("_", " "))


def arm(name: str) -> str:
    """
    >>> arm("fused"), arm("image"), arm("image+note"), arm("baseline:logistic")
    ('all inputs together', 'image alone', 'image and note', 'baseline logistic')
    """
    if name == "fused":
        return t("all inputs together")
    if name == "ensemble":
        return t("all inputs together, mean of several")
    if name.startswith("baseline:"):
        return t("baseline {name}", name=name.removeprefix("baseline:"))
    *others, last = name.split("+")
    if not others:
        return t("{name} alone", name=name)
    return listing([*others, last]) if len(others) == 1 else t(" and ").join([*others, last])


def pattern(name: str) -> str:
    """
    >>> pattern("image+note"), pattern("any"), pattern("none")
    ('image, note', 'any', 'nothing')
    """
    return t("nothing") if name == "none" else name.replace("+", ", ")


def too_few_patterns(n: int, least: int) -> str:
    """
    >>> too_few_patterns(12, 10), too_few_patterns(0, 10)
    ('And 12 patterns of fewer than 10 patients.', '')
    """
    if not n:
        return ""
    return tn(
        "And {n} pattern of fewer than {least} patients.",
        "And {n} patterns of fewer than {least} patients.",
        n,
        least=least,
    )


def number(value: float, digits: int = 3) -> str:
    """
    >>> number(0.5), number(float("nan")), number(-0.0512, 3), number(-0.0001)
    ('0.500', 'not given', '−0.051', '0.000')
    """
    if value is None or math.isnan(value):
        return t("not given")
    return f"{value:z.{digits}f}".replace("-", "−")


def interval(low: float, high: float, digits: int = 3) -> str:
    """
    >>> interval(0.81, 0.9)
    '95 % 0.810 to 0.900'
    >>> interval(float("nan"), 1.0)
    'no interval'
    """
    if any(end is None or math.isnan(end) for end in (low, high)):
        return t("no interval")
    return t("95 % {ends}", ends=ends(low, high, digits))


def ends(low: float, high: float, digits: int = 3) -> str:
    """
    >>> ends(0.81, 0.9, 2)
    '0.81 to 0.90'
    """
    return t("{low} to {high}", low=number(low, digits), high=number(high, digits))


def several(unit: str) -> str:
    """The heading of a count.

    >>> several("patient")
    'patients'
    """
    return t("{unit}s", unit=unit)


def meaning(metric_name: str) -> str:
    """
    >>> meaning("npv"), meaning("mae")
    ('', 'Mean absolute error: mean distance of predicted and observed value; lower is better.')
    """
    if metric_name not in MEANINGS:
        return ""
    return t("{measure}: {meaning}.", measure=metric(metric_name), meaning=MEANINGS[metric_name])


LOGITS = t("Logits: +.7 doubles the odds, −.7 halves them.")
"""How large an attribution is, where risks are estimated."""


def of_hundred(probability: float) -> str:
    """A risk as a count of a hundred.

    >>> of_hundred(0.234), of_hundred(0.001), of_hundred(0.998)
    ('about 23', 'fewer than 1', 'more than 99')
    """
    count = round(100 * probability)
    if count < 1:
        return t("fewer than 1")
    return t("more than 99") if count > 99 else t("about {count}", count=count)


def risk(probability: float, unit: str) -> str:
    """
    >>> risk(0.23, "patient")
    'about 23 of 100 such patients'
    """
    return t("{of_hundred} of 100 such {unit}s", of_hundred=of_hundred(probability), unit=unit)


def observed(y: float, low: float, high: float, n: float) -> str:
    """What happened among test cases with a similar risk estimate.

    >>> observed(0.21, 0.11, 0.36, 34)
    'observed with similar estimates: 21 of 100 (95 % 11 to 36; 34 cases)'
    """
    said = t("observed with similar estimates: {y} of 100", y=round(100 * y))
    parts = []
    if not (math.isnan(low) or math.isnan(high)):
        parts.append(t("95 % {low} to {high}", low=round(100 * low), high=round(100 * high)))
    if not math.isnan(n):
        parts.append(t("{n} cases", n=int(n)))
    return f"{said} ({'; '.join(parts)})" if parts else said


def slice_label(group_by: str, group: str, pattern_name: str) -> str:
    """Who a row is about.

    >>> slice_label("all", "all", "any"), slice_label("all", "all", "image+note")
    ('everyone', 'inputs: image, note')
    >>> slice_label("class", "not_died", "any"), slice_label("age", "[65, 120)", "any")
    ('class: not died', 'age: [65, 120)')
    """
    if group_by == "class":
        return t("class: {group}", group=group.replace("_", " "))
    if group_by != "all":
        return f"{group_by.replace('*', ' × ')}: {group.replace('*', ' × ')}"
    return (
        t("everyone")
        if pattern_name == "any"
        else t("inputs: {pattern}", pattern=pattern(pattern_name))
    )


def flagged(flag: str, who: str, metric_name: str, value: float, low: float, high: float) -> str:
    """
    >>> flagged("risks too high", "age: [65, 120)", "observed_expected", 0.71, 0.55, 0.9)
    'risks too high, age: [65, 120): Observed : expected 0.71 (95 % 0.55 to 0.90)'
    """
    return t(
        "{flag}, {who}: {measure} {value} ({interval})",
        flag=flag,
        who=who,
        measure=metric(metric_name),
        value=number(value, 2),
        interval=interval(low, high, 2),
    )


def kept(share: float, wrong: float, low: float, high: float, n: float) -> str:
    """What keeping the most certain share would mean.

    >>> kept(0.8, 0.05, 0.03, 0.082, 240)
    'Kept: the most certain 80 %. Wrong: 50 of 1,000 kept calls (95 % 30 to 82; 240 calls kept).'
    """
    said = []
    if not (math.isnan(low) or math.isnan(high)):
        said.append(t("95 % {low} to {high}", low=round(1000 * low), high=round(1000 * high)))
    if not math.isnan(n):
        said.append(t("{n:.0f} calls kept", n=n))
    note = f" ({'; '.join(said)})" if said else ""
    return t(
        "Kept: the most certain {share:.0f} %. Wrong: {wrong} of 1,000 kept calls{note}.",
        share=100 * share,
        wrong=round(1000 * wrong),
        note=note,
    )


def net_benefit(threshold: float, model: float, low: float, high: float, unit: str) -> str:
    """The model's net benefit in words, after Vickers and Elkin.

    >>> net_benefit(0.2, 0.06, 0.041, 0.08, "patient")
    'At a threshold of 20 % the net benefit is 0.060 (95 % 0.041 to 0.080): as if 6.0 of 100 \
patients were found with no false alarm.'
    >>> net_benefit(0.5, -0.01, math.nan, math.nan, "patient")
    'At a threshold of 50 % the net benefit is −0.010 (no interval): worse than calling nobody.'
    """
    means = (
        t("worse than calling nobody")
        if model < 0
        else t(
            "as if {found:.1f} of 100 {unit}s were found with no false alarm",
            found=100 * model,
            unit=unit,
        )
    )
    return t(
        "At a threshold of {threshold:.0f} % the net benefit is {benefit} ({interval}): {means}.",
        threshold=100 * threshold,
        benefit=number(model),
        interval=interval(low, high),
        means=means,
    )


def prediction_set(sets: list[list[str]]) -> str:
    """The set of a case, or those of several models with how many gave each.

    >>> prediction_set([["died", "not_died"]])
    'Cannot be ruled out: died, not died.'
    >>> prediction_set([["died"], [], ["died"]])
    'Cannot be ruled out: died (2 of 3 models); nothing, an empty set (1 of 3 models).'
    """
    said = [
        ", ".join(class_label(name, "") for name in one) if one else t("nothing, an empty set")
        for one in sets
    ]
    parts = [
        f"{one} ({in_models(said.count(one), len(said))})" if len(said) > 1 else one
        for one in dict.fromkeys(said)
    ]
    return t("Cannot be ruled out: {parts}.", parts="; ".join(parts))


def handed_back(decisions: Mapping[str, list[bool]]) -> str:
    """Whether a case is handed back, and for which findings.

    >>> handed_back({"nodule": [False, False], "effusion": [True, False]})
    'Handed back to people: effusion (1 of 2 models).'
    >>> handed_back({"nodule": [False]})
    'Not handed back.'
    """
    parts = [
        class_label(name, "") + (f" ({in_models(sum(of), len(of))})" if len(of) > 1 else "")
        for name, of in decisions.items()
        if any(of)
    ]
    return (
        t("Handed back to people: {parts}.", parts=", ".join(parts))
        if parts
        else t("Not handed back.")
    )


def odd(input_name: str, reason: str) -> str:
    """
    >>> odd("image", "darker than 99 of 100"), odd("all", "")
    ('Unlike the cases of the study, image: darker than 99 of 100', \
'Unlike the cases of the study, all inputs together')
    """
    what = t("all inputs together") if input_name == "all" else input_name
    if not reason:
        return t("Unlike the cases of the study, {what}", what=what)
    return t("Unlike the cases of the study, {what}: {reason}", what=what, reason=reason)


def in_models(n: int, of: int) -> str:
    """
    >>> in_models(3, 15), in_models(1, 1)
    ('3 of 15 models', 'the one model')
    """
    return t("the one model") if n == of == 1 else t("{n} of {of} models", n=n, of=of)


def calibration(calibrated: float, raw: float) -> str:
    """One sentence on calibrated against raw estimates.

    >>> calibration(0.412, 0.452)
    'Log loss 0.452 before calibration, 0.412 after.'
    """
    return t(
        "Log loss {raw} before calibration, {calibrated} after.",
        raw=number(raw),
        calibrated=number(calibrated),
    )


def gap(group_by: str, group: str, metric_name: str, difference: float) -> str:
    """
    >>> gap("sex", "F", "auroc", -0.051)
    'sex F: AUROC 0.051 lower than for everyone else'
    """
    who = f"{group_by.replace('*', ' × ')} {group.replace('*', ' × ')}"
    said = (
        t("{who}: {measure} {difference} lower than for everyone else")
        if difference < 0
        else t("{who}: {measure} {difference} higher than for everyone else")
    )
    size = number(abs(difference))
    return said.format(who=who, measure=metric(metric_name), difference=size)


def listing(names: list[str]) -> str:
    """
    >>> listing(["image"]), listing(["image", "note", "record"])
    ('image', 'image, note and record')
    """
    return (
        names[0]
        if len(names) == 1
        else t("{first} and {last}", first=", ".join(names[:-1]), last=names[-1])
    )
