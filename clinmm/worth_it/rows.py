"""The fused arm and every other arm, with intervals, and the fused arm less each of them.

One declared family: the fused arm against its rival by AUROC (macro mean, or the one class; of a
value by its mean absolute error) among patients who have the rival's inputs and among everyone.
Where all have them that is one comparison, and counts once. All else is exploratory.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from clinmm import schema
from clinmm.arms import FUSED, is_single
from clinmm.comparisons import Difference, difference
from clinmm.continuous.samples import build_values
from clinmm.errors import InputError, did_you_mean
from clinmm.evaluation.paired import paired
from clinmm.evaluation.rows import MACRO, Found, Key, Row, judge
from clinmm.intervals import Estimate, Sample, estimate, macro
from clinmm.samples import CALIBRATED, Samples, build
from clinmm.subgroups import ALL, ANY
from clinmm.worth_it.populations import EVERYONE, HAVE_RIVAL, everyone, have_rival

METRICS = ("auroc", "auprc", "brier", "log_loss")
METRICS_OF_VALUES = ("mae", "concordance")
"""The first is the one that is judged."""


def rows_of(
    predictions: pd.DataFrame, prevalence: pd.DataFrame, rival: str, *, continuous: bool = False
) -> pd.DataFrame:
    """The table worth_it.

    Values are those of an arm on its own cases of the population; a difference is paired on the
    cases that the fused arm and the other both answer for, and AUROC compares only cases of one
    fold. By pattern there are the fused arm, the rival and the single inputs.

    Args:
        predictions: schema.PREDICTIONS, calibrated, with the arm `fused`.
        prevalence: columns repeat, fold, class_name, prevalence: what an arm says of a case of
            which it has no input (`training_prevalence`).
        rival: the best of the other arms, chosen on other rows than test.
        continuous: the arms predict a value.

    Returns:
        schema.WORTH_IT.

    Raises:
        InputError: no arm `fused`, no such rival, or as `samples.build`.
    """
    arms = list(dict.fromkeys(predictions["arm"]))
    if lacking := [name for name in (FUSED, rival) if name not in arms]:
        raise InputError([f"no arm '{name}'. {did_you_mean(name, arms)}" for name in lacking])
    columns = ("value_raw", "value") if continuous else ("probability_raw", "probability")
    of_all = everyone(predictions, prevalence, columns)
    populations = {HAVE_RIVAL: have_rival(of_all, rival), EVERYONE: of_all}
    metrics = METRICS_OF_VALUES if continuous else METRICS
    keys = [(metric, CALIBRATED) for metric in metrics]
    samples_of = build_values if continuous else build
    compared = [
        pair
        for name, answers in populations.items()
        if answers["target"].notna().any()
        for pair in _compared(name, samples_of(answers, n_bootstrap=0), rival, keys)
    ]
    rows, gaps = zip(*compared, strict=True)
    table = schema.WORTH_IT.fill(pd.DataFrame(rows, columns=schema.WORTH_IT.names))
    return _judged(table, gaps)


def declared(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the rival that are judged, one per population.

    table: schema.WORTH_IT.
    """
    whole = (table["class_name"] == MACRO) | (table["class_name"].nunique() == 1)
    return table[
        (table["role"] == "rival")
        & table["metric"].isin((METRICS[0], METRICS_OF_VALUES[0]))
        & (table["pattern"] == ANY)
        & whole
    ]


def with_the_same_verdict(comparisons: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The comparisons, with the adjustment that the fused arm against its rival got here.

    comparisons: schema.COMPARISONS. table: schema.WORTH_IT of the same predictions.
    """
    family = comparisons["family"].eq("fusion").fillna(False)
    judged = declared(table).set_index("population")
    if HAVE_RIVAL not in judged.index:
        return comparisons
    return comparisons.assign(
        **{
            name: comparisons[name].mask(family, judged.loc[HAVE_RIVAL, name])
            for name in ("p_holm", "verdict")
        }
    )


def _compared(
    population: str, samples: Samples, rival: str, keys: list[Key]
) -> Iterator[tuple[Row, Difference]]:
    """Every arm over all cases; by pattern the fused arm, the rival and the single inputs."""
    arms = sorted(samples.arms, key=lambda arm: (arm != FUSED, arm != rival, arm))
    known = {pattern for scored in samples.parts.values() for pattern in scored.patterns}
    for pattern in (ANY, *sorted(known - {ANY})):
        fused = _parts(samples, FUSED, pattern)
        of_fused = _estimates(fused, samples, keys)
        for arm in arms:
            if pattern != ANY and arm not in (FUSED, rival) and not is_single(arm):
                continue
            parts = _parts(samples, arm, pattern)
            own = _estimates(parts, samples, keys)
            mine, theirs = {}, {}
            for name, part in parts.items():
                found = of_fused[name], own[name]
                mine[name], theirs[name] = paired(fused[name], part, found, keys, samples.draws)
            if len(samples.classes) > 1 and len(parts) == len(samples.classes):
                for each in (own, mine, theirs):
                    each[MACRO] = {
                        key: macro({n: of[key] for n, of in each.items()}) for key in keys
                    }
            role = {FUSED: "fused", rival: "rival"}.get(arm)
            for name in own:
                for key in keys:
                    gap = difference(mine[name][key], theirs[name][key])
                    place = {"population": population, "arm": arm, "role": role, "pattern": pattern}
                    yield _row({**place, "class_name": name}, own[name][key], gap), gap


def _parts(samples: Samples, arm: str, pattern: str) -> dict[str, Sample]:
    """Class -> the arm's cases of a pattern, where it has any."""
    parts = {}
    for (of, name), scored in samples.parts.items():
        keep = np.asarray((scored.patterns == pattern) | (pattern == ANY))
        if of == arm and keep.any():
            parts[name] = scored.sample.take(keep)
    return parts


def _estimates(parts: dict[str, Sample], samples: Samples, keys: list[Key]) -> dict[str, Found]:
    return {name: estimate(part, keys, samples.draws) for name, part in parts.items()}


def _row(place: Row, one: Estimate, gap: Difference) -> Row:
    """A row of schema.WORTH_IT; the fused arm is not compared with itself."""
    low, high = one.interval()
    row = {
        **place,
        "metric": one.metric,
        "group_by": ALL,
        "group": ALL,
        "value": one.value,
        "low": low,
        "high": high,
        "n_cases": one.n_cases,
        "n_patients": one.n_patients,
        "p_holm": math.nan,
        "status": one.status,
        "reason": one.reason,
    }
    if place["role"] == "fused":
        return row
    return {
        **row,
        "difference": gap.difference,
        "difference_low": gap.low,
        "difference_high": gap.high,
        "p": gap.p,
        "n_compared": gap.n_patients,
        "verdict": "exploratory",
        "detectable": gap.detectable,
    }


def _judged(table: pd.DataFrame, gaps: Sequence[Difference]) -> pd.DataFrame:
    """The table with Holm and verdict of the family; where everybody has the rival's inputs, the
    two comparisons are one and count once."""
    family = declared(table)
    distinct = family.drop_duplicates("n_cases").index
    judged: list[Row] = [{"p": gaps[i].p} for i in distinct]
    judge(judged, [gaps[i] for i in distinct], [True] * len(judged))
    by_size = dict(zip(table.loc[distinct, "n_cases"], judged, strict=True))
    for name in ("p_holm", "verdict"):
        table.loc[family.index, name] = [by_size[n][name] for n in family["n_cases"]]
    return table
