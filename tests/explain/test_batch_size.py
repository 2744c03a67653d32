"""How many points go through in one pass: by bytes, and so the same in every run."""

import pytest
import torch
from linear_model import CASE, linear_model
from torch import Tensor

from clinmm.explain import batch_size
from clinmm.explain.batch_size import (
    CACHE,
    FEWEST,
    MEMORY,
    MOST,
    bytes_of_a_point,
    points_at_once,
)
from clinmm.explain.joint import Joint

MIB = 2**20


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_size, "_kept", {})


@pytest.mark.parametrize(
    ("each", "wanted"),
    [
        (0, MOST),
        (1, MOST),
        (CACHE // 32, 32),
        (CACHE // 31, 16),
        (CACHE // FEWEST, FEWEST),
        (CACHE, FEWEST),
        (MEMORY // FEWEST, FEWEST),
        (MEMORY // 3, 2),
        (MEMORY, 1),
        (9 * MEMORY, 1),
    ],
)
def test_points_fill_the_cache_and_never_the_memory(
    each: int, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_size, "bytes_of_a_point", lambda joint: each)
    assert points_at_once(Joint([linear_model()], CASE)) == wanted
    assert wanted == 1 or wanted * each <= MEMORY


class Wide(Joint):
    """Keeps a known number of bytes: the sine of a row of `length` numbers keeps the row."""

    length = 1024

    def answers(self, *points: Tensor) -> Tensor:
        row = points[0][:, :1] + torch.zeros(len(points[0]), self.length)
        return torch.sin(row).sum(1, keepdim=True) * torch.ones(1, 2)


def test_what_a_point_keeps_is_counted_without_the_weights() -> None:
    kept = bytes_of_a_point(Wide([linear_model()], CASE))
    assert kept == pytest.approx(4 * Wide.length, abs=64)


def test_weights_are_not_counted_though_a_pass_keeps_them() -> None:
    class Heavy(Joint):
        def answers(self, *points: Tensor) -> Tensor:
            return points[0] @ self.models[0].heads["input_a"].weight.T

    model = linear_model()
    model.heads["input_a"] = torch.nn.Linear(2, 50_000)
    assert bytes_of_a_point(Heavy([model], CASE)) < 1000


def test_it_is_measured_once_for_networks_and_cases_of_one_shape(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = []
    measure = batch_size._measured
    monkeypatch.setattr(
        batch_size, "_measured", lambda joint: measured.append(joint) or measure(joint)
    )
    first = bytes_of_a_point(Joint([linear_model()], CASE))
    assert bytes_of_a_point(Joint([linear_model(2.0)], {**CASE, "a": [9.0, 9.0]})) == first
    assert len(measured) == 1
    bytes_of_a_point(Joint([linear_model()] * 2, CASE))
    bytes_of_a_point(Joint([linear_model()], {**CASE, "a": None}))
    assert len(measured) == 3
