"""The table `reading_agreement`: of all readers, of each two, and of a reader with a repeat."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd

from clinmm.metrics.weighted import Array
from clinmm.review.agreement import cohen_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha
from clinmm.review.agreement.interval import Agreement, agreement
from clinmm.review.answers import POSITIVE
from clinmm.review.results.reading_rows import ALONE, WITH_MODEL
from clinmm.review.results.scored import ALL
from clinmm.schema.reading import READING_AGREEMENT

Row = dict[str, Any]
Coefficient = Callable[[Array, Array], Array]
RATINGS = (1.0, 2.0, 3.0, 4.0, 5.0)


def agreement_rows(study: str, readings: pd.DataFrame, kind: str, seed: int = 0) -> pd.DataFrame:
    """How far answers agree, nominal by the call, ordinal by the rating, interval by the value.

    Args:
        study: its name.
        readings: the table `readings` of the study.
        kind: of the target, as in run.json.
        seed: of the bootstrap of patients.
    """
    rows: list[Row] = []
    for step in (ALONE, WITH_MODEL):
        said = readings[readings["step"] == step]
        for class_name, scale, part, categories in _tables(said, kind):
            at = {"study": study, "step": step, "class_name": class_name, "scale": scale}
            first = _side_by_side(part[part["reading"] == 1], "reader")
            for between, table, all_readers in _compared(first, part):
                made = _of_all if all_readers else _of_two
                for name, coefficient, used in made(table, scale, categories):
                    found = _agreement(coefficient, used, part, seed)
                    rows.append({**at, "between": between, "coefficient": name, **found._asdict()})
    return READING_AGREEMENT.fill(pd.DataFrame(rows) if rows else READING_AGREEMENT.empty())


def _tables(
    said: pd.DataFrame, kind: str
) -> Iterator[tuple[str, str, pd.DataFrame, tuple[float, ...]]]:
    """(class_name, scale, answers, categories)."""
    if kind == "multiclass":
        names = sorted(said["class_name"].unique())
        number = {name: float(i) for i, name in enumerate(names)}
        chosen = said[said["answer"] == 1]
        chosen = chosen.assign(answer=chosen["class_name"].map(number))
        if len(chosen):
            yield ALL, "nominal", chosen, tuple(number.values())
        return
    for class_name, part in said.groupby("class_name", sort=True):
        if kind == "continuous":
            yield str(class_name), "interval", part, ()
            continue
        call = (part["answer"] >= POSITIVE).astype(float)
        yield str(class_name), "nominal", part.assign(answer=call), (0.0, 1.0)
        yield str(class_name), "ordinal", part, RATINGS


def _side_by_side(part: pd.DataFrame, columns: str) -> pd.DataFrame:
    return part.pivot(index="case_id", columns=columns, values="answer").sort_index()


def _compared(first: pd.DataFrame, part: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, bool]]:
    """(between, answers of two or more side by side, whether it is of all readers)."""
    if first.shape[1] > 1:
        yield ALL, first, True
    for one, other in combinations(first.columns, 2):
        yield f"{one} and {other}", first[[one, other]], False
    for reader, own in part.groupby("reader", sort=True):
        if own["reading"].nunique() > 1:
            yield f"{reader} again", _side_by_side(own, "reading")[[1, 2]], False


def _of_all(
    table: pd.DataFrame, scale: str, categories: tuple[float, ...]
) -> Iterator[tuple[str, Coefficient, pd.DataFrame]]:
    alpha = partial(krippendorff_alpha.replicates, scale=cast(krippendorff_alpha.Scale, scale))
    if scale == "nominal":
        yield "fleiss_kappa", partial(fleiss_kappa.replicates, categories=categories), _even(table)
        yield "gwet_ac1", partial(gwet_ac1.replicates, categories=categories), table
    yield "krippendorff_alpha", alpha, table


def _of_two(
    table: pd.DataFrame, scale: str, categories: tuple[float, ...]
) -> Iterator[tuple[str, Coefficient, pd.DataFrame]]:
    """Of ratings kappa has quadratic weights."""
    if scale == "interval":
        yield from _of_all(table, scale, categories)
        return
    weights: cohen_kappa.Weights = "quadratic" if scale == "ordinal" else "none"
    kappa = partial(cohen_kappa.replicates, weights=weights, categories=categories)
    yield "cohen_kappa", kappa, table
    if scale == "nominal":
        yield "gwet_ac1", partial(gwet_ac1.replicates, categories=categories), table


def _even(table: pd.DataFrame) -> pd.DataFrame:
    """The cases with the number of answers that most cases have, since Fleiss' kappa needs one
    number; the larger of two equally frequent ones."""
    each = table.notna().sum(axis=1)
    frequent = each[each > 1].value_counts()
    if frequent.empty:
        return table.iloc[:0]
    number = frequent[frequent == frequent.max()].index.max()
    return pd.DataFrame(table[each == number])


def _agreement(
    coefficient: Coefficient, table: pd.DataFrame, part: pd.DataFrame, seed: int
) -> Agreement:
    if table.empty:
        return Agreement(np.nan, np.nan, np.nan, 0, 0, 0, "suppressed", "no case was read by two")
    of_case = part.drop_duplicates("case_id").set_index("case_id").loc[table.index]
    return agreement(
        coefficient, table.to_numpy(), of_case["patient_id"], of_case["weight"], seed=seed
    )
