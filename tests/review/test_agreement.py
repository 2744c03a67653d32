"""Coefficients of agreement: published examples, independent computations, and their refusals."""

from functools import partial
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from clinmm.errors import InputError
from clinmm.review.agreement import cohen_kappa as cohen
from clinmm.review.agreement import fleiss_kappa as fleiss
from clinmm.review.agreement import gwet_ac1 as gwet
from clinmm.review.agreement import krippendorff_alpha as krippendorff
from clinmm.review.agreement.interval import agreement

NONE = float("nan")

KRIPPENDORFF_2011 = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
).T
"""Four observers, twelve units: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011),
section C; the same data are `cac.raw4raters` of Gwet's R package irrCAC."""

FLEISS_14 = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
"""Fourteen raters, ten subjects, five categories: Wikipedia, Fleiss' kappa, worked example."""

ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
"""100 pregnancies by two abstractors, `cont3x3abstractors` of irrCAC (Gwet, Handbook of Inter-Rater
Reliability, 2014); figures: its vignette `overview`."""

FLEISS_COHEN_EVERITT = [[106, 22, 2], [10, 28, 12], [4, 10, 6]]
"""200 subjects: Fleiss, Cohen, Everitt. Psychol Bull 72:323 (1969), table 1."""

SEXUAL_FUN = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
"""91 couples: Hout et al. (1987), `SexualFun` of the R package vcd; figures: its `Kappa`."""


