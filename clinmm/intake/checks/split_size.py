"""Whether every class has enough patients for the split that the config asks for."""

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.split_size import too_few_patients
from clinmm.intake.finding import Context, Finding


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """An error per class with too few; nothing without a config."""
    if context.split is None:
        return []
    return [
        Finding("split_size", "error", "split", problem, advice)
        for problem, advice in too_few_patients(cohort, context.split)
    ]
