"""How far a training says it is, whatever order models are trained in."""

from clinmm.train_progress import TrainProgress
from clinmm.training.epoch import Epoch


def epoch(number: int) -> Epoch:
    return Epoch(number, 0.5, 0.6, 0.7)


def test_models_that_stop_early_or_go_on_count_as_one_each() -> None:
    told: list[tuple[float, float, str]] = []

    def tell(what: str, done: float, total: float, note: str = "") -> None:
        told.append((done, total, note))

    progress = TrainProgress(tell, {"note": 2, "fused": 4}, n_folds=2, epochs=4)
    for number in (1, 2, 1, 2, 3):  # the first model stopped after two epochs
        progress.epoch("note", epoch(number))
    progress.finished("note")
    progress.epoch("fused", epoch(3))  # gone on with from a checkpoint
    progress.finished("fused")
    progress.finished("note")  # stored by an earlier call
    progress.epoch("fused", epoch(1))
    assert {total for _, total, _ in told} == {12}
    assert [done for done, _, _ in told] == [0.25, 0.5, 1.25, 1.5, 1.75, 2.75, 8.25]
    assert told[0][2].startswith("note, epoch 1: loss 0.500, validate 0.600, AUROC 0.700")
