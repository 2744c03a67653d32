"""DeepLIFT over all inputs together: each activation's change is shared among what it was made of.

One pass of the case beside its reference. The rescale rule replaces the slope of each activation
that is a layer (ReLU, GELU, max pooling ...) by change of output over change of input. What a
network computes without such a layer, such as a maximum over a map or the weights of a gate, keeps
its slope at the case, and then the sums miss the change in logit: the completeness error says
by how much.

Source: Shrikumar, Greenside, Kundaje, Learning important features through propagating activation
differences, ICML 2017; computed by Captum.
"""

import warnings

from captum.attr import DeepLift
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR, nonlinear
from torch import Tensor, nn

from clinmm.errors import InputError
from clinmm.explain.batch_size import networks_of
from clinmm.explain.explanation import Found
from clinmm.explain.joint import Joint, Target
from clinmm.explain.mean_over_references import mean_over_references

READS = ("image", "note", "record", "signal")
ADDS_UP = True
DRAWS_POINTS = False
IN_LOGITS = True
USES_REFERENCE = READS
MEANING = (
    "Parts of the change in logit between the reference and this case, by the change of every "
    "activation; they add up where every activation is a layer of its own."
)

# The rescale rule holds for every function of one number; Captum's list lacks these.
for _activation in (nn.GELU, nn.SiLU, nn.ReLU6, nn.Hardswish, nn.Mish):
    SUPPORTED_NON_LINEAR.setdefault(_activation, nonlinear)


class _Whole(nn.Module):
    """All networks of a case as one module, on whose activations Captum hooks."""

    def __init__(self, joint: Joint, target: Target) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks_of(joint))
        self.answer = joint.function(target)

    def forward(self, *points: Tensor) -> Tensor:
        """(S, ...) per input -> (S,)."""
        return self.answer(*points)


def attribute(joint: Joint, target: Target, steps: int = 0, seed: int = 0) -> Found:
    """Raises InputError where an activation layer is used more than once in a pass."""
    whole = _Whole(joint, target)
    method = DeepLift(whole)

    def against(reference: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        values = tuple(value.detach().clone().requires_grad_() for value in joint.values)
        parts: tuple[Tensor, ...] = method.attribute(values, baselines=reference)
        return parts

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Setting forward, backward hooks")
            return mean_over_references(joint, against)
    except RuntimeError as error:
        if "used more than once" not in str(error):
            raise
        raise InputError(
            "deep_lift: an activation layer of this network is used more than once in a pass, "
            "and its changes cannot be told apart. Use integrated_gradients for it."
        ) from error
    finally:
        for part in whole.modules():
            if type(part) in SUPPORTED_NON_LINEAR:  # Captum clears those that a gradient reached
                vars(part).pop("input", None)
                vars(part).pop("output", None)
