"""Proposes the describable slices that are served worst, and tests them on other patients.

Half of the test patients propose: every condition of every column, pairs of them, topics of notes
and clusters of embeddings are ranked by how much worse they can be expected to fare in the other
half. The few best go to the other half, where each is one test, adjusted by Holm. What was found
and not confirmed stands in the table as well: a slice chosen for being bad looks worse than it is.

A slice by something that the prediction rests on is served worse without anything being wrong with
the model: among patients of much the same age, age tells nobody apart. What is confirmed says whom
the model serves worse, not why.

Reference:
    Chung, Kraska, Polyzotis, Tae, Whang. Slice Finder. ICDE 2019: conjunctions of column values.
    Eyuboglu et al. Domino. ICLR 2022: clusters of embeddings that errors share, then described.
    Oakden-Rayner, Dunnmon, Carneiro, Ré. Hidden stratification. CHIL 2020.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.comparisons import Difference, difference, holm, verdict
from clinmm.errors import InputError, did_you_mean
from clinmm.fairness.examples import examples
from clinmm.fairness.slices.clusters import of_embeddings
from clinmm.fairness.slices.conditions import Condition, Mask, Slice, of_columns
from clinmm.fairness.slices.halves import proposing_patients
from clinmm.fairness.slices.screening import AUROC, RATES, gaps
from clinmm.fairness.slices.topics import of_notes
from clinmm.intervals import Estimate, estimate, module_of
from clinmm.samples import CALIBRATED, CALL, Samples, Scored, build

N_SLICES = 5
MOST_ALIKE = 0.4
MOST_WITHIN = 0.8
"""Of two slices with a larger share of cases in common, of those in either, or of those in the
smaller, only the one that promises to be worse is put forward."""

LARGEST = 0.75
"""Share of the cases beyond which a slice is no slice: rather, the others are served better."""

MAX_PAIRS = 5000
MAX_ROWS = 1500
"""Predictions of each outcome of a class, over repeats, that the search looks at, drawn at random;
what it ranks by does not depend on prevalence. The tests look at all."""

MIN_PROMISE = 1.0
"""Standard errors by which a slice must promise to be worse: each that is tested costs the others
power."""


@dataclass(frozen=True, eq=False)
class _Question:
    """One metric of one class. column: of the sample."""

    scored: Scored
    class_name: str
    metric: str
    column: str

    @property
    def point(self) -> str | None:
        return self.column.removeprefix(CALL) if self.column.startswith(CALL) else None


@dataclass(frozen=True, eq=False)
class _Proposal:
    of: Slice
    question: _Question


def find_slices(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame | None,
    about: pd.DataFrame,
    notes: pd.Series | None = None,
    embeddings: pd.DataFrame | None = None,
    *,
    arm: str,
    seed: int,
    decisions: pd.DataFrame | None = None,
    metrics: Sequence[str] = ("auroc", "fnr"),
    exclude: Sequence[str] = (),
    n_slices: int = N_SLICES,
) -> pd.DataFrame:
    """Slices of the test cases of one arm that are served worse than everybody else.

    Args:
        predictions, thresholds, decisions: as for `samples.build`.
        about: index case_id; columns that may describe a case: numbers, or text. Neither the
            target, nor what is derived from it or known only later, belongs here.
        notes: index case_id, the text as modelled. None: no topics.
        embeddings: index case_id, (N, d), NaN where a case has none. All of one space: of one
            model that learned from none of these cases, or of a network that learned from none of
            the study. Models of several folds have a space each, and their clusters would be the
            folds. None: no clusters.
        arm: which one.
        seed: of the halves, topics and clusters.
        metrics: of auroc, fnr, fpr. The rates are those at the first operating point, and are left
            out where there is none.
        exclude: columns of about that may describe nothing.
        n_slices: how many at most are put to the test.

    Returns:
        schema.SLICES, two rows for each slice. `found`: on the patients that proposed it, without
        interval or p, which mean nothing after a choice. `confirmed`: on the others, with the
        verdict. A slice is proposed for the class and metric in which it promises to be worst.
        Empty where nothing could be judged, and for continuous targets.

    Raises:
        InputError: as `samples.build`; an unknown metric; case ids that occur twice.
    """
    _check(about, notes, embeddings, metrics, exclude, n_slices)
    chosen = predictions[predictions["arm"] == arm]
    if len(chosen) and chosen["probability"].isna().all() and "value" in chosen:
        return schema.SLICES.empty()
    samples = build(
        predictions, thresholds, decisions=decisions, arms=[arm], n_bootstrap=0, seed=seed
    )
    cases = _cases(chosen, seed)
    case_ids, learn = cases.index, cases["proposes"].to_numpy(dtype=bool)
    told = about.drop(columns=list(exclude)).reindex(case_ids)
    conditions = of_columns(told, learn)
    alone = list(conditions)
    if notes is not None:
        patients = cases["patient_id"].to_numpy(dtype=object)
        alone += of_notes(notes.reindex(case_ids), patients, learn, seed)
    if embeddings is not None:
        alone += of_embeddings(embeddings.reindex(case_ids), conditions, learn, seed)
    questions = list(_questions(samples, metrics))
    search = _Search(questions, pd.Index(case_ids), learn, seed)
    proposals = search.best(alone, n_slices)
    return _table(arm, proposals, search, samples)


def _check(
    about: pd.DataFrame,
    notes: pd.Series | None,
    embeddings: pd.DataFrame | None,
    metrics: Sequence[str],
    exclude: Sequence[str],
    n_slices: int,
) -> None:
    known = [AUROC, *RATES]
    problems = [
        f"no slices by metric '{name}'. {did_you_mean(name, known)}"
        for name in metrics
        if name not in known
    ]
    columns = [str(column) for column in about.columns]
    problems += [
        f"exclude: no column '{name}'. {did_you_mean(name, columns)}"
        for name in exclude
        if name not in columns
    ]
    for name, frame in (("about", about), ("notes", notes), ("embeddings", embeddings)):
        if frame is not None and (n_twice := int(frame.index.duplicated().sum())):
            problems.append(f"{name}: {n_twice} case ids have two rows; give one row per case.")
    if n_slices < 1:
        problems.append(f"n_slices must be at least 1, got {n_slices}.")
    if problems:
        raise InputError(problems)


def _cases(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Index case_id, sorted; patient_id, and whether the case is in the half that proposes."""
    scored = rows[(rows["split"] == "test") & rows["target"].notna()]
    cases = scored.drop_duplicates("case_id").set_index("case_id")[["patient_id"]].sort_index()
    return cases.assign(proposes=cases["patient_id"].isin(proposing_patients(scored, seed)))


