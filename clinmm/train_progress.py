"""How far the training of a study is, in models, as an epoch ends."""

import math

from clinmm.progress import Tell
from clinmm.training.epoch import Epoch


class TrainProgress:
    """Tells of epochs as parts of all models to train.

    Args:
        tell: is told.
        models: arm -> how many it trains in each fold.
        n_folds: of all repeats.
        epochs: the most that a model is trained for.
    """

    def __init__(self, tell: Tell, models: dict[str, int], n_folds: int, epochs: int) -> None:
        self.tell, self.models, self.epochs = tell, models, epochs
        self.total = n_folds * sum(models.values())
        self.done = 0
        self._begun, self._last = 0, 0

    def finished(self, arm: str) -> None:
        """The arm's models of a fold are there."""
        self.done += self.models[arm]
        self._begun, self._last = 0, 0

    def epoch(self, arm: str, epoch: Epoch) -> None:
        """An epoch of one of the arm's models; an epoch not later than the last is of the next."""
        self._begun += self._begun == 0 or epoch.epoch <= self._last
        self._last = epoch.epoch
        value = not math.isnan(epoch.validate_spearman)
        ranked = f"Spearman {epoch.validate_spearman:.3f}"
        note = (
            f"{arm}, epoch {epoch.epoch}: loss {epoch.train_loss:.3f}, "
            f"validate {epoch.validate_loss:.3f}, "
            f"{ranked if value else f'AUROC {epoch.validate_auroc:.3f}'}"
        )
        done = self.done + self._begun - 1 + epoch.epoch / self.epochs
        self.tell("train", done, self.total, note)
