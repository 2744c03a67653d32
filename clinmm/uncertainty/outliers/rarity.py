"""How rare a value is, in nats: 0 for what every training case has."""

from collections import Counter
from collections.abc import Iterable
from math import log
from typing import Any


def learn_rarity(values: Iterable[str]) -> dict[str, Any]:
    """Counts of each value, and how many there were."""
    counts = Counter(values)
    return {"counts": dict(sorted(counts.items())), "n": sum(counts.values())}


def rarity(facts: dict[str, Any], value: str) -> float:
    """-log of the share of training cases with the value; a new one counts as one case more.

    >>> rarity(learn_rarity(["a"] * 9), "b") == log(10)
    True
    """
    n, count = facts["n"], facts["counts"].get(value, 0)
    return log((n + 1) / max(count, 1)) if count < n else 0.0
