"""Does the explanation hang on what the case is compared with?

Source: Sturmfels, Lundberg, Lee, Visualizing the impact of feature attribution baselines, Distill
2020: no baseline is right by itself, so how much it matters is told.
"""

import numpy as np
import torch
from torch import Tensor

from clinmm import registry
from clinmm.explain.audit.parts.likeness import likeness
from clinmm.explain.audit.parts.look import Look, Reading
from clinmm.explain.baselines import ABSENT, BLURRED, OWN, POSSIBLE
from clinmm.explain.joint import Joint
from clinmm.explain.references import references

TESTS = {
    "baseline_agreement": "The case is compared with something else (a flat or a blurred picture, "
    "a record in which nothing is measured): how like is the ranking of the parts? 1 is the same, "
    "0 unrelated; the mean over what else there is.",
}
CHOICES = (OWN, ABSENT, BLURRED)
"""What can be made of the case alone."""


def measure(look: Look) -> list[Reading]:
    """Of the kinds of input that the method compares with something (USES_REFERENCE of its file),
    where there is something else to compare with."""
    kinds = getattr(registry.load("attributions", look.method), "USES_REFERENCE", ())
    concerned = [name for name in look.parts if look.joint.kind(name) in kinds]
    found: dict[str, list[float]] = {}
    for other in other_references(look.joint):
        names = [name for name in concerned if name in other]
        if names:
            again = look.scores_of(look.again(look.joint.with_references(other)))
            for name in names:
                value = likeness(look.unrefined_scores[name], again[name])
                found.setdefault(name, []).extend([] if value is None else [value])
    return [
        Reading(name, "baseline_agreement", float(np.mean(values)))
        for name, values in found.items()
        if values
    ]


def other_references(joint: Joint) -> list[dict[str, Tensor]]:
    """Each choice of CHOICES for all inputs that can have it: input -> its reference, of the inputs
    for which that is another one than now; no two of them the same."""
    now = dict(zip(joint.names, joint.references, strict=True))
    others: list[dict[str, Tensor]] = []
    for choice in CHOICES:
        wanted = {name: choice for name in joint.names if choice in POSSIBLE[joint.kind(name)]}
        made = references(joint, wanted)
        other = {name: made[name] for name in wanted if not _same(made[name], now[name])}
        if other and not any(_alike(other, earlier) for earlier in others):
            others.append(other)
    return others


def _alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return set(one) == set(other) and all(_same(one[name], other[name]) for name in one)


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)
