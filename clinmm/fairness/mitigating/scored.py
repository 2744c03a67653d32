"""Every metric of a method by group: the mean over its seeds, and its difference from plain
training on the same patients.

The seeds of a method are judged on the same patients, so the interval of their mean is that of the
patients. A difference between methods has a second source of chance, training itself: trained again
from other seeds, either might have come out a little better. Where there are two seeds or more, the
variance of the difference over the seeds, divided by their number, is added to that of the patients
(degrees of freedom: Satterthwaite), so that luck in training is not taken for what the method does.
Of one seed nothing of the kind can be seen, and the interval is that of the patients.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clinmm import comparisons
from clinmm.comparisons import Difference
from clinmm.evaluation.rows import MACRO, Key
from clinmm.fairness.mitigating.answers import Answers
from clinmm.intervals import MIN_PATIENTS, Draws, Estimate, Influence, Sample, estimate, macro
from clinmm.intervals.influence import together
from clinmm.intervals.limits import t_quantile
from clinmm.metrics.weighted import Array
from clinmm.samples import CALIBRATED, CALL
from clinmm.subgroups import ALL, by_group, everyone
from clinmm.uncertainty.set_cases import side_by_side

COVERAGE = {"binary": "set_coverage", "multiclass": "set_coverage", "multilabel": "set_recall"}

Place = tuple[str, str]
"""(class name, group); group `all` for everybody."""


@dataclass(frozen=True, eq=False)
class OverSeeds:
    """mean: the estimate in mean over the seeds. each: (S,) the value of each seed, NaN where it is
    not estimable."""

    mean: Estimate
    each: Array

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; NaN of one."""
        return float(np.std(self.each, ddof=1)) if self.each.size > 1 else float("nan")


Scores = dict[Place, dict[Key, OverSeeds]]


def scores(
    seeds: Sequence[pd.DataFrame],
    groups: pd.DataFrame,
    keys: Sequence[Key],
    point: str,
    draws: Draws,
) -> Scores:
    """Metrics of one method, for everybody and each group, for each class and, of several, their
    mean.

    Args:
        seeds: for each training its rows, with columns probability and call.
        groups: index case_id, the attribute in one column.
        keys: (metric, column of the sample).
        point: name of the operating point that the calls are of.
        draws: for all patients, the same for every method.
    """
    of_seed = [_of_seed(rows, groups, keys, point, draws) for rows in seeds]
    return {
        place: {key: over_seeds([found[place][key] for found in of_seed]) for key in keys}
        for place in of_seed[0]
    }


def _of_seed(
    rows: pd.DataFrame, groups: pd.DataFrame, keys: Sequence[Key], point: str, draws: Draws
) -> dict[Place, dict[Key, Estimate]]:
    found: dict[Place, dict[Key, Estimate]] = {}
    known = rows[rows["target"].notna()].sort_values(["class_name", "fold", "case_id"])
    names = sorted(set(known["class_name"]))
    numbers = {case: i for i, case in enumerate(sorted(set(known["case_id"])))}
    for name in names:
        part = known[known["class_name"] == name]
        case_ids = part["case_id"].to_numpy(dtype=object)
        sample = Sample(
            part["target"].to_numpy(dtype=np.float64),
            {
                CALIBRATED: part["probability"].to_numpy(dtype=np.float64),
                CALL + point: part["call"].to_numpy(dtype=np.float64),
            },
            draws.index(part["patient_id"].tolist()),
            np.array([numbers[case] for case in case_ids], dtype=np.int64),
            part["repeat"].to_numpy(dtype=np.int64),
            part["fold"].to_numpy(dtype=np.int64),
        )
        for subset in (everyone(len(part)), *by_group(groups, case_ids)):
            found[name, subset.group] = estimate(sample.take(subset.keep), keys, draws)
    if len(names) > 1:
        for group in dict.fromkeys(group for _, group in found):
            of_class = {n: found[n, group] for n in names if (n, group) in found}
            if len(of_class) == len(names):
                found[MACRO, group] = {
                    key: macro({n: one[key] for n, one in of_class.items()}) for key in keys
                }
    return found


def over_seeds(each: Sequence[Estimate]) -> OverSeeds:
    """The mean of estimates of one metric on the same patients, one for each seed."""
    values = np.array([one.value for one in each])
    lacking = next((one for one in each if one.status != "ok"), None)
    if lacking is not None:
        return OverSeeds(replace(lacking, value=float("nan")), np.full(values.size, np.nan))
    mean = replace(each[0], value=float(values.mean()), per_repeat={})
    influences = [one.influence for one in each if one.influence is not None]
    replicates = [one.replicates for one in each if one.replicates is not None]
    if len(influences) == len(each):
        patients, parts = together(influences)
        df = min(one.df for one in influences)
        unseen = float(np.mean([one.unseen for one in influences]))
        mean = replace(mean, influence=Influence(patients, parts.mean(axis=0), df, unseen))
    elif len(replicates) == len(each):
        mean = replace(mean, replicates=np.mean(replicates, axis=0))
    return OverSeeds(mean, values)


