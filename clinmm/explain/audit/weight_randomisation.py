"""Does the explanation depend on what the network learned, or on the picture's edges alone?

Source: Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
"""

import numpy as np

from clinmm.explain.audit.parts.likeness import likeness
from clinmm.explain.audit.parts.look import Look, Reading
from clinmm.explain.audit.parts.random_weights import BODY_STAGES

STAGE = "weight_randomisation_stage_"
TESTS = {
    "weight_randomisation": "How like is it to what the method says of a network of which this "
    "input's encoder has random weights? Spearman's correlation over the parts.",
    "weight_randomisation_unsigned": "How like is it to that, the sign of the scores left out?",
} | {
    f"{STAGE}{stage}": f"The same with sign, after stage {stage} of the layers, from the head down."
    for stage in range(1, BODY_STAGES + 2)
}


def measure(look: Look) -> list[Reading]:
    readings = []
    for name, scores in look.unrefined_scores.items():
        after = [look.scores_of(found)[name] for found in look.by_random_weights(name)]
        told = {f"{STAGE}{i}": likeness(scores, other) for i, other in enumerate(after, start=1)}
        told["weight_randomisation"] = likeness(scores, after[-1])
        told["weight_randomisation_unsigned"] = likeness(np.abs(scores), np.abs(after[-1]))
        readings += [Reading(name, test, v) for test, v in told.items() if v is not None]
    return readings
