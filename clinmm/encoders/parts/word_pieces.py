"""Word pieces of notes: from a tokenizer learned on them without labels, or from a given one.

Byte pair encoding, whose result depends on the notes alone (that of WordPiece, as the library
trains it, differs from process to process). Source: Sennrich, Haddow, Birch, ACL 2016.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clinmm.errors import InputError

UNKNOWN = "[UNK]"
UNKNOWN_PIECE, FIRST = 1, 2
"""0 is nothing, 1 a piece that no training note has; those that one has count from FIRST on."""


def learn_pieces(notes: Sequence[str], size: int, min_count: int) -> dict[str, Any]:
    """A tokenizer of at most `size` pieces, as JSON; pairs rarer than `min_count` stay apart."""
    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    _lower_case_words(tokenizer, marked=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=min_count, special_tokens=[UNKNOWN], show_progress=False
    )
    tokenizer.train_from_iterator(notes, trainer)
    return _as_json(tokenizer)


def count_words(notes: Iterable[str]) -> Counter[str]:
    """Words and marks of punctuation, in lower case and without accents."""
    tokenizer = _of_words([])
    return Counter(
        word
        for note in notes
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(
            tokenizer.normalizer.normalize_str(note)
        )
    )


def whole_words(words: Iterable[str]) -> dict[str, Any]:
    """A tokenizer that knows these words, spelt as by `count_words`, as JSON."""
    return _as_json(_of_words(words))


def given_pieces(folder: str) -> dict[str, Any]:
    """The tokenizer of a model's folder, as JSON.

    Raises:
        InputError: there is no tokenizer.json that can be read.
    """
    from tokenizers import Tokenizer

    file = Path(folder) / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(
            f"encoders: tokenizer '{folder}' cannot be read ({type(error).__name__}). Give a "
            "folder that holds a tokenizer.json, or leave it out: one is learned from the notes."
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return _as_json(tokenizer)


class Pieces:
    """Notes -> numbers of the pieces that the training notes hold.

    tokenizer: as JSON. seen: the tokenizer's numbers of those pieces, in rising order.
    """

    def __init__(self, tokenizer: dict[str, Any], seen: Sequence[int] = ()) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_str(json.dumps(tokenizer))
        self.number = {piece: FIRST + i for i, piece in enumerate(seen)}

    def __deepcopy__(self, memo: Any) -> "Pieces":
        return self  # nothing in it changes

    @property
    def size(self) -> int:
        """How many numbers there are, with those of nothing and of the unknown."""
        return FIRST + len(self.number)

    @property
    def names(self) -> list[str]:
        """The pieces from FIRST on, the tokenizer's mark of a word's begin taken off."""
        return [str(self.tokenizer.id_to_token(piece)).lstrip("▁Ġ") for piece in self.number]

    def seen_in(self, notes: Iterable[str]) -> list[int]:
        """The tokenizer's numbers of the pieces of these notes, but for its unknown piece."""
        found = {piece for note in notes for piece in self._encode(note).ids}
        return sorted(p for p in found if self.tokenizer.id_to_token(p) not in (UNKNOWN, "<unk>"))

    def of(self, note: str, longest: int) -> tuple[list[int], list[tuple[int, int]]]:
        """(numbers, (start, end) in characters) of the first `longest` pieces. What a mask hid
        leaves none: how many words were hidden must not be seen either."""
        found = self._encode(note)
        there = [
            (self.number.get(piece, UNKNOWN_PIECE), span)
            for piece, span in zip(found.ids, found.offsets, strict=True)
            if note[span[0] : span[1]].strip().strip("_")
        ][:longest]
        return [number for number, _ in there], [span for _, span in there]

    def _encode(self, note: str) -> Any:
        return self.tokenizer.encode(note, add_special_tokens=False)


def _of_words(words: Iterable[str]) -> Any:
    from tokenizers import Tokenizer, models

    number = {word: i for i, word in enumerate([UNKNOWN, *sorted(words)])}
    tokenizer = Tokenizer(models.WordLevel(number, unk_token=UNKNOWN))
    _lower_case_words(tokenizer, marked=False)
    return tokenizer


def _lower_case_words(tokenizer: Any, *, marked: bool) -> None:
    """Words and marks of punctuation each for themselves, without case or accents; marked: a
    word's begin is told from the middle of a word."""
    from tokenizers import normalizers, pre_tokenizers

    mark = [pre_tokenizers.Metaspace(prepend_scheme="always")] if marked else []
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), *mark])


def _as_json(tokenizer: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(tokenizer.to_str())
    return made
