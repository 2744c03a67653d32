"""Integrated gradients over all inputs together: attributions that sum to the change in logit.

Source: Sundararajan, Taly, Yan, Axiomatic attribution for deep networks, ICML 2017; the integral
by Gauss-Legendre quadrature, computed by Captum. With several references the mean over them
(expected gradients: Erion et al., Nature Machine Intelligence 2021).
"""

from captum.attr import IntegratedGradients
from torch import Tensor

from clinmm.explain.batch_size import points_at_once
from clinmm.explain.explanation import Found
from clinmm.explain.joint import Joint, Target
from clinmm.explain.mean_over_references import mean_over_references

READS = ("image", "note", "record", "signal")
ADDS_UP = True
DRAWS_POINTS = True
IN_LOGITS = True
USES_REFERENCE = READS
MEANING = "Parts of the change in logit between the reference and this case; they add up to it."

FEWEST_POINTS = 8
"""On each path, however many references there are."""


def attribute(joint: Joint, target: Target, steps: int, seed: int = 0) -> Found:
    """steps: points on all paths from the references to the case together."""
    method = IntegratedGradients(joint.function(target))
    per_path = max(FEWEST_POINTS, steps // len(joint.references[0]))
    at_once = points_at_once(joint)

    def against(reference: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = method.attribute(
            joint.values,
            baselines=reference,
            n_steps=per_path,
            method="gausslegendre",
            internal_batch_size=at_once,
        )
        return parts

    return mean_over_references(joint, against)
