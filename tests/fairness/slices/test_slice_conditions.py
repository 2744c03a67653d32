"""What may describe a slice: columns, topics of notes, clusters of embeddings."""

import numpy as np
import pandas as pd

from clinmm.fairness.slices.clusters import of_embeddings
from clinmm.fairness.slices.conditions import Slice, of_columns
from clinmm.fairness.slices.halves import proposing_patients
from clinmm.fairness.slices.topics import of_notes

N = 200
EVERYONE = np.ones(N, dtype=bool)


def test_numbers_are_cut_at_the_quartiles_of_the_cases_that_propose() -> None:
    age = np.arange(N, dtype=float)
    age[:20] = np.nan
    learn = np.arange(N) < 101  # 20 to 100 are recorded: quartiles 40, 60, 80
    found = of_columns(pd.DataFrame({"age": age}), learn)
    assert [one.words for one in found] == [
        "age is below 40",
        "age is 40 to below 60",
        "age is 60 to below 80",
        "age is 80 or more",
        "age is below 60",
        "age is 60 or more",
        "age is not recorded",
    ]
    assert found[1].keep.tolist() == [40 <= i < 60 for i in range(N)]
    assert found[3].keep[150]
    assert not found[0].recorded[5]
    assert found[-1].keep.sum() == 20
    assert found[-1].recorded.all()


def test_text_and_few_numbers_are_taken_value_by_value() -> None:
    about = pd.DataFrame(
        {
            "view": ["AP"] * 150 + ["PA"] * 41 + ["LL"] * 9,
            "grade": [1.0] * 100 + [2.0] * 80 + [np.nan] * 20,
            "blank": [""] * 30 + ["x"] * 170,
        }
    )
    words = [one.words for one in of_columns(about, EVERYONE)]
    assert words == [
        *("view is AP", "view is PA"),  # nine have LL: nobody could judge them
        *("grade is 1", "grade is 2", "grade is not recorded"),
        *("blank is x", "blank is not recorded"),
    ]


def test_others_of_a_slice_are_those_of_whom_every_part_is_known() -> None:
    about = pd.DataFrame({"sex": ["F", "M", None, "F"] * 50, "site": ["A", "A", "A", None] * 50})
    by_words = {one.words: one for one in of_columns(about, EVERYONE)}
    both = Slice((by_words["sex is F"], by_words["site is A"]))
    assert both.words == "sex is F and site is A"
    assert both.kind == "columns"
    assert both.keep[:4].tolist() == [True, False, False, False]
    assert both.known[:4].tolist() == [True, True, False, False]


def notes_on_subjects() -> pd.Series:
    subjects = ("cough sputum fever case17", "murmur pulse ankle ___ 1974", "hip cast fracture")
    notes = [subjects[i % 3] + (" zebra" if i < 9 else "") for i in range(N)]
    return pd.Series([None if i % 10 == 9 else note for i, note in enumerate(notes)])


def test_a_topic_is_the_notes_that_share_words() -> None:
    patients = np.array([f"p{i}" for i in range(N)], dtype=object)
    found = of_notes(notes_on_subjects(), patients, EVERYONE, seed=0)
    kept = {frozenset(np.flatnonzero(one.keep)) for one in found}
    assert kept == {frozenset(i for i in range(k, N, 3) if i % 10 != 9) for k in range(3)}
    assert not any(one.recorded[9] for one in found)


def test_no_topic_names_a_rare_word_a_number_or_what_is_masked() -> None:
    patients = np.array([f"p{i}" for i in range(N)], dtype=object)
    told = " ".join(one.words for one in of_notes(notes_on_subjects(), patients, EVERYONE, seed=0))
    assert "cough" in told
    for word in ("zebra", "1974", "___", "17"):
        assert word not in told


def test_a_word_that_one_patient_repeats_is_rare() -> None:
    notes = pd.Series(["cough fever sputum"] * 80 + ["smith murmur ankle"] * 120)
    patients = np.array([f"p{i}" for i in range(80)] + ["one"] * 120, dtype=object)
    found = of_notes(notes, patients, EVERYONE, seed=0)
    assert not any("smith" in one.words for one in found)


def test_too_few_notes_make_no_topic() -> None:
    notes = notes_on_subjects().where(np.arange(N) < 40)
    patients = np.array([f"p{i}" for i in range(N)], dtype=object)
    assert of_notes(notes, patients, EVERYONE, seed=0) == []


def test_a_cluster_is_told_by_the_columns_that_set_it_apart() -> None:
    rng = np.random.default_rng(0)
    ap = np.arange(N) % 4 == 0
    about = pd.DataFrame({"view": np.where(ap, "AP", "PA"), "noise": rng.choice(list("ab"), N)})
    vectors = pd.DataFrame(rng.normal(size=(N, 3)) + 20 * ap[:, None])
    vectors[vectors.index < 20] = np.nan
    found = of_embeddings(vectors, of_columns(about, EVERYONE), EVERYONE, seed=0)
    of_ap = [one for one in found if "view is AP in 100%" in one.words]
    assert sum(one.keep.sum() for one in of_ap) == ap[20:].sum()
    assert not any(one.keep[:20].any() or one.recorded[:20].any() for one in found)
    aged = pd.DataFrame({"age": np.where(ap, 70, 30) + np.arange(N) / N})  # a quarter in a half
    told = of_embeddings(vectors, of_columns(aged, EVERYONE), EVERYONE, seed=0)
    assert max(one.words.count("age is") for one in told) == 1
    assert of_embeddings(vectors.head(40), [], EVERYONE[:40], seed=0) == []


def test_halves_share_no_patient_and_hold_each_class() -> None:
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(100), 3)
    rows = pd.DataFrame({"patient_id": [f"p{i}" for i in patient], "class_name": "common"})
    rows["target"] = (rng.random(300) < 0.3).astype(float)
    rare = rows.assign(class_name="rare", target=(patient < 10).astype(float))
    both = pd.concat([rows, rare])
    proposing = proposing_patients(both, seed=0)
    assert len(proposing) == 50
    assert len(proposing & {f"p{i}" for i in range(10)}) == 5
    common = set(rows["patient_id"][rows["target"] == 1])
    assert abs(len(proposing & common) - len(common) / 2) <= 3
    assert proposing == proposing_patients(both.sample(frac=1, random_state=1), seed=0)
    assert proposing != proposing_patients(both, seed=1)
