"""One verdict for each attribute and primary metric: gap shown, no gap shown, or cannot tell.

gap_shown       the test of all groups at once (`any_group`) has p below .05 after Holm over the
                attributes and metrics of the arm, and the interval of the group it names, against
                everybody else, does not hold 0
no_gap_shown    otherwise, with the gap that such data would show four times in five
cannot_tell     fewer than two groups can be judged, or only a gap above .3 would be shown: as
                between a model that is good (AUROC .85) in one group and of no use (.55) in another

What would be shown is reckoned with the rule itself: the statistic must exceed what it exceeds
under permutation in .05 / tests, the strictest step of Holm's. It differs by group, since small
groups hide more; the table holds the largest.

Metrics that do not condition on the outcome, and any metric where nothing is permuted, have no test
of all groups at once. Their verdict is that of the group comparisons, family `gaps`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from clinmm import schema
from clinmm.comparisons import ALPHA, holm
from clinmm.errors import InputError
from clinmm.evaluation.rows import Key
from clinmm.fairness import sentences
from clinmm.fairness.examples import examples
from clinmm.fairness.group_tests import GroupTest, group_tests, higher_is_better, plain
from clinmm.fairness.told import CANNOT_TELL, GAP_SHOWN, NO_GAP_SHOWN
from clinmm.intervals import module_of
from clinmm.progress import Tell, silent
from clinmm.samples import CALIBRATED, CALL, Samples, build
from clinmm.subgroups import by_group, grouping

USELESS = 0.3
"""A gap that data must be able to show for anything to be said."""


def bias_verdicts(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame | None,
    groups: pd.DataFrame,
    comparisons: pd.DataFrame,
    *,
    group_by: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    primary: Sequence[str] = ("auroc", "fnr"),
    permutations: int = 1000,
    seed: int = 0,
    sources: pd.DataFrame | None = None,
    decisions: pd.DataFrame | None = None,
    who: pd.DataFrame | None = None,
    tell: Tell = silent,
) -> pd.DataFrame:
    """Verdicts of the test cases.

    Args:
        predictions, thresholds, decisions: as for `samples.build`.
        groups: index case_id, one text column per sensitive attribute; empty is `not recorded`.
        comparisons: schema.COMPARISONS of `fairness.audit` with the same primary metrics.
        group_by: attributes and intersections; None for every attribute.
        arms: None for all.
        primary: metrics; those of calls at the first operating point.
        permutations: of each test; more are made where there are so many tests that no p could
            stand. 0 leaves the test out.
        seed: of the permutations.
        sources: schema.GAP_SOURCES, for what may explain a gap.
        who: schema.GROUPS; a gap in who is there is said first.
        tell: told how many tests are done.

    Returns:
        schema.BIAS_VERDICTS, a row for each arm, attribute and primary metric.

    Raises:
        InputError: as `samples.build` and `grouping`; a primary metric that was not compared.
    """
    asked = grouping(groups, group_by)
    samples = build(predictions, thresholds, decisions=decisions, arms=arms, n_bootstrap=0)
    against = comparisons[comparisons["rival"] == "complement"]
    keys = _keys(primary, samples.points, set(against["metric"])) if len(asked.columns) else []
    each = len(asked.columns) * len(keys)  # tests of one arm
    rows = []
    for number, arm in enumerate(samples.arms):

        def advance(done: float, before: int = number * each) -> None:
            tell("audit: verdicts", before + done, len(samples.arms) * each)

        tests = group_tests(
            *(samples, arm, asked, keys, against),
            permutations=permutations,
            seed=seed,
            advance=advance,
        )
        adjusted = holm([test.of.p for test in tests])
        n_tests = max(1, int(np.isfinite(adjusted).sum()))
        for test, p_holm in zip(tests, adjusted, strict=True):
            p = float(p_holm) if test.of.permuted.size else test.p_holm
            rows.append(_row(test, p, n_tests, samples, asked, sources, who))
    return schema.BIAS_VERDICTS.fill(pd.DataFrame(rows, columns=schema.BIAS_VERDICTS.names))


def confirmed(comparisons: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """The comparisons, in which a group's own verdict stands only where the verdict on all groups
    of the attribute together is a gap: in small groups t intervals alone raise more false alarms
    than they say.

    Args:
        comparisons: schema.COMPARISONS of `fairness.audit`. verdicts: from `bias_verdicts`.
    """
    of = ["arm", "group_by", "metric", "class_name"]
    shown = verdicts.loc[verdicts["verdict"] == GAP_SHOWN, of]
    stands = pd.MultiIndex.from_frame(comparisons[of]).isin(pd.MultiIndex.from_frame(shown))
    claimed = (comparisons["rival"] == "complement") & comparisons["verdict"].isin(
        ["worse", "better"]
    )
    return comparisons.assign(verdict=comparisons["verdict"].mask(claimed & ~stands, "not_shown"))


def _keys(primary: Sequence[str], points: Sequence[str], compared: set[str]) -> list[Key]:
    """(metric, column) of each primary metric. None of calls where nothing is called, nor of
    underdiagnosis where nothing says who has no finding."""
    keys, lacking = [], []
    for name in primary:
        of_calls = module_of(plain(name)).NEEDS == "decision"
        if of_calls and not points:
            continue
        if name in compared:
            keys.append((name, CALL + points[0] if of_calls else CALIBRATED))
        elif name == plain(name):
            lacking.append(name)
    if lacking:
        raise InputError(
            f"no group is compared with everybody else in {', '.join(lacking)}; audit with the "
            "same primary metrics."
        )
    return keys


def _verdict(test: GroupTest, p_holm: float, detectable: dict[str, float]) -> str:
    if len(detectable) < 2:
        return CANNOT_TELL
    gap = test.of.gaps[test.of.group]
    worse = gap.high < 0 if higher_is_better(test.key[0]) else gap.low > 0
    if p_holm < ALPHA and worse:
        return GAP_SHOWN
    return NO_GAP_SHOWN if min(detectable.values()) <= USELESS else CANNOT_TELL


def _row(
    test: GroupTest,
    p_holm: float,
    n_tests: int,
    samples: Samples,
    asked: pd.DataFrame,
    sources: pd.DataFrame | None,
    who: pd.DataFrame | None,
) -> dict[str, Any]:
    """A row of the table."""
    metric, column = test.key
    of = test.of
    detectable = test.detectable(n_tests)
    verdict = _verdict(test, p_holm, detectable)
    gap = of.gaps.get(of.group)
    row = {
        "arm": test.arm,
        "group_by": test.group_by,
        "metric": metric,
        "class_name": test.class_name,
        "operating_point": column.removeprefix(CALL) if column.startswith(CALL) else None,
        "n_groups": len(of.gaps),
        "n_suppressed": len(of.suppressed),
        "n_patients": _n_patients(test, samples, asked),
        "statistic": of.statistic,
        "p": of.p,
        "p_holm": p_holm,
        "verdict": verdict,
        "group": of.group or None,
        "difference": gap.difference if gap else np.nan,
        "low": gap.low if gap else np.nan,
        "high": gap.high if gap else np.nan,
        "detectable": max(detectable.values()) if len(detectable) > 1 else np.nan,
        "sentence": sentences.before(who, test.group_by)
        + _sentence(test, verdict, p_holm, detectable)
        + sentences.not_judged(of.suppressed),
        "cause": None,
        "case_ids": None,
    }
    if verdict == GAP_SHOWN:
        row["cause"] = sentences.cause(
            sources, test.arm, test.group_by, of.group, test.class_name, plain(metric)
        )
        row["case_ids"] = "\n".join(_examples(test, samples, asked[test.group_by])) or None
    return row


def _sentence(test: GroupTest, verdict: str, p_holm: float, detectable: dict[str, float]) -> str:
    metric, of = test.key[0], test.of
    if verdict == GAP_SHOWN:
        gap = of.gaps[of.group]
        limits = gap.difference, gap.low, gap.high
        return sentences.gap_shown(metric, test.class_name, test.group_by, of.group, limits, p_holm)
    if verdict == NO_GAP_SHOWN:
        return sentences.no_gap_shown(metric, test.group_by, detectable)
    least = min(detectable.values(), default=np.nan)
    return sentences.cannot_tell(metric, test.group_by, len(detectable), least)


def _n_patients(test: GroupTest, samples: Samples, asked: pd.DataFrame) -> int:
    """Patients in the groups that could be judged, in any class."""
    found: set[int] = set()
    for (arm, _), scored in samples.parts.items():
        if arm == test.arm:
            for subset in by_group(asked[[test.group_by]], scored.case_ids):
                if subset.group in test.of.gaps:
                    found.update(scored.sample.patient[subset.keep].tolist())
    return len(found)


def _examples(test: GroupTest, samples: Samples, groups: pd.Series) -> list[str]:
    """Of several classes, from the one with the widest gap of that group."""
    rows = test.rows[(test.rows["group"] == test.of.group) & test.rows["difference"].notna()]
    sign = -1 if higher_is_better(test.key[0]) else 1
    widest = (sign * rows["difference"]).sort_values(ascending=False, kind="stable").index
    for class_name in rows["class_name"][widest]:
        if scored := samples.parts.get((test.arm, class_name)):
            of_group = groups.reindex(scored.case_ids).to_numpy() == test.of.group
            return examples(scored, of_group, test.key)
    return []
