"""Are there enough patients to validate these predictions at all?

Two answers, for each class of the headline arm: the count of events and non-events, and the numbers
of Riley et al., with which a 95 % interval is expected to be as narrow as it has to be.

Patients count, not pictures: published formulas are for independent cases, and those of one patient
are not (`sample_size.effective_cases`).
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from clinmm import schema
from clinmm.calibration.logits import Array, from_probabilities
from clinmm.errors import InputError
from clinmm.rivals import headline_arm
from clinmm.sample_size import (
    AUROC_WIDTH,
    WIDTH,
    cases_for_auroc,
    cases_for_net_benefit,
    cases_for_observed_expected,
    cases_for_slope,
    effective_cases,
)
from clinmm.subgroups import ALL, ANY

WANTED, BETTER = 100, 200
"""Patients with, and without, the event: the least, and what is better."""
EVENTS, NON_EVENTS = "events", "non-events"
NAMED = 3
"""Classes that the statement names."""

COLLINS = "Collins 2016, Vergouwe 2005"
RILEY = "Riley 2021"


def validation_size(
    predictions: pd.DataFrame, metrics: pd.DataFrame, thresholds: pd.DataFrame | None = None
) -> pd.DataFrame:
    """How many patients each class has, and how many it needs.

    Args:
        predictions: schema.PREDICTIONS, calibrated; test rows of the headline arm count.
        metrics: schema.METRICS of the same: AUROC, sensitivity and specificity are taken from it.
        thresholds: schema.THRESHOLDS; each operating point adds a row on net benefit.

    Returns:
        Rows of schema.VALIDATION_SIZE.

    Raises:
        InputError: no test row has a target.
    """
    rows = predictions[(predictions["split"] == "test") & predictions["target"].notna()]
    if rows.empty:
        raise InputError("no test prediction has a target, so there is nothing to validate on.")
    arm = headline_arm(sorted(set(rows["arm"])))
    rows = rows[rows["arm"] == arm]
    # every repeat holds the same patients
    rows = rows[rows["repeat"] == rows["repeat"].min()]
    found = [
        {"arm": arm, "class_name": str(name), **line}
        for name, part in rows.groupby("class_name", sort=True)
        for line in _lines(part, _measured(metrics, arm, str(name)), _points(thresholds, arm, name))
    ]
    table = pd.DataFrame(found, columns=schema.VALIDATION_SIZE.names)
    return schema.VALIDATION_SIZE.fill(table)


def statement(rows: pd.DataFrame, unit: str = "patient") -> str:
    """One plain sentence or two: can these data validate the predictions?

    Args:
        rows: of `validation_size`.
        unit: what a patient is called.
    """
    classes = list(dict.fromkeys(rows["class_name"]))
    if len(classes) == 1:
        return _of_one_class(rows, unit)
    few = {name: n for name, n in _fewest(rows).items() if n < WANTED}
    whole = [name for name in classes if (rows[rows["class_name"] == name]["met"] == "yes").all()]
    text = (
        f"{len(classes) - len(few)} of {len(classes)} classes have {WANTED} {unit}s with and "
        f"{WANTED} without the finding, the least for a validation; {len(whole)} meet every "
        "criterion of precision."
    )
    if few:
        named = sorted(few, key=lambda name: few[name])[:NAMED]
        least = ", ".join(f"{name} ({few[name]})" for name in named)
        text += f" These data cannot validate {least}{' and others' if len(few) > NAMED else ''}."
    return text


def _of_one_class(rows: pd.DataFrame, unit: str) -> str:
    (name,) = set(rows["class_name"])
    n = rows.set_index("criterion")["available"]
    events, others = int(n[EVENTS]), int(n[NON_EVENTS])
    counted = f"{events} {unit}s had {name} and {others} did not"
    if min(events, others) < WANTED:
        return (
            f"{counted}; {WANTED} of each are wanted: these data cannot validate the predictions."
        )
    short = rows[rows["met"] == "no"]
    if short.empty:
        unknown = " as far as could be told" if (rows["met"] == "cannot_tell").any() else ""
        return f"{counted}: enough to validate the predictions{unknown}."
    lacking = "; ".join(
        f"{criterion} (needs {needed:.0f}, has {available:.0f})"
        for criterion, needed, available in zip(
            short["criterion"], short["needed"], short["available"], strict=True
        )
    )
    return f"{counted}: enough for a first validation, too few to settle {lacking}."


def _fewest(rows: pd.DataFrame) -> dict[str, int]:
    """Class -> patients in the smaller of its two outcomes."""
    counts = rows[rows["criterion"].isin((EVENTS, NON_EVENTS))]
    least = counts.groupby("class_name", sort=False)["available"].min()
    return {str(name): int(n) for name, n in least.items()}


Measured = Mapping[tuple[str, str], float]
"""(metric, operating point or empty) -> value."""


def _measured(metrics: pd.DataFrame, arm: str, class_name: str) -> Measured:
    pooled = metrics[
        (metrics["arm"] == arm)
        & (metrics["class_name"] == class_name)
        & (metrics["split"] == "test")
        & (metrics["group_by"] == ALL)
        & (metrics["pattern"] == ANY)
        & (metrics["repeat"] == ALL)
        & (metrics["probability"] == "calibrated")
        & (metrics["status"] == "ok")
    ]
    points = pooled["operating_point"].fillna("")
    return dict(zip(zip(pooled["metric"], points, strict=True), pooled["value"], strict=True))


def _points(thresholds: pd.DataFrame | None, arm: str, class_name: Any) -> dict[str, float]:
    """Operating point -> threshold, the mean over folds."""
    if thresholds is None or thresholds.empty:
        return {}
    own = thresholds[(thresholds["arm"] == arm) & (thresholds["class_name"] == class_name)]
    mean = own.groupby("operating_point", sort=False)["threshold"].mean()
    return {str(name): float(value) for name, value in mean.items()}


def _lines(
    part: pd.DataFrame, measured: Measured, points: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    """What one class has and needs."""
    for criterion, outcome in ((EVENTS, 1), (NON_EVENTS, 0)):
        n = part.loc[part["target"] == outcome, "patient_id"].nunique()
        have = "had" if outcome else "did not have"
        detail = f"{n} patients {have} the event; {WANTED} are wanted, {BETTER} are better"
        yield _line(criterion, WANTED, n, COLLINS, detail)
    y = part["target"].to_numpy(dtype=np.float64)
    risk = part["probability"].to_numpy(dtype=np.float64)
    available = effective_cases(y - risk, part["patient_id"].tolist())
    for what, width, needed in _needs(y, risk, measured, points):
        detail = f"what it takes for a 95 % interval {width} wide could not be estimated"
        if math.isfinite(needed):
            detail = (
                f"{math.ceil(needed)} independent cases give a 95 % interval {width} wide; these "
                f"are worth {math.floor(available)}"
            )
        yield _line(f"{what}: interval {width} wide", needed, available, RILEY, detail)


def _needs(
    y: Array, risk: Array, measured: Measured, points: Mapping[str, float]
) -> Iterator[tuple[str, float, float]]:
    """(what is estimated, width wanted, independent cases needed); not finite if not known."""
    prevalence = float(y.mean())
    mixed = 0 < prevalence < 1
    logits = from_probabilities(risk)
    n = cases_for_observed_expected(prevalence) if mixed else math.nan
    yield "observed : expected", WIDTH, n
    yield "calibration slope", WIDTH, cases_for_slope(logits) if mixed else math.nan
    auroc = measured.get(("auroc", ""), math.nan)
    n = cases_for_auroc(auroc, prevalence) if mixed and 0 < auroc < 1 else math.nan
    yield "AUROC", AUROC_WIDTH, n
    for point, threshold in points.items():
        sensitivity = measured.get(("sensitivity", point), math.nan)
        specificity = measured.get(("specificity", point), math.nan)
        n = math.nan
        if mixed and 0 < threshold < 1:
            n = cases_for_net_benefit(sensitivity, specificity, prevalence, threshold)
        yield f"net benefit at {point}", WIDTH, n


def _line(
    criterion: str, needed: float, available: float, source: str, detail: str
) -> dict[str, Any]:
    known = math.isfinite(needed)
    n_needed = float(math.ceil(needed)) if known else math.nan
    n_available = float(math.floor(available))
    met = ("yes" if n_available >= n_needed else "no") if known else "cannot_tell"
    return {
        "criterion": criterion,
        "needed": n_needed,
        "available": n_available,
        "met": met,
        "source": source,
        "detail": detail,
    }
