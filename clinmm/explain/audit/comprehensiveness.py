"""Does the logit fall without the words or columns that the explanation names, and do they suffice?

Source: DeYoung et al., ERASER: a benchmark to evaluate rationalized NLP models, ACL 2020, section
4.2, over its five shares of the parts; on the logit, and as the difference to random attributions
with the same values. Both are signed so that more is better.
"""

from clinmm import registry
from clinmm.explain.audit.parts.look import JOINT, Look, Reading
from clinmm.explain.audit.parts.removal import N_RANDOM, gain_over_random

TESTS = {
    "comprehensiveness": "The words or columns that speak most for the answer are taken away: how "
    f"much further does the logit fall than for {N_RANDOM} random attributions with the same "
    "values? Above 0 the explanation knows more than chance.",
    "sufficiency": "Only the words or columns that speak most for the answer are left: how much "
    f"higher does the logit stay than for {N_RANDOM} random attributions with the same values?",
}
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
KEY = 102


def measure(look: Look) -> list[Reading]:
    """Of notes, records, and the parts of all inputs ranked together, where the method's numbers
    share one scale.

    The random attributions of all inputs together leave each input its own values, so that it
    does not suffice to know which input counts.
    """
    ranked = {name: [name] for name in look.parts if look.joint.kind(name) in ("note", "record")}
    if len(look.parts) > 1 and registry.load("attributions", look.method).IN_LOGITS:
        ranked[JOINT] = list(look.parts)
    readings = []
    for at, (name, names) in enumerate(ranked.items()):
        gain = gain_over_random(look, names, SHARES, look.rng(KEY, at))
        readings += [
            Reading(name, "comprehensiveness", gain.removed),
            Reading(name, "sufficiency", gain.kept),
        ]
    return readings
