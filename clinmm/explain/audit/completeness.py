"""Do the attributions add up to the change in the logit that they are to explain?

Source: Sundararajan, Taly, Yan, Axiomatic attribution for deep networks, ICML 2017, section 3.
"""

from clinmm.explain.audit.parts.look import JOINT, Look, Reading
from clinmm.explain.explanation import CLOSE_ENOUGH

TESTS = {
    "completeness_error": "What the attributions of all inputs miss of the change in the logit, as "
    "a share of that change: 0 where they add up to it exactly.",
}


def measure(look: Look) -> list[Reading]:
    """Nothing of a method whose scores do not add up.

    A change that is next to nothing counts as the smallest one of which the same error is a share
    of CLOSE_ENOUGH, so that the bound here and `Explanation.complete` agree.
    """
    error, change = look.found.completeness_error, look.found.logit_change
    if error is None or change is None:
        return []
    smallest = look.found.negligible / CLOSE_ENOUGH
    return [Reading(JOINT, "completeness_error", error / max(abs(change), smallest))]
