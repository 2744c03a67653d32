import numpy as np
import pytest
import torch
from plain_model import plain_batch

BATCH = plain_batch(12, absent=0.3)


@pytest.mark.parametrize(
    "rows", [[3, 4, 5], [0], [11, 0, 11], [5, 4, 3], [], list(range(12))], ids=str
)
def test_rows_are_taken_in_their_order_consecutive_or_not(rows: list[int]) -> None:
    for indices in (np.array(rows, dtype=int), torch.tensor(rows, dtype=torch.long)):
        taken = BATCH.take(indices)
        assert len(taken) == len(rows)
        assert torch.equal(taken.present, BATCH.present[rows])
        assert torch.equal(taken.target, BATCH.target[rows])
        assert torch.equal(taken.known, BATCH.known[rows])
        for name, tensors in BATCH.inputs.items():
            assert torch.equal(taken.inputs[name]["values"], tensors["values"][rows])


def test_consecutive_rows_are_not_copied() -> None:
    values = BATCH.inputs["a"]["values"]
    taken = BATCH.take(np.arange(4, 9)).inputs["a"]["values"]
    assert taken.data_ptr() == values[4:].data_ptr()


def test_rows_that_are_not_there_are_refused() -> None:
    with pytest.raises((IndexError, RuntimeError)):
        BATCH.take(np.arange(10, 14))
