from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import fisher_exact

from clinmm.cohort.cohort import Cohort
from clinmm.intake.checks.stated_label import check, on_test
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding
from clinmm.intake.leaks.class_names import names_class, synonyms_of
from clinmm.intake.leaks.hide import hide, places_in_note
from clinmm.intake.leaks.stating import Spoken, stating_words, words_to_hide
from clinmm.intake.words import affirmed

Make = Callable[..., Cohort]
N = 120  # cases; two a patient, so 60 patients, 20 of them positive
POSITIVE = [i % 6 in (0, 1) for i in range(N)]


def found(cohort: Cohort) -> list[Finding]:
    return [finding for finding in check(cohort, Context()) if finding.severity != "info"]


def notes(positive: str, negative: str, share: float = 1.0, seed: int = 0) -> list[str]:
    """Every patient's note, with `positive` added for this share of the positive patients."""
    rng = np.random.default_rng(seed)
    ordinary = ["cough", "fever", "chest pain", "a fall", "dizziness", "asthma", "nausea"]
    written = []
    for i in range(N):
        base = f"Came with {ordinary[rng.integers(7)]} and {ordinary[rng.integers(7)]}. "
        tells = POSITIVE[i] and (i // 6) < share * N / 6
        written.append(base + (positive if tells else negative))
    return written


def test_a_planted_word_that_names_the_class_is_an_error(make: Make) -> None:
    spec = {"target": {"name": "pneumonia", "kind": "multilabel", "columns": ["pneumonia"]}}
    flags = [str(int(p)) for p in POSITIVE]
    text = notes("Impression: Pneumonia.", "Impression: normal.", share=0.6)
    (finding,) = found(make(N, spec, pneumonia=flags, text=text))
    assert (finding.severity, finding.subject, finding.count) == ("error", "note", 12)
    assert "'pneumonia' stands in the notes of 12 patients, 12 of them with" in finding.detail
    assert finding.value == 1
    assert finding.low == pytest.approx(0.025 ** (1 / 12))  # Clopper and Pearson, 12 of 12
    holders = {f"c{i}" for i, note in enumerate(text) if "Pneumonia" in note}
    assert set(finding.case_ids) == holders


def test_a_planted_word_of_another_kind_is_a_warning(make: Make) -> None:
    (finding,) = found(make(N, text=notes("Sent to the blue ward.", "Sent home.", share=0.6)))
    assert finding.severity == "warning"
    assert "of them with 'died'" in finding.detail
    assert any(word in finding.detail for word in ("'blue", "'ward", "'sent to the blue"))


def test_a_word_for_not_having_it_is_found_too(make: Make) -> None:
    flags = [str(int(not p)) for p in POSITIVE]  # 40 of 60 patients positive
    text = notes("Outcome: recovered", "Outcome: unknown")
    findings = found(make(N, outcome=flags, text=text))
    assert any("'recovered'" in f.detail and "without 'died'" in f.detail for f in findings)


def test_denied_words_do_not_count(make: Make) -> None:
    spec = {"target": {"name": "pneumonia", "kind": "multilabel", "columns": ["pneumonia"]}}
    flags = [str(int(p)) for p in POSITIVE]
    text = notes("No sign of pneumonia.", "Impression: normal.")
    assert not [
        f for f in found(make(N, spec, pneumonia=flags, text=text)) if "pneumonia'" in f.detail[:25]
    ]


def test_nothing_is_found_where_nothing_was_planted(make: Make) -> None:
    for seed in range(5):
        assert found(make(N, text=notes("Seen at noon.", "Seen at noon.", seed=seed))) == []


def test_masked_words_are_gone_from_the_findings(make: Make) -> None:
    text = notes("He died.", "Impression: normal.", share=0.6)
    assert "'died'" in found(make(N, text=text))[0].detail
    inputs: dict[str, Any] = {"note": {"kind": "note", "column": "text", "mask": ["died"]}}
    assert found(make(N, {"inputs": inputs}, text=text)) == []


def test_one_patient_with_many_notes_is_one_patient(make: Make) -> None:
    patients = ["p0"] * 40 + [f"p{i}" for i in range(40, N)]
    outcome = ["1"] * 40 + ["0"] * (N - 40)
    text = ["Xanadu. Cough."] * 40 + ["Cough."] * (N - 40)
    assert found(make(N, patient_id=patients, outcome=outcome, text=text)) == []


def test_four_patients_are_too_few_to_say_and_five_are_not(make: Make) -> None:
    outcome = [str(int(i < 12)) for i in range(N)]  # 6 of 60 patients: 4 of 4 is no chance either
    for n, words in ((4, []), (5, ["'xanadu'"])):
        text = ["Cough. Xanadu." if i < 2 * n else "Cough." for i in range(N)]
        told = found(make(N, outcome=outcome, text=text))
        assert [f.detail.split(" stands")[0] for f in told] == words


def test_many_words_do_not_make_one_of_them_significant(make: Make) -> None:
    rng = np.random.default_rng(0)
    outcome = [str(int(i % 4 < 2)) for i in range(N)]  # half of the patients
    words = [f"word{k}x" for k in range(300)]
    text = [". ".join(rng.choice(words, 20)) for _ in range(N)]  # each word in a few notes
    assert found(make(N, outcome=outcome, text=text)) == []


def test_cohorts_without_a_note_pass(make: Make) -> None:
    inputs = {"record": {"kind": "record", "numeric": {"age": "years"}}}
    assert found(make(12, {"inputs": inputs})) == []
    assert found(make(12, text=[None] * 12)) == []


def test_the_tail_of_the_test_is_fishers(make: Make) -> None:
    from scipy.stats import hypergeom

    # 60 patients, 20 with the class; a word of 12 patients, 11 of them with it
    ours = hypergeom.sf(11 - 1, 60, 20, 12)
    theirs = fisher_exact([[11, 1], [9, 39]], alternative="greater").pvalue
    assert ours == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("Denies fever, chills or cough.", set()),
        ("No fever but cough", {"cough"}),
        ("negative for effusion. Effusion later", {"effusion", "effusion later", "later"}),
        ("without one two three four five six", {"six"}),
        ("Pain\nfever", {"pain", "fever"}),
        ("He ___ yesterday", {"yesterday"}),
        ("COVID-19", {"covid", "19", "covid 19"}),
        ("Effusion: none. Rigors.", {"rigors"}),
        ("Fever, COVID was ruled out", {"fever"}),
        ("PCR for SARS-CoV-2 negative, cough", {"cough"}),
        ("Negative covid test", set()),
        ("Influenza not detected", set()),
        ("Fever, COVID: no", {"fever"}),
        ("Chest: no effusion", {"chest"}),
        ("suspected covid", {"suspected", "covid", "suspected covid"}),
        ("? covid", {"covid"}),
        ("", set()),
    ],
)
def test_what_a_note_affirms(note: str, words: set[str]) -> None:
    assert affirmed(note) == words


