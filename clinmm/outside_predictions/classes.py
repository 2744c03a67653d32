"""Are the classes labels of their own, or does every case belong to exactly one of them?"""

from collections.abc import Sequence

import pandas as pd

from clinmm.errors import did_you_mean

ROUNDING = 5e-4
"""Of each probability: how far their sum may lie from 1, if they were rounded to three digits."""


def kind_of(
    rows: pd.DataFrame, exclusive: bool | None, ordered: Sequence[str], problems: list[str]
) -> str:
    """binary, multiclass or multilabel.

    Args:
        rows: case_id, class_name, target (0, 1, NaN), probability; numbers.
        exclusive: whether every case belongs to exactly one class; None: if the file says so, with
            one positive target in every case and probabilities that sum up to 1.
        ordered: the classes from lowest to highest, if they have an order: then they are exclusive.
        problems: what contradicts the two is added.
    """
    names = sorted(set(rows["class_name"]))
    if ordered and exclusive is False:
        problems.append("--ordered is for exclusive classes, and --not-exclusive is given.")
    if ordered and sorted(ordered) != names:
        unknown = [name for name in ordered if name not in names]
        hint = did_you_mean(unknown[0], names) if unknown else "Each once."
        problems.append(f"--ordered must name every class of the file, {names}. {hint}")
    if exclusive is False:
        return "binary" if len(names) == 1 else "multilabel"
    against = _against_exclusive(rows, len(names))
    if exclusive or ordered:
        problems += against
        return "multiclass"
    if len(names) == 1:
        return "binary"
    return "multilabel" if against else "multiclass"


def _against_exclusive(rows: pd.DataFrame, n_classes: int) -> list[str]:
    """Why the classes cannot be exclusive."""
    if n_classes < 2:
        return ["exclusive classes must be two or more; the file has one."]
    cases = rows.groupby("case_id", sort=False)
    of_case = pd.DataFrame(
        {
            "n": cases.size(),
            "known": cases["target"].count(),
            "positive": cases["target"].sum(),
            "probability": cases["probability"].sum(),
        }
    )
    known = of_case["known"] > 0
    allowed = n_classes * ROUNDING + 1e-9
    problems = []
    if n := int((of_case["n"] != n_classes).sum()):
        problems.append(f"{n} cases lack a row for one of the {n_classes} exclusive classes.")
    if n := int((known & (of_case["known"] < of_case["n"])).sum()):
        problems.append(f"{n} cases have a target for some of the exclusive classes only.")
    if n := int((known & (of_case["positive"] != 1)).sum()):
        problems.append(f"{n} cases do not belong to exactly one of the exclusive classes.")
    if n := int(((of_case["probability"] - 1).abs() > allowed).sum()):
        problems.append(f"the probabilities of {n} cases do not sum up to 1, as exclusive ones do.")
    return problems
