"""Slices are proposed by one half of the patients and judged by the other."""

import numpy as np
import pandas as pd
import pytest
from slice_rows import POINT, about_cases, predictions, thresholds

from clinmm import schema
from clinmm.comparisons import difference, holm
from clinmm.errors import InputError
from clinmm.fairness.slices.finder import find_slices
from clinmm.fairness.slices.halves import proposing_patients
from clinmm.intervals import estimate
from clinmm.samples import build

N = 800
ABOUT = about_cases(N)
AP = (ABOUT["view"] == "AP").to_numpy()
WORSE = predictions(ABOUT, AP * 0.9)


def found_in(rows: pd.DataFrame, about: pd.DataFrame = ABOUT, **more: object) -> pd.DataFrame:
    given = {"arm": "fused", "seed": 0, **more}
    names = tuple(dict.fromkeys(rows["class_name"]))
    return find_slices(rows, thresholds(*names), about, **given)  # type: ignore[arg-type]


def test_a_planted_slice_is_proposed_and_confirmed() -> None:
    table = found_in(WORSE)
    schema.SLICES.validate(table)
    first = table[table["slice"] == "view is AP"]
    assert first["half"].tolist() == ["found", "confirmed"]
    confirmed = first.iloc[1]
    assert confirmed["verdict"] == "worse"
    assert confirmed["kind"] == "column"
    assert confirmed["detectable"] > 0


def test_a_planted_conjunction_topic_and_cluster_are_confirmed() -> None:
    both = AP & (ABOUT["age"] >= 60).to_numpy()
    table = found_in(predictions(ABOUT, both * 1.0))
    worse = set(table["slice"][table["verdict"] == "worse"])
    assert any("view is AP" in words and "age is" in words for words in worse)
    rng = np.random.default_rng(0)
    subjects = ("cough fever sputum", "murmur ankle pulse", "hip cast fracture")
    notes = pd.Series([subjects[v == "AP"] for v in ABOUT["view"]], index=ABOUT.index)
    notes = notes.where(rng.random(N) < 0.5, subjects[2])
    told = found_in(predictions(ABOUT, (notes == subjects[1]) * 1.0), ABOUT[["ward"]], notes=notes)
    of_topic = told[told["verdict"] == "worse"].iloc[0]
    assert of_topic["kind"] == "note_topic"
    assert {"murmur", "ankle", "pulse"} <= set(of_topic["slice"].replace(",", "").split())
    vectors = pd.DataFrame(rng.normal(size=(N, 4)) + 9 * AP[:, None], index=ABOUT.index)
    told = found_in(WORSE, ABOUT[["ward"]], embeddings=vectors)
    assert "embedding_cluster" in set(told["kind"][told["verdict"] == "worse"])


def test_the_confirming_half_is_judged_by_the_usual_machinery() -> None:
    table = found_in(WORSE)
    samples = build(WORSE, thresholds(), n_bootstrap=0)
    scored = samples.parts["fused", "ill"]
    proposing = proposing_patients(WORSE, 0)
    patient_of = WORSE.set_index("case_id")["patient_id"]
    confirming = np.array([patient_of[case] not in proposing for case in scored.case_ids])
    row = table[(table["slice"] == "view is AP") & (table["half"] == "confirmed")].iloc[0]
    ap = (ABOUT["view"].reindex(scored.case_ids) == "AP").to_numpy()
    key = (row["metric"], "calibrated" if row["metric"] == "auroc" else f"call:{POINT}")
    inside, outside = (
        estimate(scored.sample.take(confirming & side), [key], samples.draws)[key]
        for side in (ap, ~ap)
    )
    of = difference(inside, outside)
    assert (row["value"], row["difference"], row["p"]) == (inside.value, of.difference, of.p)
    assert (row["low"], row["high"]) == inside.interval()
    confirmed = table[table["half"] == "confirmed"]
    np.testing.assert_array_equal(confirmed["p_holm"], holm(confirmed["p"].tolist()))


def test_what_the_confirming_half_says_cannot_change_what_is_proposed() -> None:
    confirming = ~WORSE["patient_id"].isin(proposing_patients(WORSE, 0))
    other = WORSE.assign(
        probability=WORSE["probability"].where(~confirming, 1 - WORSE["probability"])
    )
    one, two = found_in(WORSE), found_in(other)
    columns = ["class_name", "metric", "slice", "value", "difference", "case_ids"]
    pd.testing.assert_frame_equal(
        one.loc[one["half"] == "found", columns], two.loc[two["half"] == "found", columns]
    )
    assert not one["value"].equals(two["value"])


