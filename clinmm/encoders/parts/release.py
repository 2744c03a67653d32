"""Whether a pretrained body is held still or trained on: a rule that is printed, not a habit."""

from typing import Literal

import torch

RELEASE_FROM = 5000
"""Training cases from which a pretrained body is released. With fewer, embeddings computed once
leave some hundred numbers to learn instead of millions, and training takes seconds."""

Train = Literal["auto", "frozen", "released"]
"""The setting `train` of an encoder with a pretrained body."""


def trains(asked: str, n_cases: int, gpu: bool | None = None) -> tuple[str, str]:
    """The decision (frozen or released) and its reason in one sentence.

    The sentence names the rule and not the number of cases, so that folds of about the same size
    say the same.

    Args:
        asked: auto, frozen or released; `auto` leaves it to the number of cases, and holds
            the network still where there is no GPU, because a CPU would take hours.
        n_cases: training cases that have the input.
        gpu: whether there is one; asked of torch if left out.

    Raises:
        ValueError: asked is none of the three.

    >>> trains("auto", 812)
    ('frozen', 'Fewer than 5000 training cases: the pretrained network is held still.')
    >>> trains("released", 812)
    ('released', 'The study asks for train: released.')
    """
    if asked in ("frozen", "released"):
        return asked, f"The study asks for train: {asked}."
    if asked != "auto":
        raise ValueError(f"train: wanted auto, frozen or released, got {asked!r}.")
    if n_cases < RELEASE_FROM:
        why = f"Fewer than {RELEASE_FROM} training cases: the pretrained network is held still."
        return "frozen", why
    if not (torch.cuda.is_available() if gpu is None else gpu):
        return "frozen", "No GPU: the pretrained network is held still; train: released trains it."
    why = f"At least {RELEASE_FROM} training cases and a GPU: the pretrained network is trained on."
    return "released", why
