"""Balance between the inputs of one model: how far each has trained, and slowing the one ahead.

An input that is learned quickly leaves little loss for the others to learn from (Wang, Tran,
Feiszli, CVPR 2020).
"""

import torch
from torch import Tensor

STRENGTH = 0.3
"""alpha of the paper, which tries 0.1 to 1."""


def slowed_steps(alone: Tensor, seen: Tensor) -> Tensor:
    """(M,) share of the learning rate for each input's encoder, from the batch's losses.

        step_i = 1 - tanh(alpha ratio_i) where ratio_i > 1, else 1
        ratio_i = score_i / mean of the others' scores,  score = exp(-loss of the head alone)

    The score is the geometric mean of the probability that the head gives to the truth, so that one
    rule serves every target and any number of inputs. The paper scales gradients; AdamW divides a
    gradient by its own size, which undoes that, so the steps themselves are scaled.

    Args:
        alone: (M,) mean loss of the head on each input alone.
        seen: (M,) bool, whether the batch has a labelled case with the input. The others step
            freely and have no say.

    Reference:
        Peng et al. Balanced multimodal learning via on-the-fly gradient modulation. CVPR 2022,
        eq. 8 and 10; without its noise.

    >>> slowed_steps(torch.tensor([0.2, 0.7]), torch.tensor([True, True]))
    tensor([0.5421, 1.0000])
    """
    score = torch.exp(-alone) * seen
    others = (score.sum() - score) / (seen.sum() - seen.to(score.dtype)).clamp_min(1)
    ratio = score / others.clamp_min(1e-12)
    ahead = seen & (ratio > 1) & (others > 0)
    return torch.where(ahead, 1 - torch.tanh(STRENGTH * ratio), torch.ones_like(ratio))
