"""The list of cases to read: what it holds, in what order, and how far the reader has come."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from clinmm.review.desk import Desk
from dashboards import run_data

Place = tuple[str, int]
"""A case and which reading of it."""

PER_PAGE = 25
COLUMNS = ["case_id", "number", "reading", "why", "status", "available_from"]


def of(desk: Desk) -> pd.DataFrame:
    """The reader's list in its order: COLUMNS, `inputs`, and a column for each group.

    In the open room these are all cases to read; in a study those assigned.

    Raises:
        NotAllowed: the person is no reader.
    """
    begun = desk.worklist()
    if desk.study.protocol.open:
        listed = run_data.reading_list()
        at = listed.index.get_indexer(begun["case_id"].astype(object))
        status = listed["status"].copy()
        status.iloc[at[at >= 0]] = begun["status"].to_numpy()[at >= 0]
        return listed.assign(status=status)
    kept = begun.drop(columns=["position", "arm"])
    return kept.merge(run_data.worklist_frame(), on="case_id", how="inner", sort=False)


def places(listed: pd.DataFrame) -> list[Place]:
    """Case and reading of each line."""
    return list(zip(listed["case_id"].tolist(), listed["reading"].tolist(), strict=True))


def step(order: Sequence[Place], now: Place, by: int) -> Place:
    """The line before or after; the ends stay.

    >>> two = [("a", 1), ("b", 1)]
    >>> step(two, ("a", 1), 1), step(two, ("b", 1), 1), step(two, ("z", 1), 1)
    (('b', 1), ('b', 1), ('a', 1))
    """
    if now not in order:
        return order[0]
    return order[min(max(order.index(now) + by, 0), len(order) - 1)]


def next_unread(order: Sequence[Place], now: Place | None, done: Sequence[bool]) -> Place | None:
    """The next line after the open one that is not done, wrapping round; None where all are.

    >>> three = [("a", 1), ("b", 1), ("c", 1)]
    >>> next_unread(three, ("b", 1), [False, True, True])
    ('a', 1)
    >>> next_unread(three, ("b", 1), [True, True, True])
    """
    at = order.index(now) if now in order else -1
    turned = [*range(at + 1, len(order)), *range(at + 1)]
    return next((order[i] for i in turned if not done[i]), None)


def closed(listed: pd.DataFrame) -> list[bool]:
    """Whether there is nothing to do for each line now: done, or a repeat before its washout."""
    done = listed["status"].eq("done")
    if listed["reading"].eq(1).all():
        return done.tolist()
    first = dict(zip(places(listed), done, strict=True))
    now = pd.Timestamp.now("UTC")
    waits = [
        reading > 1 and (not first.get((case, reading - 1), False) or now < later)
        for case, reading, later in zip(
            listed["case_id"], listed["reading"], listed["available_from"], strict=True
        )
    ]
    return [bool(a or b) for a, b in zip(done, waits, strict=True)]


def kept(
    listed: pd.DataFrame,
    search: str,
    statuses: Sequence[str],
    inputs: Sequence[str],
    groups: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """The lines that match: nothing chosen in a filter means all.

    Args:
        search: part of the case id, in any case.
        inputs: that must be present.
        groups: column -> groups.
    """
    fits = pd.Series(True, index=listed.index)
    if search.strip():
        ids = listed["case_id"].str
        fits &= ids.contains(search.strip(), case=False, regex=False)
    if statuses:
        fits &= listed["status"].isin(statuses)
    for name in inputs:
        fits &= (", " + listed["inputs"].astype(str) + ", ").str.contains(
            f", {name}, ", regex=False
        )
    for column, wanted in groups.items():
        if wanted:
            fits &= listed[column].astype(str).isin(wanted)
    return listed[fits]


def pages(n: int) -> int:
    """
    >>> pages(0), pages(25), pages(26)
    (1, 1, 2)
    """
    return max(1, math.ceil(n / PER_PAGE))


def minutes_left(seconds: Sequence[float], left: int) -> int | None:
    """Minutes for what is left, from the median time of the readings done; None before the third.

    >>> minutes_left([60, 90, 600], 4), minutes_left([60], 4)
    (6, None)
    """
    if len(seconds) < 3:
        return None
    return max(1, round(float(pd.Series(seconds).median()) * left / 60))