def _questions(samples: Samples, metrics: Sequence[str]) -> Iterator[_Question]:
    for (_, class_name), scored in samples.parts.items():
        for metric in metrics:
            column = CALIBRATED if metric == AUROC else CALL + "".join(samples.points[:1])
            values = scored.sample.columns.get(column)
            if values is not None and not np.isnan(values).any():
                yield _Question(scored, class_name, metric, column)


class _Search:
    """Ranks slices on the cases that propose.

    learn: (N,) those cases. n_looked_at: slices that could be compared.
    """

    def __init__(
        self, questions: Sequence[_Question], case_ids: pd.Index, learn: Mask, seed: int
    ) -> None:
        self.questions, self.learn = questions, learn
        self._at = {
            question.class_name: case_ids.get_indexer(pd.Index(question.scored.case_ids))
            for question in questions
        }
        rng = np.random.default_rng(seed)
        self._looked_at = {q.class_name: self._some(q, rng) for q in questions}
        self.n_looked_at = 0

    def rows(self, question: _Question, cases: Mask) -> Mask:
        """(n,) rows of the question's sample, from (N,) cases."""
        return np.asarray(cases[self._at[question.class_name]])

    def _some(self, question: _Question, rng: np.random.Generator) -> Mask:
        """(n,) rows of a class that the search looks at."""
        y_true = question.scored.sample.y_true
        taken = np.zeros(y_true.size, dtype=bool)
        for outcome in (0, 1):
            rows = np.flatnonzero(self.rows(question, self.learn) & (y_true == outcome))
            taken[rng.permutation(rows)[:MAX_ROWS]] = True
        return taken

    def best(self, conditions: Sequence[Condition], n: int) -> list[_Proposal]:
        """The n slices that promise to be worst, worst first, none like another."""
        singles = [Slice((condition,)) for condition in conditions]
        of_singles = self._promises(singles)
        pairs = _pairs(conditions, of_singles.max(axis=0, initial=-np.inf))
        slices = [*singles, *pairs]
        promises = np.hstack([of_singles, self._promises(pairs)])
        self.n_looked_at = int(np.isfinite(promises).any(axis=0).sum())
        kept: list[_Proposal] = []
        for place in np.argsort(-promises, axis=None, kind="stable"):
            question, number = np.unravel_index(place, promises.shape)
            if len(kept) == n or promises[question, number] < MIN_PROMISE:
                break
            proposal = _Proposal(slices[number], self.questions[question])
            if not any(_alike(proposal.of, other.of, self.learn) for other in kept):
                kept.append(proposal)
        return kept

    def _promises(self, slices: Sequence[Slice]) -> NDArray[np.float64]:
        """(questions, slices); -inf where one cannot be judged, or holds nearly everybody."""
        found = np.full((len(self.questions), len(slices)), -np.inf)
        if not slices:
            return found
        for class_name, looked_at in self._looked_at.items():
            at = self._at[class_name][looked_at]
            keep = np.stack([one.keep_of(at) for one in slices])
            rest = np.stack([one.known_of(at) for one in slices]) & ~keep
            small = keep.mean(axis=1) <= LARGEST
            for row, question in enumerate(self.questions):
                if question.class_name == class_name:
                    sample, metric = question.scored.sample.take(looked_at), question.metric
                    found[row, small] = gaps(
                        sample, metric, question.column, keep[small], rest[small]
                    ).promise(bool(module_of(metric).HIGHER_IS_BETTER))
        return found


