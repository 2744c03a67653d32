"""A signal whose level or movement is far from all that training saw: another unit or gain."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

KIND, UNIT = "signal", 0.5

FEWEST = 10
"""Training cases in which a channel was measured, below which it is not judged."""
NAMES = {"level": "mean", "spread": "standard deviation"}


def learn(readings: Sequence[Any], patients: Any, spec: Any) -> dict[str, Any]:
    """Per channel and number, its smallest, median and largest value; the spread as its logarithm,
    because a unit is a factor."""
    channels = []
    for number in NAMES:
        for channel, x in enumerate(_table(readings, number).T):
            x = x[np.isfinite(x)]
            if x.size >= FEWEST:
                ends = [float(q) for q in np.quantile(x, [0, 0.5, 1])]
                channels.append({"number": number, "channel": channel, "ends": ends})
    return {"channels": channels}


def score(facts: dict[str, Any], readings: Sequence[Any]) -> NDArray[np.float64]:
    """The largest over channels and numbers: how many times as far from the median as the farthest
    value of training on that side."""
    each = [np.zeros(len(readings)), *_far(facts, readings)]
    largest: NDArray[np.float64] = np.max(each, axis=0)
    return largest


def reason(facts: dict[str, Any], reading: Any) -> str:
    far = [float(one[0]) for one in _far(facts, [reading])]
    known = facts["channels"][int(np.argmax(far))]
    low, _, high = known["ends"]
    value = float(_table([reading], known["number"])[0, known["channel"]])
    if known["number"] == "spread":
        low, high, value = (float(np.exp(one)) for one in (low, high, value))
    return (
        f"the {NAMES[known['number']]} of channel {known['channel'] + 1} is {value:.3g}; in "
        f"training it was {low:.3g} to {high:.3g}"
    )


def _table(readings: Sequence[Any], number: str) -> NDArray[np.float64]:
    """(n, C)."""
    table = np.stack([getattr(one, number) for one in readings])
    return np.log(np.maximum(table, 1e-12)) if number == "spread" else table


def _far(facts: dict[str, Any], readings: Sequence[Any]) -> list[NDArray[np.float64]]:
    tables = {number: _table(readings, number) for number in NAMES}
    found = []
    for known in facts["channels"]:
        smallest, middle, largest = known["ends"]
        off = tables[known["number"]][:, known["channel"]] - middle
        least = max(0.01 * abs(middle), 1e-6)
        far = np.where(
            off > 0, off / max(largest - middle, least), -off / max(middle - smallest, least)
        )
        found.append(np.where(np.isnan(far), 0.0, far))
    return found
