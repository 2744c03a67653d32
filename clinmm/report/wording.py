"""How numbers and names are written for a reader."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

METRICS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "ece": "ECE",
    "ece_debiased": "ECE, debiased",
    "ece_if_calibrated": "ECE if exactly right",
    "calibration_intercept": "Intercept",
    "calibration_slope": "Slope",
    "observed_expected": "Observed : expected",
    "ici": "ICI",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "fpr": "False positive rate",
    "fnr": "miss rate (FNR)",
    "underdiagnosis": "Underdiagnosis",
    "overdiagnosis": "Overdiagnosis",
    "mae": "Mean absolute error",
    "rmse": "RMSE",
    "r2": "R squared",
    "calibration_slope_value": "Slope",
}

METHODS = {
    "deep_lift": "DeepLIFT",
    "grad_cam": "Grad-CAM",
    "gradient_shap": "gradient SHAP",
    "input_shapley": "Shapley values of whole inputs",
}

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "not_shown": "no difference shown",
    "cannot_tell": "too few to tell",
    "exploratory": "exploratory, no verdict",
}


def metric(name: str) -> str:
    """
    >>> metric("auroc"), metric("net_benefit")
    ('AUROC', 'Net benefit')
    """
    return METRICS.get(name, name.replace("_", " ").capitalize())


def method_name(name: str) -> str:
    """Of an attribution.

    >>> method_name("grad_cam"), method_name("integrated_gradients")
    ('Grad-CAM', 'integrated gradients')
    """
    return METHODS.get(name, name.replace("_", " "))


def arm(name: str) -> str:
    """
    >>> arm("fused"), arm("image"), arm("image+note"), arm("baseline:logistic")
    ('fused', 'image alone', 'image and note', 'baseline logistic')
    """
    if name in ("fused", "ensemble"):
        return name
    if name.startswith("baseline:"):
        return f"baseline {name.removeprefix('baseline:')}"
    return name.replace("+", " and ") if "+" in name else f"{name} alone"


def class_label(name: str) -> str:
    """
    >>> class_label("macro"), class_label("lung_mass")
    ('mean over classes', 'lung mass')
    """
    return "mean over classes" if name == "macro" else name.replace("_", " ")


def pattern(name: str) -> str:
    """
    >>> pattern("image+note"), pattern("none")
    ('image, note', 'nothing')
    """
    return "nothing" if name == "none" else name.replace("+", ", ")


def group(group_by: str, value: str) -> str:
    """
    >>> group("sex*age", "F*[40, 65)")
    'sex × age F × [40, 65)'
    """
    return f"{group_by.replace('*', ' × ')} {value.replace('*', ' × ')}"


def number(value: float | None, digits: int = 3) -> str:
    """
    >>> number(0.5), number(-0.0512), number(float("nan")), number(-0.0001)
    ('0.500', '−0.051', '–', '0.000')
    """
    if value is None or math.isnan(value):
        return "–"
    return f"{value:z.{digits}f}".replace("-", "−")


def probability(value: float) -> str:
    """Three digits, and never a certainty that was not meant.

    >>> probability(0.0331), probability(0.99996), probability(0.0)
    ('0.033', 'above 0.999', '0.000')
    """
    if 0.9995 <= value < 1:
        return "above 0.999"
    return "below 0.001" if 0 < value < 0.0005 else number(value)


def logit(value: float) -> str:
    """
    >>> logit(-0.204), logit(-0.001), logit(1.5)
    ('−0.20', '0.00', '+1.50')
    """
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


def unstopped(sentence: str) -> str:
    """
    >>> unstopped("Mask it. ")
    'Mask it'
    """
    return sentence.strip().removesuffix(".")


def signed(value: float) -> str:
    """
    >>> signed(0.0512)
    '+0.051'
    """
    return f"{value:+.3f}".replace("-", "−")


def interval(low: float, high: float) -> str:
    """
    >>> interval(0.81, 0.9), interval(float("nan"), 0.9)
    ('0.810 to 0.900', 'no interval')
    """
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return f"{number(low)} to {number(high)}"


def estimate(row: Any) -> str:
    """A metrics row as `0.871 (0.831 to 0.911)`, or why it has no value."""
    if row.status != "ok":
        return f"{row.status}: {row.reason}" if present(row.reason) else str(row.status)
    return f"{number(row.value)} ({interval(row.low, row.high)})"


def verdict(row: Any) -> str:
    """A comparison's verdict; `not_shown` with what these data could have shown.

    >>> from types import SimpleNamespace
    >>> verdict(SimpleNamespace(verdict="not_shown", detectable=0.058))
    'no difference shown (these data could have shown 0.058)'
    """
    said = VERDICTS[row.verdict]
    smallest = getattr(row, "detectable", None)
    if row.verdict == "not_shown" and present(smallest):
        said += f" (these data could have shown {number(smallest)})"
    return said


def of_hundred(probability: float, unit: str) -> str:
    """A risk as a count.

    >>> of_hundred(0.234, "patient"), of_hundred(0.001, "lesion")
    ('about 23 of 100 such patients', 'fewer than 1 of 100 such lesions')
    """
    count = round(100 * probability)
    said = f"about {count}" if 1 <= count <= 99 else "fewer than 1" if count < 1 else "more than 99"
    return f"{said} of 100 such {unit}s"


def listing(names: Sequence[str]) -> str:
    """
    >>> listing(["image"]), listing(["image", "note", "record"])
    ('image', 'image, note and record')
    """
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def counted(n: int, noun: str) -> str:
    """
    >>> counted(1, "warning"), counted(3, "warning")
    ('1 warning', '3 warnings')
    """
    return f"{n} {noun}{'' if n == 1 else 's'}"


def present(cell: Any) -> bool:
    """Whether a cell holds something."""
    return cell is not None and not pd.isna(cell) and cell != ""