def test_a_synonym_of_the_class_is_an_error(make: Make) -> None:
    spec = {
        "target": {
            "name": "covid_19",
            "kind": "binary",
            "column": "outcome",
            "positive": ["1"],
            "negative": ["0"],
        }
    }
    (finding,) = found(make(N, spec, text=notes("Proven nCoV.", "Seen.", share=0.6)))
    assert (finding.severity, finding.count) == ("error", 12)
    assert "it names the class" in finding.detail
    assert {example.words for example in finding.examples} <= {"ncov", "proven ncov"}


@pytest.mark.parametrize(
    ("words", "titles", "names"),
    [
        ("sars cov 2", ["COVID-19"], True),
        ("deceased", ["survival"], True),
        ("cardiomegalic", ["cardiomegaly"], True),
        ("streptoccocus", ["Streptococcus"], True),
        ("antibacterial", ["Bacterial"], False),
        ("pneumothorax", ["pneumonia"], False),
        ("a finding", ["finding"], False),
        ("fever", ["died"], False),
    ],
)
def test_what_names_a_class(words: str, titles: list[str], names: bool) -> None:
    assert names_class(words, titles, synonyms_of(titles)) == names


def test_what_a_word_costs_is_told(make: Make) -> None:
    text = notes("He died.", "Impression: normal.")
    (told,) = [f for f in check(make(N, text=text), Context()) if f.severity == "info"]
    assert "as written 1.00 (" in told.detail
    assert told.value is not None
    assert told.low is not None
    assert told.low <= told.value <= 1


