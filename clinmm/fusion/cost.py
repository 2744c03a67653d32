"""What a fusion costs: every fusion file has a function `cost`."""

from typing import NamedTuple


class Cost(NamedTuple):
    """parameters: how many. multiply_adds: of all matrix products, for one case."""

    parameters: int
    multiply_adds: int


def linear(inputs: int, outputs: int) -> Cost:
    """A linear layer with a bias, on one row.

    >>> linear(3, 2)
    Cost(parameters=8, multiply_adds=6)
    """
    return Cost((inputs + 1) * outputs, inputs * outputs)


def total(*parts: Cost) -> Cost:
    return Cost(sum(p.parameters for p in parts), sum(p.multiply_adds for p in parts))
