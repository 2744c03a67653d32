"""Every metric by sensitive group, and each group against everybody else (`gaps.py`).

One attribute at a time, and of it one class after the other, so that of 100,000 cases no more is
kept in memory than the groups of one attribute need.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import curves, schema
from clinmm.evaluation.of_rules import both, measured
from clinmm.evaluation.rows import MACRO, Found, Key, Row, curve_rows, metric_rows, wanted_of
from clinmm.fairness import gaps
from clinmm.fairness.underdiagnosis import RATE_OF, any_finding
from clinmm.intervals import Draws, Sample, estimate
from clinmm.rules import FittedRules
from clinmm.samples import CALIBRATED, CALL, RAW, Samples, Scored, build
from clinmm.subgroups import (
    ALL,
    NOT_RECORDED,
    RESERVED,
    by_value,
    everyone,
    grouping,
    intersections,
)

AUDITED = (
    *("auroc", "auprc", "brier", "log_loss", "prevalence", "observed_expected"),
    *("calibration_intercept", "calibration_slope", "ece", "ece_debiased", "ece_if_calibrated"),
    *("sensitivity", "specificity", "ppv", "npv", "fnr", "fpr", "selection_rate"),
    *("f1", "balanced_accuracy", "net_benefit"),
)
"""Metrics given by group, beside those of sets and deferral."""
NET_BENEFIT = "net_benefit"


@dataclass(frozen=True, eq=False)
class Audit:
    """Rows by group for the three tables of an evaluation; only under- and overdiagnosis are also
    given for all."""

    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    curves: pd.DataFrame


def audit(
    predictions: pd.DataFrame,
    groups: pd.DataFrame,
    thresholds: pd.DataFrame | None = None,
    *,
    decisions: pd.DataFrame | None = None,
    rules: FittedRules | None = None,
    group_by: Sequence[str] | None = None,
    depth: int = 1,
    arms: Sequence[str] | None = None,
    kind: str = "multilabel",
    metrics: Sequence[str] = AUDITED,
    primary: Sequence[str] = gaps.PRIMARY,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Audit:
    """Scores the test rows by group.

    Args:
        predictions, thresholds, decisions, rules: as for `evaluation.evaluate`.
        groups: index case_id, one text column per sensitive attribute; empty is `not recorded`.
        group_by: attributes (`sex`) and intersections (`sex*age`); None for every attribute.
        depth: also every intersection of up to so many of the attributes.
        arms: None for all.
        kind: binary, multiclass or multilabel.
        metrics: names; sets and deferral are beside them where there are rules, also by what the
            sets promise to.
        primary: metrics whose gaps are judged, one family for each arm.
        n_bootstrap, seed: patient draws.

    Raises:
        InputError: as `samples.build`, `subgroups.grouping` and `gaps.compared_keys`, or an unknown
            metric.
    """
    names = [str(column) for column in groups.columns] if group_by is None else list(group_by)
    asked = grouping(groups, intersections(names, depth))
    samples = build(
        predictions,
        thresholds,
        decisions=decisions,
        arms=arms,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    compared, declared = gaps.compared_keys(primary, samples.points)
    wanted = [key for key in wanted_of(metrics, samples.points) if key[1] != RAW]
    wanted = list(dict.fromkeys([*wanted, *compared]))
    weighed = _weights(thresholds) if NET_BENEFIT in metrics else {}
    found = _Rows()
    for arm in samples.arms:
        of_arm = _Arm.of(samples, arm, kind, wanted, compared, weighed)
        if len(asked.columns):
            found.metrics += of_arm.overall()
        tests: list[gaps.Test] = []
        for attribute in asked.columns:
            for part in of_arm.by_class(asked[attribute]):
                tests += found.add(of_arm, *part, primary=declared, points=samples.points)
        gaps.judge(tests)
    result = found.tables()
    if rules is None:
        return result
    promised = [by for by in rules.prediction_sets["by"].unique() if by in groups.columns]
    by = grouping(groups, list(dict.fromkeys([*asked.columns, *promised])))
    more = measured(predictions, rules, kind=kind, groups=by)
    return Audit(*map(both, (result.metrics, result.comparisons, result.curves), more))


def merged(before: pd.DataFrame, audited: pd.DataFrame) -> pd.DataFrame:
    """A table of the evaluation with the audit's rows in place of any earlier audit's.

    What the evaluation itself gives beside everybody, on sets by class and on inputs that fail,
    stays.
    """
    kept = before["group_by"].isin(RESERVED)
    if "kind" in before:
        kept |= before["kind"] == "robustness"
    else:
        kept &= ~before["metric"].isin(RATE_OF.values())
    return pd.concat([before[kept], audited], ignore_index=True)


@dataclass(eq=False)
class _Rows:
    """Rows of the three tables, as they come."""

    metrics: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    curves: list[Row] = field(default_factory=list)

    def add(
        self,
        arm: "_Arm",
        class_name: str,
        sides: list[gaps.Side],
        scored: Scored | None,
        *,
        primary: set[str],
        points: Sequence[str],
    ) -> list[gaps.Test]:
        """All that is said of the groups of one attribute in one class; the tests among it."""
        keys = [key for key in arm.compared if all(key in side.outside for side in sides)]
        declared = primary if class_name in arm.judged else set()
        tests: list[gaps.Test] = []
        for side in sides:
            self.metrics += gaps.named(metric_rows(arm.name, class_name, side.subset, side.inside))
            rows, of_side = gaps.against_complement(arm.name, class_name, side, keys, declared)
            self.comparisons += rows
            tests += of_side
        self.comparisons += gaps.against_best(arm.name, class_name, sides, keys)
        if scored is not None:
            self.metrics += gaps.largest_gaps(arm.name, class_name, sides, scored.sample, points)
            self.curves += _reliability(arm.name, class_name, sides, scored)
        return tests

    def tables(self) -> Audit:
        return Audit(
            schema.METRICS.fill(pd.DataFrame(self.metrics, columns=schema.METRICS.names)),
            schema.COMPARISONS.fill(
                pd.DataFrame(self.comparisons, columns=schema.COMPARISONS.names)
            ),
            schema.CURVES.fill(pd.DataFrame(self.curves, columns=schema.CURVES.names)),
        )


@dataclass(frozen=True, eq=False)
class _Arm:
    """One arm's classes, ranked by probability, and its cases by whether they have a finding.

    wanted: what is estimated in each group. compared: of it, what also in everybody else.
    weighed: class -> (column of calls, threshold whose odds weigh them), for the net benefit.
    """

    name: str
    classes: dict[str, Scored]
    finding: Scored | None
    draws: Draws
    wanted: list[Key]
    compared: list[Key]
    weighed: dict[str, list[tuple[str, float]]]

    @classmethod
    def of(
        cls,
        samples: Samples,
        arm: str,
        kind: str,
        wanted: list[Key],
        compared: list[Key],
        weighed: dict[tuple[str, str], list[tuple[str, float]]],
    ) -> "_Arm":
        parts = {name: _ranked(one) for (of, name), one in samples.parts.items() if of == arm}
        return cls(
            arm,
            parts,
            any_finding(samples, arm, kind),
            samples.draws,
            wanted,
            compared,
            {name: weighed.get((arm, name), []) for name in parts},
        )

    @property
    def judged(self) -> tuple[str, str]:
        """The classes whose primary metrics are declared."""
        return (MACRO if len(self.classes) > 1 else next(iter(self.classes)), ALL)

    def overall(self) -> list[Row]:
        """Under- and overdiagnosis of everybody."""
        if self.finding is None:
            return []
        keys = _errors(self.finding)
        found = estimate(self.finding.sample, keys, self.draws)
        return gaps.named(metric_rows(self.name, ALL, everyone(self.finding.case_ids.size), found))

    def by_class(
        self, group_of: "pd.Series[str]"
    ) -> Iterator[tuple[str, list[gaps.Side], Scored | None]]:
        """The groups of one attribute in each class, in the mean over classes, and in `all`: by
        whether they have a finding.

        group_of: index case_id.
        """
        attribute = str(group_of.name), self._in_order_of_numbers(group_of)
        per_class = []
        for name, scored in self.classes.items():
            sides = self._sides(scored, attribute, self.wanted, self.compared, self.weighed[name])
            per_class.append(sides)
            yield name, sides, scored
        if len(per_class) > 1:
            yield MACRO, gaps.macro_sides(per_class, list(self.classes)), None
        if self.finding is not None:
            keys = _errors(self.finding)
            yield ALL, self._sides(self.finding, attribute, keys, keys, []), None

    def _in_order_of_numbers(self, group_of: "pd.Series[str]") -> NDArray[np.object_]:
        """(n,) the group of each case by its number in the samples."""
        last = max(int(one.sample.case.max()) for one in self.classes.values())
        ids = np.full(last + 1, None, dtype=object)
        for one in self.classes.values():
            ids[one.sample.case] = one.case_ids
        return group_of.reindex(ids).fillna(NOT_RECORDED).to_numpy(dtype=object)

    def _sides(
        self,
        scored: Scored,
        attribute: tuple[str, NDArray[np.object_]],
        wanted: list[Key],
        compared: list[Key],
        weighed: list[tuple[str, float]],
    ) -> list[gaps.Side]:
        """Both sides of each group. Everybody else beside one of two groups is the other."""
        name, values = attribute
        subsets = list(by_value(name, values[scored.sample.case]))
        insides: dict[bytes, Found] = {}
        for subset in subsets:
            sample = scored.sample.take(subset.keep)
            found = estimate(sample, wanted, self.draws)
            for column, threshold in weighed:
                keys = [(NET_BENEFIT, column)]
                found |= estimate(sample, keys, self.draws, given={"threshold": threshold})
            insides[_bits(subset.keep)] = found
        sides = []
        for subset in subsets:
            keep, rest = _bits(subset.keep), _bits(subset.rest)
            if rest in insides:
                outside = {key: insides[rest][key] for key in compared}
            else:
                outside = estimate(scored.sample.take(subset.rest), compared, self.draws)
            sides.append(gaps.Side(subset, insides[keep], outside, frozenset((keep, rest))))
        return sides


def _bits(of: NDArray[np.bool_]) -> bytes:
    return np.packbits(of).tobytes()


def _errors(finding: Scored) -> list[Key]:
    calls = [column for column in finding.sample.columns if column.startswith(CALL)]
    return [(metric, column) for column in calls for metric in RATE_OF]


def _ranked(scored: Scored) -> Scored:
    """The cases of each repeat and fold by falling probability: what is in order is sorted fast."""
    of = scored.sample
    order = np.lexsort((-of.columns[CALIBRATED], of.fold, of.repeat))
    columns = {name: column[order] for name, column in of.columns.items() if name != RAW}
    ranked = Sample(
        of.y_true[order],
        columns,
        of.patient[order],
        of.case[order],
        of.repeat[order],
        of.fold[order],
    )
    return Scored(ranked, scored.case_ids[order], scored.patterns[order])


def _weights(thresholds: pd.DataFrame | None) -> dict[tuple[str, str], list[tuple[str, float]]]:
    """(arm, class) -> the column of calls and the threshold of each operating point, the mean over
    folds, where it is a probability whose odds weigh anything."""
    if thresholds is None or thresholds.empty:
        return {}
    found: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for (arm, name, point), of in thresholds.groupby(
        ["arm", "class_name", "operating_point"], sort=False
    )["threshold"]:
        mean = float(of.mean())
        if of.notna().all() and 0 < mean < 1:
            found.setdefault((str(arm), str(name)), []).append((CALL + str(point), mean))
    return found


def _reliability(
    arm: str, class_name: str, sides: Sequence[gaps.Side], scored: Scored
) -> Iterator[Row]:
    for side in sides:
        points = curves.reliability(scored.sample.take(side.subset.keep), CALIBRATED)
        yield from curve_rows("reliability", arm, class_name, side.subset, points)
