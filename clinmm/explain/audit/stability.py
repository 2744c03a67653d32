"""Does the explanation stay when the case is changed so little that a person's would?

Source: Alvarez-Melis, Jaakkola, On the robustness of interpretability methods, ICML workshop 2018;
rank correlation as in Ghorbani, Abid, Zou, Interpretation of neural networks is fragile, AAAI 2019.
"""

import numpy as np

from clinmm.explain.audit.parts.likeness import likeness
from clinmm.explain.audit.parts.look import JOINT, Look, Reading
from clinmm.explain.audit.parts.nudged import nudged

TESTS = {
    "stability": "The case is changed a little (image shifted by 2 % and with noise, one word in "
    "twenty left out, noise on numbers) and explained again: how like is the ranking of "
    "the parts? 1 is the same, 0 unrelated.",
}
NUDGES = 2
KEY = 105


def measure(look: Look) -> list[Reading]:
    return [Reading(name, "stability", value) for name, value in stability_of(look).items()]


def stability_of(look: Look) -> dict[str, float]:
    """Input -> Spearman's correlation over its parts with the explanation of the slightly changed
    case, mean over NUDGES; JOINT -> cosine between the sums over inputs, of a method that scores
    inputs whole.

    1 is the same order, 0 none in common; 0 too where one of the two says the same of all parts.
    An input of which nothing can be ranked has no entry: too few parts, or nothing said of any,
    before and after.
    """
    found: dict[str, list[float | None]] = {}
    for number in range(NUDGES):
        change = nudged(look.joint, look.rng(KEY, number))
        again = look.again(change.joint)
        for name, parts in look.parts.items():
            kept, after = change.in_parts_of(name, parts, again.located[name])
            found.setdefault(name, []).append(likeness(look.unrefined_scores[name][kept], after))
        if not look.found.located:
            found.setdefault(JOINT, []).append(_cosine(look.unrefined.sums, again.sums))
    told = {name: [v for v in values if v is not None] for name, values in found.items()}
    return {name: float(np.mean(values)) for name, values in told.items() if values}


def _cosine(one: dict[str, float], other: dict[str, float]) -> float | None:
    a, b = (np.array([sums[name] for name in one]) for sums in (one, other))
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    if size == 0:
        return 0.0 if a.any() or b.any() else None
    return float(np.clip(a @ b / size, -1, 1))
