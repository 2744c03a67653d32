"""A threshold for each group, so that the groups' error rates come together."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from clinmm.errors import InputError
from clinmm.fairness.mitigation.parts.finished import Finished
from clinmm.metrics.weighted import Array

MEANING = (
    "A case is called at its group's own threshold, so that the groups' error rates come together."
)
IN_TRAINING = False
USES_GROUP = True


class Config(BaseModel, frozen=True, extra="forbid"):
    """constraint: what the groups are to have in common, sensitivity (`equal_opportunity`), or
        sensitivity and specificity (`equalised_odds`).
    objective: the rates in common. `as_called`: those of the study's own calls over all, so that
        only the differences between groups go; or the best under the constraint by
        `balanced_accuracy` or `accuracy`, which moves everybody's rates.
    min_patients: a group with fewer in either outcome gets the threshold of all together.
    grid: points of the rate in common that are tried.
    """

    constraint: Literal["equal_opportunity", "equalised_odds"] = "equal_opportunity"
    objective: Literal["as_called", "balanced_accuracy", "accuracy"] = "as_called"
    min_patients: int = Field(default=10, ge=1)
    grid: int = Field(default=1000, ge=10)


CONSTRAINTS = {
    "equal_opportunity": "true_positive_rate_parity",
    "equalised_odds": "equalized_odds",
}
"""Our name -> Fairlearn's."""


class Mitigation:
    """All groups are to have the same rates: those of the study's own calls, or the best that
    Fairlearn's ThresholdOptimizer finds. Each group gets the one threshold nearest to them.

    Fairlearn itself reaches the rates exactly by drawing lots between two thresholds. Here nobody
    draws lots over a patient: two patients who are alike get the same call, and the rates of the
    groups meet as nearly as one threshold each allows (within 1 / the positives of the group for
    equal opportunity). Fairlearn's equalised odds also worsens better-served groups by calls at
    random, which one threshold cannot do; there the sensitivity and specificity meet less closely.

    Probabilities stay as they are: a metric that does not look at calls, such as AUROC, is that of
    plain training. Cases whose group is not recorded, or too small, are called at the threshold
    of all together.

    Reference:
        Hardt, Price, Srebro. Equality of opportunity in supervised learning. NeurIPS 2016.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.thresholds: list[dict[int, float]] = []
        self.pooled: list[float] = []

    def fit(self, cases: Finished, task: str, calls: Array | None = None) -> "Mitigation":
        """Fits each class against the rest.

        Args:
            task: not used; every kind of target is treated alike.
            calls: (n, K), 0 or 1, of the study's own thresholds; for the objective `as_called`.

        Raises:
            InputError: no calls, and the objective is `as_called`.
        """
        if calls is None and self.config.objective == "as_called":
            raise InputError(
                "group_thresholds with objective as_called needs the calls of the study. Give "
                "them, or take balanced_accuracy or accuracy."
            )
        self.thresholds, self.pooled = [], []
        for k in range(cases.probability.shape[1]):
            here = cases.known[:, k]
            p, y = cases.probability[here, k], cases.target[here, k]
            group, patients = cases.groups[here], cases.patients[here]
            large = [
                g
                for g in np.unique(group[group >= 0])
                if _fewest(y[group == g], patients[group == g]) >= self.config.min_patients
            ]
            called = None if calls is None else calls[here, k]
            self.pooled.append(self._of_all(p, y, called))
            kept = np.isin(group, large)
            wanted: dict[int, tuple[float, float]] = {}
            if len(large) > 1 and not np.isnan(self.pooled[-1]):
                wanted = self._wanted(p[kept], y[kept], group[kept], called, kept)
            self.thresholds.append(
                {
                    number: _nearest(
                        p[group == number], y[group == number], *rates, self.config.constraint
                    )
                    for number, rates in wanted.items()
                }
            )
        return self

    def decision(self, probability: Array, groups: NDArray[np.int64]) -> Array:
        """(n, K) calls, 0 or 1; NaN where no threshold could be chosen."""
        at = np.empty(probability.shape)
        for k, (own, pooled) in enumerate(zip(self.thresholds, self.pooled, strict=True)):
            at[:, k] = [own.get(int(group), pooled) for group in groups]
        return np.where(np.isnan(at), np.nan, probability >= at)

    def _of_all(self, p: Array, y: Array, called: Array | None) -> float:
        """The threshold for all together; NaN where only one outcome is there, or no call."""
        if np.unique(y).size < 2:
            return float("nan")
        if self.config.objective != "as_called" or called is None:
            return _best(p, y, self.config.objective)
        return _nearest(p, y, *_rates(called, y), "equalised_odds")

    def _wanted(
        self, p: Array, y: Array, group: NDArray[np.int64], called: Array | None, kept: Any
    ) -> dict[int, tuple[float, float]]:
        """Group -> (false positive rate, true positive rate) that it is to have."""
        if self.config.objective != "as_called" or called is None:
            return self.rates(p, y, group)
        return dict.fromkeys(map(int, np.unique(group)), _rates(called[kept], y))

    def rates(
        self, probability: Array, target: Array, group: NDArray[np.int64]
    ) -> dict[int, tuple[float, float]]:
        """Group -> (false positive rate, true positive rate) of Fairlearn's randomised rule."""
        from fairlearn.postprocessing import ThresholdOptimizer

        optimiser = ThresholdOptimizer(
            estimator=as_it_is(),
            constraints=CONSTRAINTS[self.config.constraint],
            objective=f"{self.config.objective}_score",
            grid_size=self.config.grid,
            prefit=True,
            predict_method="predict",
        )
        optimiser.fit(probability[:, None], target.astype(int), sensitive_features=group)
        rules = optimiser.interpolated_thresholder_.interpolation_dict
        found = {}
        for number, rule in rules.items():
            p, y = probability[group == number], target[group == number]
            called = rule.p0 * rule.operation0(p) + rule.p1 * rule.operation1(p)
            if "p_ignore" in rule:
                called = rule.p_ignore * rule.prediction_constant + (1 - rule.p_ignore) * called
            found[int(number)] = (float(called[y == 0].mean()), float(called[y == 1].mean()))
        return found


