"""How the arms stand together on a page."""

from collections.abc import Iterable

from clinmm.arms import ENSEMBLE, FUSED, is_baseline, is_single
from clinmm.worth_it.populations import EVERYONE, HAVE_RIVAL


def question(n_inputs: int) -> str:
    """What is judged. With one input nothing is fused, and the rival is its plain model."""
    return "Is fusion worth it?" if n_inputs > 1 else "Is the model worth it?"


def who(population: str, unit: str = "patient", *, of_values: bool = False) -> str:
    """
    >>> who("have_rival")
    'patients who have the inputs of the best other'
    """
    answer = "mean" if of_values else "prevalence"
    return {
        HAVE_RIVAL: f"{unit}s who have the inputs of the best other",
        EVERYONE: f"every test {unit}; an arm without its inputs answers the training {answer}",
    }[population]


def grouped(arms: Iterable[str]) -> dict[str, list[str]]:
    """Heading -> its arms, in alphabetical order; no heading without an arm.

    >>> grouped(["note", "fused", "baseline:note", "image"])
    {'All inputs': ['fused'], 'One input': ['image', 'note'], 'Plain models': ['baseline:note']}
    """
    there = sorted(set(arms), key=lambda arm: (arm != FUSED, arm))
    groups = {
        "All inputs": [arm for arm in there if arm in (FUSED, ENSEMBLE)],
        "One input": [arm for arm in there if is_single(arm)],
        "Several inputs": [arm for arm in there if "+" in arm],
        "Plain models": [arm for arm in there if is_baseline(arm)],
    }
    return {heading: names for heading, names in groups.items() if names}
