"""How much each input counts, and into how many parts it is told apart.

A method whose numbers are not in logits does not compare inputs, so it gives no share.

Neither is held against a bound: shares are shown with their interval, and what is told apart into
two parts or more has to pass the tests that rank parts.
"""

from clinmm import registry
from clinmm.explain.audit.parts.look import Look, Reading

TESTS = {
    "share": "Share of the input in the sum of |attribution| over all inputs of the case.",
    "parts": "Parts of the input that the explanation tells apart; 1 where it scores it whole.",
}


def measure(look: Look) -> list[Reading]:
    """Of every input that the method explains."""
    compares = registry.load("attributions", look.method).IN_LOGITS
    readings = []
    for name in look.found.sums:
        if compares:
            readings.append(Reading(name, "share", look.found.share(name)))
        n_parts = look.parts[name].n if name in look.parts else 1
        readings.append(Reading(name, "parts", float(n_parts)))
    return readings