def as_it_is() -> Any:
    """What Fairlearn takes for a fitted model: it answers with the probability it is given."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class AsItIs(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> "AsItIs":
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict(self, X: Any) -> Any:
            return np.asarray(X)[:, 0]

    return AsItIs()


def _curve(probability: Array, target: Array) -> tuple[Array, Array, Array]:
    """Thresholds, highest first, with the (fpr, tpr) of the calls at or above each: above all
    cases, midway between neighbouring probabilities, and 0."""
    from sklearn.metrics import roc_curve

    fpr, tpr, values = roc_curve(target, probability, drop_intermediate=False)
    upper, lower = values[1:-1], values[2:]
    middle = (upper + lower) / 2
    middle = np.where(middle > lower, middle, upper)  # neighbours without a number between them
    return np.concatenate([[np.nextafter(values[1], 2.0)], middle, [0.0]]), fpr, tpr


def _nearest(p: Array, y: Array, fpr: float, tpr: float, constraint: str) -> float:
    """The threshold with the nearest rates; of those as near, the one with fewest false alarms."""
    thresholds, false_alarms, found = _curve(p, y)
    far = np.abs(found - tpr)
    if constraint == "equalised_odds":
        far = np.hypot(far, false_alarms - fpr)
    return float(thresholds[np.argmax(far <= far.min() + 1e-12)])


def _rates(called: Array, y: Array) -> tuple[float, float]:
    """(false positive rate, true positive rate) of calls."""
    return float(called[y == 0].mean()), float(called[y == 1].mean())


def _best(p: Array, y: Array, objective: str) -> float:
    """The threshold for all together."""
    thresholds, false_alarms, found = _curve(p, y)
    share = 0.5 if objective == "balanced_accuracy" else float(y.mean())
    gain = share * found - (1 - share) * false_alarms
    return float(thresholds[np.flatnonzero(gain >= gain.max() - 1e-12)[-1]])


def _fewest(target: Array, patients: NDArray[np.object_]) -> int:
    """Patients of the rarer outcome."""
    return min(np.unique(patients[target == outcome].astype(str)).size for outcome in (0, 1))
