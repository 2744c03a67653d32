from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_cohort import ROWS, SETTINGS, Write

from clinmm.cohort.manifest import load_cohort
from clinmm.errors import InputError
from clinmm.intake.checks import notes, time_travel
from clinmm.intake.context import Context

WHEN = {"column": "view", "formats": ["%Y-%m-%d"]}


def with_note(write: Write, note: dict[str, Any], rows: Any = None, **changes: Any) -> Path:
    inputs = {"note": {"kind": "note", **note}}
    return write(rows=rows, inputs=inputs, sensitive={}, **changes)


def test_a_note_file_per_case_is_read_and_masked(write: Write) -> None:
    rows = [(*row[:3], f"{row[0]}.txt" if row[0] != "c3" else "", *row[4:]) for row in ROWS]
    path = with_note(write, {"column": "text", "file": True, "mask": ["died"]}, rows)
    (path.parent / "c1.txt").write_bytes("He died at 37 °C".encode("cp1252"))
    (path.parent / "c2.txt").write_bytes("<p>Fever</p>".encode("utf-16"))
    (path.parent / "c4.txt").write_bytes(b"\0\0")
    cohort = load_cohort(path)
    assert cohort.notes("note") == ["He ___ at 37 °C", "\nFever\n", None, None, None]
    assert list(cohort.present("note")) == [True, True, False, False, False]
    found = {f.severity: f for f in reversed(notes.check(cohort, Context()))}
    assert found["error"].case_ids == ("c4", "c5")
    assert "zero bytes" in found["error"].detail
    assert "no such file" in found["error"].detail
    assert found["warning"].case_ids == ("c1",)
    before = cohort.fingerprint
    (path.parent / "c1.txt").write_bytes(b"changed")
    assert load_cohort(path).fingerprint != before


def test_paths_and_links_out_of_the_folder_are_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for cell in ("../secret.txt", "link.txt", "linked/secret.txt"):
        rows = [(*row[:3], cell if row[0] == "c2" else "", *row[4:]) for row in ROWS]
        path = with_note(write, {"column": "text", "file": True}, rows)
        for name, target in (("link.txt", "secret.txt"), ("linked", ".")):
            if not (path.parent / name).is_symlink():
                (path.parent / name).symlink_to(tmp_path / target)
        with pytest.raises(InputError, match=r"1 paths lead out of the table's folder.*c2"):
            load_cohort(path)
    (path.parent / "series").mkdir()
    (path.parent / "series" / "slice.png").symlink_to(tmp_path / "secret.txt")
    rows = [(*row[:2], "series" if row[0] == "c2" else "", *row[3:]) for row in ROWS]
    with pytest.raises(InputError, match=r"inputs\.image: 1 paths lead out"):
        load_cohort(write(rows=rows))


def test_sections_stand_in_order_under_a_name_of_their_own(write: Write) -> None:
    path = with_note(write, {"column": "whole", "sections": ["view", "text"], "mask": ["died"]})
    cohort = load_cohort(path)
    assert cohort.notes("note")[0] == "view: PA\n\ntext: Cough. She ___ at home."
    assert cohort.notes("note")[2] == "view: AP"
    assert "text" not in cohort.for_run()  # the sections themselves are not masked
    with pytest.raises(InputError, match="'view' is a column of the table"):
        load_cohort(with_note(write, {"column": "view", "sections": ["text"]}))


def many(write: Write, **more: Any) -> Path:
    table = {"path": "notes.csv", "case_id": "id", "text": "what", "time": "at", "section": "kind"}
    dates = ["2020-05-01", "2020-05-01", "", "2020-05-01", "2020-05-01", "2020-05-01"]
    rows = [(*row[:7], date) for row, date in zip(ROWS, dates, strict=True)]
    path = with_note(write, {"column": "all", "table": {**table, **more}}, rows, index_time=WHEN)
    pd.DataFrame(
        [
            ("c1", "second", "2020-04-02", "ward"),
            ("c1", "first", "2020-04-01", ""),
            ("c1", "late", "2020-05-02", "ward"),
            ("c1", "same day", "2020-05-01", "ward"),
            ("c2", "undated", "", "ward"),
            ("c3", "no index", "2020-04-01", "ward"),
            ("zz", "nobody", "2020-04-01", "ward"),
        ],
        columns=["id", "what", "at", "kind"],
    ).to_csv(path.parent / "notes.csv", index=False)
    return path


def test_notes_of_a_second_table_come_in_the_order_of_time(write: Write) -> None:
    cohort = load_cohort(many(write))
    assert cohort.notes("note") == [
        "first\n\nward: second\n\nward: same day\n\nward: late",
        "ward: undated",
        "ward: no index",
        None,
        None,
    ]
    (late,) = [f for f in time_travel.check(cohort, Context()) if f.severity == "error"]
    assert (late.subject, late.case_ids) == ("note", ("c1",))


def test_until_leaves_out_what_is_not_known_to_be_before_and_says_so(write: Write) -> None:
    cohort = load_cohort(many(write, until="index_time"))
    expected = ["first\n\nward: second\n\nward: same day", None, None, None, None]
    assert cohort.notes("note") == expected
    found = time_travel.check(cohort, Context())
    assert [f for f in found if f.severity == "error"] == []
    (told,) = [f for f in found if f.subject == "note" and f.count]
    assert told.detail == (
        "3 notes of 3 cases are left out: 1 are from after index_time, 2 have no time that could "
        "be compared."
    )


def test_a_second_table_that_does_not_fit_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"table\.text: no column 'wat' in notes.csv.*'what'"):
        load_cohort(many(write, text="wat"))
    with pytest.raises(InputError, match=r"no row of notes\.csv has a text and a case_id"):
        load_cohort(many(write, case_id="kind"))
    with pytest.raises(InputError, match="leads out"):
        load_cohort(many(write, path="../notes.csv"))
    with pytest.raises(InputError, match="until: needs time"):
        load_cohort(many(write, until="index_time", time=None))


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ({"column": "n", "file": True, "sections": ["text"]}, "exclude each other"),
        ({"column": "n", "sections": ["text", "text"]}, "named twice"),
        ({"column": "n", "sections": ["text", "alive"]}, r"\['alive'\] hold or name a note"),
    ],
)
def test_notes_that_contradict_themselves_are_refused(
    write: Write, note: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        load_cohort(with_note(write, note))


def test_the_settings_still_hold_units_as_words(write: Write) -> None:
    record = {"kind": "record", "numeric": {"age": {"unit": "years", "range": [0, 100]}}}
    cohort = load_cohort(write(inputs={"record": record}))
    source: Any = cohort.spec.inputs["record"]
    assert (source.numeric, source.ranges) == ({"age": "years"}, {"age": (0, 100)})
    for odd in ({"unit": "years", "rang": [0, 1]}, {"range": [0, 1]}):
        with pytest.raises(InputError, match=r"numeric\.age: wanted a unit, or"):
            load_cohort(write(inputs={"record": {**record, "numeric": {"age": odd}}}))
    upside = {"unit": "years", "range": [9, 1]}
    with pytest.raises(InputError, match="two rising numbers"):
        load_cohort(write(inputs={"record": {**record, "numeric": {"age": upside}}}))
    assert SETTINGS["inputs"]["record"]["numeric"] == {"age": "years"}
