"""Thresholds for each group, against Fairlearn and by hand."""

import numpy as np
import pytest
from fairlearn.postprocessing import ThresholdOptimizer

from clinmm.errors import InputError
from clinmm.fairness.mitigation.group_thresholds import Config, Mitigation, as_it_is
from clinmm.fairness.mitigation.parts.finished import Finished


def cases(seed, n=400, shift=1.0, groups=2):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, n)
    y = (rng.random(n) < 0.4).astype(float)
    z = rng.normal(size=n) + 1.5 * y - shift * group
    p = 1 / (1 + np.exp(-z))
    return p, y, group, np.array([f"p{i}" for i in range(n)], dtype=object)


def fitted(p, y, group, patients, **settings):
    known = ~np.isnan(y)[:, None]
    one = Mitigation(Config(**{"objective": "balanced_accuracy", **settings}))
    return one.fit(
        Finished(p[:, None], np.nan_to_num(y)[:, None], known, group, patients), "binary"
    )


def tpr(call, y, keep):
    return call[keep & (y == 1), 0].mean()


def test_by_hand_each_group_is_called_where_both_find_three_of_four():
    # group 0 is found at .8 and above, group 1 at .3 and above
    p = np.array([0.9, 0.85, 0.8, 0.1, 0.3, 0.2] * 5 + [0.5, 0.4, 0.35, 0.05, 0.2, 0.1] * 5)
    y = np.array([1.0, 1, 1, 1, 0, 0] * 10)
    group = np.repeat([0, 1], 30)
    patients = np.array([f"p{i}" for i in range(60)], dtype=object)
    one = fitted(p, y, group, patients)
    assert one.thresholds[0] == pytest.approx({0: (0.8 + 0.3) / 2, 1: (0.35 + 0.2) / 2})


@pytest.mark.parametrize("constraint", ["equal_opportunity", "equalised_odds"])
def test_the_rates_aimed_at_are_fairlearns(constraint):
    p, y, group, _ = cases(0)
    name = {"equal_opportunity": "true_positive_rate_parity", "equalised_odds": "equalized_odds"}
    theirs = ThresholdOptimizer(
        estimator=as_it_is(),
        constraints=name[constraint],
        objective="balanced_accuracy_score",
        prefit=True,
        predict_method="predict",
    ).fit(p[:, None], y.astype(int), sensitive_features=group)
    drawn = np.mean(
        [
            theirs.predict(p[:, None], sensitive_features=group, random_state=seed)
            for seed in range(400)
        ],
        axis=0,
    )
    for number, (fpr_of, tpr_of) in (
        Mitigation(Config(constraint=constraint, objective="balanced_accuracy"))
        .rates(p, y, group)
        .items()
    ):
        inside = group == number
        assert drawn[inside & (y == 0)].mean() == pytest.approx(fpr_of, abs=0.01)
        assert drawn[inside & (y == 1)].mean() == pytest.approx(tpr_of, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_sensitivities_meet_within_one_positive_of_each_group(seed):
    p, y, group, patients = cases(seed, groups=3)
    call = fitted(p, y, group, patients).decision(p[:, None], group)
    found = [tpr(call, y, group == g) for g in range(3)]
    slack = max(1 / ((group == g) & (y == 1)).sum() for g in range(3))
    assert max(found) - min(found) <= slack + 0.002  # the grid of rates has steps of .001
    one_for_all = fitted(p, y, np.zeros_like(group), patients).decision(p[:, None], group * 0)
    apart = [tpr(one_for_all, y, group == g) for g in range(3)]
    assert max(apart) - min(apart) > 0.2


def test_equalised_odds_brings_both_rates_nearer():
    p, y, group, patients = cases(1, n=2000)
    call = fitted(p, y, group, patients, constraint="equalised_odds").decision(p[:, None], group)
    plain = fitted(p, y, group * 0, patients).decision(p[:, None], group * 0)

    def gaps(calls):
        return [
            abs(np.subtract(*(calls[(group == g) & (y == c), 0].mean() for g in (0, 1))))
            for c in (0, 1)
        ]

    assert max(gaps(call)) < min(gaps(plain)) / 2


def test_alike_patients_get_the_same_call():
    p, y, group, patients = cases(0)
    one = fitted(p, y, group, patients)
    for number in (0, 1):
        call = one.decision(np.linspace(0, 1, 101)[:, None], np.full(101, number))[:, 0]
        assert (np.diff(call) >= 0).all()


def test_small_and_unrecorded_groups_get_the_threshold_of_all():
    p, y, group, patients = cases(0)
    group[:12], group[12:40] = 7, -1
    one = fitted(p, y, group, patients)
    assert sorted(one.thresholds[0]) == [0, 1]
    at = one.pooled[0]
    asked = np.array([7, -1, 99])
    assert one.decision(np.full((3, 1), at), asked).tolist() == [[1.0]] * 3
    assert one.decision(np.full((3, 1), at - 1e-9), asked).tolist() == [[0.0]] * 3


def test_a_group_counts_its_patients_not_its_cases():
    p, y, group, patients = cases(0)
    patients[group == 1] = "one and the same"
    assert fitted(p, y, group, patients).thresholds == [{}]


def test_the_threshold_of_all_is_youdens():
    from clinmm.thresholds import OperatingPoint, choose

    p, y, group, patients = cases(2)
    one = fitted(p, y, group, patients)
    assert one.pooled[0] == pytest.approx(choose(y, p, OperatingPoint(youden=True)))


def test_unknown_targets_change_nothing_and_one_outcome_gives_no_call():
    p, y, group, patients = cases(0)
    more = [np.append(p, [0.999] * 9), np.append(y, [np.nan] * 9), np.append(group, [0] * 9)]
    both = fitted(*more, np.append(patients, [f"q{i}" for i in range(9)]))
    assert both.thresholds == fitted(p, y, group, patients).thresholds
    none = fitted(p, np.zeros_like(y), group, patients)
    assert np.isnan(none.decision(p[:, None], group)).all()


def test_as_called_keeps_the_sensitivity_of_the_studys_own_calls():
    p, y, group, patients = cases(3, n=800)
    known = np.ones((800, 1), dtype=bool)
    calls = (p >= 0.6)[:, None].astype(float)
    given = Finished(p[:, None], y[:, None], known, group, patients), "binary"
    one = Mitigation(Config()).fit(*given, calls=calls)
    call = one.decision(p[:, None], group)
    wanted = tpr(calls, y, group >= 0)
    own = [tpr(calls, y, group == g) for g in (0, 1)]
    met = [tpr(call, y, group == g) for g in (0, 1)]
    assert abs(own[0] - own[1]) > 0.05
    assert met == pytest.approx([wanted, wanted], abs=0.01)
    unrecorded = np.full(800, -1)
    np.testing.assert_array_equal(one.decision(p[:, None], unrecorded), calls)
    with pytest.raises(InputError, match="needs the calls"):
        Mitigation(Config()).fit(*given)
