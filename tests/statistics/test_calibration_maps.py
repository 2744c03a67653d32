"""Each calibrator: what all promise, what each promises, and independent references."""

import json
from itertools import pairwise

import numpy as np
import pytest

from clinmm import registry
from clinmm.calibration import (
    beta,
    dirichlet,
    fitted,
    hierarchical,
    isotonic,
    logistic,
    platt,
    prevalence,
    vector,
    venn_abers,
)
from clinmm.calibration.logits import from_probabilities, log_losses, to_probabilities
from clinmm.errors import InputError

NAMES = registry.available("calibrators")
BINARY = [name for name in NAMES if fitted.module_of(name).KIND != "multiclass"]
MULTICLASS = [name for name in NAMES if fitted.module_of(name).KIND != "binary"]
KINDS = [(name, 1) for name in BINARY] + [(name, 4) for name in MULTICLASS]
NEVER_REVERSE = sorted(set(BINARY) - {"hierarchical"})
"""hierarchical keeps the ranking within a cell only."""
KEEP_RANKING = ["none", "temperature", "platt"]


def drawn(n, n_classes=1, seed=0):
    """Calibrated logits with outcomes, two cells, two cases a patient."""
    rng = np.random.default_rng(seed)
    if n_classes == 1:
        logits = rng.normal(-0.5, 1.5, n)
        target = (rng.random(n) < to_probabilities(logits)).astype(float)
    else:
        logits = from_probabilities(to_probabilities(rng.normal(0, 1.5, (n, n_classes))))
        below = to_probabilities(logits).cumsum(axis=1) < rng.random((n, 1))
        target = np.minimum(below.sum(axis=1), n_classes - 1).astype(float)
    cells = np.array(["a", "b"], dtype=object)[rng.integers(0, 2, n)]
    ids = np.array([f"patient {i // 2}" for i in range(n)], dtype=object)
    return logits, target, ids, cells


def apart(p, q):
    """Mean distance of probabilities."""
    return float(np.abs(p - q).mean())


@pytest.mark.parametrize(("name", "n_classes"), KINDS)
def test_contract(name, n_classes):
    logits, target, ids, cells = drawn(120, n_classes)
    before = logits.copy()
    calibrator = fitted.fit(name, logits, target, ids, cells)
    out = calibrator.apply(logits, cells)
    np.testing.assert_array_equal(logits, before)
    assert out.shape == logits.shape
    assert ((out > 0) & (out < 1)).all()
    if n_classes > 1:
        np.testing.assert_allclose(out.sum(axis=1), 1.0)
    text = json.dumps(calibrator.to_json(), allow_nan=False)
    again = fitted.from_json(json.loads(text))
    np.testing.assert_array_equal(again.apply(logits, cells), out)
    assert again.name == name == json.loads(text)["name"]
    assert not any(patient in text for patient in set(ids))
    twice = fitted.fit(name, logits, target, ids, cells)
    assert json.dumps(twice.to_json()) == text
    # a case's answer does not depend on the cases beside it
    one = calibrator.apply(logits[7:8], cells[7:8])
    np.testing.assert_allclose(one, out[7:8], rtol=1e-12)
    # the order of cases does not matter
    order = np.random.default_rng(1).permutation(120)
    moved = fitted.fit(name, logits[order], target[order], ids[order], cells[order])
    np.testing.assert_allclose(moved.apply(logits, cells), out, atol=1e-5)


@pytest.mark.parametrize(("name", "n_classes"), KINDS)
def test_calibrated_logits_are_left_almost_alone(name, n_classes):
    logits, target, ids, cells = drawn(6000, n_classes)
    out = fitted.fit(name, logits, target, ids, cells).apply(logits, cells)
    assert apart(out, to_probabilities(logits)) < 0.03


@pytest.mark.parametrize(("name", "n_classes"), KINDS)
def test_bold_logits_are_mended(name, n_classes):
    logits, target, ids, cells = drawn(6000, n_classes)
    out = fitted.fit(name, 3 * logits, target, ids, cells).apply(3 * logits, cells)
    gap = apart(out, to_probabilities(logits))
    assert gap > 0.1 if name == "none" else gap < 0.03


@pytest.mark.parametrize("name", NEVER_REVERSE)
def test_no_ranking_is_reversed_and_ties_stay(name):
    logits, target, ids, _ = drawn(300)
    logits = np.round(logits, 1)
    scores = np.linspace(-9, 9, 1801)
    out = fitted.fit(name, 2 * logits + 1, target, ids).apply(scores)
    assert (np.diff(out) >= 0).all()
    assert name not in KEEP_RANKING or (np.diff(out) > 0).all()
    anti = fitted.fit(name, -logits, target, ids).apply(scores)  # a model that is upside down
    assert (np.diff(anti) >= 0).all()
    assert np.unique(fitted.fit(name, logits, target, ids).apply(np.full(3, 0.2))).size == 1


