"""What a group loses because its inputs are missing more often: everybody else is made to miss them
as often, and asked again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.comparisons import difference
from clinmm.evaluation.rows import MACRO
from clinmm.fairness.sources.contrast import Contrast, mean_difference
from clinmm.fairness.sources.hidden import HeldOut, Masks
from clinmm.fairness.sources.row import CANNOT_TELL, YES, Row, above, number, source_row
from clinmm.fairness.told import member
from clinmm.intervals import Draws, Estimate, Influence, Sample, estimate, macro
from clinmm.intervals.influence import together
from clinmm.subgroups import Subset, by_group

SOURCE, TOGETHER = "missing_inputs", "all inputs"
N_DRAWS = 10
"""Random choices of whose inputs are hidden, which the loss is the mean of."""


@dataclass(frozen=True, eq=False)
class _Asking:
    """A group whose `what` is missing more often. seen: (N_DRAWS, n, M)."""

    subset: Subset
    what: str
    seen: Masks


def measure(
    cases: HeldOut,
    groups: pd.DataFrame,
    patients: NDArray[np.object_],
    targets: NDArray[np.float64],
    class_names: Sequence[str],
    *,
    seed: int,
    arm: str = FUSED,
) -> list[Row]:
    """For each group and input how much more often it is missing, and what that would cost others.

    An input that the group lacks more often (missing rates r of the group and s of the others) is
    hidden in each case of the others that has it with probability (r - s) / (1 - s), in all cases
    of a patient alike, so that both lack it as often. The models answer as for any case without it.
    The cost is the AUROC of the others before minus after, the mean over 10 draws, paired by
    patient: the part of a gap that missing inputs alone would make. Where several inputs are
    missing more often they are also hidden together, independently of each other.

    Args:
        cases: n test cases.
        groups: n rows in their order, a text column for each attribute.
        patients: (n,) whose case it is.
        targets: (n, K) of 0 and 1, NaN where not known.
        class_names: K of them.
        seed: of the draws.
        arm: which arm answers.

    Returns:
        `missing_rate_difference` for each group and input that is ever missing; where the verdict
        is yes `auroc_cost`, of the only class or of the mean over the classes. verdict: yes where
        the interval lies above 0. No rows where nothing is ever missing.
    """
    rows: list[Row] = []
    askings: list[_Asking] = []
    for number_of, subset in enumerate(by_group(groups, groups.index.to_numpy(dtype=object))):
        more: dict[int, float] = {}
        for i, name in enumerate(cases.inputs):
            missing = (~cases.present[:, i]).astype(np.float64)
            if not missing.any():
                continue
            found = mean_difference(missing, subset.keep, subset.rest, patients)
            rows.append(_rate_row(arm, subset, name, found))
            if above(found.low) == YES:
                s = float(missing[subset.rest].mean())
                more[i] = found.value / (1 - s)
        together_too = [list(more)] if len(more) > 1 else []
        for hidden in [*([i] for i in more), *together_too]:
            what = TOGETHER if len(hidden) > 1 else cases.inputs[hidden[0]]
            seen = _masks(cases, subset, {i: more[i] for i in hidden}, patients, (seed, number_of))
            askings.append(_Asking(subset, what, seen))
    if not askings:
        return rows
    after = cases.ask(np.concatenate([cases.present[None], *(one.seen for one in askings)]))
    before, rest = after[:1], after[1:].reshape(len(askings), N_DRAWS, *after.shape[1:])
    for one, answers in zip(askings, rest, strict=True):
        cost = _cost(cases, one.subset.rest, before, answers, patients, targets, class_names)
        rows.append(_cost_row(arm, one, class_names, *cost))
    return rows


def _masks(
    cases: HeldOut,
    subset: Subset,
    hide: dict[int, float],
    patients: NDArray[np.object_],
    seed: tuple[int, int],
) -> Masks:
    """(N_DRAWS, n, M) which inputs are seen; hide: input -> share of the others who lose it."""
    _, who = np.unique(patients, return_inverse=True)
    seen = np.repeat(cases.present[None], N_DRAWS, axis=0)
    for i, share in hide.items():
        chance = np.random.default_rng([*seed, i]).random((N_DRAWS, int(who.max()) + 1))
        seen[:, :, i] &= ~((chance < share)[:, who] & subset.rest)
    return seen


def _cost(
    cases: HeldOut,
    rest: NDArray[np.bool_],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    patients: NDArray[np.object_],
    targets: NDArray[np.float64],
    class_names: Sequence[str],
) -> tuple[Estimate, Estimate]:
    """AUROC of the others before and after; before: (1, n, K), after: (N_DRAWS, n, K)."""
    draws = Draws.make(patients.tolist(), 0, 0)
    whose = draws.index(patients.tolist())
    each: list[dict[str, Estimate]] = [{}, {}]
    for k, name in enumerate(class_names):
        rows = np.flatnonzero(rest & ~np.isnan(targets[:, k]))
        rows = rows[np.argsort(cases.fold[rows], kind="stable")]
        for found, answers in zip(each, (before, after), strict=True):
            columns = {str(d): one[rows, k] for d, one in enumerate(answers)}
            sample = Sample(
                y_true=targets[rows, k],
                columns=columns,
                patient=whose[rows],
                case=rows.astype(np.int64),
                repeat=np.zeros(rows.size, dtype=np.int64),
                fold=cases.fold[rows].astype(np.int64),
            )
            wanted = [("auroc", column) for column in columns]
            found[name] = _mean(list(estimate(sample, wanted, draws).values()))
    first, second = (found[class_names[0]] if len(found) == 1 else macro(found) for found in each)
    return first, second


def _mean(draws: list[Estimate]) -> Estimate:
    """Of draws over the same patients, which add no degrees of freedom."""
    influences = [one.influence for one in draws if one.influence is not None]
    if len(influences) < len(draws):
        return draws[0]
    patients, values = together(influences)
    unseen = float(np.mean([one.unseen for one in influences]))
    mean = Influence(patients, values.mean(axis=0), influences[0].df, unseen)
    return replace(draws[0], value=float(np.mean([o.value for o in draws])), influence=mean)


def _rate_row(arm: str, subset: Subset, name: str, found: Contrast) -> Row:
    verdict = above(found.low)
    who = member(subset.group_by, subset.group)
    if verdict == CANNOT_TELL:
        sentence = (
            f"Whether {name} is missing more often in {who} cannot be told: too few patients."
        )
    else:
        value = number(found.value, found.low, found.high)
        sentence = (
            f"{name} is missing more often in {who} than in everybody else: by {value}."
            if verdict == YES
            else f"It is not shown that {name} is missing more often in {who}: {value}."
        )
    return source_row(
        SOURCE,
        name,
        "missing_rate_difference",
        arm=arm,
        group_by=subset.group_by,
        group=subset.group,
        **found.numbers(),
        verdict=verdict,
        sentence=sentence,
    )


def _cost_row(
    arm: str, one: _Asking, class_names: Sequence[str], before: Estimate, after: Estimate
) -> Row:
    loss = difference(before, after)
    verdict = above(loss.low)
    who = member(one.subset.group_by, one.subset.group)
    lacking = f"If everybody else lacked {one.what} as often as {who} does, their AUROC"
    if verdict == CANNOT_TELL:
        sentence = f"{lacking} cannot be told: {before.reason}."
    else:
        value = number(loss.difference, loss.low, loss.high)
        sentence = (
            f"{lacking} would fall by {value}: so much of a gap missing inputs alone would make."
            if verdict == YES
            else f"{lacking} is not shown to fall: by {value}."
        )
    return source_row(
        SOURCE,
        one.what,
        "auroc_cost",
        arm=arm,
        group_by=one.subset.group_by,
        group=one.subset.group,
        class_name=class_names[0] if len(class_names) == 1 else MACRO,
        value=loss.difference,
        low=loss.low,
        high=loss.high,
        n_cases=before.n_cases,
        n_patients=before.n_patients,
        verdict=verdict,
        sentence=sentence,
    )
