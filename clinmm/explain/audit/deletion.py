"""Does the logit fall when the places that the explanation names are taken from the picture?

Source: Petsiuk, Das, Saenko, RISE: randomized input sampling for explanation of black-box models,
BMVC 2018, section 4.2; on the logit, and as the difference to random maps as smooth as the
method's, because some curves fall faster than others whatever is taken away.
"""

from clinmm.explain.audit.parts.look import Look, Reading
from clinmm.explain.audit.parts.removal import N_RANDOM, gain_over_random

TESTS = {
    "deletion": "Places that speak most for the answer are taken away first: how much lower is the "
    f"logit on the way than for {N_RANDOM} random maps that are as smooth? Above 0 the explanation "
    "knows more than chance.",
    "insertion": "The picture is rebuilt from the places that speak most for the answer: how much "
    f"higher is the logit on the way than for {N_RANDOM} random maps that are as smooth?",
}
SHARES = tuple(i / 10 for i in range(1, 10))
"""Of the places; at 0 and 1 all orders meet."""
KEY = 101


def measure(look: Look) -> list[Reading]:
    """Of pictures, volumes and signals."""
    readings = []
    for at, name in enumerate(look.parts):
        if look.joint.kind(name) in ("image", "signal"):
            gain = gain_over_random(look, [name], SHARES, look.rng(KEY, at))
            readings += [
                Reading(name, "deletion", gain.removed),
                Reading(name, "insertion", gain.kept),
            ]
    return readings
