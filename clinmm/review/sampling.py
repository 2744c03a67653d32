"""Which cases of a run are read: strata, a sample, and the weights that undo the sampling."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED, is_baseline
from clinmm.errors import InputError
from clinmm.review.protocol import Cases, Protocol
from clinmm.runs import Run
from clinmm.study import groups_of
from clinmm.subgroups import NOT_RECORDED

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

THIRDS = ("low", "middle", "high")
SAMPLE = ["case_id", "stratum", "weight", "why"]

_MODEL = ["arm", "case_id", "class_name", "repeat", "fold"]


def strata(run: Run, protocol: Protocol) -> pd.DataFrame:
    """The cases that may be read, and the stratum of each.

    - `class`: what the cohort records. Of several findings at once a case counts for its rarest
      (`none` without any), of a value for its third.
    - `group`: its values of all sensitive columns.
    - `uncertainty`: its third by the entropy of the fused risk, of several findings the mean.
    - `disagreement`: its third by how far the arms of the run lie apart (largest less smallest
      risk, or value, of the class where that is most); baselines aside, and not known where a case
      has one arm only.

    Risks are calibrated and in mean over repeats, from models that did not learn from the case
    where there are such. Thirds are of the cases that may be read; ties stay together, so that one
    may be larger or empty.

    Args:
        run: with predictions.
        protocol: `cases.split` and `cases.by` count.

    Returns:
        One row per case, by case_id: case_id, patient_id, a text column for each kind of
        `cases.by`, and `stratum`, which joins these (`all` without any).

    Raises:
        NotMadeYet: the run has no predictions.
        InputError: every kind of stratum that the run cannot give.

    Reference:
        The rarest finding first: Sechidis, Tsoumakas, Vlahavas. ECML PKDD 2011, section 3.
    """
    predictions = _out_of_sample(run.read("predictions"))
    if protocol.cases.split == "any":
        eligible = run.read("cases")
    else:
        eligible = predictions[predictions["split"] == "test"]
    cases = eligible[["case_id", "patient_id"]].drop_duplicates("case_id").sort_values("case_id")
    cases = cases.reset_index(drop=True)
    predictions = predictions[predictions["case_id"].isin(cases["case_id"])]
    index = pd.Index(cases["case_id"])
    problems = [] if len(cases) else ["cases.split: the run has no test case. Write any."]
    for kind in protocol.cases.by if len(cases) else ():
        try:
            found = KINDS[kind](run, predictions)
        except InputError as error:
            problems += [f"cases.by: {kind}: {problem}" for problem in error.problems]
        else:
            cases[kind] = found.reindex(index).fillna(NOT_RECORDED).to_numpy()
    if problems:
        raise InputError(problems)
    named = [f"{kind}: " + cases[kind] for kind in protocol.cases.by]
    cases["stratum"] = pd.concat(named, axis=1).agg("; ".join, axis=1) if named else "all"
    return cases


def sample(strata: pd.DataFrame, cases: Cases, seed: int) -> pd.DataFrame:
    """The cases of a study: those named, a draw without replacement, or all.

    Each stratum gives one case at least, so that the weighted rates of any draw stand for all the
    cases there are. Balanced draws take as many from each stratum as it has, up to a common
    number; proportional ones follow the strata's sizes (largest remainder). Cases are drawn, not
    patients: one patient's may be drawn together, so intervals go by patient, and the weights are
    those of cases.

    Args:
        strata: columns case_id and stratum, from `strata`.
        cases: of the protocol.
        seed: of the draw.

    Returns:
        case_id, stratum, weight, why; by case_id. weight: how many cases of the stratum each one
        stands for; they add up to all of them (of named cases, which stand for themselves alone, 1
        each). why: may be shown to a blind reader, so it is the same for every case.

    Raises:
        InputError: named cases that are not there, more cases than there are, or fewer than
            strata.
    """
    pool = strata[["case_id", "stratum"]].sort_values("case_id", ignore_index=True)
    which = f"{cases.split} cases" if cases.split == "test" else "cases"
    problems = []
    if unknown := sorted(set(cases.ids) - set(pool["case_id"])):
        problems.append(
            f"cases.ids: {len(unknown)} of {len(cases.ids)} are not among the {len(pool)} {which} "
            f"of the run: {', '.join(unknown)}. Take them out"
            + (", or write split: any." if cases.split == "test" else ".")
        )
    sizes = pool["stratum"].value_counts().sort_index()
    if cases.n is not None and cases.n > len(pool):
        problems.append(
            f"cases.n: asked for {cases.n}, there are {len(pool)} {which}. Leave n out for all."
        )
    elif cases.n is not None and cases.n < len(sizes):
        problems.append(
            f"cases.n: {cases.n} cases cannot hold one of each of the {len(sizes)} strata. Draw "
            "more, or stratify by less."
        )
    if problems:
        raise InputError(problems)
    if cases.ids:
        named = pool[pool["case_id"].isin(cases.ids)]
        return named.assign(weight=1.0, why="named in the protocol")[SAMPLE].reset_index(drop=True)
    if cases.n is None:
        return pool.assign(weight=1.0, why=f"all {len(pool)} {which} are read")[SAMPLE]
    share = _balanced if cases.balanced else _in_proportion
    take = pd.Series(share(np.asarray(sizes, np.int64), cases.n).tolist(), index=sizes.index)
    rng = np.random.default_rng(seed)
    pool["turn"] = rng.permutation(len(pool))
    turn = pool.groupby("stratum")["turn"].rank(method="first")
    chosen = pool[turn <= pool["stratum"].map(take)]
    weight = chosen["stratum"].map(sizes / take)
    why = f"drawn at random, {cases.n} of {len(pool)} {which}"
    return chosen.assign(weight=weight, why=why)[SAMPLE].reset_index(drop=True)


# Kinds of strata: (run, predictions that count) -> the stratum by case_id


def _classes(run: Run, predictions: pd.DataFrame) -> pd.Series:
    known = predictions[predictions["target"].notna()]
    if known.empty:
        raise InputError("no case has a recorded target. Leave it out.")
    targets = known.groupby(["case_id", "class_name"])["target"].first().unstack()
    kind = run.facts["target"]["kind"]
    if kind == "continuous":
        return _thirds(targets.iloc[:, 0])
    if kind == "binary":
        name = str(targets.columns[0])
        return targets[name].map({0.0: f"not {name}", 1.0: name})
    rarest_first = targets.sum().sort_values(kind="stable").index
    ranked = targets[rarest_first] == 1
    return ranked.idxmax(axis=1).where(ranked.any(axis=1), "none")


def _groups(run: Run, predictions: pd.DataFrame) -> pd.Series:
    groups = groups_of(run)
    if groups.columns.empty:
        raise InputError("the cohort names no sensitive column. Leave it out.")
    named = [
        f"{name} " + groups[name].astype(object).fillna(NOT_RECORDED).astype(str) for name in groups
    ]
    return pd.concat(named, axis=1).agg(", ".join, axis=1)


def _uncertainty(run: Run, predictions: pd.DataFrame) -> pd.Series:
    if run.facts["target"]["kind"] == "continuous":
        raise InputError(
            "one model's intervals of a value are as wide for every case. Leave it out."
        )
    risks = _means(_headline(predictions), "probability", "class_name").unstack()
    p = risks.to_numpy(dtype=np.float64)
    if run.facts["target"]["kind"] == "multiclass":
        entropy = _entropy(p).sum(axis=1)
    else:
        entropy = (_entropy(p) + _entropy(1 - p)).mean(axis=1)
    return _thirds(pd.Series(entropy, index=risks.index))


def _disagreement(run: Run, predictions: pd.DataFrame) -> pd.Series:
    rows = predictions[~predictions["arm"].map(is_baseline)]
    if rows["arm"].nunique() < 2:
        raise InputError("the run has one arm, which agrees with itself. Leave it out.")
    column = "value" if run.facts["target"]["kind"] == "continuous" else "probability"
    risks = _means(rows, column, "class_name", "arm").unstack()
    apart = (risks.max(axis=1) - risks.min(axis=1)).where(risks.notna().sum(axis=1) > 1)
    return _thirds(apart.groupby("case_id").max())


KINDS: dict[str, Callable[[Run, pd.DataFrame], pd.Series]] = {
    "class": _classes,
    "group": _groups,
    "uncertainty": _uncertainty,
    "disagreement": _disagreement,
}
"""By their names in `cases.by`."""


def _out_of_sample(predictions: pd.DataFrame) -> pd.DataFrame:
    """Of each case its rows of `test`, where it has any; in an order that does not depend on the
    file's, so that neither do sums."""
    is_test = predictions["split"] == "test"
    tested = predictions["case_id"].isin(predictions.loc[is_test, "case_id"])
    return predictions[is_test | ~tested].sort_values(_MODEL, ignore_index=True)


