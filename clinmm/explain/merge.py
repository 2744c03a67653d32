"""The mean of several models' explanations of one case."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.encoders.interface import Located
from clinmm.explain.explanation import Explanation

PLACES = ("channel", "start", "end", "column")
"""Arrays of Located that say where a score belongs."""
OF_WHOLE = ("special",)
"""Arrays that are about the input as a whole; all others have one number for each place."""


def merged(explanations: Sequence[Explanation]) -> Explanation:
    """Attributions to the mean logit of the models: attribution is linear in the logit."""
    first = explanations[0]
    if len(explanations) == 1:
        return first
    changes = [e.logit_change for e in explanations if e.logit_change is not None]
    return Explanation(
        located={name: _merged([e.located[name] for e in explanations]) for name in first.located},
        sums={name: float(np.mean([e.sums[name] for e in explanations])) for name in first.sums},
        logit_change=None if not changes else float(np.mean(changes)),
        steps=max(e.steps for e in explanations),
        negligible=max(e.negligible for e in explanations),
    )


def _merged(several: Sequence[Located]) -> Located:
    """Place by place; a place of which a model says nothing has 0 by it."""
    first = several[0]
    if "map" in first:
        maps = [located["map"].astype(np.float32) for located in several]
        return {"map": np.mean(maps, axis=0).astype(np.float16)}
    keys = [key for key in PLACES if key in first]
    of_whole = [key for key in OF_WHOLE if key in first]
    scores = [key for key in first if key not in (*keys, *of_whole)]
    total: dict[tuple[Any, ...], NDArray[np.float64]] = {}
    for located in several:
        places = zip(*(located[key].tolist() for key in keys), strict=True)
        rows = np.stack([located[key] for key in scores], axis=1).astype(np.float64)
        for place, row in zip(places, rows, strict=True):
            total[place] = total.get(place, 0.0) + row / len(several)
    places_found = sorted(total) if "start" in keys else list(total)
    columns: Located = {
        key: np.array([place[i] for place in places_found], dtype=first[key].dtype)
        for i, key in enumerate(keys)
    }
    means = np.array([total[place] for place in places_found], np.float32)
    columns |= {key: means.reshape(-1, len(scores))[:, i] for i, key in enumerate(scores)}
    return columns | {
        key: np.mean([located[key] for located in several], axis=0).astype(first[key].dtype)
        for key in of_whole
    }