@pytest.mark.parametrize(("name", "n_classes"), KINDS)
def test_separated_classes_give_finite_losses(name, n_classes):
    n_classes = max(n_classes, 2)
    target = np.repeat(np.arange(n_classes), 20).astype(float)
    logits = 4 * np.eye(n_classes)[target.astype(int)]
    if name in BINARY and n_classes == 2:
        logits = np.where(target == 1, 2.0, -2.0) + np.linspace(0, 1, 40)
    calibrator = fitted.fit(name, logits, target, np.arange(target.size).astype(object))
    for scores in (logits, -logits):  # the second: everyone is a surprise
        out = calibrator.apply(scores)
        inside = (out > 0) & (out < 1)
        assert inside.all() or name == "temperature"  # bounded, but so bold that it rounds to 1
        assert np.isfinite(log_losses(from_probabilities(out), target)).all()


@pytest.mark.parametrize(("name", "n_classes"), KINDS)
def test_one_score_for_all_gives_the_prevalence_or_stays(name, n_classes):
    if n_classes > 1:
        return
    target = np.tile([0.0, 0, 0, 1], 50)
    ids = np.arange(200).astype(object)
    out = fitted.fit(name, np.zeros(200), target, ids).apply(np.zeros(2))
    stays = name in ("none", "temperature")
    assert out == pytest.approx(0.5 if stays else 0.25, abs=0.01)


@pytest.mark.parametrize(("name", "n_classes"), KINDS)
def test_refusals(name, n_classes):
    logits, target, ids, cells = drawn(40, n_classes)
    calibrator = fitted.fit(name, logits, target, ids, cells)
    spoiled = logits.copy()
    spoiled.flat[0] = np.nan
    with pytest.raises(InputError, match=r"logits must be finite; 1 of \d+ are not"):
        calibrator.apply(spoiled)
    with pytest.raises(InputError, match="logits have shape"):
        calibrator.apply(np.zeros((4, 1)))
    if name == "none":
        return
    fit = fitted.module_of(name).Calibrator.fit
    for wrong, said in (
        ((spoiled, target), "logits must be finite"),
        ((np.zeros((2, 2, 2)), np.zeros(2)), "logits have shape"),
        ((logits, target[1:]), "target has shape"),
        ((logits, np.where(np.arange(40) == 3, np.nan, target)), "1 of 40 are not"),
        ((logits, target + 0.5), "target must be"),
        ((logits, np.zeros(40)), "one class only"),
        ((logits, target, ["p"]), "1 patient ids for 40 cases"),
    ):
        with pytest.raises(InputError, match=said):
            fit(*wrong)
    with pytest.raises(InputError) as found:
        fit(spoiled, np.full(40, 9.0), ["p"])
    assert len(found.value.problems) == 3


def test_calibrators_of_the_other_kind_are_refused():
    logits, target, *_ = drawn(40, 4)
    for name in set(BINARY) - set(MULTICLASS):
        with pytest.raises(InputError, match="logits have shape"):
            fitted.module_of(name).Calibrator.fit(logits, target)
    calibrator = vector.Calibrator.fit(logits, target)
    with pytest.raises(InputError, match="3 classes, fitted on 4"):
        calibrator.apply(logits[:, :3])


# platt ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_platt_equals_scikit_learn(seed):
    from sklearn.calibration import _sigmoid_calibration

    logits, target, *_ = drawn(150, seed=seed)
    a, b = _sigmoid_calibration(logits, target)
    calibrator = platt.Calibrator.fit(logits, target)
    assert (calibrator.slope, calibrator.intercept) == pytest.approx((-a, -b), abs=2e-4)


def test_platt_equals_weighted_logistic_regression_without_penalty():
    from sklearn.linear_model import LogisticRegression

    logits, target, *_ = drawn(150)
    t = logistic.smoothed(target)
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.r_[logits, logits][:, None], np.repeat([1, 0], 150), np.r_[t, 1 - t]
    )
    calibrator = platt.Calibrator.fit(logits, target)
    assert calibrator.slope == pytest.approx(reference.coef_[0, 0], abs=1e-5)
    assert calibrator.intercept == pytest.approx(reference.intercept_[0], abs=1e-5)


