"""How many rows of the table belong, and which step took the others away."""

from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """One finding, for information."""
    gone = sum(cohort.dropped.values())
    steps = ", ".join(f"{step} {n}" for step, n in cohort.dropped.items() if n)
    unit = cohort.spec.unit_name
    return [
        Finding(
            "rows",
            "info",
            "table",
            f"{cohort.n_cases} cases of {cohort.n_patients} {unit}s belong, of "
            f"{cohort.n_cases + gone} rows" + (f"; taken away: {steps}." if steps else "."),
            "Check that these are the rows you meant.",
            count=cohort.n_cases,
        )
    ]
