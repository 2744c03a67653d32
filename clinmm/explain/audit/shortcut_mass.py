"""How much of the explanation lies where nothing should decide: beside the body, on marks.

Each zone is its own test, so that the audit names what a model looks at. What is judged is the
share of the map in the zone less the zone's share of the image: 0 for a map that is even, below 0
for one that looks at the body, and 0 in an image that lacks the zone.

Source: Zech et al., Variable generalization performance of a deep learning model to detect
pneumonia in chest radiographs, PLoS Medicine 2018 (laterality markers); DeGrave, Janizek, Lee, AI
for radiographic COVID-19 detection selects shortcuts over signal, Nature Machine Intelligence 2021.
"""

import numpy as np

from clinmm.explain.audit.parts.look import Look, Reading
from clinmm.explain.audit.parts.masks import covered
from clinmm.explain.audit.parts.zones import ZONES, zones_of

TESTS = {
    **{
        f"shortcut_mass_{zone}": f"Share of the map, without sign, that lies {where}, less the "
        "share of the image that is there."
        for zone, where in ZONES.items()
    },
    **{
        f"shortcut_ratio_{zone}": f"Share of the map, without sign, that lies {where}, over the "
        "share of the image that is there: 1 of an even map."
        for zone, where in ZONES.items()
    },
}


def measure(look: Look) -> list[Reading]:
    readings = []
    for name, scores in look.scores.items():
        if look.joint.kind(name) != "image" or not scores.any():
            continue
        share = np.abs(scores) / np.abs(scores).sum()
        grid = look.parts[name].grid
        seen = look.joint.cases[name].values[0].mean(0).numpy()
        for zone, where in zones_of(seen).items():
            inside = covered(where, grid)
            if zone == "marks":  # smaller than a part, which may hold nothing else that is scored
                inside = (inside > 0).astype(np.float64)
            mass, area = float((share * inside).sum()), float(inside.mean())
            readings.append(Reading(name, f"shortcut_mass_{zone}", mass - area))
            if area:
                readings.append(Reading(name, f"shortcut_ratio_{zone}", mass / area))
    return readings
