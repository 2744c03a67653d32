"""What mitigations share that weigh each case by its group and outcome."""

from collections.abc import Callable

from torch import Tensor

from clinmm.training.cells import Cells, cells
from clinmm.training.mitigated import Groups, PlainTraining, Training


class Weighed(PlainTraining):
    """Training cases have the weights that `weigh` gives their cells. `validate` is weighed in the
    same way, so that the epoch is kept that is best for this aim.

    Args:
        weigh: (cells, largest weight) -> (n, K).
    """

    def __init__(
        self,
        training: Training,
        groups: Groups,
        weigh: Callable[[Cells, float], Tensor],
        at_most: float,
    ) -> None:
        super().__init__(training)
        task = training.criterion.task
        self.weights, self.judging = (
            weigh(cells(batch, codes, groups.n, task), at_most)
            for batch, codes in (
                (training.train, groups.train),
                (training.validate, groups.validate),
            )
        )

    def case_weights(self) -> Tensor:
        return self.weights

    def judging_weights(self) -> Tensor:
        return self.judging
