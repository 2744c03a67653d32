"""What one pass over the training cases gave."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InputEpoch:
    """How far one input of several has trained: losses and AUROC of the head on it alone.

    step: mean share of the learning rate that its encoder stepped with; 1 unless it was slowed.
    """

    input: str
    train_loss: float
    validate_loss: float
    validate_auroc: float
    step: float


@dataclass(frozen=True)
class Epoch:
    """One pass; number 0 is before the first.

    validate_auroc: macro over the classes that have both outcomes, NaN if none has or if the
    target is continuous, which has validate_spearman in its place (else NaN).
    inputs: one entry for each input of several, none before the first pass.
    """

    epoch: int
    train_loss: float
    validate_loss: float
    validate_auroc: float
    validate_spearman: float = float("nan")
    weight_decay: float = float("nan")
    best: str | None = None
    inputs: tuple[InputEpoch, ...] = ()
