"""Runs the checks of the family one after another."""

from collections.abc import Callable, Sequence

from clinmm import registry
from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding


def run_checks(
    cohort: Cohort,
    context: Context,
    checks: Sequence[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Finding]:
    """Every finding of the named checks, or of all, in alphabetical order of the checks.

    Args:
        cohort: the cases.
        context: what else a check may know.
        checks: names from `clinmm list checks`; all by default.
        progress: called before each check with its name, its number from 0 and how many there are.

    Raises:
        InputError: no check of such a name.
    """
    names = registry.available("checks") if checks is None else list(checks)
    found: list[Finding] = []
    for number, name in enumerate(names):
        if progress:
            progress(name, number, len(names))
        found += registry.load("checks", name).check(cohort, context)
    return found