def test_labels_of_test_patients_decide_nothing(make: Make) -> None:
    text, learns = notes("He died.", "Impression: normal."), np.arange(N) < 90
    outcome = [str(int(p)) for p in POSITIVE]
    turned = outcome[:90] + [str(1 - int(y)) for y in outcome[90:]]
    context = Context(learns=learns)
    assert check(make(N, outcome=outcome, text=text), context) == check(
        make(N, outcome=turned, text=text), context
    )


def test_what_identifies_somebody_is_not_repeated(make: Make) -> None:
    text = notes("Seen by Dr. Torquil.", "Seen by Dr. Pennyfeather.")
    cohort, test = make(N, text=text), np.arange(N) >= 60
    findings = check(cohort, Context())
    assert not any("torquil" in (f.detail + f.advice).lower() for f in findings)
    (finding,) = [f for f in findings if "with 'died'" in f.detail and f.severity == "warning"]
    assert finding.detail.startswith("one name, which is not repeated here, stands in the notes")
    assert finding.examples[0].words == ""
    context = Context(learns=~test)
    words = {row["words"] for row in on_test(cohort, context, check(cohort, context), test)}
    assert words == {"(a name)"}


def test_rates_on_test_patients_are_counted_by_hand(make: Make) -> None:
    text, test = notes("He died.", "Impression: normal."), np.arange(N) >= 60
    outcome = [str(int(p)) for p in POSITIVE]
    for i in range(90, 92):  # patient 45, one of the ten with the word
        outcome[i] = "0"
    cohort, context = make(N, outcome=outcome, text=text), Context(learns=~test)
    (row,) = [r for r in on_test(cohort, context, check(cohort, context), test)
              if r["words"] == "died"]  # fmt: skip
    assert (row["n_patients"], row["value"]) == (10, pytest.approx(0.9))
    few = np.arange(N) >= 90
    context = Context(learns=~few)
    (row,) = [r for r in on_test(cohort, context, check(cohort, context), few)
              if r["words"] == "died"]  # fmt: skip
    assert row["n_patients"] == 5
    assert "value" not in row
    assert on_test(cohort, context, [], few) == []


def test_names_are_hidden_with_their_synonyms_and_evidence_is_not(make: Make) -> None:
    text = notes("He died, on a blue ward.", "Seen.")
    spoken = Spoken(make(N, text=text), "note")
    cases = np.ones(N, dtype=bool)
    words = words_to_hide(spoken, stating_words(spoken, cases), cases)
    assert {"died", "deceased", "passed away"} <= set(words)
    assert not {"blue", "ward", "cough"} & set(words)


def test_hidden_words_are_gone_and_their_places_are_known() -> None:
    note = "Known COVID-19; covids, died."
    hidden = hide(note, ["covid", "covid 19", "died"])
    assert hidden == "Known ___; covids, ___."
    start, end = np.array([0, 6, 11, 19], np.int32), np.array([5, 9, 17, 22], np.int32)
    spans = zip(*places_in_note(note, ["covid", "covid 19", "died"], start, end), strict=True)
    assert [note[a:b] for a, b in spans] == ["Known", "COVID-19", "covids", "died"]
    assert hide(note, []) == note
