"""What the aspects look at, read from each case once: numbers of a picture or of a signal, words of
a note."""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.notes import TOKEN
from clinmm.folds import raw_values
from clinmm.readers.signal import SignalFile

WORD = re.compile(r"[^\W\d_]{2,}")
"""Two or more letters: numbers, dates and blanks of masks belong to no language."""

SIDE, TONES, TILES = 64, 16, 8


@dataclass(frozen=True, eq=False)
class PictureNumbers:
    """kind: a hash of the DICOM modality, or of there being none; only sameness means something.

    width_to_height, pixels: as stored. colour: mean difference of the largest and the smallest
    channel. tones: (16,) root of the share of pixels in each band of grey. layout: (64,) mean grey
    of 8 x 8 tiles. Greys in [0, 1], as displayed.
    """

    kind: str
    width_to_height: float
    pixels: float
    colour: float
    tones: NDArray[np.float64]
    layout: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NoteNumbers:
    """words: distinct, in lower case. n_words. triples: of letters, with a space at each end of a
    word -> how often."""

    n_words: int
    words: frozenset[str]
    triples: Counter[str]


@dataclass(frozen=True, eq=False)
class SignalNumbers:
    """Of each channel, (C,): its mean and standard deviation in the file's unit, NaN where nothing
    was measured, and the share of the time in which anything was."""

    level: NDArray[np.float64]
    spread: NDArray[np.float64]
    measured: NDArray[np.float64]


Readings = dict[str, list[Any]]
"""Input -> per case PictureNumbers, NoteNumbers, SignalNumbers or the row of a record; None where
absent."""


def read_inputs(cohort: Cohort) -> Readings:
    """Every input of every case, read once.

    Raises:
        InputError: a picture cannot be read.
    """
    return {name: _read(cohort, name) for name in sorted(cohort.spec.inputs)}


def _read(cohort: Cohort, name: str) -> list[Any]:
    raw = raw_values(cohort, name)
    match cohort.spec.inputs[name].kind:
        case "image":
            return read_pictures(raw, cohort.dimensions(name))
        case "note":
            return [None if note is None else read_note(note) for note in raw]
        case "signal":
            return read_signals(raw, cohort.spec.inputs[name])
        case _:
            return raw


def read_signals(files: Sequence[SignalFile | None], spec: Any) -> list[SignalNumbers | None]:
    """Numbers of each signal as models see it."""
    from clinmm.encoders.parts.samples import samples_of, shape_facts

    facts = shape_facts(spec)
    return [None if file is None else _of_samples(samples_of(file, facts)) for file in files]


def _of_samples(samples: NDArray[np.float32]) -> SignalNumbers:
    known = np.isfinite(samples)
    n = known.sum(1)
    some = np.where(n > 0, n, np.nan)
    values = np.where(known, samples, 0).astype(np.float64)
    level = values.sum(1) / some
    apart = np.where(known, values - level[:, None], 0)
    return SignalNumbers(level, np.sqrt(np.square(apart).sum(1) / some), n / samples.shape[1])


def read_note(note: str) -> NoteNumbers:
    """
    >>> read_note("No fever. 38.5").words == {"no", "fever"}
    True
    """
    words = [word.lower() for word in WORD.findall(note.replace(TOKEN, " "))]
    triples: Counter[str] = Counter()
    for word in words:
        padded = f" {word} "
        triples.update(padded[i : i + 3] for i in range(len(padded) - 2))
    return NoteNumbers(len(words), frozenset(words), triples)


def read_pictures(paths: Sequence[Path | None], dimensions: int = 2) -> list[PictureNumbers | None]:
    """Numbers of each picture; kept on disk by content, like the features of networks.

    A volume is read as its middle axial slice.
    """
    import torch

    from clinmm.cohort.files import sha256_of
    from clinmm.encoders.parts.feature_cache import cached
    from clinmm.readers import READER_VERSION

    def read_all() -> torch.Tensor:
        empty = np.zeros(4 + TONES + TILES**2)
        rows = [empty if path is None else _numbers(path, dimensions) for path in paths]
        return torch.from_numpy(np.array(rows))

    contents = [None if path is None else sha256_of(path) for path in paths]
    kind = f"picture numbers v2 reader {READER_VERSION} dimensions {dimensions}"
    rows = cached(kind, contents, read_all).numpy()
    return [
        None
        if path is None
        else PictureNumbers(
            str(int(row[0])), row[1], row[2], row[3], row[4 : 4 + TONES], row[4 + TONES :]
        )
        for path, row in zip(paths, rows, strict=True)
    ]


def _numbers(path: Path, dimensions: int) -> NDArray[np.float64]:
    from clinmm.readers import read_image, read_volume
    from clinmm.readers.resize import resize
    from clinmm.readers.volume import middle_picture

    picture = read_image(path) if dimensions == 2 else middle_picture(read_volume(path))
    kind = str(picture.facts.get("modality", "not DICOM"))
    height, width = picture.pixels.shape[1:]
    colour = 0.0
    if picture.pixels.shape[0] == 3:
        small = resize(picture, SIDE, 3)
        colour = float((small.max(0) - small.min(0)).mean())
    grey = resize(picture, SIDE, 1)[0].astype(np.float64)
    band = np.minimum((grey * TONES).astype(int), TONES - 1)
    tones = np.sqrt(np.bincount(band.ravel(), minlength=TONES) / grey.size)
    tile = SIDE // TILES
    layout = grey.reshape(TILES, tile, TILES, tile).mean((1, 3)).ravel()
    code = float(zlib.crc32(kind.encode()))
    return np.array([code, width / height, height * width, colour, *tones, *layout])
