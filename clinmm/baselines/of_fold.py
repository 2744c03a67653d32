"""The baselines of one fold: fitted on the same cases as its models, and late fusion of them all.

A model is fitted for each member of the fold, on the cases that member trains on. What serves an
input, and how strongly it is penalised, is what has the lowest log loss (of values: squared error)
on the cases that the members stop on, each predicted by the model that did not learn from it; nets
stop on the same cases. No test case has a part in any of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from clinmm import registry
from clinmm.baselines.interface import Answers, Features, Index, Path, Values
from clinmm.baselines.linear import linear_path
from clinmm.errors import InputError
from clinmm.folds import Fold
from clinmm.intercept import intercept_shift

PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Of the late fusion."""

PARTS = 5
"""Into which the cases that a fold of one model stops on are divided for the late fusion."""

Parts = Sequence[tuple[Index, Index]]
"""(cases to fit on, cases to predict with that fit) of each member."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What is learned: target (N, K), NaN where unknown; start (K,), the answer without any input;
    balanced: whether every class weighs the same."""

    target: Values
    start: Values
    task: str
    balanced: bool = True

    @property
    def problems(self) -> list[list[int]]:
        """Columns that are fitted together: exclusive classes all at once, others one by one."""
        n = self.target.shape[1]
        return [list(range(n))] if self.task == "multiclass" else [[k] for k in range(n)]

    @property
    def kind(self) -> str:
        """As what a problem is fitted."""
        return "binary" if self.task == "multilabel" else self.task


@dataclass(frozen=True, eq=False)
class FoldBaseline:
    """One baseline in one fold.

    logits: (N, K), out-of-member as of `predict.fold_logits`; `start` for cases without the input.
    name, setting: what was chosen. losses: `name, setting` -> what it was chosen by.
    models: member -> what answers each problem, with the shift (K,) of its mean risk.
    """

    logits: Values
    name: str
    setting: str
    losses: dict[str, float]
    models: list[tuple[list[Answers], Values]] = field(default_factory=list)


def input_baseline(
    source: Any,
    raw: Sequence[Any],
    given: Any,
    present: NDArray[np.bool_],
    fold: Fold,
    labels: Labels,
) -> FoldBaseline:
    """The best baseline of one input.

    Args:
        source: the input's entry in the cohort file.
        raw: N values as an encoder prepares them, words masked; given: what it prepared.
        present: (N,) which cases have the input.
        labels: of all cases; only those that the fold's members learn from are read.

    Raises:
        InputError: no baseline reads such an input.
    """
    parts = [fold.training_of(member) for member in range(fold.n_members)]
    learned = fold.not_test[present[fold.not_test]]
    found = []
    for name in registry.available("baselines"):
        of = registry.load("baselines", name).Baseline
        if of.kind == source.kind and of.serves(source):
            x = of.features(raw, learned, source, given)
            paths = [x] * len(labels.problems)
            found.append(_fitted(name, paths, present, parts, labels, of.path))
    if not found:
        raise InputError(f"no baseline reads a {source.kind}. Set train.baselines: false.")
    return min(found, key=lambda one: one.losses[f"{one.name}, {one.setting}"])


def stacked(
    singles: Sequence[FoldBaseline], fold: Fold, patients: Sequence[str], labels: Labels
) -> FoldBaseline:
    """Late fusion: logistic regression on the logits of the single baselines.

    It is fitted on cases that the baselines did not learn from, for each member on those of the
    others; in a fold of one model these are divided into parts by patient. An absent input gives no
    evidence, so any subset is answered.

    patients: (N,), whose case it is.

    Source: Wolpert, Stacked generalization, Neural Networks 5 (1992).
    """
    evidence = np.stack([one.logits - labels.start for one in singles], axis=2)  # (N, K, M)
    if labels.task == "multiclass":
        evidence -= evidence.mean(1, keepdims=True)
    member = fold.member if fold.n_members > 1 else _dealt(fold, patients)
    rows = np.flatnonzero(member >= 0)
    parts = [
        (rows[member[rows] != one], rows[member[rows] == one]) for one in range(member.max() + 1)
    ]
    n = len(evidence)
    present = ~(evidence == 0).all((1, 2))
    xs = [evidence[:, columns].reshape(n, -1) for columns in labels.problems]

    def path(x: Features, target: Values, task: str, balanced: bool) -> Path:
        return linear_path(x, target, task, balanced, PENALTIES)

    return _fitted("stacked", xs, present, parts, labels, path)


