"""How much of the answer hangs on places where nothing should decide: corners, marks, the border.

The zone is painted over with its own median, and the model is asked again. What is told is the
change of the logit as a share of the change when the whole image gives way to the reference. It
says what the model uses, whatever a map says of it: a map full of fine noise holds little of its
mass in a corner that decides the case.

Source: as `shortcut_mass`; painting over as in Petsiuk, Das, Saenko, RISE, BMVC 2018.
"""

import torch

from clinmm.explain.audit.parts.look import Look, Reading
from clinmm.explain.audit.parts.zones import ZONES, zones_of
from clinmm.explain.explanation import CLOSE_ENOUGH

TESTS = {
    f"shortcut_effect_{zone}": f"What the answer loses or gains when the model no longer sees what "
    f"is {where}, as a share of what the whole image adds: 1 and more is told as 1."
    for zone, where in ZONES.items()
}


def measure(look: Look) -> list[Reading]:
    readings = []
    for name in look.found.sums:
        if look.joint.kind(name) != "image":
            continue
        values = look.joint.cases[name].values
        zones = zones_of(values[0].mean(0).numpy())
        variants = [values, look.joint.references[look.joint.names.index(name)].mean(0, True)]
        for zone in zones.values():
            where = torch.from_numpy(zone)
            painted = values.clone()
            if where.any():
                painted[..., where] = values[..., where].median()
            variants.append(painted)
        prepared = look.joint.trunk(name, torch.cat(variants))
        logits = look.target.of(look.joint.answers_with({name: prepared})).double()
        as_is, without, *over = logits.tolist()
        # An image that hardly matters must not make a share of next to nothing.
        whole = max(abs(as_is - without), look.joint.negligible / CLOSE_ENOUGH)
        readings += [
            Reading(name, f"shortcut_effect_{zone}", min(abs(as_is - logit) / whole, 1.0))
            for zone, logit in zip(zones, over, strict=True)
        ]
    return readings
