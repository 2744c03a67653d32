"""Every metric by sensitive group, and each group against its complement.

The complement of a group is everybody else of whom the attribute is recorded; the two are
compared by patient. Declared family `gaps`, one for each arm: AUROC, and the false negative rate at
the first operating point, of the only class or of the mean over the classes, every group; Holm over
all of them. With two groups the two tests are one test seen from either side and count once. Every
other difference, each single class of several among them, is exploratory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clinmm import curves, registry, schema
from clinmm.comparisons import Difference, difference, holm, verdict
from clinmm.evaluation.of_rules import of_rules
from clinmm.evaluation.rows import (
    MACRO,
    Key,
    Row,
    comparison_row,
    curve_rows,
    metric_rows,
    per_subset,
    wanted_of,
)
from clinmm.fairness.disparities import largest_gaps
from clinmm.intervals import Estimate, estimate, macro
from clinmm.samples import CALIBRATED, CALL, Samples, Scored, build
from clinmm.subgroups import ALL, Subset, by_group, grouping

FAMILY = "gaps"
COMPARED = ("auroc", "fnr", "fpr", "ece")
"""Metrics compared between groups; those that move with prevalence alone are left out."""


@dataclass(frozen=True, eq=False)
class Audit:
    """Rows by group for the three tables of an evaluation; group_by is never `all`."""

    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    curves: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Test:
    row: Row
    of: Difference
    about: tuple[object, ...]
    """The same for both sides of a mirrored test."""


def audit(
    predictions: pd.DataFrame,
    groups: pd.DataFrame,
    thresholds: pd.DataFrame | None = None,
    *,
    decisions: pd.DataFrame | None = None,
    group_by: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Audit:
    """Scores the test rows by group.

    Args:
        predictions, thresholds, decisions: as for `evaluation.evaluate`.
        groups: index case_id, one text column per sensitive attribute; empty is `not recorded`.
        group_by: attributes (`sex`) and intersections (`sex*age`); None for every attribute.
        arms: None for all.
        metrics: names; None for every metric there is.
        n_bootstrap, seed: patient draws.

    Raises:
        InputError: as `samples.build` and `subgroups.grouping`, or an unknown metric.
    """
    asked = grouping(groups, group_by)
    samples = build(
        predictions,
        thresholds,
        decisions=decisions,
        arms=arms,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    names = registry.available("metrics") if metrics is None else list(metrics)
    wanted = [key for key in wanted_of(names, samples.points) if key[1] != "raw"]
    rows: list[Row] = []
    for arm in samples.arms:
        for subset, class_name, found in per_subset(
            samples, arm, wanted, lambda scored: by_group(asked, scored.case_ids)
        ):
            rows += metric_rows(arm, class_name, subset, found)
        rows += _gap_rows(samples, arm, asked)
    return Audit(
        schema.METRICS.fill(pd.DataFrame(rows, columns=schema.METRICS.names)),
        schema.COMPARISONS.fill(
            pd.DataFrame(_against_complement(samples, asked), columns=schema.COMPARISONS.names)
        ),
        schema.CURVES.fill(
            pd.DataFrame(list(_reliability(samples, asked)), columns=schema.CURVES.names)
        ),
    )


def merged(before: pd.DataFrame, audited: pd.DataFrame) -> pd.DataFrame:
    """A table of the evaluation with the audit's rows in place of any earlier audit's.

    What the evaluation itself gives by group, on sets and deferral and on inputs that fail, stays.
    """
    kept = (before["group_by"] == ALL) | of_rules(before)
    if "kind" in before:
        kept |= before["kind"] == "robustness"
    return pd.concat([before[kept], audited], ignore_index=True)


def _against_complement(samples: Samples, asked: pd.DataFrame) -> list[Row]:
    """Rows of every arm, each with a family of its own; with several classes `macro` is judged."""
    points = samples.points[:1]
    primary = {("auroc", CALIBRATED), *(("fnr", CALL + point) for point in points)}
    wanted = [key for key in wanted_of(COMPARED, points) if key[1] != "raw"]
    rows: list[Row] = []
    for arm in samples.arms:
        tests: list[_Test] = []
        sides = _sides(samples, arm, asked, wanted)
        judged = MACRO if len({class_name for class_name, _ in sides}) > 1 else None
        for (class_name, _), side in sides.items():
            for key in wanted:
                of = _group_difference(side.inside[key], side.outside[key])
                declared = key in primary and judged in (None, class_name)
                row = comparison_row(
                    arm, "complement", class_name, side.subset, of, FAMILY if declared else None
                )
                rows.append(row)
                if declared:
                    tests.append(_Test(row, of, (side.subset.group_by, key, side.both)))
        _judge(tests)
    return rows


@dataclass(frozen=True, eq=False)
class _Side:
    """A group of one class (or `macro`) and everybody else. both: the same from either side."""

    subset: Subset
    inside: dict[Key, Estimate]
    outside: dict[Key, Estimate]
    both: frozenset[bytes]


def _sides(
    samples: Samples, arm: str, asked: pd.DataFrame, wanted: Sequence[Key]
) -> dict[tuple[str, tuple[str, str]], _Side]:
    """(class name, (group_by, group)) -> both sides; the macro mean after the classes."""
    found: dict[tuple[str, tuple[str, str]], _Side] = {}
    for class_name, scored in _classes(samples, arm):
        for subset in by_group(asked, scored.case_ids):
            found[class_name, (subset.group_by, subset.group)] = _Side(
                subset,
                estimate(scored.sample.take(subset.keep), wanted, samples.draws),
                estimate(scored.sample.take(subset.rest), wanted, samples.draws),
                frozenset((subset.keep.tobytes(), subset.rest.tobytes())),
            )
    classes = list(dict.fromkeys(class_name for class_name, _ in found))
    if len(classes) < 2:
        return found
    for place in dict.fromkeys(place for _, place in found):
        parts = {name: found[name, place] for name in classes if (name, place) in found}
        if len(parts) == len(classes):
            first = parts[classes[0]]
            found[MACRO, place] = _Side(
                first.subset,
                {key: macro({n: part.inside[key] for n, part in parts.items()}) for key in wanted},
                {key: macro({n: part.outside[key] for n, part in parts.items()}) for key in wanted},
                first.both,
            )
    return found


def _group_difference(inside: Estimate, outside: Estimate) -> Difference:
    """n_patients is that of the group, not of the larger side."""
    return replace(difference(inside, outside), n_patients=inside.n_patients)


def _judge(tests: list[_Test]) -> None:
    """Holm over distinct tests; both sides of a mirrored one get the same."""
    p_of = {test.about: test.of.p for test in tests}
    adjusted = dict(zip(p_of, holm(list(p_of.values())), strict=True))
    for test in tests:
        p_holm = float(adjusted[test.about])
        test.row["p_holm"] = p_holm
        test.row["verdict"] = verdict(test.of, p_holm)


def _gap_rows(samples: Samples, arm: str, asked: pd.DataFrame) -> list[Row]:
    """Largest gap between groups that are not suppressed: metrics `fpr_gap`, `fnr_gap`."""
    rows = []
    for class_name, scored in _classes(samples, arm):
        for attribute in asked.columns:
            subsets = list(by_group(asked[[attribute]], scored.case_ids))
            for point in samples.points:
                rows += _gaps(scored, samples, subsets, arm, class_name, CALL + point)
    return rows


def _gaps(
    scored: Scored,
    samples: Samples,
    subsets: list[Subset],
    arm: str,
    class_name: str,
    column: str,
) -> list[Row]:
    sample = scored.sample
    keys = [("fpr", column), ("fnr", column)]
    once = samples.draws.first(0)
    shown = [
        subset
        for subset in subsets
        if all(e.status == "ok" for e in estimate(sample.take(subset.keep), keys, once).values())
    ]
    if len(shown) < 2:
        return []
    group = np.full(sample.y_true.size, "", dtype=object)
    for subset in shown:
        group[subset.keep] = subset.group
    kept = group != ""
    gaps = largest_gaps(sample.y_true[kept], sample.columns[column][kept], group[kept])
    whole = Subset(shown[0].group_by, ALL, shown[0].pattern, kept, ~kept)
    overall = estimate(sample.take(kept), keys, once)
    return [
        {**row, "metric": f"{row['metric']}_gap", "value": gaps[str(row["metric"])]}
        | {"low": np.nan, "high": np.nan, "interval": "none"}
        for row in metric_rows(arm, class_name, whole, overall)
    ]


def _reliability(samples: Samples, asked: pd.DataFrame) -> Iterator[Row]:
    for (arm, class_name), scored in samples.parts.items():
        for subset in by_group(asked, scored.case_ids):
            points = curves.reliability(scored.sample.take(subset.keep), CALIBRATED)
            yield from curve_rows("reliability", arm, class_name, subset, points)


def _classes(samples: Samples, arm: str) -> Iterator[tuple[str, Scored]]:
    for (of, class_name), scored in samples.parts.items():
        if of == arm:
            yield class_name, scored
