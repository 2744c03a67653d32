from collections.abc import Callable

import numpy as np
import pytest

from clinmm.cohort.cohort import Cohort
from clinmm.intake.checks import same_patient
from clinmm.intake.context import Context
from clinmm.intake.duplicates.people import alike_notes, alike_records

Make = Callable[..., Cohort]
WORDS = [f"{a}{b}" for a in "bcdfghklmnprst" for b in ("ano", "eli", "iru", "oma", "uta")]


def notes(n: int, n_words: int = 40, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, n_words)) for _ in range(n)]


def apart(n: int) -> dict[str, list[str]]:
    """Columns of n patients of one case who agree in everything that is sensitive."""
    return {"patient_id": [f"p{i}" for i in range(n)], "age": ["50"] * n, "sex": ["F"] * n}


def test_a_note_that_two_patients_share_links_them_and_a_template_does_not(make: Make) -> None:
    text = notes(30)
    text[20] = text[3] + " seen again"
    template = " ".join(WORDS[:30])
    text[10:18] = [template] * 8
    cohort = make(30, text=text, **apart(30))
    ((one, other, distance),) = alike_notes(cohort, "note")
    assert (one, other) == (3, 20)
    assert 0 < distance < 0.1
    (finding,) = same_patient.check(cohort, Context())
    assert (finding.severity, finding.subject, finding.count) == ("warning", "note", 1)
    assert finding.case_ids == ("c3", "c20")
    assert finding.examples[0].other_case_id == "c20"
    assert text[3].split()[0] not in finding.detail


def test_a_note_with_one_word_in_ten_written_otherwise_still_links(make: Make) -> None:
    text = notes(20, n_words=60)
    words = text[3].split()
    words[5::10] = ["otherwise"] * 6
    text[12] = " ".join(words)
    ((one, other, distance),) = alike_notes(make(20, text=text, **apart(20)), "note")
    assert (one, other) == (3, 12)
    assert distance == pytest.approx(1 - 40 / 76)  # 58 phrases of three words, 18 broken


def test_half_a_note_and_a_short_note_do_not_link(make: Make) -> None:
    text = notes(20)
    text[5] = " ".join(text[4].split()[:20] + text[5].split()[:20])
    text[7] = text[8] = "abc def ghi jkl mno"
    assert alike_notes(make(20, text=text, **apart(20)), "note") == []


def test_who_differs_in_a_sensitive_attribute_or_site_is_not_one_person(make: Make) -> None:
    spec = {
        "sensitive": {"sex": "sex", "age": {"column": "age", "bins": [0, 40, 120]}},
        "site": "site",
    }
    text = notes(9)
    text[1::2] = text[0:8:2]  # pairs 0-1, 2-3, 4-5, 6-7
    ages = ["50", "51", "50", "52", "50", None, "50", "50", "50"]
    sexes = ["F", "F", "F", "F", "F", "F", "F", "M", "F"]
    columns = {**apart(9), "age": ages, "sex": sexes, "site": ["A"] * 9}
    cohort = make(9, spec, text=text, **columns)
    assert [pair[:2] for pair in alike_notes(cohort, "note")] == [(0, 1), (4, 5)]
    columns["site"] = ["A", "B", *["A"] * 7]
    assert [pair[:2] for pair in alike_notes(make(9, spec, text=text, **columns), "note")] == [
        (4, 5)
    ]


def test_notes_of_one_patient_are_no_pair(make: Make) -> None:
    text = [note for note in notes(10) for _ in range(2)]
    assert alike_notes(make(20, text=text), "note") == []


def test_a_record_of_many_rare_values_links_and_common_values_do_not(make: Make) -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    rng = np.random.default_rng(0)
    values: dict[str, list[str | None]] = {
        name: [f"{v:.3f}" for v in rng.normal(size=200)] for name in names
    }
    for name in names:
        values[name][150] = values[name][7]  # a whole record
        values[name][20:40] = ["1.0"] * 20  # a default that many have
    for name in names[:3]:
        values[name][160] = values[name][8]  # half a record
    values["f"][150] = None
    record = {"kind": "record", "numeric": {name: "" for name in names}}
    spec = {"inputs": {"record": record, "note": {"kind": "note", "column": "text"}}}
    cohort = make(200, spec, text=notes(200), **apart(200), **values)
    assert alike_records(cohort, "record") == [(7, 150, 0.0)]