def _dealt(fold: Fold, patients: Sequence[str]) -> Index:
    """(N,) the part of each case that the fold's one model stops on, by patient; -1 elsewhere."""
    rows = np.flatnonzero(fold.member == 0)
    _, number = np.unique(np.asarray(patients)[rows], return_inverse=True)
    order = np.random.default_rng([fold.repeat, fold.fold]).permutation(number.max() + 1)
    part = np.full(len(fold.member), -1)
    part[rows] = order[number] % PARTS
    _, part[rows] = np.unique(part[rows], return_inverse=True)
    return part


def _fitted(
    name: str,
    xs: Sequence[Features],
    present: NDArray[np.bool_],
    parts: Parts,
    labels: Labels,
    path: Callable[[Features, Values, str, bool], Path],
) -> FoldBaseline:
    """The setting with the lowest loss over the cases of all parts.

    xs: features of all cases for each problem. present: (N,) which cases are answered for.
    """
    usable = present & ~np.isnan(labels.target).all(1)
    paths = [
        [
            _path(x, usable, part, labels, cols, path)
            for x, cols in zip(xs, labels.problems, strict=True)
        ]
        for part, _ in parts
    ]
    best: FoldBaseline | None = None
    losses: dict[str, float] = {}
    for setting in paths[0][0]:
        each, models = [], []
        for (fit_on, predict), of_member in zip(parts, paths, strict=True):
            answers = [one[setting] for one in of_member]
            answered = np.tile(labels.start, (int(present.sum()), 1))
            for columns, x, answer in zip(labels.problems, xs, answers, strict=True):
                answered[:, columns] += answer(x[present])
            logits = np.tile(labels.start, (len(present), 1))
            logits[present] = answered
            shift = _shift(logits, np.union1d(fit_on, predict), usable, labels)
            logits[present] += shift
            each.append(logits)
            models.append((answers, shift))
        together = np.mean(each, axis=0)
        for (_, predict), logits in zip(parts, each, strict=True):
            together[predict] = logits[predict]
        judged = np.concatenate([predict[usable[predict]] for _, predict in parts])
        loss = losses[f"{name}, {setting}"] = _loss(together[judged], labels.target[judged], labels)
        if best is None or loss < best.losses[f"{name}, {best.setting}"]:
            best = FoldBaseline(together, name, setting, losses, models)
    assert best is not None, "a path has settings"
    return best


def _path(
    x: Features,
    usable: NDArray[np.bool_],
    rows: Index,
    labels: Labels,
    columns: list[int],
    path: Callable[[Features, Values, str, bool], Path],
) -> Path:
    """One problem of one member, on the cases whose target is known."""
    target = labels.target[:, columns]
    rows = rows[usable[rows] & ~np.isnan(target[rows]).any(1)]
    return path(x[rows], target[rows], labels.kind, labels.balanced)


def _shift(logits: Values, rows: Index, usable: NDArray[np.bool_], labels: Labels) -> Values:
    """(K,) that brings the mean risk of the cases learned from to their rate, as of nets."""
    rows = rows[usable[rows]]
    if len(rows) == 0:
        return np.zeros(logits.shape[1])
    known = ~np.isnan(labels.target[rows])
    shift: Values = intercept_shift(
        torch.from_numpy(logits[rows]),
        torch.from_numpy(np.where(known, labels.target[rows], 0.0)),
        torch.from_numpy(known),
        labels.task,
    ).numpy()
    return np.nan_to_num(shift)


def _loss(logits: Values, target: Values, labels: Labels) -> float:
    """Mean over classes of the mean loss of known targets; NaN-free, inf where nothing is known."""
    known = ~np.isnan(target)
    y = np.where(known, target, 0.0)
    if labels.task == "continuous":
        each = (logits - y) ** 2
    elif labels.task == "multiclass":
        each = y * (logsumexp(logits, axis=1, keepdims=True) - logits)
    else:
        each = np.logaddexp(0, logits) - y * logits
    counted = known.any(0)
    if not counted.any():
        return float("inf")
    return float(((each * known).sum(0)[counted] / known.sum(0)[counted]).mean())
