"""The gap of many slices at once is the gap of each."""

import numpy as np
import pytest

from clinmm.fairness.slices.screening import EXPECTED_GAP, Gaps, gaps
from clinmm.intervals import Draws, Sample, estimate

CALL = "call:high"


def made(n_patients: int = 60, seed: int = 0) -> Sample:
    """Two or three cases a patient, three folds, scores with ties."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), rng.integers(2, 4, n_patients))
    order = np.argsort(patient % 3, kind="stable")
    patient = patient[order]
    y_true = (rng.random(patient.size) < 0.4).astype(float)
    score = np.round((rng.normal(size=patient.size) + y_true).clip(-3, 3) / 8 + 0.5, 1)
    return Sample(
        y_true,
        {"calibrated": score, CALL: (score >= 0.5).astype(float)},
        patient,
        np.arange(patient.size),
        np.zeros(patient.size, dtype=int),
        patient % 3,
    )


def some_slices(n: int, n_slices: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    keep = rng.random((n_slices, n)) < rng.uniform(0.2, 0.7, (n_slices, 1))
    return keep, ~keep & (rng.random((n_slices, n)) < 0.9)


@pytest.mark.parametrize(
    ("metric", "column"), [("auroc", "calibrated"), ("fnr", CALL), ("fpr", CALL)]
)
def test_gap_is_that_of_the_estimates(metric: str, column: str) -> None:
    sample = made()
    keep, rest = some_slices(sample.y_true.size, 300)  # more than are looked at together
    draws = Draws.make([f"{i:03d}" for i in range(60)], 0, 0)

    def value(rows: np.ndarray) -> float:
        return estimate(sample.take(rows), [(metric, column)], draws)[metric, column].value

    wanted = [value(a) - value(b) for a, b in zip(keep, rest, strict=True)]
    np.testing.assert_allclose(gaps(sample, metric, column, keep, rest).gap, wanted, atol=1e-6)


def slow_se(sample: Sample, keep: np.ndarray, rest: np.ndarray) -> float:
    """Of the AUROC, pair by pair: what each patient adds to either mean, and four patients more."""
    y, score, fold = sample.y_true, sample.columns["calibrated"], sample.fold
    pairs = [
        (i, j, float(score[i] > score[j]) + 0.5 * float(score[i] == score[j]))
        for i in range(y.size)
        for j in range(y.size)
        if y[i] == 1 and y[j] == 0 and fold[i] == fold[j]
    ]
    overall = np.mean([won for *_, won in pairs])
    of_patient = np.zeros(sample.patient.max() + 1)
    behind, away = [], []
    for rows, sign in ((keep, 1), (rest, -1)):
        inside = [(i, j, won) for i, j, won in pairs if rows[i] and rows[j]]
        value = np.mean([won for *_, won in inside])
        away.append(value - overall)
        for i, j, won in inside:
            for one in (i, j):
                of_patient[sample.patient[one]] += sign * (won - value) / len(inside)
        behind += [np.unique(sample.patient[rows & (y == outcome)]).size for outcome in (0, 1)]
    fewest = min(behind)
    unseen = 4 * (away[0] ** 2 + away[1] ** 2) / (fewest + 4) ** 2
    return float(np.sqrt((of_patient**2).sum() * fewest / (fewest - 1) + unseen))


def test_standard_error_of_the_auroc_is_that_of_the_slow_sum_over_pairs() -> None:
    sample = made()
    keep, rest = some_slices(sample.y_true.size, 4)
    wanted = [slow_se(sample, a, b) for a, b in zip(keep, rest, strict=True)]
    np.testing.assert_allclose(
        gaps(sample, "auroc", "calibrated", keep, rest).se, wanted, rtol=1e-5
    )


def ill_and_missed(missed: list[int]) -> tuple[Sample, np.ndarray]:
    """20 ill patients of one case and 20 well ones, the first ten of each in the slice."""
    calls = np.array([1.0 - one for one in missed] + [0.0] * 20)
    numbers, nought = np.arange(40), np.zeros(40, dtype=int)
    sample = Sample((numbers < 20).astype(float), {CALL: calls}, numbers, numbers, nought, nought)
    return sample, (numbers % 20 < 10)[None]


def test_a_rate_worked_by_hand() -> None:
    """20 ill patients of one case; the slice's 10 are missed 8 times, the others 2 times.

    Either rate has variance .8 x .2 / 10, times 10 / 9, and lies .3 from the rate of all, to which
    four patients more among ten would add 4 x (.3 / 14)^2.
    """
    sample, keep = ill_and_missed([1] * 8 + [0] * 2 + [1] * 2 + [0] * 8)
    found = gaps(sample, "fnr", CALL, keep, ~keep)
    assert found.gap[0] == pytest.approx(0.6)
    assert found.se[0] == pytest.approx(np.sqrt(2 * (0.016 * 10 / 9 + 4 * (0.3 / 14) ** 2)))
    shrunk = EXPECTED_GAP**2 / (EXPECTED_GAP**2 + found.se[0] ** 2)
    assert found.promise(False)[0] == pytest.approx(0.6 / found.se[0] * shrunk)
    assert found.promise(True)[0] == -found.promise(False)[0]


def test_a_slice_where_every_case_is_missed_has_a_standard_error() -> None:
    sample, keep = ill_and_missed([1] * 10 + [0] * 10)
    assert gaps(sample, "fnr", CALL, keep, ~keep).se[0] == pytest.approx(0.101, abs=1e-3)


def test_cases_predicted_twice_over_are_no_more_patients() -> None:
    once = made()
    n = once.y_true.size
    twice = Sample(
        np.tile(once.y_true, 2),
        {name: np.tile(column, 2) for name, column in once.columns.items()},
        np.tile(once.patient, 2),
        np.tile(once.case, 2),
        np.repeat([0, 1], n),
        np.tile(once.fold, 2),
    )
    keep, rest = some_slices(n)
    for metric, column in (("auroc", "calibrated"), ("fnr", CALL)):
        one = gaps(once, metric, column, keep, rest)
        other = gaps(twice, metric, column, np.tile(keep, 2), np.tile(rest, 2))
        np.testing.assert_allclose(one.gap, other.gap, atol=1e-6)
        np.testing.assert_allclose(one.se, other.se, rtol=1e-5)


def test_too_few_patients_on_either_side_cannot_be_judged() -> None:
    sample = made()
    nine = sample.patient < 9  # an estimate needs five ill ones, and the other half as many
    keep = np.stack([nine, ~nine])
    for metric, column in (("auroc", "calibrated"), ("fnr", CALL)):
        found = gaps(sample, metric, column, keep, ~keep)
        assert np.isnan(found.se).all()
        assert (found.promise(False) == -np.inf).all()


def test_a_small_slice_with_a_wide_gap_gives_way_to_a_larger_one() -> None:
    """Both gaps are 2.5 standard errors; drawn towards 0 they promise 1.25 and 2.40."""
    small, large = Gaps(np.array([0.5, 0.1]), np.array([0.2, 0.04])).promise(False)
    assert (small, round(large, 2)) == (1.25, 2.4)
    assert small < large