def _headline(predictions: pd.DataFrame) -> pd.DataFrame:
    """The fused arm's rows; every row where the run has no such arm."""
    fused = predictions[predictions["arm"] == FUSED]
    return fused if len(fused) else predictions


def _means(predictions: pd.DataFrame, column: str, *by: str) -> pd.Series:
    """Mean over repeats and folds, by case_id and what else is named."""
    return predictions.groupby(["case_id", *by])[column].mean()


def _entropy(p: Array) -> Array:
    """-p log p, 0 at 0."""
    inside = np.where(p == 0, 1.0, p)
    entropy: Array = -inside * np.log(inside)
    return entropy


def _thirds(values: pd.Series) -> pd.Series:
    """The third of each value among those that are known; ties stay together.

    >>> _thirds(pd.Series([0.1, 0.5, 0.9])).tolist()
    ['low', 'middle', 'high']
    """
    known = values.dropna()
    if known.empty:
        raise InputError("the run has no calibrated output. Make it with: clinmm calibrate RUN")
    place = np.ceil(known.rank(pct=True).to_numpy() * 3).astype(int).clip(1, 3) - 1
    return pd.Series(np.array(THIRDS, dtype=object)[place], index=known.index)


# How many from each stratum


def _balanced(sizes: Counts, n: int) -> Counts:
    """As many from each, up to what it has; what is left over goes to the larger ones.

    >>> _balanced(np.array([100, 3, 20]), 20)
    array([9, 3, 8])
    """
    take = np.zeros_like(sizes)
    left = n
    for done, i in enumerate(np.argsort(sizes, kind="stable")):
        take[i] = min(sizes[i], left // (sizes.size - done))
        left -= take[i]
    return take


def _in_proportion(sizes: Counts, n: int) -> Counts:
    """In proportion by largest remainder, each stratum one at least.

    >>> _in_proportion(np.array([90, 9, 1]), 10)
    array([8, 1, 1])
    """
    quota = n * sizes / sizes.sum()
    take: Counts = np.maximum(np.floor(quota).astype(np.int64), 1)
    while take.sum() < n:
        take[np.argmax(np.where(take < sizes, quota - take, -np.inf))] += 1
    while take.sum() > n:
        take[np.argmax(np.where(take > 1, take - quota, -np.inf))] -= 1
    return take
