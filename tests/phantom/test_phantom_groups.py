"""Plants that one group of patients suffers from: as large as they say, and nowhere else."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import ALL_PLANTS, make_phantom
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import Case, draw_cases, prevalence
from clinmm.cohort.phantom.oracle import as_present, auroc, posterior
from clinmm.cohort.phantom.planting import SIZES, check_names, plant_all
from clinmm.cohort.phantom.table import cohort_yaml, row
from clinmm.errors import InputError

OF_GROUPS = ("noisy_labels_group", "missing_in_group", "miscalibrated_site", "group_shortcut")
SECOND = [f"{finding}_second" for finding in FINDINGS]
N = 1500


def cohort(plant, n=N, seed=0) -> tuple[list[Case], list[dict], pd.DataFrame]:
    """Hidden truth, what was planted, and the table; no picture is drawn."""
    cases = draw_cases(seed, n)
    planted = plant_all(cases, plant, seed)
    return cases, planted, pd.DataFrame([row(seed, case, "dx") for case in cases]).astype(str)


@pytest.fixture(scope="module")
def plain() -> tuple[list[Case], pd.DataFrame]:
    cases, _, table = cohort(())
    return cases, table


def near(count, n, share):
    """Within four standard errors of the share."""
    return abs(count / n - share) < 4 * np.sqrt(share * (1 - share) / n) + 1e-12


@pytest.mark.parametrize("rate", [None, 0.05])
def test_labels_of_the_group_alone_are_wrong_at_the_rate_and_the_second_reading_is_right(
    plain, rate
):
    cases, (planted,), table = cohort({"noisy_labels_group": rate})
    wrong = table[list(FINDINGS)].to_numpy() != table[SECOND].to_numpy()
    known = table[SECOND].to_numpy() != ""
    men = np.array([case.sex == "M" for case in cases])
    assert not wrong[~men].any()
    assert near(wrong[men][known[men]].sum(), known[men].sum(), rate or 0.2)
    for k, finding in enumerate(FINDINGS):  # whether or not the finding is there
        for label in "01":
            of = men & (table[f"{finding}_second"] == label).to_numpy()
            assert near(wrong[of, k].sum(), of.sum(), rate or 0.2)
    assert (table[SECOND].to_numpy() == plain[1][list(FINDINGS)].to_numpy()).all()
    pd.testing.assert_frame_equal(
        table.drop(columns=[*FINDINGS, *SECOND]), plain[1].drop(columns=list(FINDINGS))
    )
    assert set(table.case_id[wrong.any(axis=1)]) <= set(planted["case_ids"])
    assert planted["parameters"]["rate"] == (rate or 0.2)


@pytest.mark.parametrize("share", [None, 0.8])
def test_inputs_of_the_group_are_absent_more_often_whatever_is_found(plain, share):
    cases, (planted,), table = cohort({"missing_in_group": share})
    women = np.array([case.sex == "F" for case in cases])
    for name in ("image", "note"):
        had = np.array([case.present[name] for case in plain[0]])
        has = np.array([case.present[name] for case in cases])
        assert (had[~women] == has[~women]).all()
        assert near((had & ~has)[women].sum(), had[women].sum(), share or 0.4)
        for k in range(len(FINDINGS)):
            ill = np.array([bool(case.labels[k]) for case in cases])
            of = women & had & ill
            assert near((~has)[of].sum(), of.sum(), share or 0.4)
        gone = table.case_id[had & ~has].tolist()
        assert planted["parameters"]["how"][name] == gone
    assert all(any(case.present.values()) for case in cases)
    columns = list(FINDINGS)
    pd.testing.assert_frame_equal(table[columns], plain[1][columns])


@pytest.mark.parametrize("shift", [None, 0.5])
def test_at_the_site_the_log_odds_given_the_evidence_are_raised_by_the_shift(plain, shift):
    cases, (planted,), table = cohort({"miscalibrated_site": shift}, n=2500)
    there = np.array([case.site == "C" for case in cases])
    labels = np.array([case.labels for case in cases])
    p = prevalence(np.array([case.age for case in cases]))
    raised = 1 / (1 + (1 - p) / p * np.exp(-(shift or 1.5)))
    for where, expected in ((there, raised), (~there, p)):
        spread = np.sqrt((expected[where] * (1 - expected[where])).sum(axis=0))
        spread *= 1.4  # cases of a patient go together
        off = np.abs(labels[where].sum(axis=0) - expected[where].sum(axis=0))
        assert (off < 4 * spread).all()
    # calibration of the exact posterior of a model that does not know the site
    known = posterior(cases, [("record",)] * len(cases))
    gap = [labels[of].mean() - known[of].mean() for of in (there, ~there)]
    assert gap[0] > 0.05 * (shift or 1.5)
    assert abs(gap[1]) < 0.03
    # what is seen of a finding is what it was: the evidence separates as well as elsewhere
    for k in range(len(FINDINGS)):
        x = np.array([case.image_evidence[k] for case in cases])
        inside, outside = (auroc(labels[of, k], x[of]) for of in (there, ~there))
        assert abs(inside - outside) < 0.05
    untouched = {case.case_id for case in cases} - set(planted["case_ids"])
    before = pd.DataFrame([row(0, case, "dx") for case in draw_cases(0, 2500)]).astype(str)
    same = table.case_id.isin(untouched)
    pd.testing.assert_frame_equal(table[same], before[same])
    assert set(table.site[~same]) == {"C"}


@pytest.mark.parametrize("share", [None, 0.7])
def test_the_ward_goes_with_the_label_and_among_the_young_against_it(plain, share):
    cases, (planted,), table = cohort({"group_shortcut": share})
    k = FINDINGS.index("consolidation")
    ill = np.array([bool(case.labels[k]) for case in cases])
    young = np.array([case.age < 40 for case in cases])
    chest = np.array([case.flaws.ward == "chest" for case in cases])
    agrees = chest == ill
    assert near(agrees[~young].sum(), (~young).sum(), share or 0.9)
    assert near(agrees[young].sum(), young.sum(), 1 - (share or 0.9))
    there = np.array([case.present["record"] for case in cases])
    assert (table.ward[there] == np.where(chest, "chest", "general")[there]).all()
    assert (table.ward[~there] == "").all()
    assert set(planted["case_ids"]) == set(table.case_id[young & there])
    pd.testing.assert_frame_equal(table.drop(columns="ward"), plain[1])
    assert yaml.safe_load(cohort_yaml(0, "dx", False, True))["inputs"]["record"]["categorical"] == [
        "sex",
        "ward",
    ]


def test_a_size_of_nothing_changes_no_label_input_or_evidence(plain):
    nothing = {"faint_group": 1, "noisy_labels_group": 0, "missing_in_group": 0}
    cases, planted, table = cohort(nothing | {"miscalibrated_site": 0})
    pd.testing.assert_frame_equal(table[list(plain[1].columns)], plain[1])
    for case, before in zip(cases, plain[0], strict=True):
        assert (case.image_evidence == before.image_evidence).all()
    assert [entry["case_ids"] for entry in planted][1:] == [[], [], []]


def test_a_fainter_group_is_told_from_its_findings_less_well():
    cases = draw_cases(0, 3000)
    labels = [case.labels[0] for case in cases]
    women = np.array([case.sex == "F" for case in cases])
    found = {}
    for left in (1.0, 0.5, 0.0):
        drawn = [replace(case) for case in cases]
        plant_all(drawn, {"faint_group": left}, 0)
        x = np.array([case.image_evidence[0] for case in drawn])
        found[left] = auroc(np.array(labels)[women], x[women])
    assert found[1.0] > found[0.5] + 0.1 > found[0.0] + 0.2
    assert abs(found[0.0] - 0.5) < 0.04


@pytest.mark.parametrize("name", OF_GROUPS)
def test_the_same_seed_plants_the_same_and_another_does_not(name):
    one, again, other = (cohort([name], n=120, seed=seed) for seed in (3, 3, 4))
    assert one[1] == again[1]
    assert json.dumps(one[1]) != json.dumps(other[1])
    pd.testing.assert_frame_equal(one[2], again[2])
    by_default = cohort({name: None}, n=120, seed=3)
    pd.testing.assert_frame_equal(one[2], by_default[2])


def test_a_plant_does_not_depend_on_the_others_being_there():
    """Each draws from a generator of its own, by its place in the list."""
    alone = cohort(["noisy_labels_group"], n=200)[1]
    beside = cohort(["site_shortcut", "noisy_labels_group", "group_shortcut"], n=200)[1]
    assert alone[0] in beside


def test_everything_at_once_is_a_cohort_that_loads(tmp_path):
    file = make_phantom(tmp_path / "all", seed=1, n_patients=24, plant=ALL_PLANTS)
    loaded = load_cohort(file)
    assert loaded.n_cases >= 24
    truth = json.loads((file.parent / "truth.json").read_text(encoding="utf-8"))
    assert [planted["name"] for planted in truth["planted"]] == list(ALL_PLANTS)


def test_the_oracle_follows_what_the_group_lacks():
    cases, _, _ = cohort({"missing_in_group": 0.9})
    p = posterior(cases, as_present(cases))
    labels = np.array([case.labels for case in cases])
    women = np.array([case.sex == "F" for case in cases])
    assert auroc(labels[women, 0], p[women, 0]) < auroc(labels[~women, 0], p[~women, 0]) - 0.05


def test_sizes_that_a_plant_cannot_have_are_refused_together():
    check_names({name: None for name in ALL_PLANTS})
    for name, (_, low, high) in SIZES.items():
        check_names({name: low})
        check_names({name: high})
    bad = {"noisy_labels_group": 0.6, "faint_group": float("nan"), "time_travel": 0.1}
    with pytest.raises(InputError) as refused:
        check_names({**bad, "group_shortcut": "much"})
    assert refused.value.problems == [
        "plant: noisy_labels_group needs rate from 0 to 0.5, got 0.6.",
        "plant: faint_group needs share_left from 0 to 1, got nan.",
        f"plant: time_travel has no size, got 0.1; choose from {list(SIZES)}.",
        "plant: group_shortcut needs share from 0.5 to 1, got much.",
    ]
    with pytest.raises(InputError, match="unknown 'gap'"):
        check_names({"gap": 0.5})
