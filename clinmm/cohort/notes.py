"""Hides the words of a note that would give the answer away."""

import re
from collections.abc import Sequence

TOKEN = "___"
"""What stands where a masked word was; the same for every mask, so it says nothing itself."""


def mask_pattern(masks: Sequence[str]) -> re.Pattern[str] | None:
    r"""One pattern for all masks, the longest first so that a phrase goes before its words.

    A mask is a whole word or phrase in any case; between the words of a phrase any run of
    spaces, line ends or hyphens may stand (or none where the mask has a hyphen), and a final *
    stands for any ending.

    >>> bool(mask_pattern(["covid-19"]).search("COVID 19"))
    True
    """
    if not masks:
        return None
    return re.compile(
        "|".join(_one(mask) for mask in sorted(masks, key=lambda m: (-len(m), m))), re.IGNORECASE
    )


def _one(mask: str) -> str:
    any_ending = mask.endswith("*")
    body = mask.rstrip("*").strip()
    parts = re.split(r"(\s+|-)", body)
    between = {True: r"[\s\-]*", False: r"[\s\-]+"}
    pattern = "".join(
        between["-" in part] if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
    # \b would never match beside a mask that begins or ends with a sign, such as "+ve".
    before = r"(?<!\w)" if body[:1] else ""
    return before + pattern + (r"\w*" if any_ending else r"(?!\w)")


def mask_words(text: str, masks: Sequence[str]) -> str:
    """The text with every masked word or phrase replaced by `___`.

    Args:
        text: a note.
        masks: words and phrases, see `mask_pattern`.

    >>> mask_words("Intubated on day 2, intensive  care", ["intubat*", "intensive care"])
    '___ on day 2, ___'
    """
    pattern = mask_pattern(masks)
    return pattern.sub(TOKEN, text) if pattern else text
