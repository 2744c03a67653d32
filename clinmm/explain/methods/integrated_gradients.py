"""Integrated gradients over all inputs together: attributions that sum to the change in logit.

Source: Sundararajan, Taly, Yan, Axiomatic attribution for deep networks, ICML 2017; the integral
by Gauss-Legendre quadrature, computed by Captum.
"""

from collections.abc import Callable

from captum.attr import IntegratedGradients
from torch import Tensor

AT_ONCE = 16
"""Points of the path in one pass, which bounds the memory."""


def attribute(
    logit: Callable[..., Tensor],
    values: tuple[Tensor, ...],
    references: tuple[Tensor, ...],
    steps: int,
) -> tuple[Tensor, ...]:
    """Attributions of one case, one tensor per input, each shaped like its values.

    Args:
        logit: (S, ...) tensors of every input -> (S,) logits of the class.
        values: (1, ...) per input.
        references: the start of the straight path, shaped like values.
        steps: points on the path.
    """
    attributions: tuple[Tensor, ...] = IntegratedGradients(
        logit, multiply_by_inputs=True
    ).attribute(
        values,
        baselines=references,
        n_steps=steps,
        method="gausslegendre",
        internal_batch_size=AT_ONCE,
    )
    return attributions