def _pairs(conditions: Sequence[Condition], promise: NDArray[np.float64]) -> list[Slice]:
    """Conjunctions of conditions of two columns, those first whose better part promises most."""
    rank = np.argsort(np.argsort(-promise, kind="stable"), kind="stable")
    of_columns = [i for i, one in enumerate(conditions) if one.kind == "column"]
    pairs = [
        (min(rank[i], rank[j]), i, j)
        for i, j in combinations(of_columns, 2)
        if conditions[i].about != conditions[j].about
    ]
    return [Slice((conditions[i], conditions[j])) for _, i, j in sorted(pairs)[:MAX_PAIRS]]


def _alike(one: Slice, other: Slice, among: Mask) -> bool:
    """Whether one lies in the other, or they hold much the same cases."""
    first, second = one.keep & among, other.keep & among
    both, either = (first & second).sum(), (first | second).sum()
    smaller = min(first.sum(), second.sum())
    return bool(both > MOST_ALIKE * either or both > MOST_WITHIN * smaller)


@dataclass(frozen=True, eq=False)
class _Tested:
    inside: Estimate
    of: Difference
    case_ids: str


def _tested(proposal: _Proposal, half: Mask, search: _Search, samples: Samples) -> _Tested:
    question = proposal.question
    scored, key = question.scored, (question.metric, question.column)
    inside_of, known = proposal.of.keep, proposal.of.known
    keep = search.rows(question, inside_of & half)
    rest = search.rows(question, known & ~inside_of & half)
    inside = estimate(scored.sample.take(keep), [key], samples.draws)[key]
    outside = estimate(scored.sample.take(rest), [key], samples.draws)[key]
    return _Tested(inside, difference(inside, outside), "\n".join(examples(scored, keep, key)))


def _table(
    arm: str, proposals: Sequence[_Proposal], search: _Search, samples: Samples
) -> pd.DataFrame:
    tested = [_tested(one, ~search.learn, search, samples) for one in proposals]
    adjusted = holm([test.of.p for test in tested])
    rows: list[dict[str, object]] = []
    for proposal, test, p_holm in zip(proposals, tested, adjusted, strict=True):
        question = proposal.question
        named = {
            **{"arm": arm, "class_name": question.class_name, "metric": question.metric},
            **{"operating_point": question.point, "kind": proposal.of.kind},
            **{"slice": proposal.of.words, "n_looked_at": search.n_looked_at},
        }
        found = _tested(proposal, search.learn, search, samples)
        rows.append({**named, "half": "found", **_sized(found), "verdict": None})
        low, high = test.inside.interval()
        judged = verdict(test.of, float(p_holm))
        rows.append(
            {
                **{**named, "half": "confirmed", **_sized(test), "low": low, "high": high},
                **{"difference_low": test.of.low, "difference_high": test.of.high},
                **{"p": test.of.p, "p_holm": float(p_holm), "detectable": test.of.detectable},
                # proposed as worse: that it is better on the others confirms nothing
                "verdict": "not_shown" if judged == "better" else judged,
            }
        )
    return schema.SLICES.fill(pd.DataFrame(rows, columns=schema.SLICES.names))


def _sized(test: _Tested) -> dict[str, object]:
    return {
        **{"value": test.inside.value, "difference": test.of.difference},
        **{"n_cases": test.inside.n_cases, "n_patients": test.inside.n_patients},
        "case_ids": test.case_ids or None,
    }
