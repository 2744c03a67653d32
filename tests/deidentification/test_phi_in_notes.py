"""The rules for free text, kind by kind, and what must not be found."""

import pytest

from clinmm.cohort.phantom import make_phantom
from clinmm.deidentification.keys import MOST_DAYS, Keys
from clinmm.deidentification.masking import known_pattern, mask_text
from clinmm.deidentification.notes import find_spans

FOUND = [
    ("name", "Seen by <Dr. >[Okafor] today"),
    ("name", "Discussed with Prof. [van der Berg], who agrees"),
    ("name", "daughter [Maria] at bedside"),
    ("name", "Patient name: [SMITH, JOHN]"),
    ("name", "[Priya Raghunathan], MD"),
    ("name", "told that [Fatima El-Amin] would call"),
    ("name", "Mrs [O'Connor]'s pain"),
    ("name", "read by [J. Smith]"),
    ("date", "on [3/14/2019] he"), ("date", "since [14.03.2019] she"), ("date", "[2019-03-14]:"),
    ("date", "on [March 14th, 2019]"), ("date", "[14 Mar 2019]"), ("date", "in [January 2020]"),
    ("date", "[22-JAN-2020]"), ("date", "[05/06/19]"), ("date", "seen on [5/14] again"),
    ("phone", "at [617-555-0173]."), ("phone", "[(617) 555-0173]"), ("phone", "[+44 20 7946 0958]"),
    ("phone", "pager [55512]"),
    ("email", "to [a.b@c.org]."), ("url", "see [https://a.org/b?c=1], then"),
    ("ssn", "is [123-45-6789]"),
    ("record number", "MRN: [H7734521]"), ("record number", "NHS no [943 476 5919]"),
    ("record number", "no. [90817263]"), ("record number", "hospital number [A123456]"),
    ("address", "at [12 Oak Hill Road], near"), ("address", "[Springfield, IL 62704]"),
    ("address", "[SW1A 1AA]"), ("address", "[Hauptstraße 12]"), ("address", "[P.O. Box 99]"),
    ("age over 90", "a [93]-year-old"), ("age over 90", "[91] yo man"),
    ("age over 90", "aged [91]"),
    ("age over 90", "[ninety-two]-year-old"),
    ("name", "Husband ([Lubomir]) came"), ("name", "her son [Desta] works"),
    ("name", "GP: [Fenwick]."), ("name", "[HOLT-WELD, Cordelia Jane] DOB"),
    ("date", "on [January the 7th]."), ("date", "[second of July]"), ("date", "review [17/06]."),
    ("date", "last EGD [03/2016]."), ("date", "[tues 12th]"), ("date", "on [02.03.21]."),
    ("phone", "[(413) 555 0172] after"), ("phone", "wish, [555-0187]."),
    ("phone", "brother, [00 353 1 555 0109]."), ("url", "data at [a.example.org/u/7]."),
    ("ssn", "hers ([530 22 7741])"), ("ssn", "NI [AB 12 34 56 C]"),
    ("record number", "core [S20-11482] and"), ("record number", "Employee # [E-55203]."),
    ("record number", "Acc [CT-20-0093841]."), ("record number", "NHS [943 476 5919]."),
    ("address", "at [9 Ladysmith Mews] today"), ("age over 90", "lady of [91], frail"),
    ("age over 90", "[97]y."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_what_identifies_is_found_where_it_stands(kind, text):
    text = text.replace("<", "").replace(">", "")
    start, end = text.index("["), text.index("]") - 1
    spans = find_spans(text.replace("[", "").replace("]", ""))
    assert [(s.kind, s.start, s.end) for s in spans] == [(kind, start, end)]


@pytest.mark.parametrize(
    "text",
    [
        "Foley in place, Kerley B lines, Swan-Ganz catheter, Parkinson's disease.",
        "Negative Murphy sign. Hashimoto thyroiditis, Wilson disease, Marfan syndrome.",
        "BP 120/80, HR 99, SpO2 92%, T 37.2, RR 18, 5/5 strength, pain 5/10.",
        "for 7 days, x 2 wks, 3 months ago, over the last month, in May or so",
        "T1 and C3-C4 narrowing, L4/5 disc, S1Q3T3, T2DM, HbA1c 7.1, 2.5 x 3.1 cm.",
        "metformin 500 mg BID, vitamin D 1000 IU, platelets 250000, WBC 12.5 x 10^9/L",
        "The patient Denies pain. Attending: Radiology. Patient Positioning System.",
        "65-year-old, 89 yo, a 90-year-old, weight 95 kg, aged 45, age 90th percentile",
        "Hospital Doctor Peset in Valencia, Cho Ray Hospital, Ho Chi Minh City",
        "viral load 12000000 copies/mL; NCT04252664; doi 10.1056/nejmc2001272",
        "B12 300-1100 pg/mL, admitted 2/2 sepsis, 6 Minute Walk Test, turned 90, L1/2 in 01/20.",
        "Her mother has HTN. Father (deceased). GP: none. PCP: unknown. son is well; wife: well.",
        "[**Known lastname 12**] XXXX-year-old ___ [NAME] <DATE> Dr. XXXX, Mr. [NAME]",
    ],
)
def test_medicine_is_no_identifier(text):
    assert find_spans(text) == []


def test_notes_of_the_phantom_hold_nothing(tmp_path):
    import pandas as pd

    table = pd.read_csv(make_phantom(tmp_path / "p", n_patients=40).parent / "cases.csv")
    assert [n for n in table["note"].dropna() if find_spans(n)] == []


def test_what_is_masked_stays_masked():
    text = " ".join(t.translate({ord(c): None for c in "[]<>"}) for _, t in FOUND)
    once, counts = mask_text(text)
    assert mask_text(once) == (once, {})
    assert sum(counts.values()) > 30
    assert find_spans(once) == []


def test_what_is_known_of_the_person_is_masked_anywhere():
    known = known_pattern({"Quagmire", "H77", "of"})
    assert mask_text("quagmire h77 of Quagmires", known)[0] == "[ID] [ID] of Quagmires"
    assert known_pattern({"a"}) is None


def test_keys_are_the_secrets_alone():
    one, two, other = Keys(bytes(32)), Keys(bytes(32)), Keys(b"\1" * 32)
    assert one.pseudonym("patient", "x") == two.pseudonym("patient", "x")
    assert one.pseudonym("patient", "x") != other.pseudonym("patient", "x")
    assert one.pseudonym("patient", "x")[1:] != one.pseudonym("case", "x")[1:]
    assert one.uid("1.2") == two.uid("1.2")
    assert len(one.uid("1.2")) <= 64
    shifts = {one.days_back(str(n)) for n in range(500)}
    assert min(shifts) >= 1
    assert max(shifts) <= MOST_DAYS
    assert len(shifts) > 200
