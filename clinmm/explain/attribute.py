"""One case explained by one method, with more points where few do not add up."""

from clinmm import registry
from clinmm.explain.explanation import Explanation
from clinmm.explain.joint import Joint, Target

MOST_REFINEMENTS = 2
"""How often the number of points is doubled before a case is given up."""


def explain(
    joint: Joint, method: str, target: Target, steps: int, *, seed: int = 0, refine: bool = True
) -> Explanation:
    """Attributions of one case by a file of clinmm/explain/methods.

    Args:
        steps: points or samples of a method that takes some.
        seed: of a method that draws.
        refine: take more points until the attributions sum to the change, where the method's do.

    Raises:
        InputError: the method reads no input that the case has, or not this kind of network.
    """
    module = registry.load("attributions", method)
    change_of = getattr(module, "change", Joint.change)  # what its sums add up to
    change = change_of(joint, target) if module.ADDS_UP else None
    refinements = MOST_REFINEMENTS if refine and module.ADDS_UP and module.DRAWS_POINTS else 0
    for refinement in range(refinements + 1):
        used = steps * 2**refinement
        found = module.attribute(joint, target, used, seed)
        explanation = Explanation(found.located, found.sums, change, used, joint.negligible)
        if explanation.complete:
            break
    return explanation
