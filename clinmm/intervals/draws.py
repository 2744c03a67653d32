"""What is random about intervals: which patients are drawn, and the factors they are given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.metrics.weighted import Array

BUCKETS = 1024
"""Random factors per draw. More patients than that share them with random signs."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Random numbers of each patient, made when they are first needed.

    patients: sorted ids.
    """

    patients: NDArray[np.object_]
    n_bootstrap: int
    seed: int

    @classmethod
    def make(cls, patient_ids: Sequence[str], n_bootstrap: int, seed: int) -> "Draws":
        """For the patients of a list of ids, in which an id may come more than once."""
        if n_bootstrap < 0:
            raise InputError(f"n_bootstrap must be at least 0, got {n_bootstrap}.")
        return cls(np.array(sorted(set(patient_ids)), dtype=object), n_bootstrap, seed)

    def first(self, n: int) -> "Draws":
        """The first n of these draws, or all if there are fewer."""
        return replace(self, n_bootstrap=min(n, self.n_bootstrap))

    @cached_property
    def counts(self) -> NDArray[np.uint8]:
        """(patients, 1 + n_bootstrap) how often each was drawn, of as many as there are, with
        replacement. Column 0 is all ones: the sample as it is."""
        n = self.patients.size
        counts = np.ones((self.n_bootstrap + 1, n), dtype=np.uint8)
        rng = np.random.default_rng(self.seed)
        for row in counts[1:]:
            row[:] = np.bincount(rng.integers(0, n, n), minlength=n)
        return np.ascontiguousarray(counts.T)

    def noise(self, patient: NDArray[np.int64], influence: Array) -> Array:
        """Normal errors of k means, with the covariance that influences summed per patient have.

        Every patient's sum is multiplied with his own standard normal factor of each draw and
        added up: the multiplier bootstrap. With many patients, sums are first added, with random
        signs, into 1,024 buckets that share a factor; that leaves the covariance right on average
        and moves a standard error by 2 %. The same patient has the same factor and sign wherever
        he comes, so that errors of two metrics or arms belong together.

        Args:
            patient: (n,) row of each case's patient.
            influence: (n, k) of each case.

        Returns:
            (k, n_bootstrap).

        Reference:
            van der Vaart, Wellner. Weak Convergence and Empirical Processes (1996), section 2.9.
        """
        from scipy.sparse import csc_array

        bucket, sign = self._bucket
        size, n = int(bucket.max()) + 1, patient.size
        into = csc_array((sign[patient], bucket[patient], np.arange(n + 1)), shape=(size, n))
        errors: Array = (into @ influence).T @ self._factors[:size]
        return errors

    @cached_property
    def _bucket(self) -> tuple[NDArray[np.int64], Array]:
        """Bucket and sign of each patient."""
        n = self.patients.size
        if n <= BUCKETS:
            return np.arange(n), np.ones(n)
        rng = np.random.default_rng((self.seed, 1))
        return rng.integers(0, BUCKETS, n), rng.choice([-1.0, 1.0], n)

    @cached_property
    def _factors(self) -> Array:
        """(buckets, n_bootstrap) standard normal."""
        rng = np.random.default_rng((self.seed, 2))
        return rng.standard_normal((min(BUCKETS, self.patients.size), self.n_bootstrap))

    def index(self, patient_ids: Sequence[str]) -> NDArray[np.int64]:
        """Row of each patient id in `patients`."""
        row = self._row
        return np.array([row[patient] for patient in patient_ids], dtype=np.int64)

    @cached_property
    def _row(self) -> dict[str, int]:
        return {patient: i for i, patient in enumerate(self.patients)}
