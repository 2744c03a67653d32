"""What makes an answer unfit for a study, beyond what `answers` refuses."""

import json
import re
from collections.abc import Sequence
from typing import Any

from clinmm.errors import InputError
from clinmm.review.answers import Draft

LARGEST = 200_000
"""Characters of an answer as JSON; about two thousand marks."""


def payload_of(said: Draft, classes: Sequence[str], partial: bool) -> dict[str, Any]:
    """What is kept of a draft or an answer.

    Args:
        classes: those that the study judges; with none named, any.
        partial: not every class need be rated.

    Raises:
        InputError: a class that the study does not judge is rated or chosen, an answer leaves one
            out, a name holds NUL, or it is too large to be kept.
    """
    problems = []
    if classes:
        rated = set(said.ratings) | ({said.choice} if said.choice is not None else set())
        if beyond := sorted(rated - set(classes)):
            problems.append(
                f"this study does not judge {_named(beyond)}; it judges {_named(classes)}."
            )
        left_out = [name for name in classes if name not in said.ratings]
        if said.ratings and left_out and not partial:
            problems.append(f"the answer does not rate {_named(left_out)}: rate every class.")
    payload = said.model_dump(mode="json")
    try:
        text = json.dumps(payload, allow_nan=False)
    except ValueError:
        problems.append("a position of a mark is not a number.")
    else:
        if len(text) > LARGEST:
            problems.append(
                f"the answer takes {len(text)} characters, and {LARGEST} are kept at most: remove "
                "marks."
            )
        if holds_nul(text):
            problems.append("a name in the answer holds the character NUL.")
    if problems:
        raise InputError(problems)
    return payload


def holds_nul(text: str) -> bool:
    r"""Whether any string of a JSON text holds NUL, which PostgreSQL does not read.

    >>> holds_nul(r'"a\u0000"'), holds_nul(r'"a\\u0000"')
    (True, False)
    """
    return re.search(r"(?<!\\)(?:\\\\)*\\u0000", text) is not None


def _named(classes: Sequence[str]) -> str:
    shown = ", ".join(f"'{name[:80]}'" for name in classes[:10])
    return shown if len(classes) <= 10 else f"{shown} and {len(classes) - 10} more"
