"""A category that training never or hardly saw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers.rarity import learn_rarity, rarity

KIND, UNIT = "record", 0.5


def learn(readings: Sequence[dict[str, Any]], patients: Any, spec: Any) -> dict[str, Any]:
    return {
        name: learn_rarity(row[name] for row in readings if isinstance(row[name], str))
        for name in spec.categorical
    }


def score(facts: dict[str, Any], readings: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """Of the rarest value of the row, in nats."""
    return np.array([max([0.0, *_each(facts, row).values()]) for row in readings])


def reason(facts: dict[str, Any], reading: dict[str, Any]) -> str:
    each = _each(facts, reading)
    name = max(each, key=lambda column: each[column])
    has = facts[name]["counts"].get(reading[name], 0)
    return f"{has} of {facts[name]['n']} training cases have its value of {name}"


def _each(facts: dict[str, Any], row: dict[str, Any]) -> dict[str, float]:
    return {name: rarity(f, row[name]) for name, f in facts.items() if isinstance(row[name], str)}
