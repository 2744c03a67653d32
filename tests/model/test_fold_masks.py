"""Words that state the label are hidden per fold, by its patients that are not test."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import spec_from
from clinmm.config import Component
from clinmm.explain.attribute import explain
from clinmm.explain.joint import Joint, Target
from clinmm.folds import Fold, Preparer, as_modelled, notes_as_modelled
from clinmm.model import MultimodalClassifier, make_encoder
from clinmm.new_cases import whole_as_test

N = 60
ENCODERS = {"note": Component.model_validate({"name": "bag_of_words", "min_notes": 1})}


def cohort_with(notes: list[str | None], outcome: list[str]) -> Cohort:
    table = pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(N)],
            "patient_id": [f"p{i}" for i in range(N)],
            "outcome": outcome,
            "text": notes,
        },
        dtype=object,
    )
    spec: dict[str, Any] = {
        "name": "t", "table": "t.csv", "case_id": "case_id", "patient_id": "patient_id",
        "target": {"name": "died", "kind": "binary", "column": "outcome", "positive": ["1"],
                   "negative": ["0"]},
        "inputs": {"note": {"kind": "note", "column": "text"}},
    }  # fmt: skip
    return Cohort(spec_from(spec, "t.yaml"), Path(), table, {})


OUTCOME = [str(int(i % 2 == 0)) for i in range(N)]
NOTES: list[str | None] = [
    "Cough. He died at night." if i % 2 == 0 else "Cough and fever." for i in range(N)
]
FOLD = Fold(0, 1, np.where(np.arange(N) % 3 == 0, "test", "train"), np.full(N, -1))


def facts_of(cohort: Cohort, fold: Fold = FOLD) -> dict[str, Any]:
    return Preparer(cohort, ENCODERS, mask_stated_label=True).of_fold(fold)[1]["note"]


def test_the_fold_hides_the_word_and_its_synonyms_from_the_encoder() -> None:
    facts = facts_of(cohort_with(NOTES, OUTCOME))
    assert {"died", "deceased", "passed away"} <= set(facts["mask"])
    assert not {"died", "cough died", "died night"} & set(facts["terms"])
    assert "cough" in facts["terms"]


def test_nothing_is_hidden_unless_it_is_asked_for() -> None:
    facts = Preparer(cohort_with(NOTES, OUTCOME), ENCODERS).of_fold(FOLD)[1]["note"]
    assert "mask" not in facts
    assert "died" in facts["terms"]


def test_words_and_labels_of_test_patients_hide_nothing() -> None:
    first = facts_of(cohort_with(NOTES, OUTCOME))
    notes, outcome = list(NOTES), list(OUTCOME)
    for i in np.flatnonzero(FOLD.split == "test"):
        notes[i], outcome[i] = "Deadly xanadu.", str(1 - int(outcome[i]))
    assert facts_of(cohort_with(notes, outcome)) == first
    told_by_test = [n if FOLD.split[i] == "test" else "Cough." for i, n in enumerate(NOTES)]
    assert facts_of(cohort_with(told_by_test, OUTCOME))["mask"] == []


def test_new_cases_are_read_with_the_same_words_hidden() -> None:
    cohort = cohort_with(NOTES, OUTCOME)
    facts = {"note": facts_of(cohort)}
    new = cohort_with(["Cough. She passed away at night."] * N, OUTCOME)
    blank = cohort_with(["Cough. She at night."] * N, OUTCOME)
    ours, theirs = (
        Preparer(c, ENCODERS).batch(facts).inputs["note"]["weights"] for c in (new, blank)
    )
    assert ours.tolist() == theirs.tolist()


def test_what_one_note_gives_away_is_hidden_in_the_others_too() -> None:
    """Too few letters hold the word for a test of their own."""
    cohort = cohort_with(NOTES, OUTCOME)
    letters = ["He died at home." if i in (2, 4) else "Cough and fever." for i in range(N)]
    settings = cohort.spec.model_dump(mode="json")
    settings["inputs"]["letter"] = {"kind": "note", "column": "letter"}
    table = cohort.table.assign(letter=letters)
    both = Cohort(spec_from(settings, "t.yaml"), Path(), table, {})
    encoders = {name: ENCODERS["note"] for name in ("note", "letter")}
    _, facts = Preparer(both, encoders, mask_stated_label=True).of_fold(FOLD)
    assert "died" in facts["letter"]["mask"]
    assert facts["letter"]["mask"] == facts["note"]["mask"]
    assert "died" not in facts["letter"]["terms"]
    assert not {"He died"} & set(notes_as_modelled(both, FOLD, facts)["note"].str[:7])


def test_notes_as_modelled_are_those_of_the_fold() -> None:
    cohort = cohort_with([None, *NOTES[1:]], OUTCOME)
    facts = {"note": facts_of(cohort)}
    table = notes_as_modelled(cohort, FOLD, facts)
    assert len(table) == N - 1
    assert (table["repeat"].unique(), table["fold"].unique()) == ([0], [1])
    assert table.set_index("case_id").loc["c2", "note"] == "Cough. He ___ at night."
    assert table["input"].unique() == ["note"]
    whole = whole_as_test(cohort, 0, 1)
    assert len(notes_as_modelled(cohort, whole, facts)) == N - 1


def test_explanations_point_at_the_note_as_it_was() -> None:
    facts = facts_of(cohort_with(NOTES, OUTCOME))
    encoder = make_encoder(ENCODERS["note"], facts, "encoders.note")
    model = MultimodalClassifier({"note": encoder}, Component(name="concat"), [0.0]).eval()
    note = "He passed away; a cough at night."
    joint = Joint([model], {"note": note})
    found = explain(joint, "integrated_gradients", Target(0), 8)
    located = joint.as_given(found.located)["note"]
    words = [note[a:b] for a, b in zip(located["start"], located["end"], strict=True)]
    assert "cough" in words
    assert set(words) <= {"cough", "night", "He", "at"}


def test_a_masked_value_that_is_absent_stays_absent() -> None:
    assert as_modelled([None, "died"], {"mask": ["died"]}) == [None, "___"]
    assert as_modelled([{"age": 1.0}], {}) == [{"age": 1.0}]
