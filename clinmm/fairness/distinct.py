"""Holm's adjustment where one test is seen from two sides."""

from collections.abc import Hashable, Sequence

from clinmm.comparisons import holm


def holm_distinct(tests: Sequence[tuple[Hashable, float]]) -> list[float]:
    """Adjusted p of each test; what is asked twice counts once and gets the same.

    Args:
        tests: (what is asked, p). Of two groups, each against everybody else asks the same.

    >>> holm_distinct([("sex", 0.01), ("sex", 0.01), ("age", 0.04)])
    [0.02, 0.02, 0.04]
    """
    p_of = dict(tests)
    adjusted = dict(zip(p_of, holm(list(p_of.values())), strict=True))
    return [float(adjusted[about]) for about, _ in tests]