def _pairs(table: list[list[int]]) -> np.ndarray:
    return np.array(
        [[i, j] for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    )


def _each(table: list[list[int]]) -> list[list[int]]:
    return [[k for k, n in enumerate(row) for _ in range(n)] for row in table]


@pytest.mark.parametrize(
    ("found", "published"),
    [
        (cohen.cohen_kappa(_pairs(FLEISS_COHEN_EVERITT)), 0.429),
        (cohen.cohen_kappa(_pairs(ABSTRACTORS)), 0.7964094),
        (cohen.cohen_kappa(_pairs(SEXUAL_FUN)), 0.1293),
        (cohen.cohen_kappa(_pairs(SEXUAL_FUN), weights="linear"), 0.2374),
        (fleiss.fleiss_kappa(_each(FLEISS_14)), 0.210),
        (gwet.gwet_ac1(_pairs(ABSTRACTORS)), 0.8493305),
        (gwet.gwet_ac1(KRIPPENDORFF_2011), 0.77544),
        (krippendorff.krippendorff_alpha(_pairs(ABSTRACTORS)), 0.7972585),
        (krippendorff.krippendorff_alpha(KRIPPENDORFF_2011), 0.743),
        (krippendorff.krippendorff_alpha(KRIPPENDORFF_2011, scale="ordinal"), 0.815),
        (krippendorff.krippendorff_alpha(KRIPPENDORFF_2011, scale="interval"), 0.849),
    ],
)
def test_published_examples_come_out_as_published(found: float, published: float) -> None:
    digits = len(str(published).split(".")[1])
    assert found == pytest.approx(published, abs=0.51 * 10**-digits)


def test_cohens_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        first = rng.integers(1, 6, 60)
        second = np.where(rng.random(60) < 0.5, first, rng.integers(1, 6, 60))
        for ours, theirs in (("none", None), ("linear", "linear"), ("quadratic", "quadratic")):
            found = cohen.cohen_kappa(np.column_stack([first, second]), weights=ours)
            want = cohen_kappa_score(first, second, weights=theirs, labels=[1, 2, 3, 4, 5])
            assert found == pytest.approx(want)


def _alpha_by_pairs(table: np.ndarray, scale: str) -> float:
    """Disagreement of every ordered pair of answers, within cases and among all, one by one."""
    units = [[v for v in row if not np.isnan(v)] for row in table]
    units = [unit for unit in units if len(unit) > 1]
    answers = sorted(v for unit in units for v in unit)

    def apart(a: float, b: float) -> float:
        if scale == "nominal":
            return float(a != b)
        if scale == "interval":
            return (a - b) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(low <= v <= high for v in answers)
        ends = (answers.count(low) + answers.count(high)) / 2
        return (between - ends) ** 2 if low != high else 0.0

    n = len(answers)
    seen = sum(apart(a, b) / (len(u) - 1) for u in units for a, b in permutations(u, 2)) / n
    chance = sum(apart(a, b) for a, b in permutations(answers, 2)) / (n * (n - 1))
    return 1 - seen / chance


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval"])
def test_alpha_is_that_of_all_pairs(scale: str) -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(1, 6, (25, 4)).astype(float)
    table[rng.random(table.shape) < 0.3] = NONE
    want = _alpha_by_pairs(table, scale)
    assert krippendorff.krippendorff_alpha(table, scale=scale) == pytest.approx(want)


@pytest.mark.parametrize("level", [1e3, -1e8])
def test_alpha_of_values_does_not_depend_on_where_their_scale_begins(level: float) -> None:
    values = np.round(np.random.default_rng(6).normal(0, 1, (30, 3)), 3)
    values[0, 1] = NONE
    alpha = partial(krippendorff.krippendorff_alpha, scale="interval")
    assert alpha(values + level) == pytest.approx(alpha(values), abs=1e-6)


def test_ac1_with_missing_answers_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(5)
    table = rng.integers(0, 3, (30, 4)).astype(float)
    table[rng.random(table.shape) < 0.4] = NONE
    cases = [[v for v in row if not np.isnan(v)] for row in table]
    cases = [case for case in cases if case]
    assert {len(case) for case in cases} == {1, 2, 3, 4}
    seen = np.mean([np.mean([a == b for a, b in permutations(c, 2)]) for c in cases if len(c) > 1])
    p = np.mean([[case.count(k) / len(case) for k in range(3)] for case in cases], axis=0)
    chance = (p * (1 - p)).sum() / 2
    assert gwet.gwet_ac1(table) == pytest.approx((seen - chance) / (1 - chance))


def test_fleiss_and_ac1_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(2)
    table = rng.integers(0, 3, (30, 4)).astype(float)
    pairs = [a == b for row in table for a, b in permutations(row, 2)]
    seen = np.mean(pairs)
    p = np.array([(table == k).mean() for k in range(3)])
    assert fleiss.fleiss_kappa(table) == pytest.approx((seen - (p**2).sum()) / (1 - (p**2).sum()))
    chance = (p * (1 - p)).sum() / 2
    assert gwet.gwet_ac1(table) == pytest.approx((seen - chance) / (1 - chance))


@pytest.mark.parametrize(
    "coefficient",
    [
        fleiss.replicates,
        gwet.replicates,
        krippendorff.replicates,
        partial(krippendorff.replicates, scale="ordinal"),
        partial(krippendorff.replicates, scale="interval"),
    ],
)
def test_a_case_of_weight_two_is_the_case_twice(coefficient) -> None:
    rng = np.random.default_rng(3)
    table = rng.integers(1, 5, (20, 3)).astype(float)
    weights = rng.integers(1, 4, 20)
    twice = np.repeat(table, weights, axis=0)
    found = coefficient(table, weights[:, None].astype(float))
    assert found == pytest.approx(coefficient(twice, np.ones((len(twice), 1))))
    assert coefficient(table[:, ::-1], weights[:, None].astype(float)) == pytest.approx(found)


def test_one_answer_throughout_leaves_only_ac1() -> None:
    same = np.ones((12, 3))
    assert gwet.gwet_ac1(same, categories=[0, 1]) == 1.0
    for refused in (
        lambda: cohen.cohen_kappa(same[:, :2]),
        lambda: fleiss.fleiss_kappa(same),
        lambda: krippendorff.krippendorff_alpha(same),
        lambda: krippendorff.krippendorff_alpha(same, scale="interval"),
    ):
        with pytest.raises(InputError, match="undefined"):
            refused()
    patients = [f"p{i}" for i in range(12)]
    found = agreement(fleiss.replicates, same, patients, np.ones(12), n_bootstrap=50)
    assert (found.status, found.n_patients) == ("suppressed", 12)
    assert "one and the same answer" in str(found.reason)
    stands = partial(gwet.replicates, categories=(0, 1))
    assert agreement(stands, same, patients, np.ones(12), n_bootstrap=50).value == 1.0


def test_intervals_are_of_patients_and_not_of_cases() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 60)
    table = np.column_stack([np.where(rng.random(60) < 0.8, truth, 1 - truth) for _ in range(3)])
    patients, weights = [f"p{i}" for i in range(60)], np.ones(60)
    once = agreement(gwet.replicates, table, patients, weights)
    thrice = agreement(
        gwet.replicates, np.repeat(table, 3, axis=0), np.repeat(patients, 3), np.ones(180)
    )
    assert once.low < once.value < once.high
    assert thrice[:3] == pytest.approx(once[:3])
    assert (thrice.n_cases, thrice.n_patients) == (180, 60)
    assert once == agreement(gwet.replicates, table, patients, weights)


def test_nine_patients_are_too_few() -> None:
    table = np.tile([[1.0, 2.0], [2.0, 2.0]], (10, 1))
    patients = [f"p{i % 9}" for i in range(20)]
    found = agreement(cohen.replicates, table, patients, np.ones(20))
    assert (found.status, found.n_patients) == ("suppressed", 9)
    assert np.isnan([found.value, found.low, found.high]).all()


def test_what_is_no_table_of_answers_is_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        gwet.gwet_ac1([1, 2, 3])
    with pytest.raises(InputError, match="at least two readers"):
        gwet.gwet_ac1([[1], [2]])
    with pytest.raises(InputError, match="no case"):
        gwet.gwet_ac1(np.empty((0, 2)))
    with pytest.raises(InputError, match="same number of answers"):
        fleiss.fleiss_kappa(KRIPPENDORFF_2011)
    with pytest.raises(InputError, match="two readers"):
        cohen.cohen_kappa([[1, 2, 3], [1, 2, 2]])
    with pytest.raises(InputError, match="none of the categories"):
        gwet.gwet_ac1([[1, 2], [2, 9]], categories=[1, 2])
