"""What readers agree on, and when they disagree so much that a third one decides."""

from collections.abc import Sequence
from typing import NamedTuple

from clinmm.review.answers import Draft, called


class Judgement(NamedTuple):
    """What was judged, of an answer as it is kept; quick to make of many."""

    ratings: dict[str, int]
    choice: str | None
    value: float | None


def disputed(answers: Sequence[Draft | Judgement], tolerance: float = 0.0) -> list[str]:
    """What the answers on one case do not agree on: class names, `choice` or `value`.

    Args:
        answers: the final answers of the readers.
        tolerance: values may lie so far apart.

    >>> disputed([Draft(ratings={"nodule": 4, "mass": 2}), Draft(ratings={"nodule": 3, "mass": 1})])
    ['nodule']
    """
    classes = dict.fromkeys(name for one in answers for name in one.ratings)
    found = [
        name
        for name in classes
        if len({called(one.ratings[name]) for one in answers if name in one.ratings}) > 1
    ]
    if len({one.choice for one in answers}) > 1:
        found.append("choice")
    values = [one.value for one in answers if one.value is not None]
    if values and max(values) - min(values) > tolerance:
        found.append("value")
    return found


def left_open(answer: Draft, what: Sequence[str]) -> list[str]:
    """Of what is disputed, that of which an answer says nothing.

    >>> left_open(Draft(ratings={"nodule": 4}), ["nodule", "mass"])
    ['mass']
    """
    said = {"choice": answer.choice, "value": answer.value}
    return [name for name in what if said.get(name, answer.ratings.get(name)) is None]


def agreed(answers: Sequence[Draft], tolerance: float = 0.0) -> dict[str, bool | str | float]:
    """What the answers on one case agree on: class name -> whether it is present, `choice` -> the
    class, `value` -> the mean. What is disputed, and what nobody can say, is left out.

    >>> agreed([Draft(ratings={"nodule": 4, "mass": 2}), Draft(ratings={"nodule": 3, "mass": 1})])
    {'mass': False}
    >>> agreed([Draft(ratings={"nodule": 3}), Draft(ratings={"nodule": 3})])
    {}
    """
    said: dict[str, bool | str | float | None] = {
        name: called(rating) for one in answers for name, rating in one.ratings.items()
    }
    said["choice"] = answers[0].choice if answers else None  # where they differ it is left out
    values = [one.value for one in answers if one.value is not None]
    said["value"] = sum(values) / len(values) if values else None
    open_ones = disputed(answers, tolerance)
    return {
        name: found for name, found in said.items() if found is not None and name not in open_ones
    }