def difference(method: OverSeeds, plain: OverSeeds) -> Difference:
    """The method minus plain training, paired by patient and by seed."""
    of_patients = comparisons.difference(method.mean, plain.mean)
    return with_seeds(of_patients, method.each - plain.each, _df(method.mean, plain.mean))


def with_seeds(of: Difference, each: Array, df: float) -> Difference:
    """The difference with an interval that also holds the chance of training again.

    Args:
        of: by patients alone.
        each: (S,) the difference of each seed.
        df: degrees of freedom of the patients' variance.
    """
    from scipy.special import stdtr

    if each.size < 2 or math.isnan(of.se) or np.isnan(each).any():
        return of
    of_patients, of_seeds = of.se**2, float(each.var(ddof=1)) / each.size
    if of_seeds == 0:
        return of
    together = of_patients + of_seeds
    degrees = together**2 / (of_patients**2 / df + of_seeds**2 / (each.size - 1))
    se = math.sqrt(together)
    half = t_quantile(degrees) * se
    p = 2 * float(stdtr(degrees, -abs(of.difference) / se))
    low, high = of.difference - half, of.difference + half
    return replace(of, low=low, high=high, p=p, se=se)


def _df(*estimates: Estimate) -> float:
    return min(
        one.n_patients - 1 if one.influence is None else one.influence.df for one in estimates
    )


def coverage(
    seeds: Sequence[pd.DataFrame], kind: str, groups: pd.DataFrame, draws: Draws
) -> dict[str, OverSeeds]:
    """Group -> share of the prediction sets that hold the truth (multilabel: of the true labels
    that they hold). Every patient weighs the same, as in the promise that sets make."""
    each = [_covered(rows, kind) for rows in seeds]
    if any(one is None for one in each):
        return {}
    found: dict[str, list[Estimate]] = {}
    for covered in each:
        assert covered is not None
        ids = covered["case_id"].to_numpy(dtype=object)
        for subset in (everyone(len(ids)), *by_group(groups, ids)):
            found.setdefault(subset.group, []).append(
                _share(covered[subset.keep], COVERAGE[kind], draws)
            )
    return {group: over_seeds(estimates) for group, estimates in found.items()}


def _covered(rows: pd.DataFrame, kind: str) -> pd.DataFrame | None:
    """Columns case_id, patient_id, value of the cases with a known truth; None without sets."""
    if rows["prediction_set"].isna().any():
        return None
    tables = []
    for _, part in rows.groupby("fold", sort=True):
        cases = side_by_side(part, kind)
        first = np.unique(cases.row_case, return_index=True)[1]
        made = part["prediction_set"].to_numpy(dtype=object)[first]
        inside = np.array([[c in one for c in cases.classes] for one in made], dtype=bool)
        n_true = cases.true.sum(axis=1)
        held = (inside & cases.true).sum(axis=1) / np.where(n_true > 0, n_true, np.nan)
        tables.append(
            pd.DataFrame({"case_id": cases.ids, "patient_id": cases.patients, "value": held})
        )
    return pd.concat(tables, ignore_index=True).dropna(subset="value")


def _share(covered: pd.DataFrame, metric: str, draws: Draws) -> Estimate:
    """The mean over patients of the mean over their cases, with each patient's influence."""
    of_patient = covered.groupby("patient_id", sort=True)["value"].mean()
    n = len(of_patient)
    one = Estimate(metric, float("nan"), len(covered), n, 0)
    if n < MIN_PATIENTS:
        reason = f"{n} patients, needs {MIN_PATIENTS}"
        return replace(one, status="suppressed", reason=reason)
    numbers, values = draws.index(of_patient.index.tolist()), of_patient.to_numpy(np.float64)
    order = np.argsort(numbers)
    influence = Influence(numbers[order], (values - values.mean())[order] / n, df=n - 1)
    return replace(one, value=float(values.mean()), influence=influence)


def draws_of(answers: Sequence[Answers], n_bootstrap: int, seed: int) -> Draws:
    """For the patients of any of them."""
    ids = {i for one in answers for part in (one.chosen_on, one.test) for i in part["patient_id"]}
    return Draws.make(sorted(ids), n_bootstrap, seed)


def groups_in(found: Scores) -> list[str]:
    """The groups, without everybody."""
    return [group for group in dict.fromkeys(group for _, group in found) if group != ALL]
