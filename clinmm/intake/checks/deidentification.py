"""What still identifies a person: in headers, pixels, notes and the table."""

from clinmm.cohort.cohort import Cohort
from clinmm.deidentification.gate import burned_in, headers, notes, table
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Findings whose subject is the input or the column; none repeats what it found.

    A run stops at names, addresses, numbers and free comments that nobody declared; dates, ages
    over 90 and the like are for a person to weigh. Silence is no proof: see
    docs/deidentification.md for how much each part finds.
    """
    found = table(cohort)
    for name in cohort.spec.input_names("image"):
        found += headers(cohort, name)
        found += burned_in(cohort, name)
    for name in cohort.spec.input_names("note"):
        found += notes(cohort, name)
    return found