def test_nothing_that_was_chosen_for_being_bad_has_a_p_or_an_interval() -> None:
    table = found_in(WORSE)
    found = table[table["half"] == "found"]
    assert len(found)
    empty = ["low", "high", "difference_low", "difference_high", "p", "p_holm", "detectable"]
    assert found[[*empty, "verdict"]].isna().all(axis=None)
    assert found["value"].notna().all()


def test_same_table_for_any_order_of_rows_and_the_same_again() -> None:
    rng = np.random.default_rng(0)
    vectors = pd.DataFrame(rng.normal(size=(N, 4)), index=ABOUT.index)
    one = found_in(WORSE, embeddings=vectors)
    shuffled = WORSE.sample(frac=1, random_state=1)
    other = found_in(shuffled, ABOUT[::-1], embeddings=vectors[::-1])
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_no_slice_refines_another_or_holds_the_same_cases() -> None:
    twin = ABOUT.assign(projection=ABOUT["view"])
    table = found_in(WORSE, twin)
    words = table["slice"][table["half"] == "found"]
    assert sum(("view is AP" in told) or ("projection is AP" in told) for told in words) == 1


def test_a_slice_better_in_the_confirming_half_is_not_shown() -> None:
    confirming = ~WORSE["patient_id"].isin(proposing_patients(WORSE, 0)).to_numpy()
    rows = predictions(ABOUT, np.where(AP, 0.9, 0.4))
    right = rows["target"] * 0.98 + 0.01
    table = found_in(rows.assign(probability=rows["probability"].where(~(confirming & AP), right)))
    row = table[(table["slice"] == "view is AP") & (table["half"] == "confirmed")].iloc[0]
    assert row["p_holm"] < 0.05
    assert row["verdict"] == "not_shown"


def test_illustrated_by_the_cases_of_the_half_that_were_answered_worst() -> None:
    table = found_in(WORSE, metrics=["fnr"])
    row = table[(table["slice"] == "view is AP") & (table["half"] == "confirmed")].iloc[0]
    confirming = ~WORSE["patient_id"].isin(proposing_patients(WORSE, 0)).to_numpy()
    missed = WORSE[confirming & AP & (WORSE["target"] == 1) & (WORSE["probability"] < 0.4)]
    worst = missed.sort_values("probability").drop_duplicates("patient_id")["case_id"]
    assert row["case_ids"].split() == worst.head(6).tolist()
    assert row["operating_point"] == POINT


def test_each_class_is_asked_and_the_worst_is_named() -> None:
    rows = predictions(ABOUT, AP * 0.9, classes=("ill", "worn"))
    worse = found_in(rows).query("verdict == 'worse' and slice == 'view is AP'")
    assert worse["class_name"].tolist() == ["ill"]


def test_few_patients_give_no_verdict() -> None:
    few = ABOUT.index[:36]
    table = found_in(WORSE[WORSE["case_id"].isin(few)])
    assert set(table["verdict"].dropna()) <= {"cannot_tell", "not_shown"}
    one_class = WORSE.assign(target=1.0)
    pd.testing.assert_frame_equal(
        find_slices(one_class, None, ABOUT, arm="fused", seed=0), schema.SLICES.empty()
    )


def test_continuous_targets_have_no_slices() -> None:
    nothing = np.full(len(WORSE), np.nan)
    rows = WORSE.assign(probability=nothing, probability_raw=nothing, value=1.0)
    assert find_slices(rows, None, ABOUT, arm="fused", seed=0).empty


def test_excluded_columns_describe_nothing() -> None:
    assert not found_in(WORSE, exclude=["view"])["slice"].str.contains("view").any()


def test_every_refusal_at_once() -> None:
    with pytest.raises(InputError) as told:
        found_in(
            WORSE, pd.concat([ABOUT, ABOUT[:1]]), metrics=["aurocc"], exclude=["vieww"], n_slices=0
        )
    for part in ("'aurocc'", "'vieww'", "about: 1 case ids", "n_slices must be at least 1, got 0"):
        assert part in str(told.value)
