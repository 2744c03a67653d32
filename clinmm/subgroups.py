"""Who is looked at apart: patterns of what was present, sensitive groups, intersections."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.errors import InputError, did_you_mean

NOT_RECORDED = "not recorded"
ALL = "all"
ANY = "any"
RESERVED = (ALL, "class")
"""What the tables write under group_by for everybody, and for sets by class."""


@dataclass(frozen=True, eq=False)
class Subset:
    """Rows of one sample under the names that the tables give them.

    keep: (n,) bool, the rows of the group. rest: (n,) bool, whom it is compared with: everybody
        else, without those of whom the attribute is not recorded.
    """

    group_by: str
    group: str
    pattern: str
    keep: NDArray[np.bool_]
    rest: NDArray[np.bool_]


def everyone(n: int) -> Subset:
    """All n rows."""
    return Subset(ALL, ALL, ANY, np.ones(n, dtype=bool), np.zeros(n, dtype=bool))


def by_pattern(patterns: NDArray[np.object_]) -> Iterator[Subset]:
    """One subset for each pattern of inputs present, in alphabetical order; none for `any`, which
    says that what was present is not known."""
    for pattern in sorted(set(patterns) - {ANY}):
        keep = np.asarray(patterns == pattern)
        yield Subset(ALL, ALL, pattern, keep, ~keep)


def of_cases(
    case_ids: NDArray[np.object_], patterns: NDArray[np.object_], groups: pd.DataFrame | None
) -> Iterator[Subset]:
    """The subsets of `by_group` where groups are given, else everybody and each pattern."""
    if groups is not None:
        yield from by_group(groups, case_ids)
        return
    yield everyone(len(case_ids))
    yield from by_pattern(patterns)


def by_group(groups: pd.DataFrame, case_ids: NDArray[np.object_]) -> Iterator[Subset]:
    """One subset for each value of each column of groups (indexed by case_id)."""
    at = groups.index.get_indexer(pd.Index(case_ids))
    for column in groups.columns:
        values = groups[column].astype(object).fillna(NOT_RECORDED).to_numpy()
        yield from by_value(str(column), np.where(at < 0, NOT_RECORDED, values[at]))


def by_value(attribute: str, values: NDArray[np.object_]) -> Iterator[Subset]:
    """One subset for each of the values (n,) of an attribute, in alphabetical order."""
    codes, names = pd.factorize(values, sort=True)
    recorded = np.array([is_recorded(str(name)) for name in names], dtype=bool)[codes]
    for code, name in enumerate(names):
        keep = np.asarray(codes == code)
        yield Subset(attribute, str(name), ANY, keep, ~keep & recorded)


def is_recorded(group: str) -> bool:
    """Whether every attribute of a group is known.

    >>> is_recorded("F*not recorded")
    False
    """
    return NOT_RECORDED not in group.split("*")


def intersections(names: Sequence[str], depth: int) -> list[str]:
    """The names, and every intersection of two to depth of the single ones among them.

    >>> intersections(["sex", "age"], 2)
    ['sex', 'age', 'sex*age']
    """
    single = [name for name in names if "*" not in name]
    crossed = ["*".join(c) for k in range(2, depth + 1) for c in combinations(single, k)]
    there = {frozenset(name.split("*")) for name in names}
    return [*names, *(name for name in crossed if frozenset(name.split("*")) not in there)]


def grouping(groups: pd.DataFrame, asked: Sequence[str] | None = None) -> pd.DataFrame:
    """The columns asked for, intersections made, `not recorded` where a value is empty.

    Args:
        groups: one row per case (index: case_id), one text column per attribute.
        asked: attributes such as `sex`, and intersections such as `sex*age`, whose groups are
            written `F*[40, 65)`. None: every column of groups.

    Returns:
        One text column for each asked name, the index of groups.

    Raises:
        InputError: an attribute that is not there, a reserved name, or case ids that occur twice.
    """
    problems = []
    if groups.index.has_duplicates:
        twice = int(groups.index.duplicated().sum())
        problems.append(f"{twice} case ids have two rows of groups; give one row per case.")
    for name in sorted(set(RESERVED) & set(map(str, groups.columns))):
        problems.append(
            f"a grouping column is named '{name}', which means something else in the tables; "
            "rename it."
        )
    names = [str(column) for column in groups.columns] if asked is None else list(asked)
    known = [str(column) for column in groups.columns]
    for name in names:
        for part in name.split("*"):
            if part not in known:
                problems.append(
                    f"no grouping column '{part}'. {did_you_mean(part, known)}"
                    if known
                    else f"no grouping column '{part}': there are none."
                )
    if problems:
        raise InputError(problems)
    # through object: a categorical does not take a new value
    text = groups.astype(object).where(groups.notna(), "").astype(str)
    text = text.mask(text.apply(lambda of: of.str.strip()) == "", NOT_RECORDED)
    made = {}
    for name in names:
        first, *others = name.split("*")
        joined = text[first]
        for other in others:
            joined = joined + "*" + text[other]
        made[name] = joined
    return pd.DataFrame(made, index=groups.index)
