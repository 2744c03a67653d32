import numpy as np
import pandas as pd
import pytest
from mapie.exchangeability_testing import OnlineMartingaleTest
from scipy import stats

from clinmm import schema
from clinmm.errors import InputError
from clinmm.uncertainty import exchangeability
from clinmm.uncertainty.exchangeability import martingale_test, p_values, wealth


def patients(
    n: int, rng: np.random.Generator, *, shift: float = 0.0, spread: float = 1.0, name: str = "p"
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of 1 to 6 correlated cases a patient, and whose they are."""
    number = np.repeat(np.arange(n), rng.integers(1, 7, n))
    score = rng.normal(size=n)[number] * 0.8 + rng.normal(size=number.size) * 0.6
    return shift + spread * score, np.array([f"{name}{i}" for i in number], dtype=object)


class Always:
    """Stands for a random generator: the same number each time."""

    def __init__(self, u: float) -> None:
        self.u = u

    def random(self, n: int) -> np.ndarray:
        return np.full(n, self.u)

    def uniform(self) -> float:
        return self.u


def test_p_values_by_hand() -> None:
    # known 1, 2, 3. New 2.5: one higher of 3; new 2.5 again: one higher and one tied of 4
    found = p_values(np.array([3.0, 1.0, 2.0]), np.array([2.5, 2.5, 9.0]), Always(0.5))
    assert found == pytest.approx([(1 + 0.5) / 4, (1 + 0.5 * 2) / 5, 0.5 / 6])


def test_p_values_are_those_of_mapie() -> None:
    rng = np.random.default_rng(0)
    known, new = rng.integers(0, 9, 30) / 2, rng.integers(2, 12, 25) / 2  # many ties
    theirs = OnlineMartingaleTest(warn=False)
    theirs.rng = Always(0.3)
    expected = [
        theirs.compute_p_value(score, np.append(known, new[:t])) for t, score in enumerate(new)
    ]
    assert p_values(known, new, Always(0.3)) == pytest.approx(expected)


def test_wealth_is_the_mean_of_the_bettors() -> None:
    p = np.array([0.1, 0.9, 0.4])
    grid = [(a, b) for a in exchangeability.BETA for b in exchangeability.BETA]
    for t in (1, 3):
        each = [np.prod(stats.beta.pdf(p[:t], a, b)) for a, b in grid]
        assert wealth(p)[t - 1] == pytest.approx(np.mean(each))


def test_wealth_is_fair_where_p_values_are_uniform() -> None:
    rng = np.random.default_rng(0)
    after = np.array([wealth(rng.random(5))[-1] for _ in range(1500)])
    assert after.mean() == pytest.approx(1.0, abs=3 * after.std() / 1500**0.5)


def test_exchangeable_patients_with_many_alike_cases_raise_no_alarm() -> None:
    rng = np.random.default_rng(1)
    for seed in range(25):
        found = martingale_test(*patients(80, rng), *patients(60, rng, name="q"), seed=seed)
        assert found.verdict == "holds", found
        assert (found.n_calibration, found.n_new) == (80, 60)
        assert found.p == min(1.0, 1 / found.evidence)


@pytest.mark.parametrize(
    "change", [{"shift": 1.0}, {"shift": -1.0}, {"spread": 2.5}, {"spread": 0.4}]
)
def test_a_shift_and_a_change_of_spread_are_found(change: dict[str, float]) -> None:
    rng = np.random.default_rng(2)
    found = martingale_test(*patients(100, rng), *patients(80, rng, name="q", **change), seed=0)
    assert found.verdict == "fails"
    assert found.evidence >= 20
    assert found.p <= 0.05


def test_cases_of_few_patients_do_not_pass_for_many() -> None:
    # 12 patients with 40 nearly equal cases each: cases alone would look like a shift
    rng = np.random.default_rng(3)
    score = np.repeat(rng.normal(size=12), 40) + rng.normal(size=480) / 50
    new = np.repeat([f"q{i}" for i in range(12)], 40)
    found = martingale_test(*patients(100, rng), score, new, seed=0)
    assert found.n_new == 12
    assert found.verdict == "cannot_tell"
    each_a_patient = np.array([f"q{i}" for i in range(480)])
    assert martingale_test(*patients(100, rng), score, each_a_patient, seed=0).verdict == "fails"


def test_only_the_order_of_the_scores_counts() -> None:
    rng = np.random.default_rng(4)
    (old, whose), (new, others) = patients(50, rng), patients(50, rng, shift=0.5, name="q")
    found = martingale_test(old, whose, new, others, seed=0)
    assert martingale_test(np.exp(old), whose, np.exp(new), others, seed=0) == found
    assert martingale_test(old, whose, new, others, seed=1) != found


def test_a_late_change_is_seen_in_order_of_time() -> None:
    rng = np.random.default_rng(5)
    old, whose = patients(150, rng)
    (usual, first), (odd, later) = (
        patients(60, rng, shift=2.0, name="q"),
        patients(500, rng, name="r"),
    )
    new, others = np.append(usual, odd), np.append(first, later)
    when = np.arange(new.size)
    in_time = martingale_test(old, whose, new, others, seed=0, times=when)
    mixed = martingale_test(old, whose, new, others, seed=0)
    assert in_time.verdict == "fails"
    assert in_time.evidence > 100 * mixed.evidence


def test_many_new_patients_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(exchangeability, "wealth", lambda p: seen.append(p.size) or np.ones(p.size))
    score = np.arange(3000.0)
    martingale_test(score[:50], np.arange(50), score, np.arange(50, 3050), seed=0)
    assert set(seen) == {exchangeability.MOST}


def test_evidence_is_half_the_median_of_the_largest_wealths_of_one_case_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(6)
    samples = (*patients(30, rng), *patients(25, rng, name="q"))
    for largest, verdict in ((39.9, "cannot_tell"), (40.1, "fails")):
        sizes = []

        def told(p: np.ndarray, sizes: list[int] = sizes, largest: float = largest) -> np.ndarray:
            sizes.append(p.size)
            low = len(sizes) % 5 < 2  # fewer than half of the repeats see nothing
            return np.array([1.0, 0.5 if low else largest, 0.1])

        monkeypatch.setattr(exchangeability, "wealth", told)
        found = martingale_test(*samples, seed=0)
        assert found.evidence == largest / 2
        assert found.verdict == verdict
        assert sizes == [25] * exchangeability.REPEATS


# from predictions


def predictions(n: int, seed: int, *, noise: float, known: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(float)
    logit = 4 * (y - 0.5) + noise * rng.normal(size=n)
    return pd.DataFrame(
        {
            "arm": "fused",
            "repeat": 0,
            "fold": 0,
            "case_id": [f"{seed}c{i}" for i in range(n)],
            "patient_id": [f"{seed}p{i // 2}" for i in range(n)],
            "class_name": "died",
            "target": y if known else np.nan,
            "probability": 1 / (1 + np.exp(-logit)),
            "pattern": "image",
        }
    )


def test_table_has_labels_only_where_targets_are_known() -> None:
    old = predictions(300, 0, noise=1)
    tested = {"kind": "binary", "method": "lac", "seed": 0}
    rows = exchangeability.table(old, predictions(200, 1, noise=1), **tested)
    assert rows["test"].tolist() == ["labels", "inputs"]
    assert rows["verdict"].tolist() == ["holds", "holds"]
    assert rows["n_calibration"].tolist() == [150, 150]
    schema.EXCHANGEABILITY.validate(rows)
    blind = exchangeability.table(old, predictions(200, 1, noise=1, known=False), **tested)
    assert blind["test"].tolist() == ["inputs"]
    worse = exchangeability.table(old, predictions(200, 1, noise=6), **tested)
    assert worse["verdict"].iloc[0] == "fails"


def test_a_case_of_several_folds_counts_once() -> None:
    old, new = predictions(300, 0, noise=1), predictions(200, 1, noise=1)
    tested = {"kind": "binary", "method": "lac", "seed": 0}
    again = pd.concat([old, old.assign(fold=1)])
    once = exchangeability.table(old, new, **tested)
    pd.testing.assert_frame_equal(exchangeability.table(again, new, **tested), once)


def test_unusable_samples_are_refused() -> None:
    one, two = np.arange(20), np.arange(20, 40)
    with pytest.raises(InputError, match="20 patients are in both"):
        martingale_test(one, one, two, one, seed=0)
    with pytest.raises(InputError, match="new: 1 of 20 scores are NaN"):
        martingale_test(one, one, np.where(two == 20, np.nan, two), two, seed=0)
    with pytest.raises(InputError, match="calibration: no case"):
        martingale_test([], [], two, two, seed=0)
    with pytest.raises(InputError, match="scores for"):
        martingale_test(one, one[:5], two, two, seed=0)
    with pytest.raises(InputError, match="times: 3 for 20"):
        martingale_test(one, one, two, two, seed=0, times=[1, 2, 3])
