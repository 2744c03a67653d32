"""The models a study compares: all inputs fused, and each input trained alone."""

from collections.abc import Sequence

FUSED = "fused"


def arms_of(inputs: Sequence[str], which: str = "all") -> dict[str, list[str]]:
    """Arm -> its inputs, alphabetical; single inputs first, because the fused arm starts from
    them. With one input there is nothing to compare.

    >>> arms_of(["note", "image"])
    {'image': ['image'], 'note': ['note'], 'fused': ['image', 'note']}
    """
    names = sorted(inputs)
    single = {name: [name] for name in names} if which == "all" and len(names) > 1 else {}
    return {**single, FUSED: names}
