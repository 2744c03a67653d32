"""Do methods say the same of a case?

Source: Krishna et al., The disagreement problem in explainable machine learning, TMLR 2024. That
they agree proves none of them right; that they do not shows that at most one is.
"""

import numpy as np

from clinmm.explain.audit.parts.likeness import likeness
from clinmm.explain.audit.parts.look import Look, Reading

TESTS = {
    "agreement": "How like is the ranking of the parts to what the other methods say of the same "
    "case? 1 is the same, 0 unrelated; the mean over the methods.",
}


def measure(look: Look) -> list[Reading]:
    """Of each input that another method explains in parts too."""
    readings = []
    others = [look.scores_of(explanation) for explanation in look.others.values()]
    for name, scores in look.scores.items():
        each = [likeness(scores, other[name]) for other in others if name in other]
        told = [value for value in each if value is not None]
        if told:
            readings.append(Reading(name, "agreement", float(np.mean(told))))
    return readings
