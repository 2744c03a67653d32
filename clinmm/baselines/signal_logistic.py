"""Logistic regression on what each channel of a signal amounts to: level, spread and bands.

Of each channel: mean, deviation, lowest and highest value, share measured, and the logarithm of the
mean power in bands that are twice as wide as the one below, up to half the rate.

Source: Welch, The use of fast Fourier transform for the estimation of power spectra, IEEE Trans AU
15 (1967).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from clinmm.baselines.columns import with_marks
from clinmm.baselines.interface import Features, Index, Path, Values
from clinmm.baselines.linear import linear_path

PENALTIES = (0.001, 0.01, 0.1, 1.0)
BANDS, WINDOW = 10, 1024
QUIETEST = 1e-10
"""Power below this is silence: the logarithm starts here."""


class Baseline:
    kind: ClassVar[str] = "signal"

    @staticmethod
    def serves(source: Any) -> bool:
        return True

    @staticmethod
    def features(raw: Sequence[Any], learned: Index, source: Any, given: Any) -> Features:
        """(N, channels times (5 + BANDS)) z-scores, and marks for what was not measured."""
        from clinmm.encoders.parts.samples import all_files, samples_of, shape_facts

        facts = shape_facts(source)
        shape = (facts["channels"], 5 + BANDS)
        name = f"summary {BANDS} {WINDOW} {facts}"
        found = all_files(raw, shape, name, lambda file: summary(samples_of(file, facts)))
        return with_marks(found.reshape(len(raw), -1).astype(np.float64), learned)

    @staticmethod
    def path(x: Features, target: Values, task: str, balanced: bool) -> Path:
        return linear_path(x, target, task, balanced, PENALTIES)


def summary(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, T), NaN where nothing was measured -> (C, 5 + BANDS), NaN where a channel is empty.

    >>> found = summary(np.array([[1.0, 3.0, np.nan, np.nan]], dtype=np.float32))
    >>> found[0, :5].tolist()  # mean, deviation, lowest, highest, share measured
    [2.0, 1.0, 1.0, 3.0, 0.5]
    """
    out = np.full((len(samples), 5 + BANDS), np.nan, np.float32)
    for row, channel in zip(out, samples, strict=True):
        known = channel[np.isfinite(channel)].astype(np.float64)
        if known.size:
            row[:5] = known.mean(), known.std(), known.min(), known.max(), known.size / channel.size
            row[5:] = _bands(known - known.mean())
    return out


def _bands(x: Values) -> Values:
    """(BANDS,) log10 of the mean power; the lowest band is the slowest changes."""
    from scipy.signal import welch

    _, power = welch(np.pad(x, (0, max(0, WINDOW - x.size))), nperseg=WINDOW, detrend=False)
    edges = [0, *(max(1, power.size >> i) for i in range(BANDS - 1, -1, -1))]
    means = [power[low : max(high, low + 1)].mean() for low, high in pairwise(edges)]
    bands: Values = np.log10(np.maximum(means, QUIETEST))
    return bands
