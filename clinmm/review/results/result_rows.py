"""The table `reading_results`: every metric by reader, arm, step, class and group."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pandas as pd

from clinmm.progress import Tell, silent
from clinmm.review.results.estimates import (
    NAN,
    Estimated,
    counted,
    of_arms,
    of_medians,
    of_reader,
    of_readers,
    of_these,
)
from clinmm.review.results.families import with_families
from clinmm.review.results.macro import mean_over_classes
from clinmm.review.results.metrics import (
    CHANGES,
    COUNTS,
    NET,
    QUALITY,
    WITHOUT_MODEL,
    Bound,
    bound,
    change,
    median,
    net_help,
)
from clinmm.review.results.scored import ALL, MACRO, MODEL, of_model, scored
from clinmm.review.results.side_by_side import Readings
from clinmm.schema.reading import READING_RESULTS
from clinmm.subgroups import NOT_RECORDED

Row = dict[str, Any]
STEPS = ("alone", "with_model", "gain")
Make = Callable[[Readings], Bound]


def result_rows(
    study: str,
    readings: pd.DataFrame,
    kind: str,
    groups: pd.DataFrame,
    seed: int = 0,
    tell: Tell = silent,
) -> pd.DataFrame:
    """The results of a study. Repeats do not count; they are for agreement.

    Args:
        study: its name.
        readings: the table `readings` of the study.
        kind: of the target, as in run.json.
        groups: index case_id, a column for each sensitive attribute; may be empty.
        seed: of the draws of medians.
        tell: how far it has come.
    """
    rows: list[Row] = []
    of_classes = list(scored(readings[readings["reading"] == 1], kind))
    for done, (class_name, what, of_class) in enumerate(of_classes):
        parts = list(_parts(of_class, groups))
        for n, (place, part, everybody) in enumerate(parts, start=1):
            place = {"study": study, "class_name": class_name, **place}
            rows += _of_part(place, what, part, everybody, seed)
            tell(study, done + n / len(parts), len(of_classes), class_name)
        rows += _of_arms({"study": study, "class_name": class_name}, what, of_class)
    return READING_RESULTS.fill(
        with_families(pd.DataFrame(rows)) if rows else READING_RESULTS.empty()
    )


def _parts(readings: Readings, groups: pd.DataFrame) -> Iterator[tuple[Row, Readings, bool]]:
    """(arm, group_by, group), the readings, and whether readers are shown one by one."""
    whole = {"arm": ALL, "group_by": ALL, "group": ALL}
    yield whole, readings, True
    arms = readings.by("arm")
    for arm, part in arms.items() if len(arms) > 1 else ():
        yield {**whole, "arm": arm}, part, True
    for column in groups.columns:
        of_case = groups[column].reindex(readings.names["case_id"]).astype(object)
        group = of_case.fillna(NOT_RECORDED).astype(str).to_numpy()[readings.who["case_id"]]
        for name in sorted(set(group)):
            place = {**whole, "group_by": str(column), "group": name}
            yield place, readings.take(group == name), False


def _of_part(
    place: Row, what: str, readings: Readings, one_by_one: bool, seed: int
) -> Iterator[Row]:
    of = readings.by("reader")
    measured = _measure(place)

    def both(step: str, metric: str, make: Make) -> Iterator[Row]:
        each = [make(part) for part in of.values()]
        if not any(len(one.readings) for one in each):
            return  # nobody answered in this step
        yield _row(
            {**place, "reader": ALL, "step": step, "metric": metric},
            of_readers(each, make(readings)),
        )
        for reader, one in zip(of, each, strict=True) if one_by_one else ():
            if len(one.readings):
                at = {**place, "reader": reader, "step": step, "metric": metric}
                yield _row(at, of_reader(one))

    for metric in QUALITY[what]:
        for step in STEPS:
            yield from both(step, metric, lambda part, m=metric, s=step: measured(m, part, s))  # type: ignore[misc]
        if metric not in WITHOUT_MODEL and place["arm"] == ALL:
            model = measured(metric, of_model(readings), MODEL)
            if len(model.readings):
                at = {**place, "reader": MODEL, "step": MODEL, "metric": metric}
                yield _row(at, of_reader(model)._replace(n_readers=0))
    if what in ("rating", "choices"):
        for metric in CHANGES:
            yield from both("gain", metric, lambda part, m=metric: change(m, part))  # type: ignore[misc]
        yield from _counts(place, readings, of if one_by_one else {})
    if what in ("choices", "value", "reading"):
        yield from _seconds(place, of, one_by_one, seed)


def _measure(place: Row) -> Callable[[str, Readings, str], Bound]:
    return mean_over_classes if place["class_name"] == MACRO else bound


def _counts(place: Row, readings: Readings, of: dict[str, Readings]) -> Iterator[Row]:
    """How many readings were helped, harmed or changed, of n_cases, n_patients and n_readers; and
    helped less harmed of these readers."""
    for reader, part in {ALL: readings, **of}.items():
        at = {**place, "reader": reader, "step": "gain"}
        net = net_help(part)
        if len(net.readings):
            yield _row({**at, "metric": NET}, of_these(net))
        for metric, share in COUNTS.items():
            counts = change(share, part)
            if counts.hits is None or not len(counts.readings):
                continue
            n = counted([counts])
            found = Estimated(float(counts.hits.sum()), NAN, NAN, *n, "count")
            yield _row({**at, "metric": metric}, found)


def _seconds(place: Row, of: dict[str, Readings], one_by_one: bool, seed: int) -> Iterator[Row]:
    for step in ("alone", "with_model"):
        each = {reader: median(part, f"seconds_{step}") for reader, part in of.items()}
        each = {reader: one for reader, one in each.items() if len(one.readings)}
        at = {**place, "step": step, "metric": "seconds"}
        if each:
            yield _row({**at, "reader": ALL}, of_medians(list(each.values()), seed))
        for reader, one in each.items() if one_by_one else ():
            yield _row({**at, "reader": reader}, of_medians([one], seed))


def _of_arms(place: Row, what: str, readings: Readings) -> Iterator[Row]:
    """Every arm less each that comes after it, in the answers that its readings ended with."""
    measured = _measure(place)
    for (a, first), (b, second) in combinations(readings.by("arm").items(), 2):
        for metric in QUALITY[what]:
            each = [
                {name: measured(metric, part, "final") for name, part in arm.by("reader").items()}
                for arm in (first, second)
            ]
            at = {"reader": ALL, "arm": f"{a} less {b}", "step": "arms", "metric": metric}
            yield _row({**place, **at, "group_by": ALL, "group": ALL}, of_arms(*each))


def _row(place: Row, found: Estimated) -> Row:
    return {**place, **found._asdict()}
