"""The mean of several models' explanations of one case."""

from collections.abc import Sequence

import numpy as np

from clinmm.encoders.interface import Located
from clinmm.explain.joint import Explanation


def merged(explanations: Sequence[Explanation]) -> Explanation:
    """Attributions to the mean logit of the models: attribution is linear in the logit."""
    first = explanations[0]
    if len(explanations) == 1:
        return first
    return Explanation(
        located={name: _merged([e.located[name] for e in explanations]) for name in first.located},
        sums={name: float(np.mean([e.sums[name] for e in explanations])) for name in first.sums},
        logit_change=float(np.mean([e.logit_change for e in explanations])),
        steps=max(e.steps for e in explanations),
        negligible=max(e.negligible for e in explanations),
    )


def _merged(several: Sequence[Located]) -> Located:
    if "map" in several[0]:
        maps = [located["map"].astype(np.float32) for located in several]
        return {"map": np.mean(maps, axis=0).astype(np.float16)}
    keys: list[str] = [key for key in ("channel", "start", "end", "column") if key in several[0]]
    total: dict[tuple[object, ...], float] = {}
    for located in several:
        places = zip(*(located[key].tolist() for key in keys), strict=True)
        for place, score in zip(places, located["score"], strict=True):
            total[place] = total.get(place, 0.0) + float(score) / len(several)
    places = sorted(total) if "start" in keys else list(total)  # type: ignore[assignment]
    columns = {
        key: np.array([place[i] for place in places], dtype=several[0][key].dtype)
        for i, key in enumerate(keys)
    }
    return {**columns, "score": np.array([total[place] for place in places], np.float32)}
