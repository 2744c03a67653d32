"""How much each input counts, and into how many parts it is told apart.

Neither is held against a bound: shares are shown with their interval, and what is told apart into
two parts or more has to pass the tests that rank parts.
"""

from clinmm.explain.audit.parts.look import Look, Reading

TESTS = {
    "share": "Share of the input in the sum of |attribution| over all inputs of the case.",
    "parts": "Parts of the input that the explanation tells apart; 1 where it scores it whole.",
}


def measure(look: Look) -> list[Reading]:
    """Both, of every input that the method explains."""
    return [
        reading
        for name in look.found.sums
        for reading in (
            Reading(name, "share", look.found.share(name)),
            Reading(name, "parts", float(look.parts[name].n if name in look.parts else 1)),
        )
    ]
