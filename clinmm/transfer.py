"""Does a model transfer? A finished study's test numbers against those of a new place.

The two cohorts share no patients, so the interval of a difference is recovered from the two stored
intervals alone: each limit takes the distance between estimate and limit from either side (MOVER).
It needs no replicates and keeps the asymmetry of the intervals.

Of each class:
    discrimination  kept, if the difference of the AUROC to the study's has its interval above
                    -0.05; lost, if the difference is below -0.05 and its interval below 0
    calibration     holds, if the intervals of observed : expected and of the slope both lie within
                    0.8 and 1.25; fails, if one excludes 1 and does not lie within
Kept and holds: transfers. Kept and fails: transfers after recalibration. Lost: does not transfer.
Anything else: cannot tell.

The model transfers if every class does, which needs no adjustment (intersection-union). That some
class is lost or fails has one chance of error for each, so there the limits are widened as
Bonferroni asks.

Reference:
    Zou, Donner. Stat Med 27:1693 (2008), section 2: recovering variances from limits.
    Berger. Technometrics 24:295 (1982): intersection-union tests.
"""

import math
from collections import Counter
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import pandas as pd

from clinmm.errors import InputError
from clinmm.rivals import headline_arm
from clinmm.subgroups import ALL, ANY

AUROC_MARGIN = 0.05
LOWEST, HIGHEST = 0.8, 1.25
"""Observed : expected and slopes between these mean nearly what is said."""
SHOWN = ("auroc", "log_loss", "observed_expected", "calibration_slope")
CALIBRATION = {"observed_expected": "observed : expected", "calibration_slope": "calibration slope"}
NO_CLASSES = ("macro", "micro", ALL)
"""Names under which the metrics table gives several classes together."""

COLUMNS = (
    *("class_name", "metric", "internal", "internal_low", "internal_high"),
    *("external", "external_low", "external_high", "difference", "low", "high"),
    *("n_patients", "n_positive", "verdict"),
)

TRANSFERS, RECALIBRATE = "transfers", "transfers after recalibration"
FAILS, UNKNOWN = "does not transfer", "cannot tell"
VERDICTS = (FAILS, UNKNOWN, RECALIBRATE, TRANSFERS)
"""From worst to best; the model as a whole gets the worst of its classes."""


@dataclass(frozen=True, eq=False)
class Transfer:
    """verdict: one of VERDICTS. sentence: the verdict with its numbers.

    rows: COLUMNS, for each class and each of SHOWN that the new place gives. difference: external
        minus internal. n_patients, n_positive (cases): external. verdict: of the class.
    """

    verdict: str
    sentence: str
    rows: pd.DataFrame


def transfer(
    internal: pd.DataFrame,
    external: pd.DataFrame,
    exchangeability: pd.DataFrame | None = None,
    *,
    unit: str = "patient",
) -> Transfer:
    """Compares the headline arm's calibrated numbers in both places, class by class.

    Args:
        internal: schema.METRICS of the study.
        external: schema.METRICS of the new place.
        exchangeability: schema.EXCHANGEABILITY of the new place, if it was tested.
        unit: what a patient is called.

    Raises:
        InputError: the new place has no row of any class.
    """
    here, there = _pooled(internal), _pooled(external)
    classes = sorted(set(external["class_name"]) - set(NO_CLASSES))
    if not classes:
        raise InputError("the new place has no metrics of any class. Evaluate it first.")
    each = {name: _verdict(here, there, name, len(classes)) for name in classes}
    rows = [
        {**_row(here.get((name, metric)), there[name, metric]), "verdict": each[name]}
        for name in classes
        for metric in SHOWN
        if (name, metric) in there
    ]
    whole = next(verdict for verdict in VERDICTS if verdict in each.values())
    sentence = _sentence(whole, each, here, there, unit) + _sets(exchangeability) + "."
    return Transfer(whole, sentence, pd.DataFrame(rows, columns=list(COLUMNS)))


@dataclass(frozen=True)
class _Number:
    value: float
    low: float
    high: float
    n_patients: int
    n_positive: int
    class_name: str
    metric: str

    def widened(self, factor: float) -> tuple[float, float]:
        """The limits, `factor` times as far from the value."""
        return (
            self.value - factor * (self.value - self.low),
            self.value + factor * (self.high - self.value),
        )


Numbers = dict[tuple[str, str], _Number]
"""(class name, metric) -> its pooled estimate; absent where suppressed."""


def _pooled(metrics: pd.DataFrame) -> Numbers:
    rows = metrics[
        (metrics["split"] == "test")
        & (metrics["group_by"] == ALL)
        & (metrics["pattern"] == ANY)
        & (metrics["repeat"] == ALL)
        & (metrics["probability"] == "calibrated")
        & (metrics["status"] == "ok")
        & metrics["metric"].isin(SHOWN)
    ]
    rows = rows[rows["low"].notna() & rows["high"].notna()]
    if rows.empty:
        return {}
    rows = rows[rows["arm"] == headline_arm(sorted(set(rows["arm"])))]
    fields = list(_Number.__dataclass_fields__)
    made = (_Number(*row) for row in rows[fields].itertuples(index=False))
    return {(one.class_name, one.metric): one for one in made}


