"""The arms of a study: what it trains and compares.

Each input alone (`note`), each pair (`image+note`), all together (`fused`), the mean of several
such models (`ensemble`), a plain model of each input (`baseline:note`) and their late fusion
(`baseline:stacked`).
"""

from collections.abc import Sequence
from itertools import combinations

FUSED, ENSEMBLE = "fused", "ensemble"
BASELINE = "baseline:"
STACKED = BASELINE + "stacked"


def arms_of(inputs: Sequence[str], which: str = "all") -> dict[str, list[str]]:
    """Arm -> its inputs, alphabetical; single inputs first, because the others start from them.
    With one input there is nothing to compare.

    which: `all` with single inputs and, of more than two inputs, pairs; `single` without pairs;
    `fused` alone.

    >>> arms_of(["note", "image"])
    {'image': ['image'], 'note': ['note'], 'fused': ['image', 'note']}
    >>> list(arms_of("abc"))
    ['a', 'b', 'c', 'a+b', 'a+c', 'b+c', 'fused']
    """
    names = sorted(inputs)
    sizes = {"all": (1, 2), "single": (1,), "fused": ()}[which]
    parts = [part for size in sizes if size < len(names) for part in combinations(names, size)]
    return {**{"+".join(part): list(part) for part in parts}, FUSED: names}


def baselines_of(inputs: Sequence[str]) -> dict[str, list[str]]:
    """The same for baselines; stacked where there are several.

    >>> baselines_of(["note", "image"])["baseline:stacked"]
    ['image', 'note']
    """
    names = sorted(inputs)
    stacked = {STACKED: names} if len(names) > 1 else {}
    return {**{BASELINE + name: [name] for name in names}, **stacked}


def is_baseline(arm: str) -> bool:
    return arm.startswith(BASELINE)


def is_single(arm: str) -> bool:
    """Whether the arm is the model of one input alone (`fused` may be of one input, but stands
    for all)."""
    return arm not in (FUSED, ENSEMBLE) and "+" not in arm and not is_baseline(arm)


def inputs_of_arm(arm: str, inputs: Sequence[str]) -> list[str]:
    """The inputs that an arm reads. inputs: all of the study.

    >>> inputs_of_arm("baseline:note", ["image", "note"])
    ['note']
    >>> inputs_of_arm("ensemble", ["note", "image"])
    ['image', 'note']
    """
    if arm in (FUSED, ENSEMBLE, STACKED):
        return sorted(inputs)
    return arm.removeprefix(BASELINE).split("+")
