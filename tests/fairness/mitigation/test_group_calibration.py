"""A calibrator for each group: the pooled one for few patients, their own for many."""

import numpy as np
import pytest

from clinmm.calibration import platt
from clinmm.calibration.logistic import smoothed
from clinmm.calibration.logits import from_probabilities, to_probabilities
from clinmm.fairness.mitigation.group_calibration import Config, Mitigation
from clinmm.fairness.mitigation.parts.finished import Finished


def cases(seed, sizes, shifts):
    """Log odds that are right for group 0 and off by `shifts` for the others."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    z = rng.normal(-0.5, 1.5, group.size)
    y = (rng.random(group.size) < to_probabilities(z)).astype(float)
    p = to_probabilities(z - np.asarray(shifts)[group])
    return p, y, group, np.array([f"p{i}" for i in range(group.size)], dtype=object)


def fitted(p, y, group, patients, task="binary"):
    p, y = (np.atleast_2d(a.T).T for a in (p, y))
    given = Finished(p, y, np.ones(y.shape, bool), group, patients)
    return Mitigation(Config()).fit(given, task)


def intercept(one, group):
    """What the group adds at even odds."""
    out = one.probability(np.array([[0.5]]), np.array([group]))[:, 0]
    return from_probabilities(out)[0]


def test_a_large_group_gets_its_own_calibrator():
    one = fitted(*cases(0, [4000, 4000], [0.0, 1.5]))
    assert intercept(one, 0) == pytest.approx(0.0, abs=0.12)
    assert intercept(one, 1) == pytest.approx(1.5, abs=0.12)


def test_a_group_of_no_patients_and_one_not_recorded_get_the_pooled_one():
    one = fitted(*cases(0, [400, 400], [0.0, 1.5]))
    pooled = one.of_class[0].pooled[0]
    assert intercept(one, 9) == intercept(one, -1) == pytest.approx(pooled)


def test_the_fewer_patients_the_nearer_the_pooled_one():
    # share of the way from the pooled calibrator to the one of the group alone, over five draws
    share = []
    for n in (8, 60, 2000):
        own = whole = 0.0
        for seed in range(5):
            p, y, group, patients = cases(seed, [600, 600, n], [-1.0, 1.0, 1.0])
            one = fitted(p, y, group, patients)
            pooled, inside = one.of_class[0].pooled[0], group == 2
            alone = platt.line(from_probabilities(p[inside]), smoothed(y[inside]))[0]
            own += abs(intercept(one, 2) - pooled)
            whole += abs(alone - pooled)
        share.append(own / whole)
    assert share[0] < share[1] < share[2]
    assert share[0] < 0.7
    assert share[2] == pytest.approx(1, abs=0.1)


def test_pictures_of_few_patients_are_not_many_patients():
    p, y, group, patients = cases(2, [600, 600, 60], [-1.0, 1.0, 1.0])
    of_many = fitted(p, y, group, patients)
    patients[group == 2] = [f"q{i % 3}" for i in range(60)]
    patients[group < 2] = [f"r{i % 60}" for i in range(1200)]
    of_few = fitted(p, y, group, patients)
    pooled = of_many.of_class[0].pooled[0]
    assert abs(intercept(of_few, 2) - pooled) < abs(intercept(of_many, 2) - pooled)


def test_groups_alike_are_calibrated_alike():
    one = fitted(*cases(3, [500, 500], [0.0, 0.0]))
    assert intercept(one, 0) == pytest.approx(intercept(one, 1), abs=0.1)


def test_with_too_few_patients_the_probabilities_stay():
    p, y, group, patients = cases(0, [12, 12], [0.0, 1.5])
    one = fitted(p, y, group, patients)
    assert (one.probability(p[:, None], group)[:, 0] == p).all()


def test_ranking_within_a_group_stays():
    p, y, group, patients = cases(0, [300, 300], [0.0, 2.0])
    out = fitted(p, y, group, patients).probability(p[:, None], group)[:, 0]
    for number in (0, 1):
        inside = group == number
        assert (np.argsort(out[inside]) == np.argsort(p[inside])).all()


def test_exclusive_classes_add_up_to_one():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([2, 2, 2], 300)
    y = np.eye(3)[[rng.choice(3, p=row) for row in p]]
    group = rng.integers(0, 2, 300)
    patients = np.array([f"p{i}" for i in range(300)], dtype=object)
    out = fitted(p, y, group, patients, "multiclass").probability(p, group)
    assert out.sum(axis=1) == pytest.approx(1)
    assert not np.allclose(out, p)
