"""One estimate of a reading study: of one reader, or of all of them, or of two arms.

One reader: a jackknife of patients and the limits of `clinmm/intervals`. All readers: the mean of
their estimates, whose interval counts readers and patients (`obuchowski_rockette.py`). Where the
base of a share differs from reader to reader, or fewer than two readers can stand alone, their
readings are pooled, and the variance is that of patients and what readers add to it.

Reference:
    pooled: two-way clustering of Cameron, Gelbach, Miller. J Bus Econ Stat 29:238 (2011).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals import MIN_PATIENTS, MIN_PATIENTS_PER_CLASS, Draws
from clinmm.intervals.limits import clopper_pearson, limits, quantiles, t_quantile
from clinmm.metrics.weighted import Array
from clinmm.review.results import obuchowski_rockette
from clinmm.review.results.jackknife import covariance, leaving_out
from clinmm.review.results.metrics import Bound
from clinmm.review.results.sign_test import sign_test

NAN = float("nan")
HERE = "these readers"
N_BOOTSTRAP = 1000


class Estimated(NamedTuple):
    """An estimate as the table reading_results holds it. p: two-sided, of no difference, NaN of
    what is no difference; test: how it was made."""

    value: float
    low: float
    high: float
    n_cases: int
    n_patients: int
    n_readers: int
    interval: str | None = None
    status: str = "ok"
    reason: str | None = None
    p: float = NAN
    test: str | None = None


def of_reader(one: Bound) -> Estimated:
    """The readings of one reader, or the cases of the model."""
    reason = lacking(one)
    if reason:
        return suppressed([one], reason)
    patients = _patients([one])
    left_out = _left_out(one, patients)
    variance = float(covariance([left_out])[0, 0])
    return _with_limits(one, [one], float(left_out[0]), variance, _behind(one) - 1, "jackknife")


def of_these(net: Bound) -> Estimated:
    """Helped less harmed of these readers, whoever reads next: the jackknife and the exact test of
    patients.

    Args:
        net: from `metrics.net_help`.
    """
    found = of_reader(net)
    if found.status != "ok" or net.hits is None:
        return found
    _, patient = np.unique(net.readings.who["patient_id"], return_inverse=True)
    p = sign_test(np.bincount(patient, weights=net.hits))
    here = f", {HERE}" if found.n_readers > 1 else ""
    return found._replace(interval=f"jackknife{here}, t", p=p, test=f"exact signs{here}")


def of_readers(each: Sequence[Bound], together: Bound) -> Estimated:
    """All readers.

    Args:
        each: the metric of each reader.
        together: the metric of all readings as if they were one reader's.
    """
    standing = [one for one in each if lacking(one) is None]
    if together.pooled or len(standing) < 2:
        pooled = None if together.conditions and not together.share else together
        return _pooled(pooled, each)
    patients = _patients(standing)
    left_out = [_left_out(one, patients) for one in standing]
    found = obuchowski_rockette.mean(_values(left_out), covariance(left_out))
    return _over_readers(standing, found)


def of_arms(first: Mapping[str, Bound], second: Mapping[str, Bound]) -> Estimated:
    """First arm less second: reader by reader where two or more read in both.

    Args:
        first, second: the metric of each reader who read in the arm, by name.
    """
    a, b = (
        {name: one for name, one in arm.items() if lacking(one) is None} for arm in (first, second)
    )
    both = [name for name in a if name in b]
    paired = len(both) >= 2
    left = [a[name] for name in both] if paired else list(a.values())
    right = [b[name] for name in both] if paired else list(b.values())
    if not paired and min(len(left), len(right)) < 2:
        few = "fewer than two readers of an arm have enough patients"
        return suppressed([*first.values(), *second.values()], few)
    patients = _patients([*left, *right])
    left_out = [_left_out(one, patients) for one in (*left, *right)]
    values, k = _values(left_out), len(left)
    way = obuchowski_rockette.difference if paired else obuchowski_rockette.unpaired_difference
    found = way(values[:k], values[k:], covariance(left_out))
    who = "same" if paired else "partly other" if both else "other"
    way_said = f"{who} readers, {_shared(left, right, paired)} cases"
    return _over_readers([_as_difference(one) for one in (*left, *right)], found, way_said)


def of_medians(each: Sequence[Bound], seed: int) -> Estimated:
    """Mean over readers of their medians; the interval is of patients, for these readers."""
    standing = [one for one in each if lacking(one) is None]
    if not standing:
        return suppressed(each, (lacking(each[0]) if each else None) or "no reading")
    everybody = np.concatenate([one.readings.who["patient_id"] for one in standing])
    draws = Draws.make([str(number) for number in everybody], N_BOOTSTRAP, seed)
    drawn = np.zeros((len(standing), N_BOOTSTRAP + 1))
    for row, one in zip(drawn, standing, strict=True):
        at = draws.index([str(number) for number in one.readings.who["patient_id"]])
        weights = one.readings["weight"][:, None] * draws.counts[at]
        row[:] = np.where(weights.sum(axis=0) > 0, one.compute(weights), np.nan)
    mean = drawn.mean(axis=0)
    low, high = quantiles(mean[1:], float(mean[0]), centred=False)
    way = f"patient bootstrap ({N_BOOTSTRAP})" + (f", {HERE}" if len(each) > 1 else "")
    return Estimated(float(mean[0]), low, high, *counted(standing), way)


def counted(each: Sequence[Bound]) -> tuple[int, int, int]:
    """Cases, patients and readers behind."""
    cases, patients, readers = (
        int(np.unique(np.concatenate([one.readings.who[name] for one in each])).size)
        for name in ("case_id", "patient_id", "reader")
    )
    return cases, patients, readers


def suppressed(each: Sequence[Bound], reason: str) -> Estimated:
    """No estimate, and why."""
    return Estimated(NAN, NAN, NAN, *counted(each), None, "suppressed", reason)


def lacking(one: Bound) -> str | None:
    """Why the readings are too few; None where they are enough."""
    if one.readings.n_patients < MIN_PATIENTS:
        return f"{one.readings.n_patients} patients, needs {MIN_PATIENTS}"
    for words, rows in one.conditions.items():
        n = one.readings.patients_where(rows)
        if n < MIN_PATIENTS_PER_CLASS:
            return f"{n} {words} patients, needs {MIN_PATIENTS_PER_CLASS}"
    return None


def _behind(one: Bound) -> int:
    """Patients of the smallest class that the metric conditions on; of all, where on none."""
    of = [one.readings.patients_where(rows) for rows in one.conditions.values()]
    return min(of, default=one.readings.n_patients)


def _as_difference(one: Bound) -> Bound:
    return replace(one, scale="identity", reach=1.0 if one.scale == "logit" else one.reach)


def _patients(each: Sequence[Bound]) -> NDArray[np.integer[Any]]:
    """Numbers of the patients of any, sorted."""
    return np.unique(np.concatenate([one.readings.who["patient_id"] for one in each]))


def _left_out(one: Bound, patients: NDArray[np.integer[Any]]) -> Array:
    at = np.searchsorted(patients, one.readings.who["patient_id"])
    return leaving_out(one.compute, one.readings["weight"], at, patients.size)


def _values(left_out: Sequence[Array]) -> Array:
    return np.array([one[0] for one in left_out])


def _shared(left: Sequence[Bound], right: Sequence[Bound], paired: bool) -> str:
    """Whether two arms were read on the `same`, `other` or `partly other` cases: by each reader
    where the same ones read in both."""
    sides = [[set(one.readings.who["case_id"].tolist()) for one in arm] for arm in (left, right)]
    if not paired:
        sides = [[set().union(*of)] for of in sides]
    pairs = list(zip(*sides, strict=True))
    if not any(a & b for a, b in pairs):
        return "other"
    return "same" if all(a == b for a, b in pairs) else "partly other"


def _over_readers(
    each: Sequence[Bound], found: obuchowski_rockette.OverReaders, said: str = ""
) -> Estimated:
    df = min(found.df, min(_behind(one) for one in each) - 1)
    way = "Obuchowski-Rockette" + (f", {said}" if said else "")
    return _with_limits(each[0], each, found.value, found.variance, df, way)


def _pooled(together: Bound | None, each: Sequence[Bound]) -> Estimated:
    """All readings as one; AUROC never, since the scales of readers are not the same."""
    if together is None:
        return suppressed(each, "fewer than two readers have enough patients of each class")
    reason = lacking(together)
    if reason:
        return suppressed(each, reason)
    n_readers = counted(each)[2]
    by_patient = _left_out(together, _patients([together]))
    parts = [float(covariance([by_patient])[0, 0]), 0.0]
    if n_readers > 1:
        who = together.readings.who
        both = who["reader"] * (int(who["patient_id"].max()) + 1) + who["patient_id"]
        by_reader, by_both = (
            covariance([leaving_out(together.compute, together.readings["weight"], at, n)])[0, 0]
            for at, n in (_numbered(who["reader"]), _numbered(both))
        )
        parts[1] = max(float(by_reader - by_both), 0.0)
    variance, df = sum(parts), _behind(together) - 1.0
    if math.isnan(parts[1]):  # the metric has no base without one of the readers
        parts[1], variance = 0.0, parts[0]
    bottom = parts[0] ** 2 / df + (parts[1] ** 2 / (n_readers - 1) if parts[1] else 0.0)
    df = min(df, variance**2 / bottom) if bottom > 0 else df
    way = "readings pooled" + (f", {HERE}" if not parts[1] and n_readers > 1 else "")
    return _with_limits(together, each, float(by_patient[0]), variance, df, way)


def _numbered(group: NDArray[np.integer[Any]]) -> tuple[NDArray[np.integer[Any]], int]:
    """Groups numbered from 0, and how many there are."""
    names, at = np.unique(group, return_inverse=True)
    return at, names.size


def _with_limits(
    one: Bound, each: Sequence[Bound], value: float, variance: float, df: float, way: str
) -> Estimated:
    if math.isnan(value):
        return suppressed(each, "undefined in these readings")
    if one.scale == "identity":
        half, p = t_quantile(df) * math.sqrt(variance), two_sided_p(value, variance, df)
        if variance < 1e-24 and math.isfinite(one.reach):  # nobody changed: rare, not impossible
            half = clopper_pearson(0.0, _behind(each[0]))[1]
        low, high = max(value - half, -one.reach), min(value + half, one.reach)
        return Estimated(value, low, high, *counted(each), f"{way}, t", p=p, test="t")
    low, high, method = limits("logit", value, variance, df, share=one.share)
    return Estimated(value, low, high, *counted(each), f"{way}, {method}")


def two_sided_p(value: float, variance: float, df: float) -> float:
    """That the difference is 0, by the t whose interval it stands beside; NaN where there is a
    difference without any variance."""
    from scipy.special import stdtr

    if variance < 1e-24:
        return 1.0 if abs(value) < 1e-12 else NAN
    return float(2 * stdtr(df, -abs(value) / math.sqrt(variance)))
