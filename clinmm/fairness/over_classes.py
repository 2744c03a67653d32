"""A group and everybody else in the mean over those classes in which both can be judged.

With many classes some are so rare that hardly any group has five patients with them; a mean that
needed them all would say nothing of any group. Both sides are means over the same classes, so that
their difference is that of the groups.
"""

from collections.abc import Sequence

from clinmm.intervals import Estimate, macro

Pair = tuple[Estimate, Estimate]
"""A group, and everybody else of whom the attribute is recorded."""


def judged(pairs: Sequence[Pair]) -> list[int]:
    """Places of the classes in which both sides have an estimate; none where these are fewer than
    half of the classes."""
    places = [i for i, pair in enumerate(pairs) if all(one.status == "ok" for one in pair)]
    return places if 2 * len(places) >= len(pairs) else []


def mean_pair(pairs: Sequence[Pair]) -> Pair:
    """Both sides in the mean over the judged classes; suppressed where there are none.

    Args:
        pairs: class by class, at least one.
    """
    if len(pairs) == 1:
        return pairs[0]
    places = judged(pairs) or list(range(len(pairs)))
    inside, outside = (macro({str(i): pairs[i][side] for i in places}) for side in (0, 1))
    return inside, outside