def test_platt_finds_a_known_line_and_gives_the_observed_rate():
    logits, target, *_ = drawn(20_000)
    calibrator = platt.Calibrator.fit((logits - 0.7) / 1.6, target)
    assert (calibrator.slope, calibrator.intercept) == pytest.approx((1.6, 0.7), abs=0.06)
    assert calibrator.apply((logits - 0.7) / 1.6).mean() == pytest.approx(target.mean(), abs=1e-4)


def test_smoothed_targets_by_hand():
    assert logistic.smoothed(np.array([0.0, 1, 1, 1])).tolist() == [1 / 3, 0.8, 0.8, 0.8]


# beta -------------------------------------------------------------------------------------------


def test_beta_equals_logistic_regression_on_its_two_columns_when_there_are_many_patients():
    from sklearn.linear_model import LogisticRegression

    logits, target, *_ = drawn(40_000)
    p = to_probabilities(2 * logits + 0.5)
    columns = np.column_stack([np.log(p), -np.log1p(-p)])
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(columns, target)
    calibrator = beta.Calibrator.fit(2 * logits + 0.5, target)
    assert (calibrator.a, calibrator.b) == pytest.approx(tuple(reference.coef_[0]), abs=2e-3)
    assert calibrator.c == pytest.approx(reference.intercept_[0], abs=2e-3)


def test_beta_finds_a_known_map():
    logits, *_ = drawn(30_000)
    known = beta.Calibrator(0.5, 2.0, 0.3)
    target = (np.random.default_rng(1).random(30_000) < known.apply(logits)).astype(float)
    found = beta.Calibrator.fit(logits, target)
    assert (found.a, found.b, found.c) == pytest.approx((0.5, 2.0, 0.3), abs=0.15)


def test_beta_with_equal_ends_is_platt():
    scores = np.linspace(-3, 3, 7)
    same = platt.Calibrator(0.4, 1.7).apply(scores)
    np.testing.assert_allclose(beta.Calibrator(1.7, 1.7, 0.4).apply(scores), same)


def test_beta_holds_an_end_at_zero_where_it_would_reverse_and_is_then_the_best_such_map():
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 400)
    falls_again = to_probabilities(beta._columns(logits) @ [2.0, -0.4, 1.5])
    target = (rng.random(400) < falls_again).astype(float)
    found = beta.Calibrator.fit(logits, target)
    assert (found.a > 0.5, found.b) == (True, 0.0)

    def objective(c):
        eta = beta._columns(logits) @ c
        prior = (beta.PRECISION * (c - beta.CENTRE) ** 2).sum() / 2
        return log_losses(eta, target).sum() + prior

    bounds = [(0, None), (0, None), (None, None)]
    best = minimize(objective, [1.0, 1.0, 0.0], bounds=bounds, options={"ftol": 1e-14})
    assert objective(np.array([found.a, found.b, found.c])) <= best.fun + 1e-6


# isotonic ---------------------------------------------------------------------------------------


def test_isotonic_equals_scikit_learn_moved_inside():
    from sklearn.isotonic import IsotonicRegression

    logits, target, *_ = drawn(300)
    reference = IsotonicRegression(out_of_bounds="clip").fit(logits, target)
    low, high = logistic.smoothed(np.r_[target])[[np.argmin(target), np.argmax(target)]]
    scores = np.linspace(-7, 7, 501)
    np.testing.assert_allclose(
        isotonic.Calibrator.fit(logits, target).apply(scores),
        low + (high - low) * reference.predict(scores),
        atol=1e-12,
    )


# Venn-Abers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_venn_abers_equals_refitting_isotonic_regression_for_every_case(seed):
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(seed)
    logits = np.round(rng.normal(size=25), 1)  # with ties
    target = (rng.random(25) < to_probabilities(2 * logits)).astype(float)
    if seed == 5:  # separated
        target = (logits > 0).astype(float)
    scores = np.r_[np.unique(logits), np.linspace(-3.03, 3.07, 31)]
    p0, p1 = venn_abers.Calibrator.fit(logits, target).bounds(scores)
    for outcome, found in ((0.0, p0), (1.0, p1)):
        refitted = [
            IsotonicRegression()
            .fit(np.r_[logits, score], np.r_[target, outcome])
            .predict([score])[0]
            for score in scores
        ]
        np.testing.assert_allclose(found, refitted, atol=1e-9)


