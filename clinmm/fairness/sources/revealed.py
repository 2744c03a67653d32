"""What an embedding reveals of an attribute, and what it reveals where the label is the same.

A probe learns an attribute from the embeddings of the cases that the fold's models learned from,
and ranks the fold's test patients, none of whom it has seen. Each group is told from everybody else
of whom the attribute is recorded; of several groups the mean counts. Test cases are ranked within
their fold, as spaces of two models cannot be compared, and with the label held fixed also only
among cases of the same label (of several labels: the same pattern, unknown ones included). What
the labels alone reveal stands beside it.

With several folds every test patient also taught the probes of the other folds: where nothing is
revealed, what fold j says of fold k by chance is what k says of j, so that the mean over folds has
twice the variance it would have with independent probes. The intervals are widened by the root of
2, which is exact at chance and cautious elsewhere.

To reveal is not to use: networks that never saw a label reveal the sex of a patient too.

Reference:
    Gichoya et al. Lancet Digit Health 4:e406 (2022): networks read race from radiographs.
    Glocker et al. EBioMedicine 89:104467 (2023): encoded is not used.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.fairness.embedded import FoldEmbeddings
from clinmm.fairness.sources.probe import probe_scores
from clinmm.fairness.sources.row import CANNOT_TELL, Row, above, number, of_estimate, source_row
from clinmm.fairness.told import figure, member, name_of
from clinmm.intervals import Draws, Estimate, Sample, estimate, macro
from clinmm.subgroups import NOT_RECORDED

LABELS = "labels"
"""The `of` of what the labels alone reveal."""

CHANCE = 0.5


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Test cases of one fold by one probe. rows: positions. belongs, score: (n,)."""

    rows: NDArray[np.int_]
    fold: int
    belongs: NDArray[np.bool_]
    score: NDArray[np.float64]


def measure(
    folds: Iterable[FoldEmbeddings],
    groups: pd.DataFrame,
    patients: NDArray[np.object_],
    labels: NDArray[np.float64],
    *,
    given: Mapping[str, Collection[str]] | None = None,
    arm: str = FUSED,
) -> list[Row]:
    """Rows of source `revealed` and `revealed_label_fixed`: of the fused embedding, of each input
    and of the labels alone.

    Args:
        folds: embeddings of every case, in the cohort's order.
        groups: a row for each case in the same order, a text column for each attribute.
        patients: (N,) whose case it is.
        labels: (N, K) of 0 and 1, NaN where not known.
        given: attribute -> inputs that hold it as a column, which the sentences then say.
        arm: whose embeddings they are.

    Returns:
        For each attribute and embedding a row about the attribute (group empty) and, of more than
        two groups, one a group. verdict: yes where the interval lies above .5; cannot_tell with
        fewer than 10 patients, or 5 in the group or beside it.
    """
    asked = {str(name): _codes(groups[name]) for name in groups.columns}
    known = np.hstack([np.nan_to_num(labels), ~np.isnan(labels)])
    ranked: dict[tuple[str, str, str], list[_Ranked]] = {}
    for one in folds:
        for name, vectors in {**one.of, LABELS: known}.items():
            for attribute, values in asked.items():
                for group, found in _of_fold(one, vectors, values):
                    ranked.setdefault((attribute, name, group), []).append(found)
    stratum = np.unique(np.nan_to_num(labels, nan=-1), axis=0, return_inverse=True)[1].ravel()
    draws = Draws.make(patients.tolist(), 0, 0)
    whose = draws.index(patients.tolist())
    rows: list[Row] = []
    for attribute in asked:
        names = list(dict.fromkeys(n for a, n, _ in ranked if a == attribute))
        for source in ("revealed", "revealed_label_fixed"):
            held = stratum if source == "revealed_label_fixed" else np.zeros_like(stratum)
            by_labels: Estimate | None = None
            for name in sorted(names, key=lambda n: (n != LABELS, n != FUSED, n)):
                if name == LABELS and source != "revealed":
                    continue
                estimates = {
                    group: _estimate(parts, held, whose, draws)
                    for (a, n, group), parts in ranked.items()
                    if (a, n) == (attribute, name)
                }
                holds = _holding(name, (given or {}).get(attribute, ()))
                rows += _rows(source, attribute, name, estimates, by_labels, holds, arm)
                if name == LABELS:
                    by_labels = _together(estimates)
    return rows


def _codes(values: pd.Series) -> NDArray[np.object_]:
    """(N,) the group of each case; None where it, or a part of it, is not recorded."""
    text = values.astype(object).where(values.notna(), NOT_RECORDED).astype(str)
    return np.array([None if NOT_RECORDED in v.split("*") else v for v in text], dtype=object)


