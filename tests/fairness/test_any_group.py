"""The test of all groups at once: by hand, against loops over single permutations, invariances."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from scored_rows import groups_of, invented, rows_of, thresholds_at

from clinmm.errors import InputError
from clinmm.fairness.any_group import AnyGroup, any_group
from clinmm.fairness.audit import audit
from clinmm.fairness.units import Units, strata
from clinmm.samples import build
from clinmm.subgroups import grouping

AUROC, FNR = ("auroc", "calibrated"), ("fnr", "call:half")


def sampled(rows):
    return build(rows, thresholds_at(rows), n_bootstrap=0)


def found_in(rows, groups, key=AUROC, **settings):
    column = grouping(groups)[groups.columns[0]]
    return any_group(sampled(rows), "fused", column, key, **settings)


def test_p_of_missed_cases_is_the_hypergeometric_one():
    # 20 ill patients, 10 in each group; A misses 6 of the 7 that are missed
    missed = np.repeat([1, 0, 1, 0], [6, 4, 1, 9])
    target = np.repeat([1.0, 0.0], [20, 20])
    probability = np.concatenate([np.where(missed, 0.2, 0.8), np.full(20, 0.1)])
    rows = rows_of(target, probability, range(40))
    groups = groups_of(["A"] * 10 + ["B"] * 10 + ["A", "B"] * 10)
    found = found_in(rows, groups, FNR, permutations=4000)
    as_far = comb(7, 6) * comb(13, 4) + comb(7, 7) * comb(13, 3)
    assert found.p == pytest.approx(2 * as_far / comb(20, 10), abs=0.012)
    # .6 against .1, each with the variance of a share over n - 1
    assert found.statistic == pytest.approx(0.5 / np.sqrt((0.24 + 0.09) / 9))
    assert found.group == "A"
    # 7 of 10 against none: of none, the width of Clopper and Pearson's interval stands in
    unseen = ((1 - 0.025**0.1) / (2 * 1.959963984540054)) ** 2
    assert found.permuted.max() == pytest.approx(0.7 / np.sqrt(0.21 / 9 + unseen))


@pytest.mark.parametrize("key", [AUROC, FNR, ("specificity", "call:half")])
@pytest.mark.parametrize(
    "settings",
    [
        {"cases": 3, "n_patients": 120, "folds": 2, "repeats": 2, "decimals": 1},
        {"classes": ("a", "b"), "repeats": 2},
    ],
)
def test_every_permutation_equals_the_estimates_of_its_groups(key, settings):
    rows, groups = invented(**settings)
    found = found_in(rows, groups, key, permutations=12, seed=5)
    samples, column = sampled(rows), grouping(groups)["sex"]
    parts = list(samples.parts.values())
    units = Units.of(parts, column)
    labels = units.shuffled(np.random.default_rng(5), 12)
    by_hand = []
    for label in labels.T:
        name = np.array(units.names)[label[units.of_case[0]]]
        regrouped = pd.Series(name, index=parts[0].case_ids)
        regrouped = regrouped[~regrouped.index.duplicated()].rename("sex")
        by_hand.append(any_group(samples, "fused", regrouped, key, permutations=0).statistic)
    assert len(set(by_hand)) > 6
    assert found.permuted == pytest.approx(by_hand, abs=1e-9)


@pytest.mark.parametrize("key", [AUROC, FNR])
def test_statistic_is_the_gap_of_the_audit_in_its_standard_errors(key):
    rows, groups = invented(cases=2, folds=2, worse=1.0)
    found = found_in(rows, groups, key, permutations=0)
    compared = audit(rows, groups, thresholds_at(rows), n_bootstrap=0).comparisons
    compared = compared.query("metric == @key[0] and rival == 'complement'").set_index("group")
    se = compared["detectable"] / (1.959963984540054 + 0.8416212335729143)
    sign = -1 if key == AUROC else 1
    in_errors = sign * compared["difference"] / se
    assert found.statistic == pytest.approx(in_errors.max())
    assert found.group == in_errors.idxmax()
    assert np.isnan(found.p)


def test_names_order_and_scale_change_nothing():
    rows, groups = invented(cases=2, worse=1.0)
    plain = found_in(rows, groups, permutations=60)
    renamed = groups.replace({"F": "zebra", "M": "aardvark"}).rename(columns={"sex": "animal"})
    squared = rows.assign(probability=rows["probability"] ** 2)
    mixed = rows.sample(frac=1, random_state=0)
    for other in (
        found_in(rows, renamed, permutations=60),
        found_in(squared, groups, permutations=60),
        found_in(mixed, groups.sample(frac=1, random_state=1), permutations=60),
    ):
        assert other.permuted == pytest.approx(plain.permuted)
        assert other.statistic == pytest.approx(plain.statistic)
    assert (found_in(rows, groups, permutations=60).permuted == plain.permuted).all()


def test_the_same_cases_twice_are_no_more_evidence():
    rows, groups = invented(worse=1.0)
    again = rows.assign(case_id="again" + rows["case_id"])
    both = pd.concat([groups, groups.set_axis("again" + groups.index)])
    for key in (AUROC, FNR):
        once = found_in(rows, groups, key, permutations=40)
        twice = found_in(pd.concat([rows, again]), both, key, permutations=40)
        assert twice.permuted == pytest.approx(once.permuted)
        assert twice.p == once.p


def test_groups_change_hands_within_outcome_and_a_patient_stays_together():
    rows, groups = invented(n_patients=150, cases=2)
    (part,) = sampled(rows).parts.values()
    units = Units.of([part], grouping(groups)["sex"])
    labels = units.shuffled(np.random.default_rng(0), 30)
    n_units = np.diff([*units.first, units.label.size])
    fixed = np.repeat(n_units > 1, n_units)
    assert fixed.any()  # patients with one case in another group
    assert (labels[fixed] == units.label[fixed][:, None]).all()
    assert (labels[~fixed] != units.label[~fixed][:, None]).any()
    stratum = strata([part])[np.repeat(np.arange(n_units.size), n_units)]
    for number in np.unique(stratum):
        before = np.sort(units.label[stratum == number])
        assert (np.sort(labels[stratum == number], axis=0) == before[:, None]).all()


def test_a_rare_pattern_goes_with_its_rarest_class():
    # 30 with neither, 30 with a alone, 4 with both: those go by b, which is the rarer
    a, b = np.repeat([0.0, 1, 1], [30, 30, 4]), np.repeat([0.0, 0, 1], [30, 30, 4])
    rows = pd.concat(
        [rows_of(y, y * 0.5, range(64), class_name=n) for y, n in ((a, "a"), (b, "b"))]
    )
    number = strata(list(build(rows, n_bootstrap=0).parts.values()))
    assert [len(set(part)) for part in (number[:30], number[30:60], number[60:])] == [1, 1, 1]
    assert len(set(number)) == 3


def test_a_disease_that_is_more_frequent_in_one_group_is_no_gap():
    rng = np.random.default_rng(3)
    sex = np.repeat(["F", "M"], 300)
    y = (rng.random(600) < np.where(sex == "F", 0.7, 0.2)).astype(float)
    rows = rows_of(y, 1 / (1 + np.exp(-(y + rng.normal(size=600)))), range(600))
    for key in (AUROC, FNR):
        assert found_in(rows, groups_of(sex), key, permutations=300).p > 0.05


def test_a_planted_gap_is_found_in_its_group():
    rows, groups = invented(n_patients=400, worse=2.5)
    found = found_in(rows, groups, permutations=200)
    assert (found.group, found.p) == ("F", 1 / 201)


def test_critical_value_is_where_p_falls_below_the_level():
    found = AnyGroup({}, [], "", 0.0, np.arange(1.0, 1000.0))
    at = found.critical(0.05)
    assert AnyGroup({}, [], "", at, found.permuted).p >= 0.05
    assert AnyGroup({}, [], "", at + 0.5, found.permuted).p < 0.05
    assert AnyGroup({}, [], "", 0.0, np.arange(10.0)).critical(0.05) == np.inf


def test_one_group_that_is_large_enough_is_no_comparison():
    rows, groups = invented()
    groups.loc[:, "sex"] = ["F"] * 6 + ["M"] * 154
    found = found_in(rows, groups, permutations=20)
    assert (found.group, found.suppressed) == ("", ["F", "M"])
    assert np.isnan(found.p)
    assert np.isnan(found.statistic)


def test_metrics_that_move_with_prevalence_are_refused():
    rows, groups = invented()
    with pytest.raises(InputError, match="'auprc' cannot be tested by permuting"):
        found_in(rows, groups, ("auprc", "calibrated"), permutations=5)


def test_a_gap_without_any_error_is_no_further_out_than_others_without_any():
    seen = AnyGroup({}, [], "F", np.inf, np.array([np.inf, np.inf, 0.0]))
    assert seen.p == 3 / 4
