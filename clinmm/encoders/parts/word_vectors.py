"""Word vectors from a file: the text formats of word2vec and GloVe, or a NumPy archive."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.files import sha256_of_file
from clinmm.errors import InputError

Vectors = dict[str, NDArray[np.float32]]


def vectors_of(file: str, words: frozenset[str]) -> tuple[Vectors, str]:
    """(vectors of those words that the file has, SHA-256 of the file).

    Text: a word and its numbers a line, separated by spaces; a first line of two numbers, as in
    word2vec, is passed over. An .npz file: `words` (V,) and `vectors` (V, d).

    Raises:
        InputError: there is no such file, or it is of neither format.
    """
    path = Path(file)
    if not path.is_file():
        raise InputError(f"encoders: vectors '{file}' is no file. Leave it out to learn vectors.")
    state = path.stat()
    return _read(path, words, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=2)
def _read(path: Path, words: frozenset[str], state: tuple[int, int]) -> tuple[Vectors, str]:
    """state: when the file was written and how long it is, so that a changed file is read anew."""
    try:
        found = dict(_npz(path, words) if path.suffix == ".npz" else _text(path, words))
    except (ValueError, KeyError, OSError) as error:
        raise InputError(
            f"encoders: vectors '{path}' cannot be read ({type(error).__name__}). Give lines of a "
            "word and its numbers, as GloVe and word2vec (text) have them, or an .npz file that "
            "holds words (V,) and vectors (V, d)."
        ) from None
    if len({len(vector) for vector in found.values()}) > 1:
        raise InputError(f"encoders: vectors '{path}' are not all of one length.")
    return found, sha256_of_file(path)


def _npz(path: Path, words: Collection[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    with np.load(path, allow_pickle=False) as archive:
        vectors = archive["vectors"].astype(np.float32)
        for row, word in enumerate(archive["words"].tolist()):
            if word in words:
                yield word, vectors[row]


def _text(path: Path, words: Collection[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            word, _, numbers = line.rstrip().partition(" ")
            if word in words and " " in numbers:
                yield word, np.array(numbers.split(), np.float32)
