"""Ridge-penalised linear models over a path of penalties: logistic or least squares."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clinmm.baselines.interface import Answers, Features, Index, Path, Values

MOST_STEPS = 500


@dataclass(frozen=True, eq=False)
class Linear:
    """Evidence x @ weight + bias. weight: (F, K). bias: (K,)."""

    weight: Values
    bias: Values

    def __call__(self, x: Features) -> Values:
        evidence: Values = np.asarray(x @ self.weight) + self.bias
        return evidence


def nothing(n_classes: int) -> Answers:
    """No evidence either way: the answer of one who has seen one class only."""
    return lambda x: np.zeros((x.shape[0], n_classes))


def linear_path(
    x: Features, target: Values, task: str, balanced: bool, penalties: Sequence[float]
) -> Path:
    """A model for each C, the inverse strength of the penalty, in this order.

    Arguments as of `BaselineLike.path`; C as in scikit-learn: the sum of the losses times C, plus
    half the squared length of the weights.
    """
    fit = _least_squares if task == "continuous" else _logistic
    return fit(x, target, balanced, penalties)


def as_labelled(target: Values, balanced: bool) -> tuple[Index, Index, Values]:
    """(row, class, weight) of every share of a case in a class: a case that three of four readers
    call positive counts 3/4 as positive and 1/4 as negative. Weights are 1 a case in mean, and with
    `balanced` add up to the same in every class.

    >>> as_labelled(np.array([[1.0], [0.75]]), balanced=False)[2].tolist()
    [1.0, 0.25, 0.75]
    """
    whole = np.hstack([1 - target, target]) if target.shape[1] == 1 else target
    row, label = np.nonzero(whole > 0)
    weight = whole[row, label]
    if balanced:
        weight = weight / whole.sum(0)[label]
    weight = weight * len(target) / max(float(weight.sum()), 1e-12)
    return row, label, weight


def measured_from(target: Values, balanced: bool) -> Values:
    """(K,) what a classifier fitted on such cases answers without any evidence: the log-odds, or
    log shares, of the cases as they were weighed."""
    if balanced:
        return np.zeros(target.shape[1])
    share: Values = (target.sum(0) + 0.5) / (len(target) + 1)
    return np.log(share / (1 - share)) if target.shape[1] == 1 else np.log(share)


def _logistic(x: Features, target: Values, balanced: bool, penalties: Sequence[float]) -> Path:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    row, label, weight = as_labelled(target, balanced)
    n_classes = target.shape[1]
    if len(np.unique(label)) < 2:
        return {f"C={c:g}": nothing(n_classes) for c in penalties}
    start = measured_from(target, balanced)
    # each fit starts from the one with the next stronger penalty
    model = LogisticRegression(max_iter=MOST_STEPS, warm_start=True)
    path: Path = {}
    for c in penalties:
        model.set_params(C=c)
        with warnings.catch_warnings():
            # a model that is not quite at its end is judged as it is
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x[row], label, sample_weight=weight)
        path[f"C={c:g}"] = _of_classes(model, n_classes, start)
    return path


def _of_classes(model: object, n_classes: int, start: Values) -> Linear:
    """scikit-learn's weights as (F, K): two classes have one row there, absent ones none."""
    coef, intercept = model.coef_, model.intercept_  # type: ignore[attr-defined]
    classes = model.classes_  # type: ignore[attr-defined]
    if n_classes == 1:
        return Linear(coef.T.copy(), intercept - start)
    weight, bias = np.zeros((coef.shape[1], n_classes)), np.zeros(n_classes)
    seen = classes[1:] if len(classes) == 2 else classes
    weight[:, seen], bias[seen] = coef.T, intercept
    bias[classes] -= start[classes]
    return Linear(weight, bias)


def _least_squares(x: Features, target: Values, balanced: bool, penalties: Sequence[float]) -> Path:
    """C here is per unit of the target's variance, so that it does not depend on the unit."""
    from sklearn.linear_model import Ridge

    if len(target) == 0:
        return {f"C={c:g}": nothing(target.shape[1]) for c in penalties}
    mean, deviation = target.mean(0), target.std(0)
    z = (target - mean) / np.where(deviation > 0, deviation, 1.0)
    path: Path = {}
    for c in penalties:
        # scikit-learn's ridge has no half before the squares of either sum
        model = Ridge(alpha=1 / c, solver="auto").fit(x, z)
        weight = model.coef_.reshape(target.shape[1], -1).T
        bias = np.asarray(model.intercept_).reshape(-1)
        path[f"C={c:g}"] = Linear(weight * deviation, bias * deviation)
    return path