def test_venn_abers_bounds_hold_the_merged_probability_and_narrow_with_patients():
    widths = []
    for n in (50, 500, 5000):
        logits, target, *_ = drawn(n)
        calibrator = venn_abers.Calibrator.fit(logits, target)
        p0, p1 = calibrator.bounds(logits)
        merged = calibrator.apply(logits)
        assert ((p0 <= merged) & (merged <= p1)).all()
        widths.append((p1 - p0).mean())
    assert all(a > 2 * b for a, b in pairwise(widths))


# several classes --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vector", "dirichlet"])
def test_known_scales_and_biases_are_found(name):
    logits, target, *_ = drawn(8000, 3)
    scale, bias = np.array([0.7, 1.0, 1.6]), np.array([0.5, 0.0, -0.5])
    known = to_probabilities(logits * scale + bias)
    below = known.cumsum(axis=1) < np.random.default_rng(2).random((8000, 1))
    target = np.minimum(below.sum(axis=1), 2).astype(float)
    out = fitted.module_of(name).Calibrator.fit(logits, target).apply(logits)
    assert apart(out, known) < 0.012
    assert apart(out, to_probabilities(logits)) > 0.1


def test_dirichlet_learns_that_one_class_hides_another_and_vector_cannot():
    logits, *_ = drawn(8000, 3)
    linear = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.0], [0.0, -0.6, 1.0]])
    known = to_probabilities(logits @ linear.T)
    below = known.cumsum(axis=1) < np.random.default_rng(2).random((8000, 1))
    target = np.minimum(below.sum(axis=1), 2).astype(float)
    full = apart(dirichlet.Calibrator.fit(logits, target).apply(logits), known)
    own = apart(vector.Calibrator.fit(logits, target).apply(logits), known)
    assert full < 0.015 < 0.03 < own


def test_dirichlet_with_two_classes_is_beta_calibration():
    logits, target, *_ = drawn(30_000)
    bold = 2 * logits + 0.5
    pair = from_probabilities(np.column_stack([1 - (p := to_probabilities(bold)), p]))
    found = dirichlet.Calibrator.fit(pair, target).apply(pair)[:, 1]
    np.testing.assert_allclose(found, beta.Calibrator.fit(bold, target).apply(bold), atol=3e-3)


def test_slope_of_the_softmax_objective_is_zero_at_the_fit():
    logits, target, *_ = drawn(200, 3)
    found = dirichlet.Calibrator.fit(logits, target)

    def objective(linear, bias):
        from clinmm.calibration.softmax_map import BIAS_SD, OTHERS_SD, SCALE_SD

        sd = np.where(np.eye(3) == 1, SCALE_SD, OTHERS_SD)
        prior = ((linear - np.eye(3)) ** 2 / sd**2).sum() / 2 + (bias**2).sum() / BIAS_SD**2 / 2
        return log_losses(logits @ linear.T + bias, target).sum() + prior

    best = objective(found.linear, found.bias)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        step = 1e-3 * rng.normal(size=(3, 4))
        assert objective(found.linear + step[:, :3], found.bias + step[:, 3]) > best


# hierarchical -----------------------------------------------------------------------------------


def in_cells(n, shifts, seed=0):
    """Cases of cells a, b, ...: n each (or n[i]), logits too low by shifts[i]."""
    sizes = np.broadcast_to(n, len(shifts))
    logits, target, *_ = drawn(int(sizes.sum()), seed=seed)
    number = np.repeat(np.arange(len(shifts)), sizes)
    return logits - np.array(shifts)[number], target, np.array(list("abcdefgh"))[number]


def test_one_cell_or_none_is_the_pooled_fit():
    logits, target, cells = in_cells(300, [0.5])
    same = platt.Calibrator.fit(logits, target).apply(logits)
    for where in (cells, None):
        found = hierarchical.Calibrator.fit(logits, target, None, where).apply(logits, where)
        np.testing.assert_array_equal(found, same)


def test_huge_cells_are_fitted_apart():
    logits, target, cells = in_cells(20_000, [1.0, -1.0])
    logits = np.where(cells == "a", logits * 2, logits)
    found = hierarchical.Calibrator.fit(logits, target, None, cells)
    for cell in "ab":
        own = platt.Calibrator.fit(logits[cells == cell], target[cells == cell])
        assert found.by_cell[cell] == pytest.approx((own.intercept, own.slope), abs=0.02)


def test_cells_that_do_not_differ_are_mostly_not_told_apart():
    together = 0
    for seed in range(20):
        logits, target, cells = in_cells(150, [0.0] * 4, seed)
        found = hierarchical.Calibrator.fit(logits, target, None, cells)
        together += all(line == found.pooled for line in found.by_cell.values())
    assert together >= 10


