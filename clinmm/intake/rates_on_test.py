"""What the checks found on the other patients, measured on the test patients by *evaluate*."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import registry, schema
from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding


def rates_on_test(
    cohort: Cohort, context: Context, findings: list[Finding], test: NDArray[np.bool_]
) -> pd.DataFrame:
    """The table `schema.INTAKE_TEST`, from every check that defines `on_test`.

    Args:
        cohort: the cases.
        context: as the checks had it.
        findings: what the checks found.
        test: (n_cases,) the test cases; none of them, or of their patients, is learnt from.
    """
    rows: list[dict[str, Any]] = []
    for name in registry.available("checks"):
        own = [finding for finding in findings if finding.check == name]
        module = registry.load("checks", name)
        if hasattr(module, "on_test"):
            rows += module.on_test(cohort, context, own, test)
    if not rows:
        return schema.INTAKE_TEST.empty()
    return schema.INTAKE_TEST.fill(pd.DataFrame(rows))
