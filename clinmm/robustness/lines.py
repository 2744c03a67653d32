"""Robustness curves as they are drawn: a panel for each input, a line for each change."""

import pandas as pd

Lines = dict[str, pd.DataFrame]
"""Change (`dropped`, `swapped`) -> rows of the curves table, by x."""


def by_input(points: pd.DataFrame) -> dict[str, Lines]:
    """Input -> its lines, in alphabetical order. points: curve rows of one class."""
    inputs: dict[str, Lines] = {}
    for group, rows in points.sort_values("x").groupby("group", sort=True):
        name, change = str(group).rsplit(" ", 1)
        inputs.setdefault(name, {})[change] = rows
    return inputs
