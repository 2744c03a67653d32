"""Every phrase a physician reads, in one place.

Plain and without praise: "risk estimate", "gap between groups". Nothing here decides anything.
"""

import math

NOT_FOR_CARE = "Research and review use only. Not for use in patient care."

METRICS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "ece": "ECE",
    "ece_debiased": "ECE, debiased",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "fpr": "False positive rate",
    "fnr": "False negative rate",
    "prevalence": "Prevalence",
    "selection_rate": "Share called positive",
}

MEANINGS = {
    "auroc": "chance that a case with the finding is ranked above one without it; 0.5 is a coin",
    "auprc": "mean precision over recalls; compare it with the prevalence",
    "brier": "mean squared distance of risk estimate and outcome; lower is better",
    "log_loss": "penalty for confident mistakes; lower is better",
    "ece": "mean distance of risk estimate and observed frequency, ten bins; 0 is best",
}

LOWER_IS_BETTER = {"brier", "log_loss", "ece", "ece_debiased", "fpr", "fnr"}

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "not_shown": "no difference shown",
    "cannot_tell": "too few patients to tell",
    "exploratory": "exploratory, no verdict",
}

SEVERITIES = {"error": "Error", "warning": "Warning", "info": "For information"}


def metric(name: str) -> str:
    """
    >>> metric("auroc"), metric("net_benefit")
    ('AUROC', 'Net benefit')
    """
    return METRICS.get(name, name.replace("_", " ").capitalize())


def class_label(name: str, target: str) -> str:
    """A class as a heading; `macro` is the mean over classes.

    >>> class_label("macro", "finding"), class_label("lung_mass", "finding")
    ('all findings (mean)', 'lung mass')
    """
    return f"all {target}s (mean)" if name == "macro" else name.replace("_", " ")


def arm(name: str) -> str:
    """
    >>> arm("fused"), arm("image"), arm("image+note"), arm("baseline:logistic")
    ('all inputs together', 'image alone', 'image and note', 'baseline logistic')
    """
    if name == "fused":
        return "all inputs together"
    if name.startswith("baseline:"):
        return f"baseline {name.removeprefix('baseline:')}"
    return name.replace("+", " and ") if "+" in name else f"{name} alone"


def pattern(name: str) -> str:
    """
    >>> pattern("image+note"), pattern("any"), pattern("none")
    ('image, note', 'any', 'nothing')
    """
    return "nothing" if name == "none" else name.replace("+", ", ")


def number(value: float, digits: int = 3) -> str:
    """
    >>> number(0.5), number(float("nan")), number(-0.0512, 3)
    ('0.500', 'not given', '−0.051')
    """
    if value is None or math.isnan(value):
        return "not given"
    return f"{value:.{digits}f}".replace("-", "−")


def interval(low: float, high: float, digits: int = 3) -> str:
    """
    >>> interval(0.81, 0.9)
    '95 % 0.810 to 0.900'
    >>> interval(float("nan"), 1.0)
    'no interval'
    """
    if any(end is None or math.isnan(end) for end in (low, high)):
        return "no interval"
    return f"95 % {number(low, digits)} to {number(high, digits)}"


def of_hundred(probability: float) -> str:
    """A risk as a count of a hundred.

    >>> of_hundred(0.234), of_hundred(0.001), of_hundred(0.998)
    ('about 23', 'fewer than 1', 'more than 99')
    """
    count = round(100 * probability)
    if count < 1:
        return "fewer than 1"
    return "more than 99" if count > 99 else f"about {count}"


def risk(probability: float, unit: str) -> str:
    """
    >>> risk(0.23, "patient")
    'about 23 of 100 such patients'
    """
    return f"{of_hundred(probability)} of 100 such {unit}s"


def observed(y: float, low: float, high: float, n: float) -> str:
    """What happened among test cases with a similar risk estimate.

    >>> observed(0.21, 0.11, 0.36, 34)
    'observed with similar estimates: 21 of 100 (95 % 11 to 36; 34 cases)'
    """
    said = f"observed with similar estimates: {round(100 * y)} of 100"
    parts = []
    if not (math.isnan(low) or math.isnan(high)):
        parts.append(f"95 % {round(100 * low)} to {round(100 * high)}")
    if not math.isnan(n):
        parts.append(f"{int(n)} cases")
    return f"{said} ({'; '.join(parts)})" if parts else said


def fusion(verdict: str, rival: str) -> str:
    """One sentence on fused against the best single input.

    >>> fusion("better", "image")
    'Yes: all inputs together rank cases better than image alone.'
    """
    best = arm(rival)
    return {
        "better": f"Yes: all inputs together rank cases better than {best}.",
        "worse": f"No: all inputs together rank cases worse than {best}.",
        "not_shown": f"Not shown: no difference from {best} beyond chance.",
        "cannot_tell": f"Cannot tell: too few patients for a comparison with {best}.",
    }.get(verdict, f"Compared with {best} for exploration only; no verdict.")


def calibration(calibrated: float, raw: float) -> str:
    """One sentence on calibrated against raw estimates.

    >>> calibration(0.412, 0.452)
    'Log loss 0.452 before calibration, 0.412 after.'
    """
    return f"Log loss {number(raw)} before calibration, {number(calibrated)} after."


def gap(group_by: str, group: str, metric_name: str, difference: float) -> str:
    """
    >>> gap("sex", "F", "auroc", -0.051)
    'sex F: AUROC 0.051 lower than for everyone else'
    """
    way = "lower" if difference < 0 else "higher"
    who = f"{group_by.replace('*', ' × ')} {group.replace('*', ' × ')}"
    return f"{who}: {metric(metric_name)} {number(abs(difference))} {way} than for everyone else"


def listing(names: list[str]) -> str:
    """
    >>> listing(["image"]), listing(["image", "note", "record"])
    ('image', 'image, note and record')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
