"""Random attributions keep what makes a method's look good, and nothing of what it knows."""

from types import SimpleNamespace

import numpy as np
import pytest
from toy_look import smooth_field

from clinmm.explain.audit.parts.surrogates import surrogate


def parts(*grid: int, smooth: bool = True) -> SimpleNamespace:
    return SimpleNamespace(grid=grid, smooth=smooth, n=int(np.prod(grid)))


def neighbours(scores: np.ndarray) -> float:
    """Correlation of each place with the one to its right."""
    return float(np.corrcoef(scores[:, :-1].ravel(), scores[:, 1:].ravel())[0, 1])


@pytest.mark.parametrize("seed", range(5))
def test_a_map_keeps_its_values_and_its_spectrum_and_forgets_its_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = smooth_field(rng, 12)
    made = np.stack([surrogate(scores.ravel(), parts(12, 12), rng) for _ in range(30)])
    for one in made:
        np.testing.assert_array_equal(np.sort(one), np.sort(scores.ravel()))
    maps = made.reshape(-1, 12, 12)
    own = np.abs(np.fft.rfft2(scores))
    for one in maps:
        assert np.corrcoef(np.abs(np.fft.rfft2(one)).ravel(), own.ravel())[0, 1] > 0.95
        assert abs(neighbours(one) - neighbours(scores)) < 0.15
    assert neighbours(rng.permutation(scores.ravel()).reshape(12, 12)) < 0.3, "what it must beat"
    alike = [np.corrcoef(one, scores.ravel())[0, 1] for one in made]
    assert abs(np.mean(alike)) < 0.2


def test_a_volume_keeps_its_values_and_its_smoothness() -> None:
    rng = np.random.default_rng(0)
    scores = np.add.outer(np.add.outer(np.arange(6.0), np.arange(6.0)), np.arange(6.0))
    one = surrogate(scores.ravel(), parts(6, 6, 6), rng)
    np.testing.assert_array_equal(np.sort(one), np.sort(scores.ravel()))
    spectra = [np.abs(np.fft.rfftn(volume.reshape(6, 6, 6))).ravel() for volume in (scores, one)]
    assert np.corrcoef(*spectra)[0, 1] > 0.9


def test_a_note_is_turned_round_and_never_stays() -> None:
    scores = np.array([1.0, 2, 3, 4, 0, 0, 0])
    turned = [np.roll(scores, k) for k in range(1, 7)]
    expected = {tuple(s) for one in turned for s in (one, one[::-1])}
    rng = np.random.default_rng(0)
    assert {tuple(surrogate(scores, parts(7), rng)) for _ in range(300)} == expected
    assert tuple(scores) not in expected


def test_columns_are_permuted() -> None:
    scores, rng = np.array([1.0, 2, 3]), np.random.default_rng(0)
    made = {tuple(surrogate(scores, parts(3, smooth=False), rng)) for _ in range(200)}
    assert len(made) == 6


@pytest.mark.parametrize("grid", [(12, 12), (9,), (2,)])
def test_what_is_the_same_everywhere_stays_so(grid: tuple[int, ...]) -> None:
    scores = np.full(int(np.prod(grid)), 0.5)
    np.testing.assert_array_equal(surrogate(scores, parts(*grid), np.random.default_rng(0)), scores)
