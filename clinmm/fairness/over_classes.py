"""Means over those classes in which a group and everybody else can both be judged.

With many classes some are so rare that hardly any group has five patients with them; a mean that
needed them all would say nothing of any group. All that is compared is a mean over the same
classes, so that a difference is that of the groups.
"""

from collections.abc import Sequence

from clinmm.intervals import Estimate, macro

Pair = tuple[Estimate, Estimate]
"""A group, and everybody else of whom the attribute is recorded."""


def judged(classes: Sequence[Sequence[Estimate]]) -> list[int]:
    """Places of the classes in which all that is compared has an estimate; none where these are
    fewer than half of the classes.

    Args:
        classes: of each class the estimates that are compared, such as a Pair.
    """
    places = [i for i, each in enumerate(classes) if all(one.status == "ok" for one in each)]
    return places if 2 * len(places) >= len(classes) else []


def means(classes: Sequence[Sequence[Estimate]]) -> list[Estimate]:
    """Each of what is compared, in the mean over the judged classes; suppressed where there are
    none. Of a single class as it is.

    Args:
        classes: as for `judged`, at least one.
    """
    if len(classes) == 1:
        return list(classes[0])
    places = judged(classes) or range(len(classes))
    each = range(len(classes[0]))
    return [macro({str(i): classes[i][which] for i in places}) for which in each]
