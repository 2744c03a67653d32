"""Attention: where the networks looked, which is not why they decided.

Each network's attention over its own input, through all its layers, as shares of 1: no class, no
sign, and no comparison between inputs. Other attention can give the same answer.

Reference:
    Jain, Wallace. Attention is not explanation. NAACL 2019.
    Abnar, Zuidema. Quantifying attention flow in transformers. ACL 2020: the layers together.
"""

import torch

from clinmm.errors import InputError
from clinmm.explain.explanation import Found
from clinmm.explain.joint import Joint, Target

READS = ("image", "note", "record", "signal")
ADDS_UP = False
DRAWS_POINTS = False
IN_LOGITS = False
SIGNED = False
MEANING = (
    "Where each network looked, not why it decided: shares of its attention, the same for every "
    "class and without a sign. They do not compare inputs."
)


def attribute(joint: Joint, target: Target, steps: int, seed: int = 0) -> Found:
    """The mean over the models; an input whose network pays no attention is left out.

    Raises:
        InputError: no network pays any.
    """
    looked = {}
    with torch.no_grad():
        for name, case in joint.cases.items():
            each = [
                encoder.attention(case.values, case.fixed)
                for model in joint.models
                if hasattr(encoder := model.encoder(name), "attention")
            ]
            shares = [share for share in each if share is not None]
            if shares:
                looked[name] = torch.stack(shares).mean(0)
    if not looked:
        raise InputError(
            "attention: no network that reads this case pays attention to parts of its input. "
            "Leave the method out, or take integrated_gradients."
        )
    return joint.found(looked)