def _difference(first: _Number, second: _Number, factor: float = 1.0) -> tuple[float, float, float]:
    """First minus second of unpaired estimates, with the interval that their own intervals give.

    factor: limits this many times as far away, for a higher confidence.
    """
    gap = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return gap, gap - factor * below, gap + factor * above


def _verdict(here: Numbers, there: Numbers, name: str, n_classes: int) -> str:
    normal = NormalDist()
    wider = normal.inv_cdf(1 - 0.025 / n_classes) / normal.inv_cdf(0.975)
    before, after = here.get((name, "auroc")), there.get((name, "auroc"))
    if before is None or after is None:
        return UNKNOWN
    gap, _, high = _difference(after, before, wider)
    if gap < -AUROC_MARGIN and high < 0:
        return FAILS
    if _difference(after, before)[1] <= -AUROC_MARGIN:
        return UNKNOWN
    means = [_near_one(there.get((name, metric)), wider) for metric in CALIBRATION]
    if False in means:
        return RECALIBRATE
    return TRANSFERS if all(means) else UNKNOWN


def _near_one(one: _Number | None, wider: float) -> bool | None:
    """Whether a calibration figure is near 1; None where its interval leaves it open."""
    if one is None:
        return None
    if one.low >= LOWEST and one.high <= HIGHEST:
        return True
    low, high = one.widened(wider)
    return None if low <= 1 <= high else False


def _row(before: _Number | None, after: _Number) -> dict[str, Any]:
    nan = float("nan")
    gap, low, high = (nan, nan, nan) if before is None else _difference(after, before)
    return {
        "class_name": after.class_name,
        "metric": after.metric,
        "internal": nan if before is None else before.value,
        "internal_low": nan if before is None else before.low,
        "internal_high": nan if before is None else before.high,
        "external": after.value,
        "external_low": after.low,
        "external_high": after.high,
        "difference": gap,
        "low": low,
        "high": high,
        "n_patients": after.n_patients,
        "n_positive": after.n_positive,
    }


def _sentence(whole: str, each: dict[str, str], here: Numbers, there: Numbers, unit: str) -> str:
    opening = {
        TRANSFERS: "The model transfers",
        RECALIBRATE: "The model transfers after recalibration",
        FAILS: "The model does not transfer",
        UNKNOWN: "It cannot be told whether the model transfers",
    }[whole]
    if len(each) > 1:
        counts = Counter(each.values())
        counted = ", ".join(f"{counts[v]} {v}" for v in reversed(VERDICTS) if counts[v])
        opening += f" (of {len(each)} classes: {counted})"
    worst = [name for name, verdict in each.items() if verdict == whole]
    name = min(worst, key=lambda name: _drop(name, here, there))
    return f"{opening}: {_figures(name, here, there, unit)}"


def _drop(name: str, here: Numbers, there: Numbers) -> float:
    """AUROC in the new place minus that of the study; 0 where one is not known."""
    before, after = here.get((name, "auroc")), there.get((name, "auroc"))
    return 0.0 if before is None or after is None else after.value - before.value


def _figures(name: str, here: Numbers, there: Numbers, unit: str) -> str:
    """The numbers behind the verdict of one class."""
    before, after = here.get((name, "auroc")), there.get((name, "auroc"))
    sizes = [one for (of, _), one in there.items() if of == name]
    if not sizes:
        return f"too few {unit}s in the new place to estimate anything of {name}"
    parts = [
        f"AUROC of {name} {_with_interval(after)} in the new place against "
        f"{_with_interval(before)} in the study"
    ]
    for metric, words in CALIBRATION.items():
        parts.append(f"{words} {_with_interval(there.get((name, metric)))}")
    return (
        f"{', '.join(parts)}, {sizes[0].n_patients} {unit}s, {sizes[0].n_positive} positive cases"
    )


def _with_interval(one: _Number | None) -> str:
    return "not known" if one is None else f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _sets(exchangeability: pd.DataFrame | None) -> str:
    """What becomes of the prediction sets."""
    if exchangeability is None or exchangeability.empty:
        return ""
    arm = headline_arm(sorted(set(exchangeability["arm"])))
    verdicts = set(exchangeability.loc[exchangeability["arm"] == arm, "verdict"])
    if "fails" in verdicts:
        return "; prediction sets are withdrawn, the new patients are not like the calibration ones"
    if verdicts == {"holds"}:
        return "; prediction sets stay, no test tells the new patients from the calibration ones"
    return "; whether prediction sets keep their promise cannot be told"
