"""Numbers in the place of identifiers; who is who goes into a key file outside the cohort."""

import hashlib
from collections.abc import Iterable


def number(identifiers: Iterable[str], letter: str) -> dict[str, str]:
    """Identifier -> P0001, P0002 ... in the order of their hashes, which says nothing of theirs.

    The same set of identifiers gets the same numbers, in whatever order it comes.

    >>> number(["MRN-2", "MRN-1", "MRN-2"], "P")
    {'MRN-1': 'P0001', 'MRN-2': 'P0002'}
    """
    known = sorted(set(identifiers), key=_hash)
    width = max(4, len(str(len(known))))
    return {known_as: f"{letter}{place:0{width}}" for place, known_as in enumerate(known, start=1)}


def _hash(identifier: str) -> str:
    return hashlib.sha256(identifier.encode("utf-8", "surrogateescape")).hexdigest()