def test_a_small_cell_stays_nearer_the_pooled_fit_than_a_large_one():
    logits, target, cells = in_cells([1000, 1000, 400, 12], [0.0, 0.0, 1.0, 1.0])
    found = hierarchical.Calibrator.fit(logits, target, None, cells)
    moved = {cell: found.by_cell[cell][0] - found.pooled[0] for cell in "cd"}
    alone = {c: logistic.solve(
        np.ones(((cells == c).sum(), 1)), target[cells == c], centre=np.zeros(1),
        precision=np.full(1, 1e-6), offset=logits[cells == c] * found.pooled[1] + found.pooled[0],
    ).coefficients[0] for c in "cd"}  # fmt: skip
    assert moved["c"] / alone["c"] > 0.75
    assert abs(moved["d"] / alone["d"]) < 0.75


def test_only_a_cell_with_enough_patients_gets_a_slope_of_its_own():
    logits, target, cells = in_cells([1000, 1000, 30], [0.0, 0.0, 0.0])
    logits = np.where(cells == "a", 3 * logits, logits)
    found = hierarchical.Calibrator.fit(logits, target, None, cells)
    slope = {cell: found.by_cell[cell][1] for cell in "abc"}
    assert slope["a"] == pytest.approx(1 / 3, abs=0.08)
    assert slope["b"] == pytest.approx(1.0, abs=0.15)
    assert slope["c"] == found.pooled[1]


def test_pictures_of_few_patients_count_less_than_as_many_patients():
    logits, target, cells = in_cells([200, 60], [0.0, 1.0])
    ten_each = np.arange(260) // 10
    apart_by = [
        hierarchical.Calibrator.fit(logits, target, ids, cells).by_cell["b"][0]
        - hierarchical.Calibrator.fit(logits, target, ids, cells).pooled[0]
        for ids in (None, ten_each.astype(object))
    ]
    assert abs(apart_by[1]) < abs(apart_by[0])


def test_a_cell_that_was_not_seen_gets_the_pooled_fit():
    logits, target, cells = in_cells(2000, [1.0, -1.0])
    found = hierarchical.Calibrator.fit(logits, target, None, cells)
    pooled = to_probabilities(found.pooled[0] + found.pooled[1] * np.zeros(1))
    for where in (["new"], None):
        np.testing.assert_array_equal(found.apply(np.zeros(1), where), pooled)
    assert found.apply(np.zeros(1), ["a"])[0] != pooled[0]
    with pytest.raises(InputError, match="2 cells for 1 cases"):
        found.apply(np.zeros(1), ["a", "b"])


# a stated prevalence ----------------------------------------------------------------------------


def test_a_shift_is_bayes_theorem_and_goes_back():
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    likelihood = np.exp(x)  # of the outcome against none

    def risk(share):
        return share * likelihood / (share * likelihood + 1 - share)

    np.testing.assert_allclose(prevalence.shift(risk(0.3), 0.3, 0.02), risk(0.02))
    there = prevalence.shift(risk(0.3), 0.3, 0.02)
    np.testing.assert_allclose(prevalence.shift(there, 0.02, 0.3), risk(0.3))
    np.testing.assert_array_equal(prevalence.shift(np.array([0.0, 1.0]), 0.3, 0.1), [0.0, 1.0])


def test_a_shift_of_two_exclusive_classes_is_that_of_one():
    p = np.array([0.1, 0.5, 0.8])
    both = prevalence.shift(np.column_stack([1 - p, p]), [0.7, 0.3], [0.9, 0.1])
    np.testing.assert_allclose(both[:, 1], prevalence.shift(p, 0.3, 0.1))
    np.testing.assert_allclose(both.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("probability", "seen", "stated", "said"),
    [
        ([0.2, np.nan], 0.3, 0.1, "1 of 2 values do not"),
        ([-2.0], 0.3, 0.1, r"must lie in \[0, 1\]"),
        ([0.2], 0.0, 0.1, "seen must lie strictly between"),
        ([0.2], 0.3, 1.0, "stated must lie strictly between"),
        ([0.2], [0.3, 0.7], 0.1, "seen has shape"),
        ([[0.2, 0.8]], [0.3, 0.7], [0.3, 0.3], "stated must sum to 1"),
        ([[0.2, 0.2]], [0.3, 0.7], [0.3, 0.7], "rows of probability must sum to 1"),
        ([[[0.2]]], 0.3, 0.1, "probability has shape"),
    ],
)
def test_shifts_that_mean_nothing_are_refused(probability, seen, stated, said):
    with pytest.raises(InputError, match=said):
        prevalence.shift(probability, seen, stated)
