"""What a note denies, on sentences whose answer is plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinmm.explain.negation import negated_spans
from clinmm.intake.words import affirmed


def denied(text: str) -> list[str]:
    return [text[start:end] for start, end in negated_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # what stands before
        ("No pleural effusion.", ["pleural effusion"]),
        ("NO FEVER", ["FEVER"]),
        ("No longer febrile", ["febrile"]),
        ("He denies chest pain or palpitations.", ["chest pain or palpitations"]),
        ("Denies fever, chills and cough", ["fever, chills and cough"]),
        ("Heart size normal without oedema.", ["oedema"]),
        ("PCR negative for influenza.", ["influenza"]),
        ("No evidence of pneumothorax.", ["pneumothorax"]),
        ("The lungs are free of infiltrates.", ["infiltrates"]),
        ("There is absence of consolidation.", ["consolidation"]),
        ("CT rules out embolism.", ["embolism"]),
        ("CT ruled out embolism", ["embolism"]),
        ("Patient was ruled out for infarction.", ["infarction"]),
        ("Unlikely to be malignant", ["malignant"]),
        ("Neither rales nor wheezes.", ["rales", "wheezes"]),
        ("No acute focal consolidation, effusion or pneumothorax",
         ["acute focal consolidation, effusion or pneumothorax"]),
        # what stands behind
        ("Pulmonary embolism was ruled out.", ["Pulmonary embolism"]),
        ("Embolism is ruled out", ["Embolism"]),
        ("Bacterial pneumonia is unlikely.", ["Bacterial pneumonia"]),
        ("A fracture is not seen.", ["fracture"]),
        ("Effusion: none. Rigors: no.", ["Effusion", "Rigors"]),
        ("Fever, effusion not seen", ["effusion"]),
        ("Troponin negative.", ["Troponin"]),
        # where it ends
        ("No effusion but consolidation on the right.", ["effusion"]),
        ("No effusion, however consolidation.", ["effusion"]),
        ("No fever, although chills persist", ["fever"]),
        ("No effusion. Consolidation.", ["effusion"]),
        ("No fever\nCough", ["fever"]),
        ("Without one two three four five six seven", ["one two three four five six"]),
        # what only looks like it
        ("No increase in the effusion.", []),
        ("Effusion, no change since Monday.", []),
        ("No significant interval change of the nodule", []),
        ("Not only fever but chills", []),
        ("Embolism cannot be ruled out.", []),
        ("Pneumonia is not excluded.", []),
        ("Gram negative rods", []),
        # what is stated or supposed
        ("Large effusion on the left.", []),
        ("Suspected pneumonia", []),
        ("Question of nodule", []),
        ("Noted nodule; knowledge of asthma", []),
        ("", []),
    ],
)  # fmt: skip
def test_denied_stretches(text: str, expected: list[str]) -> None:
    assert denied(text) == expected


@given(st.text(alphabet="nodubt efsi.,:;?\n()_İß", max_size=80))
def test_stretches_lie_in_the_text_in_order_and_apart(text: str) -> None:
    ends = [0, *(edge for span in negated_spans(text) for edge in span), len(text)]
    assert ends == sorted(ends)
    assert all(text[start:end].strip() for start, end in negated_spans(text))


def test_a_word_is_affirmed_or_denied_and_not_both() -> None:
    text = "No effusion, cough. But fever; embolism unlikely"
    said = {word.strip(",").lower() for part in denied(text) for word in part.split()}
    assert said == {"effusion", "cough", "embolism"}
    assert not said & affirmed(text)