def _of_fold(
    one: FoldEmbeddings, vectors: NDArray[np.float64], values: NDArray[np.object_]
) -> Iterator[tuple[str, _Ranked]]:
    """(group, ranked test cases) for each group; of two groups the first, as the other mirrors
    it."""
    usable = np.array([value is not None for value in values]) & ~np.isnan(vectors).any(axis=1)
    learn = one.fold.not_test[usable[one.fold.not_test]]
    ask = np.flatnonzero((one.fold.split == "test") & usable)
    there = sorted(set(values) - {None})
    for group in there[:1] if len(there) == 2 else there:
        belongs = np.asarray(values == group)
        score = probe_scores(vectors, belongs, learn, ask) if len(there) > 1 else None
        if score is not None:
            yield group, _Ranked(ask, one.fold.fold, belongs[ask], score)


def _estimate(
    parts: list[_Ranked],
    stratum: NDArray[np.int_],
    whose: NDArray[np.int64],
    draws: Draws,
) -> Estimate:
    """AUROC of the group against everybody else, within folds and strata."""
    rows = np.concatenate([part.rows for part in parts])
    fold = np.concatenate([np.full(part.rows.size, part.fold) for part in parts])
    block = fold * (int(stratum.max()) + 1) + stratum[rows]
    order = np.argsort(block, kind="stable")
    belongs = np.concatenate([part.belongs for part in parts]).astype(np.float64)
    score = np.concatenate([part.score for part in parts])
    sample = Sample(
        y_true=belongs[order],
        columns={"probe": score[order]},
        patient=whose[rows[order]],
        case=rows[order].astype(np.int64),
        repeat=np.zeros(rows.size, dtype=np.int64),
        fold=block[order].astype(np.int64),
    )
    one = estimate(sample, [("auroc", "probe")], draws)["auroc", "probe"]
    if len(parts) < 2 or one.influence is None:
        return one
    wider = replace(
        one.influence,
        values=one.influence.values * math.sqrt(2),
        unseen=one.influence.unseen * 2,
    )
    return replace(one, influence=wider)


def _holding(name: str, inputs: Collection[str]) -> str:
    """That an embedding comes from an input which holds the attribute as a column."""
    if name in inputs:
        return f" It is a column of {name}."
    return (
        f" It is a column of {' and of '.join(sorted(inputs))}." if name == FUSED and inputs else ""
    )


def _together(found: dict[str, Estimate]) -> Estimate:
    """The mean over the groups that are large enough; a suppressed one where none is."""
    ok = {group: one for group, one in found.items() if one.status == "ok"}
    if len(ok) == 1:
        return next(iter(ok.values()))
    return macro(ok) if ok else next(iter(found.values()))


def _rows(
    source: str,
    attribute: str,
    name: str,
    found: dict[str, Estimate],
    by_labels: Estimate | None,
    holds: str,
    arm: str,
) -> list[Row]:
    about = {"": _together(found), **(found if len(found) > 1 else {})}
    return [
        source_row(
            source,
            name,
            "auroc",
            arm=arm,
            group_by=attribute,
            group=group,
            **of_estimate(one),
            verdict=above(one.interval()[0], CHANCE) if one.status == "ok" else CANNOT_TELL,
            sentence=_sentence(
                source, attribute, name, group, one, None if group else by_labels, holds
            ),
        )
        for group, one in about.items()
    ]


def _sentence(
    source: str,
    attribute: str,
    name: str,
    group: str,
    one: Estimate,
    by_labels: Estimate | None,
    holds: str,
) -> str:
    what = member(attribute, group) if group else name_of(attribute)
    where = {FUSED: "what the model keeps of all inputs together", LABELS: "the labels alone"}.get(
        name, f"what the model keeps of {name}"
    )
    fixed = " among cases with the same label" if source == "revealed_label_fixed" else ""
    if one.status != "ok":
        return f"Whether {what} can be read from {where}{fixed} cannot be told: {one.reason}."
    low, high = one.interval()
    value = f"AUROC {number(one.value, low, high)}, {one.n_patients} patients"
    if above(low, CHANCE) != "yes":
        return f"It is not shown that {what} can be read from {where}{fixed}: {value}."
    beside = (
        f" The labels alone give {figure(by_labels.value)}."
        if by_labels is not None and by_labels.status == "ok"
        else ""
    )
    unused = "" if name == LABELS else " That it can be read does not show that the model uses it."
    return f"{what} can be read from {where}{fixed}: {value}.{beside}{holds}{unused}"
